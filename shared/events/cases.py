"""Events of cases and tasks; escalation produces them."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.events.concerns import EventData

Priority = Literal["P0", "P1", "P2", "P3", "P4"]
# To the words and their salt, which rest sealed in the case: see `note_commitments`.
NoteCommitment = Annotated[str | None, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]


class CaseOpened(EventData):
    """A decision was taken about a concern and it has a case.

    unprocessed: the concern could not be understood and is to be read by hand, first of all.
    """

    case_id: UUID
    incident_id: UUID | None
    opened_at: AwareDatetime
    priority: Priority
    unprocessed: bool
    packs: list[dict[str, str]]
    rules: list[str]
    routes: list[str]
    urn: str | None
    la: str | None
    synthetic: bool


class CaseRaised(EventData):
    """An amendment was decided; priority and routes can only have grown.

    reopened: the case had been decided, and is to be decided again.
    """

    case_id: UUID
    at: AwareDatetime
    priority: Priority
    packs: list[dict[str, str]]
    rules: list[str]
    routes: list[str]
    reopened: bool = False


class CaseClaimed(EventData):
    """A worker took the case, or gave it back (`released`)."""

    case_id: UUID
    at: AwareDatetime
    actor_ref: str
    released: bool = False


class CaseDecided(EventData):
    """A worker decided; `outcome` is a Standard Safeguarding Dataset contact outcome.

    routes: whose work it ended; where the hub's is not among it, the case itself is undecided.
    """

    case_id: UUID
    at: AwareDatetime
    actor_ref: str
    outcome: str
    reason_given: bool
    routes: list[str] = Field(default_factory=list)
    note_commitment: NoteCommitment = None


NoteKind = Literal["rated", "question", "answer", "police_agreed_yes", "police_agreed_no"]


class CaseNoted(EventData):
    """A person wrote something that no other event tells of: why a rating changed, what the hub
    asks the school, what the school answers, what the police said."""

    case_id: UUID
    at: AwareDatetime
    kind: NoteKind
    actor_ref: str
    note_commitment: NoteCommitment


DisagreementStep = Literal["opened", "climbed", "answered", "settled"]


class CaseDisagreement(EventData):
    """A school disagrees with the hub, or the hub was silent: a step of the ladder (R-ESC-04).

    stage: 1 to 4. by: until when it is to be answered. actor_ref: null where silence took it here.
    """

    case_id: UUID
    at: AwareDatetime
    step: DisagreementStep
    stage: int = Field(ge=1, le=4)
    by: AwareDatetime | None
    actor_ref: str | None
    reason_given: bool
    note_commitment: NoteCommitment = None


class CaseOffered(EventData):
    """Who has the case offers it to a colleague; it stays theirs until the colleague takes it."""

    case_id: UUID
    at: AwareDatetime
    actor_ref: str
    to_ref: str


class DisclosureDecided(EventData):
    """The Education Safeguarding Team released a letter, or refused. Never to the public.

    audience: who was to be told, as the gate names it. letter: which of its templates; its words
    are sealed in the case.
    """

    case_id: UUID
    at: AwareDatetime
    audience: str
    decision: Literal["release", "refuse"]
    letter: str | None
    actor_ref: str
    note_commitment: NoteCommitment = None


class TaskPaused(EventData):
    """A person put the task's reminders off, with a reason that is kept sealed."""

    task_id: UUID
    case_id: UUID
    at: AwareDatetime
    until: AwareDatetime
    actor_ref: str
    note_commitment: NoteCommitment = None


class CaseMilestone(EventData):
    """Something happened in the case that starts a legal clock, and somebody said so.

    event: as a pack's duties name what starts them, such as strategy_discussion.
    """

    case_id: UUID
    event: str
    happened_at: AwareDatetime
    at: AwareDatetime
    actor_ref: str


class CaseLinked(EventData):
    """A worker says that two cases belong together, or that they do not."""

    case_id: UUID
    other_id: UUID
    state: Literal["confirmed", "undone"]
    at: AwareDatetime
    actor_ref: str


class TaskOpened(EventData):
    """Someone now has something to do.

    owner: the post or person that owes it, as the packs name it, and owner_role their code for it
    (`team` is the queue's own); owner_ref: the keyed hash of the account where the duty is
    personal. conflicted_roles: posts at the school that must not hear of it, whoever holds them.
    by is null where the task is due at once. supersedes: the task whose place it takes, because
    what was acknowledged there is less than what is asked now.
    """

    task_id: UUID
    case_id: UUID
    route: str
    la: str | None
    urn: str | None
    priority: Priority
    certainty: Literal["certain", "precautionary"]
    opened_at: AwareDatetime
    by: AwareDatetime | None
    hard_by: AwareDatetime | None
    owner: str
    owner_role: str | None = None
    owner_ref: str | None
    channel: str
    rules: list[str]
    excluded_refs: list[str]
    exclude_school_staff: bool
    conflicted_roles: list[str] = Field(default_factory=list)
    synthetic: bool
    supersedes: UUID | None = None


class TaskAcknowledged(EventData):
    """A person says that it is done, with a reference number where one was given."""

    task_id: UUID
    case_id: UUID
    route: str
    at: AwareDatetime
    actor_ref: str
    reference_given: bool


class TaskEnded(EventData):
    """Nothing is left to be done about the task, and no acknowledgement said so.

    how: decided, by the team whose it was; replaced, for what it asked has come to pass in another
    way; handed_over, to another team that goes on with it; met, for what its clock asked has
    happened, or met_late, after its end.
    """

    task_id: UUID
    case_id: UUID
    route: str
    at: AwareDatetime
    how: Literal["decided", "replaced", "handed_over", "met", "met_late"]


class TaskRaised(EventData):
    """The task's priority rose or its deadline came nearer."""

    task_id: UUID
    case_id: UUID
    route: str
    at: AwareDatetime
    priority: Priority
    by: AwareDatetime | None


class TaskLinkMade(EventData):
    """A link that opens one task once, for the person whose duty it is.

    sealed_link: its token, for notify alone to write into a mail. again: a lead asked for it, so
    it is sent by itself; else with the notice of the task. ends_at: until when it opens.
    """

    task_id: UUID
    case_id: UUID
    at: AwareDatetime
    ends_at: AwareDatetime
    again: bool
    route: str
    la: str | None
    urn: str | None
    priority: Priority
    excluded_refs: list[str]
    synthetic: bool
    sealed_link: str


class TaskReminded(EventData):
    """A clock passed a mark: a reminder before the deadline, or the step after it."""

    task_id: UUID
    case_id: UUID
    route: str
    at: AwareDatetime
    step: Literal["reminder", "unconfirmed", "unclaimed", "overdue", "hard_overdue"]
    priority: Priority
    la: str | None
    urn: str | None
    owner: str
    owner_role: str | None = None
    owner_ref: str | None = None
    excluded_refs: list[str]
    exclude_school_staff: bool
    conflicted_roles: list[str] = Field(default_factory=list)
    synthetic: bool


class DeadLetterRecorded(EventData):
    """A consumer could not apply a record; it is kept, sealed, and a person is told."""

    dead_letter_id: UUID
    consumer: str
    topic: str
    partition: int
    offset: int
    reason: str
    length: int
    at: AwareDatetime


class DeadLetterSettled(EventData):
    """A person has read by hand what can never be replayed, and dealt with it; it is closed."""

    dead_letter_id: UUID
    consumer: str
    actor_ref: str
    at: AwareDatetime
