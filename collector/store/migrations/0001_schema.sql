-- SPDX-License-Identifier: Apache-2.0
-- What weir keeps. Numbers that are unsigned in the program (span ids, hashes, producers) lie in bigint with the same 64
-- bits: to_hex(span_id) shows a span id as reports do.

-- ---- dictionaries: names that many rows share; hash is sha256 of the row's columns ----

CREATE TABLE weir.operation (
    operation_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    type smallint NOT NULL,  -- model/operation.h: 0 span, 1 endpoint, 2 db, 3 http, 4 cache, 5 connect
    system text NOT NULL,
    text text NOT NULL,
    hash bytea NOT NULL UNIQUE
);

CREATE TABLE weir.resource (
    resource_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service_name text NOT NULL,
    service_version text NOT NULL,
    instance_id text NOT NULL,
    attributes jsonb NOT NULL,
    hash bytea NOT NULL UNIQUE
);

CREATE TABLE weir.endpoint (
    endpoint_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service_name text NOT NULL,
    service_version text NOT NULL,
    name text NOT NULL,  -- "METHOD route"
    hash bytea NOT NULL UNIQUE
);

CREATE TABLE weir.site (
    site_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    file text NOT NULL,
    function text NOT NULL,
    line bigint NOT NULL,
    hash bytea NOT NULL UNIQUE
);

-- ---- what was received ----

-- A batch is stored once: its row goes in with its fragments, in one transaction.
CREATE TABLE weir.batch (
    producer bigint NOT NULL,
    sequence bigint NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (producer, sequence)
);

-- The counters that each producer sends with its batches; they only grow.
CREATE TABLE weir.producer (
    producer bigint PRIMARY KEY,
    resource_id int NOT NULL,
    created bigint NOT NULL,
    acknowledged bigint NOT NULL,
    dropped bigint[] NOT NULL,  -- by reason: proto/drop_reason.h
    stored bigint NOT NULL,     -- spans, counted here
    last_seen timestamptz NOT NULL
) WITH (fillfactor = 50);

-- One row: the spans of one trace in one batch, in the order of the batch. Arrays for what SQL filters on, each with one
-- element a span; blob holds the rest (collector/store/fragment.h). Offsets count from start_ns. Where a value of a
-- column needs more than 31 bits, that column is NULL and its _long sister has the values.
CREATE TABLE weir.fragment (
    start_ns bigint NOT NULL,  -- of the earliest span, since 1970
    trace_id uuid NOT NULL,
    day date NOT NULL,         -- the partition: collector/store/partition.h
    resource_id int NOT NULL,
    operation_id int[] NOT NULL,
    start_offset_ns int[],
    duration_ns int[],
    status smallint[],         -- NULL: unset for all
    rows int[],                -- -1: not known; NULL: not known for all
    blob bytea NOT NULL,
    start_offset_long_ns bigint[],
    duration_long_ns bigint[]
) PARTITION BY RANGE (day);

ALTER TABLE weir.fragment ALTER COLUMN blob SET STORAGE EXTERNAL;  -- is compressed already
CREATE INDEX fragment_trace ON weir.fragment (trace_id);

