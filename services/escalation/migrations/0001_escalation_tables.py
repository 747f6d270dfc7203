"""The tables of escalation."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "case_file",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.Column("subject_ref", sa.String(), nullable=True),
        sa.Column("subject_role", sa.String(), nullable=False),
        sa.Column("urn", sa.String(), nullable=True),
        sa.Column("school_la", sa.String(), nullable=True),
        sa.Column("school_phase", sa.String(), nullable=True),
        sa.Column("home_la", sa.String(), nullable=True),
        sa.Column("found_la", sa.String(), nullable=True),
        sa.Column("carer_la", sa.String(), nullable=True),
        sa.Column("la", sa.String(), nullable=True),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("unprocessed", sa.Boolean(), nullable=False),
        sa.Column("quarantined", sa.Boolean(), nullable=False),
        sa.Column("synthetic", sa.Boolean(), nullable=False),
        sa.Column("facts", JSONB(), nullable=False),
        sa.Column("chronology", JSONB(), nullable=False),
        sa.Column("decision", JSONB(), nullable=False),
        sa.Column("basis", JSONB(), nullable=False),
        sa.Column("data_issues", JSONB(), nullable=False),
        sa.Column("discovered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reporter_ref", sa.String(), nullable=True),
        sa.Column("exclude_school_staff", sa.Boolean(), nullable=False),
        sa.Column("conflicted", JSONB(), nullable=False),
        sa.Column("rating", sa.String(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_ref", sa.String(), nullable=True),
        sa.Column("answer_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_answer_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("entered_in_error_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disclosure", sa.String(), nullable=True),
        sa.Column("disclosure_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("erasure_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_case_file_incident_id", "case_file", ["incident_id"])
    op.create_index("case_reference", "case_file", [sa.text('"right"(id::text, 8)')])
    beat = sa.text("synthetic AND urn = '999099'")
    op.create_index("case_heartbeat", "case_file", ["opened_at"], postgresql_where=beat)
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("consumer", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("event_type", sa.String(), nullable=True),
        sa.Column("subject", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("raw", sa.String(), nullable=True),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replayed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("consumer", "topic", "partition", "offset"),
    )
    op.create_index("ix_dead_letter_subject", "dead_letter", ["subject"])
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.String(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "event_id"),
    )
    op.create_table(
        "outbox",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("producer", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("traceparent", sa.String(), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("replay_of", sa.Uuid(), nullable=True),
        sa.Column("replay_for", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("event_id"),
    )
    op.create_table(
        "producer",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.Column("closed_sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "case_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor_ref", sa.String(), nullable=True),
        sa.Column("detail", JSONB(), nullable=False),
        sa.Column("sealed_note", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_case_event_case_id", "case_event", ["case_id"])
    op.create_table(
        "case_link",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("match_key", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"]),
        sa.PrimaryKeyConstraint("case_id", "match_key"),
    )
    op.create_index("ix_case_link_match_key", "case_link", ["match_key"])
    op.create_table(
        "early_hold",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_ref", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("case_id"),
    )
    op.create_table(
        "exclusion",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("account_ref", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"]),
        sa.PrimaryKeyConstraint("case_id", "account_ref"),
    )
    op.create_index("ix_exclusion_account_ref", "exclusion", ["account_ref"])
    op.create_table(
        "sealed_detail",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_sealed_detail_case_id", "sealed_detail", ["case_id"])
    op.create_table(
        "task",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("la", sa.String(), nullable=True),
        sa.Column("urn", sa.String(), nullable=True),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("certainty", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hard_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("owner_role", sa.String(), nullable=False),
        sa.Column("owner_ref", sa.String(), nullable=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("contact", JSONB(), nullable=False),
        sa.Column("script", sa.String(), nullable=False),
        sa.Column("because", JSONB(), nullable=False),
        sa.Column("read_only", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("claimed_by_ref", sa.String(), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("offered_to_ref", sa.String(), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by_ref", sa.String(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_by_ref", sa.String(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("notice_failed", sa.Boolean(), nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_task_case_id", "task", ["case_id"])
    op.create_index(
        "task_person", "task", ["owner_ref"], postgresql_where=sa.text("owner_ref IS NOT NULL")
    )
    op.create_index(
        "task_queue",
        "task",
        ["route", "la", "rank", "due_at", "id"],
        postgresql_where=sa.text("closed_at IS NULL AND kind <> 'clock'"),
    )
    op.create_index(
        "task_held",
        "task",
        ["claimed_by_ref"],
        postgresql_where=sa.text("claimed_by_ref IS NOT NULL AND closed_at IS NULL"),
    )
    op.create_index(
        "task_school", "task", ["urn", "rank", "id"], postgresql_where=sa.text("closed_at IS NULL")
    )
    op.create_table(
        "link_decision",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_ref", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"]),
        sa.ForeignKeyConstraint(["other_id"], ["case_file.id"]),
        sa.PrimaryKeyConstraint("case_id", "other_id"),
    )
    op.create_index(op.f("ix_link_decision_other_id"), "link_decision", ["other_id"])
    op.create_table(
        "disagreement",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.SmallInteger(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by_ref", sa.String(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by_ref", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_disagreement_case_id"), "disagreement", ["case_id"])
    op.create_index(
        "disagreement_unsettled",
        "disagreement",
        ["case_id"],
        unique=True,
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_table(
        "timer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("timer_due", "timer", ["due_at", "id"])
    op.create_index("timer_task", "timer", ["task_id"])

    op.create_table(
        "handover",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("to_route", sa.String(), nullable=False),
        sa.Column("la", sa.String(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_by_ref", sa.String(), nullable=False),
        sa.Column("given_by", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("late_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cases", JSONB(none_as_null=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_by_ref", sa.String(), nullable=True),
        sa.Column("taken_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "handover_waiting",
        "handover",
        ["route", "to_route", "la"],
        unique=True,
        postgresql_where=sa.text("taken_at IS NULL"),
    )
    op.create_table(
        "queue_change",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("la", sa.String(), nullable=True),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index(op.f("ix_queue_change_at"), "queue_change", ["at"])
    _tell_desks(op.get_bind().execute(sa.text("SELECT current_schema()")).scalar_one())

    # To compress them took more of PostgreSQL's time than all else about the rows.
    for table, column in (("case_file", "decision"), ("sealed_detail", "sealed")):
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")


def _tell_desks(schema: str) -> None:
    """Whoever changes a task, in whatever schema they are, desks that show it hear of it."""
    told = f"INSERT INTO {schema}.queue_change (task_id, route, la)"
    shown = "closed_at IS NULL AND kind <> 'clock'"
    # What stands in a row as "open elsewhere" is every other route of its case.
    elsewhere = f"{told} SELECT id, route, la FROM {schema}.task AS other WHERE {shown}"  # noqa: S608 - our own names
    noted = {
        "opened": f"""
            {told} SELECT id, route, la FROM opened WHERE kind <> 'clock';
            {elsewhere} AND case_id IN (SELECT case_id FROM opened WHERE kind <> 'clock')
                AND id NOT IN (SELECT id FROM opened)
                AND EXISTS (SELECT FROM opened WHERE opened.case_id = other.case_id
                    AND opened.route <> other.route AND opened.kind <> 'clock')""",  # noqa: S608
        # What was every authority's until one took it goes from the desks of the others.
        "change": f"""
            {told} VALUES (new.id, new.route, new.la);
            IF old.la IS DISTINCT FROM new.la THEN
                {told} VALUES (old.id, old.route, old.la);
            END IF""",
        "end": f"{elsewhere} AND case_id = new.case_id AND route <> new.route",
        "case": f"{elsewhere} AND case_id = new.id",
        "exclusion": f"{elsewhere} AND case_id = new.case_id",
    }
    for what, note in noted.items():
        op.execute(f"""
            CREATE FUNCTION tell_desks_of_{what}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                {note};
                RETURN NULL;
            END $$
        """)
    # Once for all tasks of a new case, which then have nobody else to tell.
    op.execute("""
        CREATE TRIGGER tell_desks_of_opened AFTER INSERT ON task REFERENCING NEW TABLE AS opened
        FOR EACH STATEMENT EXECUTE FUNCTION tell_desks_of_opened()
    """)
    op.execute("""
        CREATE TRIGGER tell_desks AFTER UPDATE ON task FOR EACH ROW
        WHEN (new.kind <> 'clock') EXECUTE FUNCTION tell_desks_of_change()
    """)
    op.execute("""
        CREATE TRIGGER tell_desks_of_end AFTER UPDATE OF closed_at ON task FOR EACH ROW
        WHEN (old.closed_at IS NULL AND new.closed_at IS NOT NULL AND new.kind <> 'clock')
        EXECUTE FUNCTION tell_desks_of_end()
    """)
    op.execute("""
        CREATE TRIGGER tell_desks AFTER UPDATE OF rating, unprocessed, entered_in_error_at, facts,
            decision, data_issues, answer_by, outcome ON case_file
        FOR EACH ROW EXECUTE FUNCTION tell_desks_of_case()
    """)
    # Who is kept out may not go on seeing a row.
    op.execute("""
        CREATE TRIGGER tell_desks AFTER INSERT ON exclusion
        FOR EACH ROW EXECUTE FUNCTION tell_desks_of_exclusion()
    """)


def downgrade() -> None:
    for what in ("opened", "change", "end", "case", "exclusion"):
        op.execute(f"DROP FUNCTION tell_desks_of_{what} CASCADE")
    for table in (
        "handover",
        "queue_change",
        "timer",
        "disagreement",
        "link_decision",
        "task",
        "sealed_detail",
        "exclusion",
        "early_hold",
        "case_link",
        "case_event",
        "producer",
        "outbox",
        "inbox",
        "dead_letter",
        "case_file",
    ):
        op.drop_table(table)
