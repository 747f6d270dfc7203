"""The invented people of the demo, whom anyone may sign in as; they exist nowhere else."""

from dataclasses import dataclass
from typing import Any, Final

Grant = dict[str, str]


@dataclass(frozen=True, slots=True)
class Persona:
    """account: the token's subject. sees: what signing in as them shows."""

    account: str
    name: str
    sees: str
    group: str
    grants: tuple[Grant, ...]


def _team(name: str, route: str, sees: str, la: str = "821", role: str = "worker") -> Persona:
    grant = {"role": role, "route": route, "la": la}
    account = f"demo-{role}-{route}-{la}".lower()
    return Persona(account, name, sees, "Of an authority", (grant,))


def _school(name: str, post: str, sees: str, urn: str = "999002") -> Persona:
    return Persona(f"demo-{post}-{urn}", name, sees, "Of a school", ({"role": post, "urn": urn},))


def _office(name: str, role: str, sees: str) -> Persona:
    return Persona(f"demo-{role}", name, sees, "Of the house", ({"role": role},))


PERSONAS: Final = (
    _team("Duty worker, Luton hub", "MASH", "the hub's queue"),
    _team("Manager, Luton hub", "MASH", "the hub's queue and its figures", role="manager"),
    _team("Emergency duty worker, Luton", "EDT", "what cannot wait for the hub to open"),
    _team("Education Safeguarding Team officer, Luton", "EST", "requests to tell anyone"),
    _team("Designated officer (LADO), Luton", "LADO", "allegations about staff"),
    _team("Prevent officer, Luton", "PREVENT", "concerns about radicalisation"),
    _team("Early help worker, Luton", "EARLY_HELP", "families who asked for help"),
    _team("Duty worker, Kent hub", "MASH", "what awaits the school's own referral", la="886"),
    _team("Duty worker, Norfolk hub", "MASH", "the hub's queue", la="926"),
    _school("Safeguarding lead (DSL), school 999002", "dsl", "the school's tasks"),
    _school("Deputy lead, school 999002", "deputy_dsl", "the school's tasks"),
    _school("Teacher, school 999002", "reporter", "a duty that is theirs alone"),
    _school("Headteacher, school 999002", "head", "tasks about staff, unless accused"),
    _school("Chair of governors, school 999002", "chair", "tasks about the head"),
    _office("Auditor", "auditor", "the log's entries and proofs"),
    _office("Data protection officer", "dpo", "requests under data protection law"),
    _office("Operator", "operator", "how the house runs, and no case"),
    _office("Administrator", "admin", "grants and the directory, and no case"),
)
BY_ACCOUNT: Final = {persona.account: persona for persona in PERSONAS}


def claims(persona: Persona) -> dict[str, Any]:
    """What an ID token says of them besides where it comes from and for whom it is."""
    return {
        "sub": persona.account,
        "name": persona.name,
        "kind": "person",
        "grants": list(persona.grants),
    }
