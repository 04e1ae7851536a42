/* SPDX-License-Identifier: Apache-2.0 */
/* What reader.c asks about requests. Private to it. */
#ifndef WEIR_STORE_READER_SQL_H
#define WEIR_STORE_READER_SQL_H

/* clang-format off */

/*
 * $1 service, $2 version, $3 endpoint (with or without "service:"), $4 since, $5 until; empty or 0: all.
 * asked: one row a request, of the contributions that may lie in the time asked for. One that was kept with the threshold
 * T stands for 2^56 / (2^56 - T) like it, its weight; 1 where nothing is sampled away. outcome: what its cache had of what it
 * looked up: 0 all, 1 some, 2 nothing (enum cache_outcome).
 */
#define REQUESTS \
    "WITH wanted AS MATERIALIZED (SELECT endpoint_id, service_name, service_version, name FROM weir.endpoint" \
    "  WHERE ($1 = '' OR service_name = $1) AND ($2 = '' OR service_version = $2)" \
    "  AND ($3 = '' OR name = $3 OR service_name || ':' || name = $3))," \
    " request AS (SELECT trace_id, unnest(endpoint_id) AS endpoint_id, unnest(span_id) AS span_id," \
    "  unnest(start_ns) AS start_ns, unnest(duration_ns) AS duration_ns, unnest(error) AS error," \
    "  unnest(db_calls) AS db, unnest(http_calls) AS http, unnest(cache_calls) AS cache," \
    "  unnest(db_ns) AS db_ns, unnest(cache_hits) AS hits, unnest(cache_misses) AS misses," \
    "  unnest(sampling_threshold) AS threshold FROM weir.contribution" \
    "  WHERE request_count > 0 AND ($4 = 0 OR last_start_ns >= $4) AND ($5 = 0 OR first_start_ns <= $5))," \
    " asked AS (SELECT *, weir.sampling_weight(threshold) AS weight," \
    "  CASE WHEN coalesce(hits, 0) = 0 AND coalesce(misses, 0) = 0 THEN NULL WHEN coalesce(misses, 0) = 0 THEN 0" \
    "   WHEN hits > 0 THEN 1 ELSE 2 END AS outcome" \
    "  FROM request JOIN wanted USING (endpoint_id)" \
    "  WHERE ($4 = 0 OR start_ns >= $4) AND ($5 = 0 OR start_ns <= $5))"

/* Where all requests of an endpoint have one weight, percentiles are what they are without: percentile_disc is the nearest
 * rank, exact. Of the others (mixed) select_mixed asks again. */
static const char select_endpoints[] = REQUESTS
    " SELECT endpoint_id, service_name, service_version, name, sum(weight),"
    " coalesce(sum(weight) FILTER (WHERE error), 0),"
    " percentile_disc(0.5) WITHIN GROUP (ORDER BY duration_ns) AS p50,"
    " percentile_disc(0.95) WITHIN GROUP (ORDER BY duration_ns),"
    " percentile_disc(0.99) WITHIN GROUP (ORDER BY duration_ns), max(duration_ns),"
    " percentile_disc(0.5) WITHIN GROUP (ORDER BY coalesce(db, 0)),"
    " percentile_disc(0.5) WITHIN GROUP (ORDER BY coalesce(http, 0)),"
    " percentile_disc(0.5) WITHIN GROUP (ORDER BY coalesce(cache, 0)),"
    " min(coalesce(db, 0) + coalesce(http, 0) + coalesce(cache, 0)),"
    " max(coalesce(db, 0) + coalesce(http, 0) + coalesce(cache, 0)),"
    " percentile_disc(0.5) WITHIN GROUP (ORDER BY coalesce(db_ns, 0)), max(start_ns),"
    " name IN (SELECT name FROM weir.endpoint GROUP BY name HAVING min(service_name) <> max(service_name)),"
    " coalesce(bool_or(hits > 0 OR misses > 0), false), count(*), min(weight) <> max(weight)"
    " FROM asked GROUP BY endpoint_id, service_name, service_version, name"
    " ORDER BY p50 DESC, service_name, service_version, name";

/* Requests by what their cache had. */
static const char select_cache[] = REQUESTS
    " SELECT endpoint_id, outcome, sum(weight), percentile_disc(0.5) WITHIN GROUP (ORDER BY duration_ns),"
    " percentile_disc(0.5) WITHIN GROUP (ORDER BY coalesce(db, 0)),"
    " percentile_disc(0.5) WITHIN GROUP (ORDER BY coalesce(http, 0)),"
    " percentile_disc(0.5) WITHIN GROUP (ORDER BY coalesce(cache, 0))"
    " FROM asked WHERE outcome IS NOT NULL GROUP BY endpoint_id, outcome";

