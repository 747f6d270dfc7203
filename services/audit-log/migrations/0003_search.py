"""What entries are found by, and which readers took whole bundles."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import BIT

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLES = "search_term, search_block, search_place, search_bar, search_also"
_GRANTS = (
    f"GRANT SELECT, INSERT, DELETE ON {_TABLES} TO audit_log",
    "GRANT UPDATE ON search_term, search_block TO audit_log",
    f"GRANT SELECT ON {_TABLES}, watched_task, watch_cursor TO audit_log_reader",
    # Not what is in them: that is behind the view.
    "GRANT SELECT (seq, occurred_at, recorded_at, subject, task_id) ON log_entry "
    "TO audit_log_reader",
    "GRANT SELECT, INSERT, DELETE ON log_copying TO audit_log",
)


def upgrade() -> None:
    op.create_table(
        "search_term",
        sa.Column("term", sa.String(), nullable=False),
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("bits", BIT(256), nullable=False),
        sa.PrimaryKeyConstraint("term", "block"),
    )
    op.create_table(
        "search_block",
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        *(sa.Column(f"{name}_{end}", sa.DateTime(timezone=True), nullable=False)
          for name in ("occurred", "recorded") for end in ("first", "last")),
        sa.PrimaryKeyConstraint("block"),
    )  # fmt: skip
    # The newest rows are written again and again: room in their pages keeps that cheap.
    op.execute("ALTER TABLE search_term SET (fillfactor = 80)")
    for table, value in (("search_place", "place"), ("search_bar", "bar")):
        op.create_table(
            table,
            sa.Column("subject", sa.Uuid(), nullable=False),
            sa.Column(value, sa.String(), nullable=False),
            sa.PrimaryKeyConstraint("subject", value),
        )
        op.create_index(f"ix_{table}_{value}", table, [value, "subject"])
    op.create_table(
        "search_also",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("subject", "seq"),
    )
    op.create_index("ix_search_also_seq", "search_also", ["seq"])
    op.create_table(
        "log_copying",
        sa.Column("reader_ref", sa.String(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("reader_ref", "hour"),
    )
    for grant in _GRANTS:
        op.execute(grant)
