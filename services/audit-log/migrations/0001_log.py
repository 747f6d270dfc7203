"""The log, who may do what with it, what the reconciler keeps, and what every service has."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_REFUSE = """
CREATE FUNCTION log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: the log is only ever added to', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$
"""
# Tables that only grow. A partition gets the same trigger when it is made.
_APPEND_ONLY = (
    "log_entry",
    "log_event",
    "log_tile",
    "tree_head",
    "checkpoint",
    "cosignature",
    "erased_subject",
    "prune_step",
)
_GUARD = """
CREATE FUNCTION log_guard(name regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s '
        'FOR EACH STATEMENT EXECUTE FUNCTION log_is_append_only()', name);
    -- ALWAYS: also in a session that calls itself a replica.
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only', name);
END
$$
"""
_ADD_PARTITION = """
CREATE FUNCTION log_add_partition(first bigint, following bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE name text := format('log_entry_%s', first);
BEGIN
    EXECUTE format('CREATE TABLE audit_log.%I PARTITION OF audit_log.log_entry '
        'FOR VALUES FROM (%s) TO (%s)', name, first, following);
    EXECUTE format('ALTER TABLE audit_log.%I ALTER COLUMN payload SET STORAGE EXTERNAL', name);
    PERFORM audit_log.log_guard(format('audit_log.%I', name)::regclass);
END
$$
"""
# The sequencer cannot make a table; this acts as the owner, and all it can do is to add room.
_ADD_PARTITIONS_AHEAD = """
CREATE FUNCTION log_add_partitions_ahead() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = audit_log, pg_temp AS $$
DECLARE
    width CONSTANT bigint := 1 << 24;
    size bigint := coalesce((SELECT max(t.size) FROM tree_head t), 0);
    following bigint;
    added integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('log_add_partitions_ahead', 0));
    LOOP
        SELECT coalesce(max(substring(pg_get_expr(c.relpartbound, c.oid)
                FROM 'TO \\(''?([0-9]+)''?\\)')::bigint), 0)
            INTO following FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'log_entry'::regclass;
        EXIT WHEN following >= size + width;
        PERFORM log_add_partition(following, following + width);
        added := added + 1;
    END LOOP;
    RETURN added;
END
$$
"""
# Each statement in a function sees what was committed before it: what is read after the lock is
# what the last append left. In one plain query with the lock it would be what was there before.
_BEGIN = """
CREATE FUNCTION log_begin(
    topic_ text, partition_ integer, ids uuid[], subjects uuid[], cached bigint,
    OUT next_offset bigint, OUT size bigint, OUT root bytea, OUT range bytea, OUT tail bytea,
    OUT known uuid[], OUT erased uuid[]
) LANGUAGE plpgsql SET search_path = audit_log, pg_temp AS $$
BEGIN
    PERFORM 1 FROM log_lock FOR UPDATE;
    next_offset := (SELECT o.next_offset FROM bus_offset o
        WHERE o.topic = topic_ AND o.partition = partition_);
    SELECT h.size, h.root, h.range INTO size, root, range
        FROM tree_head h ORDER BY h.size DESC LIMIT 1;
    size := coalesce(size, 0);
    known := ARRAY(SELECT e.event_id FROM log_event e WHERE e.event_id = ANY(ids));
    erased := ARRAY(SELECT s.subject FROM erased_subject s WHERE s.subject = ANY(subjects));
    IF cached IS DISTINCT FROM size THEN
        tail := (SELECT string_agg(e.leaf_hash, ''::bytea ORDER BY e.seq) FROM log_entry e
            WHERE e.seq >= size & ~255::bigint AND e.seq < size);
    END IF;
END
$$
"""
_END = """
CREATE FUNCTION log_end(
    topic_ text, partition_ integer, next_ bigint,
    size_ bigint, root_ bytea, range_ bytea, at_ timestamptz,
    levels smallint[], indexes bigint[], roots bytea[], hashes bytea[]
) RETURNS void LANGUAGE plpgsql SET search_path = audit_log, pg_temp AS $$
BEGIN
    INSERT INTO bus_offset AS o (topic, partition, next_offset)
        VALUES (topic_, partition_, next_)
        ON CONFLICT (topic, partition) DO UPDATE SET next_offset = next_;
    IF size_ IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO tree_head (size, root, range, at) VALUES (size_, root_, range_, at_);
    PERFORM pg_notify('log_grown', '');
    IF levels <> '{}' THEN
        INSERT INTO log_tile (level, index, root, hashes)
            SELECT * FROM unnest(levels, indexes, roots, hashes);
    END IF;