/*
 * Weighted percentiles by nearest rank: the smallest value at or below which lies the wanted part of its group's weight.
 * Equal values are added up first, so that only durations are many. Sums of weights are not exact, hence the tolerance, as
 * in percentile_of_sorted_weighted. Of endpoints as a whole (outcome NULL), and by what their cache had.
 */
#define VALUES_OF(which, value, outcome, where) \
    "SELECT endpoint_id, " outcome " AS outcome, " which " AS which, (" value ")::bigint AS value," \
    "  sum(weight) AS weight FROM asked JOIN mixed USING (endpoint_id) " where " GROUP BY endpoint_id, 2, 4"
#define ALL_VALUES(outcome, where) \
    VALUES_OF("0", "duration_ns", outcome, where) " UNION ALL " VALUES_OF("1", "coalesce(db, 0)", outcome, where) \
    " UNION ALL " VALUES_OF("2", "coalesce(http, 0)", outcome, where) \
    " UNION ALL " VALUES_OF("3", "coalesce(cache, 0)", outcome, where) \
    " UNION ALL " VALUES_OF("4", "coalesce(db_ns, 0)", outcome, where)
#define PERCENTILE(which, part) "min(value) FILTER (WHERE which = " which " AND below >= whole * (" part " - 1e-9))"
static const char select_mixed[] = REQUESTS
    " , mixed AS (SELECT endpoint_id FROM asked GROUP BY endpoint_id HAVING min(weight) <> max(weight)),"
    " value AS (" ALL_VALUES("NULL::int", "") " UNION ALL " ALL_VALUES("outcome", "WHERE outcome IS NOT NULL") "),"
    " ranked AS (SELECT endpoint_id, outcome, which, value,"
    "  sum(weight) OVER (PARTITION BY endpoint_id, outcome, which ORDER BY value) AS below,"
    "  sum(weight) OVER (PARTITION BY endpoint_id, outcome, which) AS whole FROM value)"
    " SELECT endpoint_id, coalesce(outcome, -1), " PERCENTILE("0", "0.5") ", " PERCENTILE("0", "0.95") ","
    " " PERCENTILE("0", "0.99") ", " PERCENTILE("1", "0.5") ", " PERCENTILE("2", "0.5") ","
    " " PERCENTILE("3", "0.5") ", " PERCENTILE("4", "0.5")
    " FROM ranked GROUP BY endpoint_id, outcome";

/* The findings of a trace come once for each endpoint of which one of the newest requests is in it. $6: how many. */
static const char select_findings[] = REQUESTS
    " , numbered AS (SELECT endpoint_id, trace_id, start_ns, weight,"
    "  row_number() OVER (PARTITION BY endpoint_id ORDER BY start_ns DESC) AS n FROM asked),"
    " newest AS (SELECT endpoint_id, trace_id, max(start_ns) AS start_ns FROM numbered WHERE n <= $6"
    "  GROUP BY endpoint_id, trace_id),"
    " seen AS (SELECT endpoint_id, sum(weight) AS weight FROM numbered WHERE n <= $6 GROUP BY endpoint_id)"
    " SELECT newest.endpoint_id, trace_id, findings::text, seen.weight FROM newest"
    " JOIN weir.contribution USING (trace_id) JOIN seen ON seen.endpoint_id = newest.endpoint_id"
    " WHERE findings IS NOT NULL ORDER BY newest.endpoint_id, newest.start_ns DESC";

/* Of those whose spans are still kept: asked one by one, slowest first, hence no EXISTS, which would be made a join. */
static const char select_slowest[] = REQUESTS
    " SELECT trace_id, span_id FROM (SELECT trace_id, span_id FROM asked"
    "  ORDER BY duration_ns DESC, start_ns DESC OFFSET 0) slowest"
    " WHERE (SELECT 1 FROM weir.fragment f WHERE f.trace_id = slowest.trace_id LIMIT 1) = 1 LIMIT 1";

/* $6: how many of each. */
static const char select_newest[] = REQUESTS
    " , numbered AS (SELECT endpoint_id, trace_id, span_id, start_ns,"
    "  row_number() OVER (PARTITION BY endpoint_id ORDER BY start_ns DESC) AS n,"
    "  count(*) OVER (PARTITION BY endpoint_id) AS recorded,"
    "  sum(weight) OVER (PARTITION BY endpoint_id) AS weight,"
    "  max(start_ns) OVER (PARTITION BY endpoint_id) AS last_start_ns FROM asked)"
    " SELECT endpoint_id, service_name, service_version, name,"
    " EXISTS (SELECT FROM weir.endpoint o WHERE o.name = e.name AND o.service_name <> e.service_name),"
    " recorded, trace_id, span_id, weight"
    " FROM numbered JOIN weir.endpoint e USING (endpoint_id) WHERE n <= $6"
    " ORDER BY last_start_ns DESC, endpoint_id, n";

/* clang-format on */

#endif
