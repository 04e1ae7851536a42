/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Postgres behind the collector; the only folder that knows libpq. A struct store is one connection and belongs to one
 * thread: ingest's writer has one, the analyser has one, each HTTP worker has one (reader.h). Every function that can fail
 * tells outage (retry) from bad input (refuse) by enum store_result, and leaves a sentence in store_error().
 */
#ifndef WEIR_STORE_STORE_H
#define WEIR_STORE_STORE_H

#include "base/arena.h"
#include "model/request.h"
#include "proto/batch.h"

struct store;

#define ARRIVAL_TRACES_MAX 1024 /* named by one row of weir.arrival */

enum store_result {
    STORE_OK,
    STORE_DUPLICATE, /* was stored before */
    STORE_REFUSED,   /* the data cannot be stored; sending it again would not help */
    STORE_AWAY       /* Postgres does not answer or is restarting; try again later */
};

/* Connects. dsn is libpq's; session settings (search_path, timezone, application_name) are set here. Never NULL unless
 * out of memory; when Postgres is away the first use tries again. */
struct store *store_new(const char *dsn);
void store_free(struct store *store);
/* What the connection is called in pg_stat_activity from the next connect on; static. */
void store_set_name(struct store *store, const char *name);
const char *store_error(const struct store *store);

/* How many names one service may bring; further ones are folded into one (dictionary.h). One table: name, default, meaning. */
#define STORE_LIMITS(X)                                                                                      \
    X(services_max, 1000, "services with names of their own; further ones are one, (other services)")        \
    X(instances_max, 10000, "instances (resources) of a service; further ones are (other instances)")        \
    X(operations_max, 10000, "operations that a service brings; further ones are (other operations)")        \
    X(endpoints_max, 2000, "endpoints of a service, over its versions; further ones are (other endpoints)")  \
    X(sites_max, 10000, "call sites that a service brings; further ones are (other call sites)")

struct store_limits {
#define X(name, standard, meaning) uint64_t name;
    STORE_LIMITS(X)
#undef X
};
/* For all stores of the process; before any is made. */
void store_set_limits(const struct store_limits *limits);

/* Applies the migrations that are missing, under an advisory lock, each in a transaction of its own. STORE_REFUSED also
 * when the server is there and does not let us in. */
enum store_result store_migrate(struct store *store);

/* Which spans of a batch belong together: what storing needs of it before anything else, made beforehand by any thread, in the
 * arena, for one thread to use. NULL: out of arena, then storing makes its own. */
struct fragment_index;
const struct fragment_index *store_prepare(const struct batch *batch, struct arena *arena);

/* One batch of a group, and what became of it. */
struct store_batch {
    const struct batch *batch;
    const struct fragment_index *index; /* of store_prepare; may be NULL */
    int64_t received_unix_ns;           /* the collector's clock */
    enum store_result result;           /* STORE_OK: committed */
    uint32_t late_spans; /* not stored, as their days were dropped; of a batch that is stored */
    char why[256];       /* refused or away: in words, cut */
};

/* Stores batches of any producers in as few transactions as can be, which is one unless some of them were stored before
 * or cannot be stored: batch rows, producers' counters, fragments, and the row that names the traces for the analysis.
 * Each batch gets its own result; spans of days that were dropped are left out,
 * and a batch that has no others is refused. Returns STORE_AWAY when any of them is away (Postgres went in the middle), else STORE_OK. */
enum store_result store_write_group(struct store *store, struct store_batch *batches, size_t count);
/* A group of one; returns its result. */
enum store_result store_write_batch(struct store *store, const struct batch *batch, int64_t received_unix_ns);

/*
 * Claims a trace that has been quiet for quiet_ms, or whose root is missing and that has been quiet for
 * quiet_without_root_ms: nobody else gets it until store_write_contribution or store_write_failure ends with it, or
 * store_release or the end of the process gives it back. *found says whether there was one. The arena is emptied, and the
 * trace read into it, not assembled. STORE_REFUSED with *found: the trace cannot be read (a corrupt fragment, or larger
 * than the arena); it is claimed nevertheless, for store_write_failure. With STORE_AWAY nothing is claimed.
 *
 * Several traces share a transaction, so a contribution is committed when store_claim_trace finds no more, by
 * store_release, or earlier; one that is lost before is drawn again, as its trace is then still pending.
 */
enum store_result store_claim_trace(struct store *store, int64_t now_unix_ns, int64_t quiet_ms,
                                    int64_t quiet_without_root_ms, struct arena *arena, struct trace *trace,
                                    bool *found);
/* STORE_REFUSED: this contribution cannot be stored; the claim is given back. */
enum store_result store_write_contribution(struct store *store, const struct trace *trace,
                                           const struct analysis *analysis);
/* The claimed trace cannot be analysed: a contribution without requests says why, so that it is not tried again before
 * more of it comes. Ends the claim; also right after a store_write_contribution that was refused (which has given the
 * claim back). Does nothing when more of the trace has come since. */
enum store_result store_write_failure(struct store *store, const char *why);
void store_release(struct store *store);
/* When the last spans of the claimed trace came, unix. */
int64_t store_claim_seen_ns(const struct store *store);
/* Whether Postgres answers. STORE_OK or STORE_AWAY. */
enum store_result store_ping(struct store *store);

#endif
