-- The embedded bus. Idempotent; run by whoever may create roles, once per database.
-- Every service's role is made a member of bus_member, which may append and read, not rewrite.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'bus_member') THEN
        CREATE ROLE bus_member NOLOGIN;
    END IF;
END
$$;

CREATE SCHEMA IF NOT EXISTS bus;

-- The next offset of each partition. Its row is locked while records are appended, so offsets are
-- dense and become visible in their order.
CREATE TABLE IF NOT EXISTS bus.head (
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

-- headers: JSON pairs of name and value, a value's bytes as latin-1 characters.
CREATE TABLE IF NOT EXISTS bus.log (
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    key bytea,
    value bytea NOT NULL,
    headers bytea NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic, partition, "offset")
);
-- Read a few times and then only kept: to compress it took longer than all else about it.
ALTER TABLE bus.log ALTER COLUMN value SET STORAGE EXTERNAL;

-- Where each consumer group goes on.
CREATE TABLE IF NOT EXISTS bus.position (
    grp text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (grp, topic, partition)
) WITH (fillfactor = 50);

-- Deletes what is older than 14 days, read or not, the lowest offsets of each partition first and no
-- more of one than `at_once`, and returns how many records went: a caller asks until none is left, and
-- no call takes long. Topics promise to forget after that time; a consumer that far behind has been an
-- alarm for two weeks. The time is not an argument, or any member could empty the log.
CREATE OR REPLACE FUNCTION bus.sweep(at_once bigint) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH lowest AS (
        SELECT h.topic, h.partition, (
            SELECT l."offset" FROM bus.log l WHERE l.topic = h.topic AND l.partition = h.partition
            ORDER BY l."offset" LIMIT 1
        ) AS "offset" FROM bus.head h
    ), gone AS (
        DELETE FROM bus.log l USING lowest
        WHERE l.topic = lowest.topic AND l.partition = lowest.partition
            AND l."offset" >= lowest."offset" AND l."offset" < lowest."offset" + at_once
            AND l.at < clock_timestamp() - interval '14 days'
        RETURNING 1
    )
    SELECT count(*) FROM gone
$$;

REVOKE ALL ON ALL TABLES IN SCHEMA bus FROM PUBLIC;
REVOKE ALL ON FUNCTION bus.sweep(bigint) FROM PUBLIC;
GRANT USAGE ON SCHEMA bus TO bus_member;
GRANT SELECT, INSERT, UPDATE ON bus.head, bus.position TO bus_member;
GRANT SELECT, INSERT ON bus.log TO bus_member;
GRANT EXECUTE ON FUNCTION bus.sweep(bigint) TO bus_member;
