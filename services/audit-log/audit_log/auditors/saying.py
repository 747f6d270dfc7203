"""Each kind of entry as one sentence for people who do not program. Pure; no names are in it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from shared.policy.clocks import LONDON

Data = Mapping[str, Any]
Say = Callable[[Data], str]


@dataclass(frozen=True)
class Said:
    """what: raised, decided, task, told, answered, read, kept or system. rules: that decided it.

    actor: the keyed hash of the account that did it, where somebody did.
    """

    what: str
    words: str
    rules: tuple[str, ...] = ()
    actor: str | None = None


ROUTES: Final = {
    "POLICE_999": "Police, 999",
    "AMBULANCE_999": "Ambulance, 999",
    "POLICE_101": "Police, 101",
    "MASH": "the safeguarding hub (MASH)",
    "EDT": "the emergency duty team",
    "EST": "the Education Safeguarding Team",
    "LADO": "the designated officer (LADO)",
    "DSL": "the school’s safeguarding lead (DSL)",
}
_DISAGREED: Final = {
    "opened": "The school disagreed with the hub",
    "climbed": "The disagreement went up a step",
    "answered": "The disagreement was answered",
    "settled": "The disagreement was settled",
}
_POSTS: Final = {"none": "nobody", "dsl": "the DSL", "deputy_dsl": "the deputy DSL"}
_REMINDED: Final = {
    "reminder": "A reminder went out before the deadline",
    "unconfirmed": "Nobody had confirmed it in time, so the next person was told",
    "unclaimed": "Nobody had taken it in time",
    "overdue": "The deadline passed",
    "hard_overdue": "The last deadline passed",
}


def say(payload: bytes) -> Said:
    """Of an entry's canonical bytes."""
    entry = json.loads(payload)
    data = entry.get("data")
    kind = entry["type"]
    if "undisclosed" in entry:
        words = f"An event was logged that could not be read as its kind ({entry['undisclosed']})."
        return Said("system", f"{words} Its content is sealed away for a person to look at.")
    if data is None:
        return Said("system", _OWN.get(kind, "An entry of the log’s own."))
    what, words = _KINDS.get(kind, ("system", lambda _: f"An event of the kind {kind}."))
    actor = data.get("actor_ref") or data.get("reporter_ref")
    return Said(what, words(data), tuple(_rules(data)), actor)


def _rules(data: Data) -> list[str]:
    named = list(data.get("rules", ()))
    for action in (data.get("decision") or {}).get("actions", ()):
        named += [because["rule"] for because in action.get("because", ()) if "rule" in because]
    return sorted(set(named))


def route(code: str) -> str:
    return ROUTES.get(code) or code.replace("_", " ").capitalize()


def _list(words: list[str]) -> str:
    return ", ".join(words[:-1]) + (" and " if len(words) > 1 else "") + words[-1] if words else ""


def _when(text: str | None) -> str:
    if not text or text == "now":
        return "at once"
    try:
        at = datetime.fromisoformat(text).astimezone(LONDON)
    except ValueError:
        return "in time"
    return f"by {at:%H:%M} on {at.day} {at:%B %Y}"


def _raised(data: Data) -> str:
    kinds = data["facts"].get("concern_types") or ["kind not said"]
    words = f"School {data['urn'] or 'not known'} raised a concern: {_list(_plain(kinds))}. "
    actions = data["decision"].get("actions", [])
    advised = [f"{route(a['route'])} {_when(a.get('by'))}" for a in actions]
    return words + (f"The school was told at once: {_list(advised)}." if advised else "")


def _plain(codes: list[str]) -> list[str]:
    return [str(code).replace("_", " ") for code in codes]


def _opened(data: Data) -> str:
    if data["unprocessed"]:
        return "It could not be understood by machine, and went to the top to be read by a person."
    return f"It was decided: priority {data['priority']}, for {_list(_routes(data))}."


def _routes(data: Data) -> list[str]:
    return [route(code) for code in data["routes"]]


def _task(data: Data) -> str:
    owed = f"{data['owner']} is to see to it: {route(data['route'])}"
    return f"{owed[:1].upper()}{owed[1:]}, {_when(data['by'])} ({data['priority']})."


def _acknowledged(data: Data) -> str:
    number = "with" if data["reference_given"] else "without"
    words = f"A person acknowledged the task for {route(data['route'])}"
    return f"{words}, {number} a reference number."


def _decided(data: Data) -> str:
    ended = f" It ended the work of {_list(_routes(data))}." if data["routes"] else ""
    reason = "with a reason" if data["reason_given"] else "without a reason"
    return f"A worker decided: {data['outcome'].replace('_', ' ').lower()}, {reason}.{ended}"


def _disagreed(data: Data) -> str:
    until = f", to be answered {_when(data['by'])}" if data["by"] else ""
    whose = "" if data["actor_ref"] else " for want of an answer"
    return f"{_DISAGREED[data['step']]}{whose} (stage {data['stage']}){until}."


def _post(data: Data) -> str:
    """A post as notify names it: "dsl 999002", "queue MASH 821", "reporter", "none"."""
    post, *where = str(data["recipient"]).split(" ")
    named = _POSTS.get(post, f"the {post.replace('_', ' ')}")
    if where and where[0].isdigit():
        return f"{named} of school {where[0]}"
    place = [f"{named} of {route(where[0])}", *where[1:]] if where else [named]
    return ", authority ".join(place)