END
$$
"""
# All of an append of a few entries, in one round trip and a transaction of its own.
_APPEND = """
CREATE FUNCTION log_append(
    topic_ text, partition_ integer, next_ bigint, first_ bigint,
    before_ bigint, range_before bytea,
    ids uuid[], types text[], times timestamptz[], producers text[], sequences bigint[],
    subjects uuid[], tasks uuid[], offsets bigint[], payloads bytea[], leaves bytea[],
    salted uuid[], salt_subjects uuid[], salts bytea[],
    size_ bigint, root_ bytea, range_ bytea, at_ timestamptz
) RETURNS boolean LANGUAGE plpgsql SET search_path = audit_log, pg_temp AS $$
DECLARE
    head record;
    stored bigint;
BEGIN
    PERFORM 1 FROM log_lock FOR UPDATE;
    SELECT h.size, h.range INTO head FROM tree_head h ORDER BY h.size DESC LIMIT 1;
    SELECT o.next_offset INTO stored FROM bus_offset o
        WHERE o.topic = topic_ AND o.partition = partition_;
    IF head.size IS DISTINCT FROM before_ OR head.range <> range_before OR stored <> first_
        OR EXISTS (SELECT FROM erased_subject s WHERE s.subject = ANY(salt_subjects)) THEN
        RETURN false;
    END IF;
    INSERT INTO log_entry (seq, event_id, type, occurred_at, recorded_at, producer,
            producer_sequence, subject, task_id, topic, partition, "offset", payload, leaf_hash)
        SELECT before_ + e.nr - 1, e.id, e.type, e.time, at_, e.producer, e.sequence, e.subject,
            e.task, topic_, partition_, e.at, e.payload, e.leaf
        FROM unnest(ids, types, times, producers, sequences, subjects, tasks, offsets, payloads,
            leaves) WITH ORDINALITY
            AS e (id, type, time, producer, sequence, subject, task, at, payload, leaf, nr);
    INSERT INTO log_event (event_id, seq)
        SELECT e.id, before_ + e.nr - 1 FROM unnest(ids) WITH ORDINALITY AS e (id, nr);
    IF salted <> '{}' THEN
        INSERT INTO commitment (event_id, subject, salt)
            SELECT * FROM unnest(salted, salt_subjects, salts);
    END IF;
    PERFORM log_end(topic_, partition_, next_, size_, root_, range_, at_, '{}', '{}', '{}', '{}');
    RETURN true;
