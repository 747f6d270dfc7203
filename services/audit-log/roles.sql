-- Who may do what with the log. Idempotent; run by a superuser in the log's database, before the
-- first migration. The roles get their passwords elsewhere.
--
-- audit_log_owner       owns the tables; nobody can log in as it
-- audit_log_migrator    acts as the owner; the only one whose statements may change a table's shape
-- audit_log             the service and its sequencer: adds to the log, never changes what is in it
-- audit_log_checkpointer  reads hashes and heads, adds checkpoints; sees no entry
-- audit_log_reader      reads, entries through a view

SET event_triggers = off;

DO $$
DECLARE name text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'audit_log_owner') THEN
        CREATE ROLE audit_log_owner NOLOGIN;
    END IF;
    FOREACH name IN ARRAY ARRAY[
        'audit_log', 'audit_log_migrator', 'audit_log_checkpointer', 'audit_log_reader'
    ] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', name);
        END IF;
        EXECUTE format('ALTER ROLE %I SET search_path = audit_log', name);
    END LOOP;
END
$$;

-- Not inherited: whoever logs in as the migrator acts as the owner, and makes what the owner owns.
GRANT audit_log_owner TO audit_log_migrator WITH INHERIT FALSE, SET TRUE;
ALTER ROLE audit_log_migrator SET role = 'audit_log_owner';

CREATE SCHEMA IF NOT EXISTS audit_log;
ALTER SCHEMA audit_log OWNER TO audit_log_owner;
GRANT USAGE ON SCHEMA audit_log TO audit_log, audit_log_checkpointer, audit_log_reader;
-- A reader finds the view there before it finds the table.
CREATE SCHEMA IF NOT EXISTS audit_read;
ALTER SCHEMA audit_read OWNER TO audit_log_owner;
GRANT USAGE ON SCHEMA audit_read TO audit_log_reader;
ALTER ROLE audit_log_reader SET search_path = audit_read, audit_log;

-- Nobody but the migrator changes the shape of the log: neither its tables nor their triggers. A
-- superuser can switch event triggers off first, which is why the log can be verified elsewhere.
CREATE SCHEMA IF NOT EXISTS audit_guard;

-- The service itself only makes partitions ahead, by a function that acts as the owner. The test is
-- on session_user: a setting could be made by anyone, and SET ROLE does not change it.
CREATE OR REPLACE FUNCTION audit_guard.may_change() RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT session_user = 'audit_log_migrator'
        OR (session_user = 'audit_log' AND current_user = 'audit_log_owner')
$$;

-- A table or function is "audit_log.name", a trigger or rule "name on audit_log.table". What was just
-- renamed or moved elsewhere is known by its owner.
CREATE OR REPLACE FUNCTION audit_guard.is_of_the_log(objid oid, identity text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
    SELECT identity ~ '(^| on )audit_(log|read)(\.|$)'
        OR EXISTS (SELECT FROM pg_class
            WHERE oid = objid AND relowner = 'audit_log_owner'::regrole)
        OR EXISTS (SELECT FROM pg_namespace
            WHERE oid = objid AND nspowner = 'audit_log_owner'::regrole)
$$;

-- Temporary tables are in a schema of their own and none of its business.
CREATE OR REPLACE FUNCTION audit_guard.refuse_change() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE what record;
BEGIN
    FOR what IN SELECT * FROM pg_event_trigger_ddl_commands() LOOP
        IF audit_guard.is_of_the_log(what.objid, what.object_identity)
            AND what.command_tag <> 'REINDEX' AND NOT audit_guard.may_change() THEN
            RAISE EXCEPTION '% of % is refused: only a migration changes the log', TG_TAG,
                what.object_identity USING ERRCODE = 'insufficient_privilege';
        END IF;
    END LOOP;
END
$$;

CREATE OR REPLACE FUNCTION audit_guard.refuse_drop() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE what record;
BEGIN
    FOR what IN SELECT * FROM pg_event_trigger_dropped_objects() LOOP
        IF audit_guard.is_of_the_log(what.objid, what.object_identity)
            AND NOT audit_guard.may_change() THEN
            RAISE EXCEPTION '% of % is refused: only a migration changes the log', TG_TAG,
                what.object_identity USING ERRCODE = 'insufficient_privilege';
        END IF;
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA audit_guard TO PUBLIC;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'audit_log_change') THEN
        CREATE EVENT TRIGGER audit_log_change ON ddl_command_end
            EXECUTE FUNCTION audit_guard.refuse_change();
        CREATE EVENT TRIGGER audit_log_drop ON sql_drop
            EXECUTE FUNCTION audit_guard.refuse_drop();
    END IF;
    -- ALWAYS: also in a session that calls itself a replica.
    ALTER EVENT TRIGGER audit_log_change ENABLE ALWAYS;
    ALTER EVENT TRIGGER audit_log_drop ENABLE ALWAYS;
END
$$;

RESET event_triggers;