-- The partition of a day. The table is made apart and attached, which lets readers and writers of other days go on.
CREATE FUNCTION weir.make_partition(day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text := 'fragment_' || to_char(day, 'YYYYMMDD');
BEGIN
    LOCK TABLE weir.fragment IN SHARE UPDATE EXCLUSIVE MODE;  -- one maker at a time
    IF to_regclass('weir.' || name) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE weir.%I (LIKE weir.fragment INCLUDING ALL)', name);
    EXECUTE format('ALTER TABLE weir.fragment ATTACH PARTITION weir.%I FOR VALUES FROM (%L) TO (%L)',
                   name, day, day + 1);
END
$$;

-- ---- what is to be done, and what was drawn ----

-- Traces that wait to be analysed. due_ns is when the last fragment came; a trace that was looked at too early (a parent
-- is missing) has it moved forward.
CREATE TABLE weir.pending (
    trace_id uuid PRIMARY KEY,
    first_seen_ns bigint NOT NULL,
    last_seen_ns bigint NOT NULL,
    due_ns bigint NOT NULL,
    fragments int NOT NULL  -- that came since the trace is pending
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX pending_due ON weir.pending (due_ns);

-- What was drawn from one trace: its requests as parallel arrays, and its findings. Replaced as a whole, never by one
-- drawn from fewer fragments. NULL for a column of calls: 0 for all requests; for error: false.
CREATE TABLE weir.contribution (
    trace_id uuid PRIMARY KEY,
    fragment_count int NOT NULL,
    request_count int NOT NULL,
    first_start_ns bigint NOT NULL,
    last_start_ns bigint NOT NULL,
    endpoint_id int[] NOT NULL,
    span_id bigint[] NOT NULL,
    start_ns bigint[] NOT NULL,
    duration_ns bigint[] NOT NULL,
    error boolean[],
    db_calls int[],
    http_calls int[],
    cache_calls int[],
    db_ns bigint[],
    call_ns bigint[],
    -- operations of all requests, one request behind the other; operation_requests says how many each request has
    operation_requests int[] NOT NULL,
    operation_id int[] NOT NULL,
    operation_count int[] NOT NULL,
    operation_total_ns bigint[] NOT NULL,
    findings jsonb,  -- NULL: none
    failure text     -- why the trace could not be analysed; NULL: it was
);
CREATE INDEX contribution_time ON weir.contribution (last_start_ns) INCLUDE (request_count);

-- Compression that costs less CPU, where this server has it.
DO $$
BEGIN
    ALTER TABLE weir.fragment ALTER COLUMN operation_id SET COMPRESSION lz4,
        ALTER COLUMN start_offset_ns SET COMPRESSION lz4, ALTER COLUMN duration_ns SET COMPRESSION lz4,
        ALTER COLUMN status SET COMPRESSION lz4, ALTER COLUMN rows SET COMPRESSION lz4,
        ALTER COLUMN start_offset_long_ns SET COMPRESSION lz4,
        ALTER COLUMN duration_long_ns SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported OR invalid_parameter_value OR syntax_error THEN
    NULL;
END
$$;

-- ---- for psql and Grafana ----

-- One row a span. unnest stands in the SELECT list: LATERAL unnest(a, b) takes twice as long.
CREATE VIEW weir.span AS
SELECT f.trace_id, r.service_name AS service, o.text AS operation,
       (ARRAY['span', 'endpoint', 'db', 'http', 'cache', 'connect'])[o.type + 1] AS type,
       timestamptz 'epoch' + ((f.start_ns + f.start_offset_ns) / 1000) * interval '1 microsecond' AS start,
       f.duration_ns / 1e6 AS duration_ms, nullif(f.rows, -1) AS rows, coalesce(f.status, 0::smallint) AS status
FROM (SELECT trace_id, resource_id, start_ns,
             unnest(operation_id) AS operation_id,
             unnest(coalesce(start_offset_ns::bigint[], start_offset_long_ns)) AS start_offset_ns,
             unnest(coalesce(duration_ns::bigint[], duration_long_ns)) AS duration_ns,
             unnest(rows) AS rows,
             unnest(status) AS status
      FROM weir.fragment) f
JOIN weir.operation o USING (operation_id)
JOIN weir.resource r USING (resource_id);

-- One row a request.
CREATE VIEW weir.request AS
SELECT c.trace_id, to_hex(c.span_id) AS span_id, e.service_name AS service, e.service_version AS version,
       e.name AS endpoint, timestamptz 'epoch' + (c.start_ns / 1000) * interval '1 microsecond' AS start,
       c.duration_ns / 1e6 AS duration_ms, coalesce(c.error, false) AS error, coalesce(c.db_calls, 0) AS db_calls,
       coalesce(c.http_calls, 0) AS http_calls, coalesce(c.cache_calls, 0) AS cache_calls,
       coalesce(c.db_ns, 0) / 1e6 AS db_ms
FROM (SELECT trace_id, unnest(endpoint_id) AS endpoint_id, unnest(span_id) AS span_id,
             unnest(start_ns) AS start_ns, unnest(duration_ns) AS duration_ns, unnest(error) AS error,
             unnest(db_calls) AS db_calls, unnest(http_calls) AS http_calls, unnest(cache_calls) AS cache_calls,
             unnest(db_ns) AS db_ns
      FROM weir.contribution) c
JOIN weir.endpoint e USING (endpoint_id);
