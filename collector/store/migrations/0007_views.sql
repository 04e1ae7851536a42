-- SPDX-License-Identifier: Apache-2.0
-- The views that psql and Grafana read: docs/sql.md has each column and its unit. And a role that may read them, and nothing
-- else, where this user may make roles; docs/sql.md says how to make one elsewhere.

-- One row a span, as before, with new columns at its end. unnest stands in the SELECT list: LATERAL unnest(a, b) takes twice as
-- long. A condition on day leaves out the partitions of other days.
CREATE OR REPLACE VIEW weir.span AS
SELECT f.trace_id, r.service_name AS service, o.text AS operation,
       (ARRAY['span', 'endpoint', 'db', 'http', 'cache', 'connect'])[o.type + 1] AS type,
       timestamptz 'epoch' + ((f.start_ns + f.start_offset_ns) / 1000) * interval '1 microsecond' AS start,
       f.duration_ns / 1e6 AS duration_ms, nullif(f.rows, -1) AS rows, coalesce(f.status, 0::smallint) AS status,
       coalesce(f.status, 0) = 2 AS error, o.system, r.service_version AS version, f.day
FROM (SELECT trace_id, resource_id, start_ns, day,
             unnest(operation_id) AS operation_id,
             unnest(coalesce(start_offset_ns::bigint[], start_offset_long_ns)) AS start_offset_ns,
             unnest(coalesce(duration_ns::bigint[], duration_long_ns)) AS duration_ns,
             unnest(rows) AS rows,
             unnest(status) AS status
      FROM weir.fragment) f
JOIN weir.operation o USING (operation_id)
JOIN weir.resource r USING (resource_id);

-- One row a call: a query, an HTTP request, a cache look-up, a connection that was made.
CREATE VIEW weir.call AS
SELECT trace_id, service, version, type, system, operation, start, duration_ms, rows, error, day
FROM weir.span WHERE type IN ('db', 'http', 'cache', 'connect');

-- One row a finding of a trace.
CREATE VIEW weir.finding AS
SELECT trace_id, finding ->> 'service' AS service, finding ->> 'version' AS version, finding ->> 'endpoint' AS endpoint,
       finding ->> 'kind' AS kind, finding #>> '{operations,0,text}' AS operation, (finding ->> 'count')::bigint AS calls,
       (finding ->> 'saving_ms')::double precision AS saving_ms, finding ->> 'confidence' AS confidence,
       finding ->> 'advice' AS advice, finding #>> '{call_site,file}' AS file, (finding #>> '{call_site,line}')::bigint AS line,
       timestamptz 'epoch' + (first_start_ns / 1000) * interval '1 microsecond' AS start
FROM (SELECT trace_id, first_start_ns, jsonb_array_elements(findings) AS finding
      FROM weir.contribution WHERE findings IS NOT NULL) f;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'weir_reader') THEN
        CREATE ROLE weir_reader NOLOGIN;
    END IF;
    GRANT USAGE ON SCHEMA weir TO weir_reader;
    GRANT SELECT ON weir.span, weir.request, weir.call, weir.finding, weir.day TO weir_reader;
EXCEPTION WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN
    NULL;
END
$$;
