-- SPDX-License-Identifier: Apache-2.0
-- With which threshold each request was sampled (OpenTelemetry's th, below 2^56): one that was kept stands for
-- 2^56 / (2^56 - threshold) like it. NULL: 0 for all requests, none was sampled away, as for all that were drawn before
-- this migration.
ALTER TABLE weir.contribution ADD COLUMN sampling_threshold bigint[];

-- What a request counts for in sums and percentiles.
CREATE FUNCTION weir.sampling_weight(threshold bigint) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 72057594037927936::double precision / (72057594037927936 - coalesce(threshold, 0));

-- Requests that a producer did not record at all, by whose choice: proto/sampled_away.h. NULL: none told.
ALTER TABLE weir.producer ADD COLUMN sampled_away bigint[];

-- One row a request, as before, with its weight at its end: count requests as sum(weight).
CREATE OR REPLACE VIEW weir.request AS
SELECT c.trace_id, to_hex(c.span_id) AS span_id, e.service_name AS service, e.service_version AS version,
       e.name AS endpoint, timestamptz 'epoch' + (c.start_ns / 1000) * interval '1 microsecond' AS start,
       c.duration_ns / 1e6 AS duration_ms, coalesce(c.error, false) AS error, coalesce(c.db_calls, 0) AS db_calls,
       coalesce(c.http_calls, 0) AS http_calls, coalesce(c.cache_calls, 0) AS cache_calls,
       coalesce(c.db_ns, 0) / 1e6 AS db_ms, coalesce(c.cache_hits, 0) AS cache_hits,
       coalesce(c.cache_misses, 0) AS cache_misses, weir.sampling_weight(c.threshold) AS weight
FROM (SELECT trace_id, unnest(endpoint_id) AS endpoint_id, unnest(span_id) AS span_id,
             unnest(start_ns) AS start_ns, unnest(duration_ns) AS duration_ns, unnest(error) AS error,
             unnest(db_calls) AS db_calls, unnest(http_calls) AS http_calls, unnest(cache_calls) AS cache_calls,
             unnest(db_ns) AS db_ns, unnest(cache_hits) AS cache_hits, unnest(cache_misses) AS cache_misses,
             unnest(sampling_threshold) AS threshold
      FROM weir.contribution) c
JOIN weir.endpoint e USING (endpoint_id);
