"""What a template is given: one typed model a page, and a form's faults as people read them."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict


class Fault(BaseModel):
    """One thing to put right. field: the id of the input, which the error summary links to."""

    model_config = ConfigDict(frozen=True)

    field: str
    says: str


class View(BaseModel):
    """Base of every page's model. The template sees it as `view`, and nothing else of ours.

    title: the heading and the start of the tab's title. faults: of the form on the page.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    faults: tuple[Fault, ...] = ()

    @property
    def wrong(self) -> Mapping[str, str]:
        """What is wrong with each input, for `errorMessage` beside it."""
        return {fault.field: fault.says for fault in self.faults}