def _sent(data: Data) -> str:
    return f"Told: {_post(data)}, by {data['channel']}. That it was read is not shown by this."


def _failed(data: Data) -> str:
    return f"Could not be told: {_post(data)}, by {data['channel']} ({data['reason']})."


def _pointed(data: Data) -> str:
    return f"{_REMINDED[data['step']]}: {route(data['route'])}."


def _searched(data: Data) -> str:
    did = "took an export of" if data["what"] == "export" else "searched for"
    by = _list(sorted(data["filters"])) or "nothing: all entries"
    return f"An auditor {did} entries by {by}; {data['found']} were found."


def _read(data: Data) -> str:
    read = {
        "entry": "one entry",
        "proof": "the proof of one entry, with the entry",
        "story": "a concern’s whole story",
        "bundles": "whole bundles of entries, as a mirror does",
    }
    return f"An auditor read {read[data['what']]}."


def _granted(did: str) -> Say:
    return lambda data: f"A person {did} at school {data['urn']}: {data['role'].replace('_', ' ')}."


def _reached(did: str) -> Say:
    def say(data: Data) -> str:
        team = f"{route(data['route'] or '')} {data['la'] or 'everywhere'}"
        where = f"school {data['urn']}" if data["urn"] else team
        return f"A person {did} is reached at {where}: {data['post'].replace('_', ' ')}."

    return say


def _pruned(step: str) -> Say:
    return lambda data: f"A person {step} that the content of entries before {data['below']} go."


_KINDS: Final[dict[str, tuple[str, Say]]] = {
    "concern.raised": ("raised", _raised),
    "concern.amended": ("raised", lambda _: "The school said more, and it was decided again."),
    "concern.held": (
        "kept",
        lambda d: "Erasing was put on hold." if d["held"] else "The hold on erasing was lifted.",
    ),
    "concern.entered_in_error": (
        "raised",
        lambda _: "A named person said that it had been submitted about the wrong child.",
    ),
    "concern.erased": ("kept", lambda _: "What identifies people was erased everywhere."),
    "case.opened": ("decided", _opened),
    "case.raised": (
        "decided",
        lambda d: f"It was raised: priority {d['priority']}, for {_list(_routes(d))}.",
    ),
    "case.claimed": (
        "answered",
        lambda d: "A worker gave the case back." if d["released"] else "A worker took the case.",
    ),
    "case.offered": ("answered", lambda _: "The case was offered to a colleague by name."),
    "case.decided": ("decided", _decided),
    "case.disagreement": ("answered", _disagreed),
    "case.linked": (
        "decided",
        lambda d: (
            "A worker said that it belongs together with another case."
            if d["state"] == "confirmed"
            else "A worker said that it does not belong together with another case."
        ),
    ),
    "case.noted": ("answered", lambda _: "Something was written in the case; it rests sealed."),
    "case.milestone": (
        "answered",
        lambda d: f"A worker noted: {d['event'].replace('_', ' ')}, which starts a legal clock.",
    ),
    "disclosure.decided": (
        "decided",
        lambda d: (
            f"Telling {d['audience'].replace('_', ' ')}: "
            + ("a letter was released." if d["decision"] == "release" else "refused.")
        ),
    ),
    "task.opened": ("task", _task),
    "task.acknowledged": ("answered", _acknowledged),
    "task.raised": (
        "task",
        lambda d: f"The task for {route(d['route'])} became {d['priority']}, {_when(d['by'])}.",
    ),
    "task.reminded": ("task", _pointed),
    "task.paused": ("task", lambda d: f"Its reminders were put off, {_when(d['until'])}."),
    "notice.sent": ("told", _sent),
    "notice.failed": ("told", _failed),
    "details.read": (
        "read",
        lambda d: (
            f"A {d['role'].replace('_', ' ')} read the sealed details, for: "
            f"{d['reason'].replace('_', ' ')}."
        ),
    ),
    "dead_letter.recorded": (
        "system",
        lambda d: (
            f"{d['consumer'].capitalize()} could not apply an event ({d['reason']}); "
            "a person was told."
        ),
    ),
    "dead_letter.settled": ("answered", lambda _: "A person dealt with it by hand."),
    "grant.given": ("decided", _granted("gave somebody a role")),
    "grant.withdrawn": ("decided", _granted("withdrew somebody’s role")),
    "post.changed": ("decided", _reached("said where a post")),
    "post.removed": ("decided", _reached("took out where a post")),
    "log.searched": ("read", _searched),
    "log.read": ("read", _read),
    "log.prune_asked": ("kept", _pruned("asked")),
    "log.pruned": ("kept", _pruned("confirmed")),
    "shift.handed_over": (
        "answered",
        lambda d: f"A shift took over a queue, with {d['cases']} unfinished cases.",
    ),
    "shift.untaken": ("system", lambda _: "A shift’s queue was given over and nobody took it."),
}
for _source in ("intake", "escalation", "notify", "audit_log"):
    _KINDS[f"{_source}.producer_closed"] = (
        "system",
        lambda d: f"{d['producer']} has counted {d['last_sequence']} events so far.",
    )
_OWN: Final = {
    "audit.unreadable": "A record came that is no event. It is kept, sealed, for a person.",
    "audit.conflict": "A record came with the id of another event. One of the two was made up.",
    "audit.lost": "The bus no longer had some records when the log came to read them.",
}
