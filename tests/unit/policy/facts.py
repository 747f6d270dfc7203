"""Any facts at all, for tests that must hold for every concern."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from shared.policy import Authorities, load_policy
from shared.policy.schema import UNKNOWN, Fact

SCHEMA = load_policy().schema
GIVEN = [fact for fact in SCHEMA.facts.values() if not fact.derived]
LAS = ("821", "886", "926", "341", None)

FIRST, LAST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2026, 2028))

moments = st.integers(FIRST, LAST).map(lambda second: datetime.fromtimestamp(second, UTC))
delays = st.timedeltas(timedelta(0), timedelta(days=40))
authorities = st.builds(
    Authorities, home=st.sampled_from(LAS), found=st.sampled_from(LAS), school=st.sampled_from(LAS)
)


def values(fact: Fact) -> st.SearchStrategy[Any]:
    if fact.kind == "number":
        return st.one_of(st.just(UNKNOWN), st.integers(fact.lowest, fact.highest))
    members = st.sampled_from([*fact.values, UNKNOWN])
    return st.lists(members, max_size=3, unique=True) if fact.kind == "set" else members


@st.composite
def facts(draw: st.DrawFn) -> dict[str, Any]:
    """A few facts given, the rest absent; now and then nearly all of them."""
    chosen = draw(st.lists(st.sampled_from(GIVEN), max_size=14, unique_by=lambda fact: fact.name))
    found = {fact.name: draw(values(fact)) for fact in chosen}
    if draw(st.booleans()):
        found["concern_types"] = draw(values(SCHEMA["concern_types"]))
    return found