END
$$
"""
_FUNCTIONS = (_REFUSE, _GUARD, _ADD_PARTITION, _ADD_PARTITIONS_AHEAD, _BEGIN, _END, _APPEND)
_VIEW = """
CREATE VIEW audit_read.log_entry WITH (security_barrier) AS SELECT * FROM audit_log.log_entry
"""
_WATCHED = (
    "watch_cursor",
    "watched_concern",
    "watched_task",
    "watched_decision",
    "watched_producer",
    "watched_gap",
    "watched_repeat",
    "watched_hold",
)
_GRANTS = (
    "GRANT SELECT, INSERT ON log_entry, log_event, log_tile, tree_head, erased_subject "
    "TO audit_log",
    "GRANT SELECT ON checkpoint, cosignature, prune_step, alembic_version TO audit_log",
    "GRANT SELECT, UPDATE ON log_lock TO audit_log",
    "GRANT SELECT, INSERT, UPDATE ON bus_offset TO audit_log",
    "GRANT SELECT, INSERT, DELETE ON commitment TO audit_log",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON outbox, producer, inbox, dead_letter TO audit_log",
    f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(_WATCHED)} TO audit_log",
    "GRANT SELECT (seq, leaf_hash) ON log_entry TO audit_log_checkpointer",
    "GRANT SELECT ON log_tile, tree_head TO audit_log_checkpointer",
    "GRANT SELECT, INSERT ON checkpoint, cosignature TO audit_log_checkpointer",
    "GRANT SELECT ON log_event, log_tile, tree_head, checkpoint, cosignature TO audit_log_reader",
    "GRANT SELECT ON audit_read.log_entry TO audit_log_reader",
    "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA audit_log FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION log_begin, log_end, log_append, log_add_partitions_ahead "
    "TO audit_log",
)


def upgrade() -> None:
    _log_tables()
    _head_tables()
    _side_tables()
    _watched_tables()
    _shared_tables()
    for function in _FUNCTIONS:
        op.execute(function)
    for table in _APPEND_ONLY:
        op.execute(f"SELECT log_guard('{table}')")
    op.execute("SELECT log_add_partitions_ahead()")
    op.execute("INSERT INTO log_lock (id) VALUES (1)")
    op.execute("INSERT INTO watch_cursor (id, next_seq) VALUES (1, 0)")
    op.execute(_VIEW)
    for grant in _GRANTS:
        op.execute(grant)


def _log_tables() -> None:
    op.create_table(
        "log_entry",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("producer", sa.String(), nullable=True),
        sa.Column("producer_sequence", sa.BigInteger(), nullable=True),
        sa.Column("subject", sa.Uuid(), nullable=True),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.CheckConstraint("octet_length(leaf_hash) = 32", name="leaf_hash_is_sha256"),
        sa.CheckConstraint("octet_length(payload) <= 65535", name="payload_fits_a_bundle"),
        postgresql_partition_by="RANGE (seq)",
    )
    op.create_index("ix_log_entry_subject", "log_entry", ["subject", "seq"])
    op.create_index("ix_log_entry_occurred", "log_entry", ["occurred_at"], postgresql_using="brin")
    op.create_table(
        "log_event",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_table(
        "log_tile",
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "index"),
        sa.CheckConstraint("octet_length(hashes) = 8192", name="tile_is_full"),
    )
    # Hashes do not compress: to try would only cost.
    op.execute("ALTER TABLE log_tile ALTER COLUMN hashes SET STORAGE EXTERNAL")


def _head_tables() -> None:
    op.create_table(
        "tree_head",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("range", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size"),
    )
    op.create_table(
        "checkpoint",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size"),
    )
    op.create_table(
        "cosignature",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("witness", sa.String(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size", "witness"),
    )


def _side_tables() -> None:
    op.create_table(
        "bus_offset",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "partition"),
    )
    op.create_table(
        "log_lock",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint("id = 1", name="one_log_lock"),
    )
    op.create_table(
        "commitment",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_index("ix_commitment_subject", "commitment", ["subject"])
    op.create_table(
        "erased_subject",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject"),
    )
    op.create_table(
        "prune_step",
        sa.Column("below", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("actor_ref", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("below", "step"),
        sa.CheckConstraint("step IN ('asked', 'pruned')", name="prune_step_is_one_of_two"),
    )


def _watched_tables() -> None:
    op.create_table(
        "watch_cursor",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("next_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint("id = 1", name="one_watch_cursor"),
    )
    op.create_table(
        "watched_concern",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("raised_seq", sa.BigInteger(), nullable=True),
        sa.Column("accounted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("subject"),
    )
    op.create_index(
        "ix_watched_concern_open",
        "watched_concern",
        ["raised_at"],
        postgresql_where=sa.text("raised_at IS NOT NULL AND NOT accounted"),
    )
    op.create_table(
        "watched_task",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_seq", sa.BigInteger(), nullable=True),
        sa.Column("route", sa.String(), nullable=True),
        sa.Column("la", sa.String(), nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("owner_role", sa.String(), nullable=True),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("answered", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("task_id"),
    )
    op.create_index(
        "ix_watched_task_open",
        "watched_task",
        ["opened_at"],
        postgresql_where=sa.text(
            "opened_at IS NOT NULL AND NOT answered AND (urgent OR failed OR NOT told)"
        ),
    )
    op.create_index("ix_watched_task_subject", "watched_task", ["subject"])
    op.create_table(
        "watched_decision",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("subject", "route", "seq"),
    )
    op.create_table(
        "watched_producer",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("highest", sa.BigInteger(), nullable=False),
        sa.Column("closed", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "watched_gap",
        sa.Column("producer", sa.String(), nullable=False),
        sa.Column("first", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("producer", "first"),
    )
    op.create_table(
        "watched_repeat",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("producer", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_table(
        "watched_hold",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject"),
    )


def _shared_tables() -> None:
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
