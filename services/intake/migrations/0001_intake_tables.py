"""The tables of intake."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSON, JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "amendment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("concern_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body_ref", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("facts", JSONB(), nullable=True),
        sa.Column("decision", JSON(), nullable=True),
        sa.Column("data_issues", JSONB(), nullable=False),
        sa.Column("sealed_raw", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("amendment_body", "amendment", ["concern_id", "body_ref"], unique=True)
    op.create_index("amendment_order", "amendment", ["concern_id", "number"], unique=True)
    op.create_table(
        "concern",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("subject_ref", sa.String(), nullable=False),
        sa.Column("subject_role", sa.String(), nullable=False),
        sa.Column("home_la", sa.String(), nullable=True),
        sa.Column("found_la", sa.String(), nullable=True),
        sa.Column("carer_la", sa.String(), nullable=True),
        sa.Column("facts", JSONB(), nullable=True),
        sa.Column("decision", JSON(), nullable=True),
        sa.Column("held", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("entered_in_error_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_concern_incident_id", "concern", ["incident_id"])
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
        "grant_row",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client", sa.String(), nullable=True),
        sa.Column("account_ref", sa.String(), nullable=True),
        sa.Column("staff_ref", sa.String(), nullable=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("route", sa.String(), nullable=True),
        sa.Column("la", sa.String(), nullable=True),
        sa.Column("urn", sa.String(), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("given_by_ref", sa.String(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by_ref", sa.String(), nullable=True),
        sa.Column("sandbox", sa.Boolean(), nullable=False),
        sa.Column("synthetic", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("grant_client", "grant_row", ["client"])
    op.create_index("grant_account", "grant_row", ["account_ref"])
    op.create_index("grant_school", "grant_row", ["urn"])
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.String(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "event_id"),
    )
    op.create_table(
        "match",
        sa.Column("concern_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("concern_id", "kind"),
    )
    op.create_index("ix_match_key", "match", ["key"])
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
        "outcome",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "xact",
            sa.BigInteger(),
            server_default=sa.text("(pg_current_xact_id()::text)::bigint"),
            nullable=False,
        ),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("concern_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("outcome_concern", "outcome", ["concern_id"])
    op.create_index("outcome_feed", "outcome", ["client", "xact", "seq"])
    op.create_table(
        "producer",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.Column("closed_sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "progress",
        sa.Column("concern_id", sa.Uuid(), nullable=False),
        sa.Column("priority", sa.String(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("earlier_outcome", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("concern_id"),
    )
    op.create_table(
        "receipt",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("concern_id", sa.Uuid(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("la", sa.String(), nullable=True),
        sa.Column("priority", sa.String(), nullable=True),
        sa.Column("certainty", sa.String(), nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("channel", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hard_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reference_given", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("task_id"),
    )
    op.create_index("ix_receipt_concern_id", "receipt", ["concern_id"])
    op.create_table(
        "receipt_notice",
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("concern_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("notice_id"),
    )
    op.create_index("ix_receipt_notice_concern_id", "receipt_notice", ["concern_id"])
    op.create_table(
        "school",
        sa.Column("urn", sa.String(), nullable=False),
        sa.Column("la", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("phase", sa.String(), nullable=True),
        sa.Column("synthetic", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("urn"),
    )
    op.create_table(
        "submission",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client", sa.String(), nullable=False),
        sa.Column("urn", sa.String(), nullable=True),
        sa.Column("key_ref", sa.String(), nullable=False),
        sa.Column("body_ref", sa.String(), nullable=True),
        sa.Column("source_ref", sa.String(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("school_la", sa.String(), nullable=True),
        sa.Column("submitted_by", sa.String(), nullable=True),
        sa.Column("reporter_ref", sa.String(), nullable=True),
        sa.Column("excluded_refs", JSONB(), nullable=False),
        sa.Column("excluded_roles", JSONB(), nullable=False),
        sa.Column("exclude_school_staff", sa.Boolean(), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("quarantined", sa.Boolean(), nullable=False),
        sa.Column("synthetic", sa.Boolean(), nullable=False),
        sa.Column("data_issues", JSONB(), nullable=False),
        sa.Column("dropped_media", sa.Integer(), nullable=False),
        sa.Column("sealed_raw", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "submission_key",
        "submission",
        ["client", sa.literal_column("coalesce(urn, '')"), "key_ref"],
        unique=True,
    )
    beat = sa.text("synthetic AND urn = '999099'")
    op.create_index("submission_heartbeat", "submission", ["received_at"], postgresql_where=beat)

    _keep_as_they_are()


def _keep_as_they_are() -> None:
    """To compress them took more of PostgreSQL's time than all else about the rows. What is sealed
    does not shrink, an event is gone within milliseconds, and a decision is ten kilobytes."""
    for table, column in (
        ("outbox", "data"),
        ("concern", "decision"),
        ("amendment", "decision"),
        ("submission", "sealed_raw"),
        ("amendment", "sealed_raw"),
    ):
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.drop_index("submission_key", table_name="submission")
    op.drop_table("submission")
    op.drop_table("school")
    op.drop_index("ix_receipt_notice_concern_id", table_name="receipt_notice")
    op.drop_table("receipt_notice")
    op.drop_index("ix_receipt_concern_id", table_name="receipt")
    op.drop_table("receipt")
    op.drop_table("progress")
    op.drop_table("producer")
    op.drop_index("outcome_feed", table_name="outcome")
    op.drop_index("outcome_concern", table_name="outcome")
    op.drop_table("outcome")
    op.drop_table("outbox")
    op.drop_index("ix_match_key", table_name="match")
    op.drop_table("match")
    op.drop_table("inbox")
    op.drop_index("grant_school", table_name="grant_row")
    op.drop_index("grant_client", table_name="grant_row")
    op.drop_index("grant_account", table_name="grant_row")
    op.drop_table("grant_row")
    op.drop_index("ix_dead_letter_subject", table_name="dead_letter")
    op.drop_table("dead_letter")
    op.drop_index("ix_concern_incident_id", table_name="concern")
    op.drop_table("concern")
    op.drop_index("amendment_order", table_name="amendment")
    op.drop_index("amendment_body", table_name="amendment")
    op.drop_table("amendment")
