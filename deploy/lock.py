"""Writes the two hash-pinned lock files from pyproject.toml (needs uv; run by `make lock`).

uv keeps a package that an override switches off as an entry that no platform installs. ecdsa and
rsa are switched off so that they cannot reach an image; the entries go, so that the locks say so.
"""

import os
import re
import subprocess

COMPILE = ["uv", "pip", "compile", "-q", "--universal", "--generate-hashes", "--no-header"]
COMPILE += ["--no-annotate", "pyproject.toml"]
NEVER = re.compile(r"^\S+ ; sys_platform == 'never' \\\n(?:    --hash=.*\n)+", re.MULTILINE)

for name, extra in (("requirements.lock", []), ("requirements-dev.lock", ["--extra", "dev"])):
    environment = os.environ | {"UV_PYTHON_DOWNLOADS": "never"}
    subprocess.run([*COMPILE, *extra, "-o", name], check=True, env=environment)  # noqa: S603
    with open(name) as lock:
        text = lock.read()
    with open(name, "w") as lock:
        lock.write(NEVER.sub("", text))
