"""Conditional requests: nobody changes a case or a task that they have not seen as it is now."""

from typing import Annotated

from fastapi import Header

from shared.errors import Problem

IfMatch = Annotated[
    str | None,
    Header(description="The ETag of what you last read; without it nothing is changed."),
]


def etag(version: int) -> str:
    return f'"{version}"'


def expect(version: int, if_match: str | None) -> None:
    if if_match is None:
        detail = "Send If-Match with the ETag you were given when you last read this."
        raise Problem(428, "if-match-needed", detail)
    if if_match.strip() != etag(version):
        detail = "This has changed since you read it. Look at it again, then decide."
        headers = {"ETag": etag(version)}
        raise Problem(412, "stale", detail, headers=headers, version=version)
