"""One demo for all tests of its pages, browsers that are watched, and axe to judge each page."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.e2e.conftest import ARTEFACTS, Demo, a_place
from tests.node import ROOT, node_with

CONCERN = {
    "school": {"urn": "999002"},
    "reporter": {"role": "teacher", "does_teaching_work": True},
    "children": [{"ref": "child-1", "dob": "2014-05-01", "home_la": "821"}],
    "facts": {
        "concern_types": ["physical"],
        "harm_level": "suspected_significant",
        "immediate_danger": "no",
    },
    "narrative": "Invented: marks on the arm.",
}
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice"]
WIDE, PHONE = 1280, 390


@contextmanager
def a_house() -> Iterator[Demo]:
    """A demo with one concern in Luton's queue."""
    with a_place() as data:
        demo = Demo(data, ("--no-generator",))
        demo.start()
        posted = httpx2.post(
            f"{demo.base}/v1/concerns",
            json=CONCERN,
            headers=demo.headers("--role", "mis", "--client", "demo-mis", "--school", "999002"),
            timeout=20,
            trust_env=False,
        )
        assert posted.status_code == 201, posted.text
        yield demo
        demo.stop()


@pytest.fixture(scope="package")
def house() -> Iterator[Demo]:
    """With what the files before left in it; a file that counts has a house of its own."""
    with a_house() as demo:
        yield demo


@pytest.fixture(scope="session")
def axe() -> str:
    node_with(ROOT / "deploy" / "web")
    return (ROOT / "deploy/web/node_modules/axe-core/axe.min.js").read_text()


@dataclass
class Visitor:
    """A person at a browser. faults: what the browser wrote to its console."""

    page: Page
    base: str
    axe: str
    faults: list[str] = field(default_factory=list)

    def sign_in(self, name: str, path: str = "/triage") -> None:
        self.page.goto(self.base + path)
        self.page.get_by_role("button", name=name, exact=True).click()
        self.page.wait_for_url(self.base + path)

    def judge(self, name: str) -> None:
        """No fault of accessibility, none in the console, nothing wider than the window."""
        ARTEFACTS.mkdir(exist_ok=True)
        width = (self.page.viewport_size or {"width": WIDE})["width"]
        self.page.screenshot(path=ARTEFACTS / f"{name}-{width}.png", full_page=True)
        self.page.evaluate(self.axe)
        found: Any = self.page.evaluate(
            "tags => axe.run({runOnly: tags}).then(r => [r.violations, r.passes.length])", TAGS
        )
        told = [f"{one['id']}: {one['nodes'][0]['html']}" for one in found[0]]
        assert told == [], f"{name} at {width}"
        assert found[1] > 10
        wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not self.page.evaluate(wider), f"{name} scrolls sideways at {width}"
        assert self.faults == [], name


@pytest.fixture
def visit(browser: Browser, house: Demo, axe: str) -> Iterator[Callable[..., Visitor]]:
    """`visit(width=390, scripts=False)`: a browser of its own, with no cookie of another."""
    contexts: list[BrowserContext] = []

    def start(width: int = WIDE, *, scripts: bool = True) -> Visitor:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=scripts
        )
        contexts.append(context)
        visitor = Visitor(context.new_page(), house.base, axe)
        visitor.page.on("console", lambda message: visitor.faults.append(message.text))
        visitor.page.on("pageerror", lambda error: visitor.faults.append(str(error)))
        return visitor

    yield start
    for context in contexts:
        context.close()
