"""No log line holds what somebody submitted, whoever writes it."""

import ast
import subprocess
import sys
from pathlib import Path

from shared.log import ALLOWED_KEYS

# As a process of its own, because logging is a process's.
PROGRAM = """
import asyncio, logging
import httpx2, uvicorn
from fastapi import FastAPI
from shared.errors import install_problem_handlers
from shared.log import configure_logging

configure_logging("intake")
app = FastAPI()
install_problem_handlers(app)

@app.get("/fails")
async def fails():
    raise RuntimeError("Marked Name-Zyx")

async def main():
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://127.0.0.1:{port}/fails?child=Marked")
    print(answer.status_code, answer.text)
    logging.getLogger("a.library").warning("value %s", "Marked Name-Zyx")
    try:
        raise ValueError("Marked Name-Zyx")
    except ValueError:
        logging.getLogger("a.library").exception("it failed for Marked")
    asyncio.get_running_loop().call_exception_handler(
        {"message": "Marked", "exception": RuntimeError("Marked Name-Zyx")}
    )
    server.should_exit = True
    await serving

asyncio.run(main())
"""


def test_an_unexpected_error_is_logged_by_its_kind_and_never_by_its_text() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith("500 ")
    assert "RuntimeError" in done.stderr
    assert "Marked" not in done.stderr + done.stdout


def test_every_key_that_the_code_logs_is_on_the_allow_list() -> None:
    root = Path(__file__).parents[3]
    folders = [root / "services", root / "shared", root / "deploy" / "handrail"]
    calls = [
        node
        for folder in folders
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "log"
    ]
    assert calls
    keys = {word.arg for call in calls for word in call.keywords if word.arg}
    assert keys <= ALLOWED_KEYS
