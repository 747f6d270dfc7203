"""No log line holds what somebody submitted, whoever writes it."""

import subprocess
import sys

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
