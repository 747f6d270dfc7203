"""Knows links to images and video, links that carry media, and data: URIs."""

import re

from intake.reading.runs import ENOUGH, is_word, starts_a_file

_IMAGE_HOSTS = (
    b"imgur.com", b"ibb.co", b"prnt.sc", b"gyazo.com", b"postimg.cc", b"photos.app.goo.gl",
    b"flic.kr", b"pbs.twimg.com", b"cdn.discordapp.com", b"media.discordapp.net", b"i.redd.it",
    b"tinypic.com", b"imageshack.com",
)  # fmt: skip
_HOSTS = rb"(?:" + rb"|".join(re.escape(host) for host in _IMAGE_HOSTS) + rb")"
URL = (
    rb"(?:[hH][tT][tT][pP][sS]?:(?:/|\\/|\\u002[fF]){2}|[wW]{3}\.|(?:[im]\.)?"
    + _HOSTS
    + rb"(?=[/\\]))"
    rb"(?:[^\x00-\x20\"\\<>]|\\/|\\u00[2-7][0-9a-fA-F]){1,2048}+"
)
_MEDIA_FILE = re.compile(
    rb"\.(?:jpe?g|jfif|png|gif|webp|bmp|tiff?|hei[cf]|avif|svg|mp4|m4v|mov|avi|mkv|webm|3gp|wmv|flv"
    rb"|mpe?g)(?=$|[^a-z0-9])(?:(?=[?#&%\\])(?:(?!\\[^/u]).)*+)?",
    re.IGNORECASE | re.DOTALL,
)
_MEDIA_HOST = re.compile(
    rb"(?:https?:(?:/|\\/|\\u002f){2})?(?:[a-z0-9-]+\.){0,3}?" + _HOSTS + rb"(?:/|\\/|\\u002f)",
    re.IGNORECASE,
)
DATA = (
    rb"[dD][aA][tT][aA]:(?:[\w.+-]{1,60}(?:/|\\/|\\u002[fF])[\w.+*-]{1,80}"
    rb"(?:;[\w.=+\"'-]{1,80}){0,6}|;[bB][aA][sS][eE]64),"
)
_DATA = re.compile(DATA)
_URL = re.compile(URL)
_PARTS = re.compile(rb"[A-Za-z0-9+=_-]++")
# One of these is in every link that is known, in lower case.
_LINKS = (b"http", b"www.", b"imgur.", b"prnt.sc", b"gyazo.", b"ibb.co", b".goo.gl")


def media_in(url: bytes) -> int:
    """How much of the link goes: all, up to the end of the file it names, or nothing."""
    if _MEDIA_HOST.match(url):
        return len(url)
    if file := _MEDIA_FILE.search(url):
        return file.end()
    return len(url) if any(map(_carries_media, _PARTS.findall(url))) else 0


def may_link_to_media(text: bytes, lower: bytes) -> bool:
    if b"data:" in lower and _DATA.search(text):
        return True
    for mark in _LINKS:
        if mark in lower:
            return any(media_in(url[0]) for url in _URL.finditer(text))
    return False


def _carries_media(part: bytes) -> bool:
    return starts_a_file(part) or (len(part) >= ENOUGH and not is_word(part))
