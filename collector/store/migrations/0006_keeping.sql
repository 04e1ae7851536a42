-- SPDX-License-Identifier: Apache-2.0
-- Forgetting. Spans go by whole days: a day's partition is dropped, and no span of it is taken any more. What was drawn
-- from them (contributions) stays longer; rows of batches and producers go once nobody can send them again; names go when
-- nothing that is kept was written with them.

CREATE TABLE weir.keeping (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    kept_from date NOT NULL DEFAULT '1970-01-01',   -- days before it are dropped, and stay so
    stored_by_forgotten bigint NOT NULL DEFAULT 0   -- spans, of producers whose rows are gone
);
INSERT INTO weir.keeping DEFAULT VALUES;

-- The days whose spans are kept, and what each takes on disk, indexes included.
CREATE VIEW weir.day AS
SELECT to_date(right(c.relname::text, 8), 'YYYYMMDD') AS day, pg_total_relation_size(c.oid) AS bytes
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'weir.fragment'::regclass AND c.relname ~ '^fragment_[0-9]{8}$';

-- False: the day was dropped. The lock comes first: who drops days holds it until it is known which are.
DROP FUNCTION weir.make_partition(date);
CREATE FUNCTION weir.make_partition(day date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    name text := 'fragment_' || to_char(day, 'YYYYMMDD');
BEGIN
    LOCK TABLE weir.fragment IN SHARE UPDATE EXCLUSIVE MODE;  -- one maker at a time
    IF day < (SELECT kept_from FROM weir.keeping) THEN
        RETURN false;
    END IF;
    IF to_regclass('weir.' || name) IS NULL THEN
        EXECUTE format('CREATE TABLE weir.%I (LIKE weir.fragment INCLUDING ALL)', name);
        EXECUTE format('ALTER TABLE weir.fragment ATTACH PARTITION weir.%I FOR VALUES FROM (%L) TO (%L)',
                       name, day, day + 1);
    END IF;
    RETURN true;
END
$$;

-- Drops the days before this one; says how many. Ingest waits for its lock, so it gives up soon where a long query is in
-- the way (55P03), and its caller comes again.
CREATE FUNCTION weir.forget_days(before date) RETURNS int LANGUAGE plpgsql SET lock_timeout = '100ms' AS $$
DECLARE
    old date;
    dropped int := 0;
BEGIN
    IF before <= (SELECT kept_from FROM weir.keeping) THEN
        RETURN 0;
    END IF;
    LOCK TABLE weir.fragment IN ACCESS EXCLUSIVE MODE;
    FOR old IN SELECT day FROM weir.day WHERE day < before LOOP
        EXECUTE format('ALTER TABLE weir.fragment DETACH PARTITION weir.%I', 'fragment_' || to_char(old, 'YYYYMMDD'));
        EXECUTE format('DROP TABLE weir.%I', 'fragment_' || to_char(old, 'YYYYMMDD'));
        dropped := dropped + 1;
    END LOOP;
    UPDATE weir.keeping SET kept_from = before WHERE kept_from < before;
    RETURN dropped;
END
$$;

-- By when rows that are many can go, in the order in which they come: small indexes.
CREATE INDEX batch_received ON weir.batch USING brin (received_at);
ALTER TABLE weir.contribution ADD COLUMN drawn_on date NOT NULL DEFAULT current_date;
CREATE INDEX contribution_drawn ON weir.contribution USING brin (drawn_on);

-- When a name was last asked for, to a day, and which service brought it, so that one service cannot fill a dictionary.
ALTER TABLE weir.operation ADD COLUMN used_on date NOT NULL DEFAULT current_date,
    ADD COLUMN brought_by text NOT NULL DEFAULT '';
ALTER TABLE weir.site ADD COLUMN used_on date NOT NULL DEFAULT current_date,
    ADD COLUMN brought_by text NOT NULL DEFAULT '';
ALTER TABLE weir.endpoint ADD COLUMN used_on date NOT NULL DEFAULT current_date;
ALTER TABLE weir.resource ADD COLUMN used_on date NOT NULL DEFAULT current_date;
CREATE INDEX operation_brought_by ON weir.operation (brought_by);
CREATE INDEX site_brought_by ON weir.site (brought_by);
CREATE INDEX endpoint_service ON weir.endpoint (service_name);
CREATE INDEX resource_service ON weir.resource (service_name);
