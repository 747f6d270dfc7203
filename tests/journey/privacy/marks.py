"""Strings that nothing else would ever hold, in every member of a concern that can hold one."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

URN, LA, CLIENT = "999002", "821", "demo-mis"
_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"
_KINDS = (
    "Given", "Family", "Reporter", "Narrative", "Street", "Account", "Staff", "Record", "Key",
    "Ref", "Member", "Place", "Done", "Carer", "Mail", "Reason", "Reference", "Header", "Path",
    "Query", "Media", "Token", "School", "Fact", "Issue", "Audience", "Trace",
)  # fmt: skip


def _letters(chance: random.Random, count: int) -> str:
    return "".join(chance.choice("bcdfghjklmnpqrstvwxz") for _ in range(count))


def _upn(chance: random.Random) -> str:
    digits = "886" + "".join(str(chance.randrange(10)) for _ in range(9))
    total = sum(place * int(digit) for place, digit in enumerate(digits, start=2))
    return _LETTERS[total % 23] + digits


def _nhs_number(chance: random.Random) -> str:
    """In the range that is kept for tests, with a check digit that is right."""
    while True:
        digits = "999" + "".join(str(chance.randrange(10)) for _ in range(6))
        total = sum(int(d) * weight for d, weight in zip(digits, range(10, 1, -1), strict=True))
        if (check := -total % 11) < 10:
            return f"{digits}{check}"


@dataclass
class Marks:
    """One concern's; each kind has a word of its own, so that a find says where it came from."""

    chance: random.Random = field(default_factory=random.Random)
    words: dict[str, str] = field(init=False)
    upn: str = field(init=False)
    nhs_number: str = field(init=False)
    phone: str = field(init=False)

    def __post_init__(self) -> None:
        self.words = {kind: kind + _letters(self.chance, 9) for kind in _KINDS}
        self.upn, self.nhs_number = _upn(self.chance), _nhs_number(self.chance)
        self.phone = f"07700 900{self.chance.randrange(1000):03}"

    def __getitem__(self, kind: str) -> str:
        return self.words[kind]

    def __iter__(self) -> Iterator[str]:
        yield from self.words.values()
        yield from (self.upn, self.nhs_number, self.phone, self.phone.replace(" ", ""))

    def body(self, **changes: Any) -> dict[str, Any]:
        """A girl was hurt, by a carer, at home: every text and every name in it is a mark."""
        return {
            "school": {"urn": URN, "name": self["School"]},
            "source_record_id": self["Record"],
            "where_is_the_child_now": f"at {self['Place']}",
            "reporter": {
                "role": "teacher",
                "does_teaching_work": True,
                "account": f"{self['Account']}@school.example",
                "name": self["Reporter"],
                "contact": self.phone,
                "email": f"{self['Mail']}@home.example",
                "staff_ref": self["Staff"],
            },
            "children": [self._child()],
            "people": [
                {
                    "ref": "p-1",
                    "role": "carer",
                    "name": self["Carer"],
                    "phone": self.phone,
                    "staff_ref": self["Staff"],
                    self["Member"]: {self["Member"]: [self["Member"]]},
                },
            ],
            "facts": {
                "concern_types": ["physical_abuse", self["Fact"]],
                "immediate_danger": "no",
                "weapon": self["Fact"],
                self["Fact"]: self["Fact"],
            },
            "narrative": f"{self['Given']} said: {self['Narrative']} <img src='{self['Media']}'>",
            "done_so_far": self["Done"],
            "disclosure_request": self["Audience"],
            self["Member"]: {self["Member"]: [self["Member"], {"name": self["Given"]}]},
        } | changes

    def _child(self) -> dict[str, Any]:
        return {
            "ref": self["Ref"],
            "given_name": self["Given"],
            "family_name": self["Family"],
            "dob": "2012-05-01",
            "sex": "F",
            "upn": self.upn,
            "nhs_number": self.nhs_number,
            "address": {"line1": f"1 {self['Street']} Lane", "postcode": "ZZ1 1ZZ"},
            "home_la": LA,
            "facts": {self["Fact"]: self["Fact"], "disabled": self["Fact"]},
            self["Member"]: self["Member"],
        }
