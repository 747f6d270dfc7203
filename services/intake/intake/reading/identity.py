"""Checks the numbers of pupils, schools and places, and makes what matches the same child."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Any

_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
_UPN = re.compile(rf"[{_LETTERS}]\d{{11}}[\d{_LETTERS}]", re.ASCII)
_POSTCODE = re.compile(r"[A-Z]{1,2}\d[A-Z\d]?\d[A-Z]{2}", re.ASCII)
_GAPS = re.compile(r"[\W_]+")
# What NFKD does not take apart.
_PLAIN = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
    | {mark: None for mark in "'’‘`´ʼ"}  # noqa: C420 - one table reads better
)
_STREETS = {
    "st": "street", "rd": "road", "ave": "avenue", "av": "avenue", "ln": "lane", "cl": "close",
    "dr": "drive", "ct": "court", "cres": "crescent", "pl": "place", "sq": "square",
    "gdns": "gardens", "tce": "terrace", "terr": "terrace", "apt": "flat",
}  # fmt: skip
_LINES = ("line1", "line2", "line3", "address1", "address2", "house", "number", "street", "town",
          "city", "locality", "county", "line_1", "line_2", "line_3")  # fmt: skip
_LA_RANGES = (
    (201, 213), (301, 320), (330, 336), (340, 344), (350, 359), (370, 373), (380, 384), (390, 394),
    (420, 420), (800, 803), (805, 808), (810, 813), (815, 816), (821, 823), (825, 826), (830, 831),
    (835, 841), (845, 846), (850, 852), (855, 857), (860, 861), (865, 896), (908, 909), (916, 916),
    (919, 919), (921, 921), (925, 926), (928, 929), (931, 931), (933, 933), (935, 938), (940, 943),
)  # fmt: skip
LA_CODES = frozenset(str(n) for low, high in _LA_RANGES for n in range(low, high + 1))
_LA_NAMES = {
    "kent": "886", "luton": "821", "norfolk": "926", "medway": "887", "bedford": "822",
    "central bedfordshire": "823", "essex": "881", "southend": "882", "thurrock": "883",
    "suffolk": "935", "leeds": "383", "leicester": "856", "liverpool": "341",
    "e10000016": "886", "e10000020": "926", "e06000032": "821",
}  # fmt: skip

Checked = tuple[str | None, str | None]


def check_upn(text: str) -> Checked:
    """The UPN as a match can use it, and the issue it has."""
    upn = _squeezed(text)
    if not _UPN.fullmatch(upn):
        return None, "upn_shape"
    total = sum(
        position * (int(char) if char.isdigit() else _LETTERS.index(char))
        for position, char in enumerate(upn[1:], start=2)
    )
    return upn, None if _LETTERS[total % 23] == upn[0] else "upn_check_letter"


def check_nhs_number(text: str) -> Checked:
    number = _squeezed(text)
    if not (len(number) == 10 and number.isascii() and number.isdigit()):  # noqa: PLR2004
        return None, "nhs_number"
    check = -sum(int(d) * weight for d, weight in zip(number, range(10, 1, -1), strict=False)) % 11
    good = check == int(number[9]) and len(set(number)) > 1
    return (number, None) if good else (None, "nhs_number")


def check_urn(text: str) -> Checked:
    urn = text.strip()
    return (urn, None) if re.fullmatch(r"\d{6}", urn, re.ASCII) else (None, "urn_shape")


def check_la(text: str) -> Checked:
    """A three-digit authority; a known name or national code is read as one."""
    code = text.strip()
    known = _LA_NAMES.get(code.casefold().removesuffix(" county council"))
    if known:
        return known, "read_as"
    if not re.fullmatch(r"\d{3}", code, re.ASCII):
        return None, "la_shape"
    return code, None if code in LA_CODES else "la_not_listed"


def postcode_of(text: str) -> str | None:
    code = _squeezed(text)
    return f"{code[:-3]} {code[-3:]}" if _POSTCODE.fullmatch(code) else None


def folded(text: str) -> str:
    """Letters and digits only, one case, without accents, one space between words."""
    if text.isascii():
        return _GAPS.sub(" ", text.replace("'", "").replace("`", "").casefold()).strip()
    # Taking letters apart can bring up capitals, and folding capitals can bring up marks.
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    apart = apart.translate(_PLAIN)
    return _GAPS.sub(" ", "".join(c for c in apart if not unicodedata.combining(c))).strip()


def name_and_birth(given: str, family: str, born: date | None) -> str | None:
    """The same for the same child, whichever order the names come in."""
    words = sorted({*folded(given).split(), *folded(family).split()})
    return f"{' '.join(words)}|{born.isoformat()}" if words and born else None


def address(value: Any) -> str | None:
    """An address as one line that two systems would write alike; none when it says too little."""
    lines, code = _lines(value)
    words = [_STREETS.get(word, word) for word in folded(" ".join(lines)).split()]
    if code:
        gone = folded(code).split()
        words = [word for word in words if word not in (*gone, "".join(gone))][:3]
        return f"{code}|{' '.join(words)}" if words else None
    return " ".join(words) if len(words) >= 3 and any(map(_has_digit, words)) else None  # noqa: PLR2004


def _lines(value: Any) -> tuple[list[str], str | None]:
    if isinstance(value, str):
        parts = [part.strip() for part in re.split(r"[,\n]", value[:500])]
        codes = [code for part in parts if (code := postcode_of(" ".join(part.split()[-2:])))]
        return parts, codes[-1] if codes else None
    if not isinstance(value, Mapping):
        return [], None
    lines = [str(value[k])[:100] for k in _LINES if k in value and isinstance(value[k], (str, int))]
    given = value.get("postcode") or value.get("post_code") or ""
    return lines, postcode_of(given) if isinstance(given, str) else None


def _squeezed(text: str) -> str:
    return re.sub(r"[\s-]+", "", text[:64]).upper()


def _has_digit(word: str) -> bool:
    return any(char.isdigit() for char in word)
