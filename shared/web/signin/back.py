"""Which address a sign-in may lead back to: our own, and nothing that only looks like it. Pure."""

import re
from typing import Final
from urllib.parse import urlsplit

_MOST: Final = 1000  # it waits in a cookie
# A browser reads a backslash as a slash, and drops tabs and line ends: none may stand here.
_PLAIN: Final = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*")


def safe_back(asked: str, home: str) -> str:
    """`asked` where it is a path of this origin and not itself a way in or out; else `home`."""
    if len(asked) > _MOST or _PLAIN.fullmatch(asked) is None or asked.startswith("//"):
        return home
    parts = urlsplit(asked)
    if parts.scheme or parts.netloc or "//" in parts.path:
        return home
    if re.match(r"/[a-z-]+/(sign-in|sign-out|signed-out)(/|$)", parts.path):
        return home
    return asked
