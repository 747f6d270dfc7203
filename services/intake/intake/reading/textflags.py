"""Plain phrases of danger in what was written. They only ever raise (R-DQ-10)."""

import re

_ARM = r"(?:knife|knives|gun|machete|blade|weapon|axe|sword|zombie knife)"
_WHO = r"(?:her|him|them|my|your)"
# flag -> (beginnings of words: of each group one must stand in the text, the phrases)
_PHRASES: dict[str, tuple[tuple[tuple[str, ...], ...], re.Pattern[str]]] = {
    "weapon": (
        (("kni", "gun", "machete", "blade", "weapon", "axe", "sword"),),
        re.compile(
            r"\b(?:has|had|have|got|carr(?:y|ies|ied|ying)|with|brought|brings|bringing|pulled|pulls"
            rf"|holding|waving|hid(?:es|ing)?|using|used) (?:an?|the|his|her|their|my)?"
            rf" ?(?:\w+ )?{_ARM}\b"
        ),
    ),
    "suicidal_intent": (
        (("suicid", "sel", " life", " lives", " all", " die", "overdose", "live"),),
        re.compile(
            rf"\bsuicid(?:e|al)\b|\b(?:kill|hang|drown)(?:ing)? {_WHO}sel(?:f|ves)\b"
            r"|\bend(?:ing)? (?:her|his|their|my|it)(?: own)?(?: life| lives| all)\b"
            r"|\b(?:took|taken|take|taking) an overdose\b|\bwants? to die\b"
            r"|\bdo(?:es)?(?:n'?t| not) want to (?:live|be alive)\b"
        ),
    ),
    "travel_imminent": (
        (
            ("fly", "flies", "flight", "leav", "abroad", "airport", "boarding"),
            ("tonight", "tomorrow", "today", "this evening", "this afternoon"),
        ),
        re.compile(
            r"\b(?:fl(?:y|ies|ying|ights?)|leav(?:e|es|ing) the country|taken abroad|tak(?:e|ing)"
            rf" {_WHO} abroad|going abroad|airport|boarding)\b[^.!?]{{0,40}}"
            r"\b(?:tonight|tomorrow|today|this (?:evening|afternoon))\b"
            r"|\b(?:tonight|tomorrow|today)\b[^.!?]{0,40}\b(?:flight|abroad|airport)\b"
        ),
    ),
    "threat_to_life": (
        (("kill", "beat", "hitting", "strangl", "stab", "shoot", "attack", "kick"),),
        re.compile(
            r"\b(?:is|are|being|keeps?|'s) (?:being )?(?:beat(?:en|ing)?|hitting|strangl(?:ed|ing)"
            r"|stabb(?:ed|ing)|attack(?:ed|ing)|kicked|kicking)\b"
            r"|\b(?:going to|will|gonna|threatened to|threatens to|wants to) (?:kill|stab|shoot)\b"
        ),
    ),
    "missing_now": (
        (("missing", "run away", "ran away", "not come home", "whereabouts"),),
        re.compile(
            r"\b(?:is|still|gone|went|been) missing\b|\b(?:has run|ran) away\b"
            r"|\bnot come home\b|\bwhereabouts (?:are |is )?(?:not known|unknown)\b"
        ),
    ),
}  # fmt: skip
_READ_AT_MOST = 200_000


def text_flags(*texts: str) -> tuple[str, ...]:
    """Only flags come out of this, never the words."""
    text = " ".join(" . ".join(texts)[:_READ_AT_MOST].casefold().replace("’", "'").split())
    return tuple(
        flag
        for flag, (groups, phrases) in _PHRASES.items()
        if _has_each(groups, text) and phrases.search(text)
    )


def _has_each(groups: tuple[tuple[str, ...], ...], text: str) -> bool:
    for group in groups:
        for word in group:
            if word in text:
                break
        else:
            return False
    return True
