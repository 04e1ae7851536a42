/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this folder share: the connection, how a statement is sent and how its failure is told. A statement's
 * parameters and results are binary (binary.h). Everything belongs to the store's one thread.
 */
#ifndef WEIR_STORE_CONNECTION_H
#define WEIR_STORE_CONNECTION_H

#include "collector/store/binary.h"
#include "collector/store/dictionary.h"
#include "collector/store/name_cache.h"
#include "collector/store/partition.h"
#include "collector/store/prefetch.h"
#include "collector/store/store.h"

#include <libpq-fe.h>

#define STORE_ERROR_TEXT_BYTES 512

/* Statements that this connection has prepared, known by the address of their text: all are static. */
#define PREPARED_MAX 32
struct prepared {
    const char *sql[PREPARED_MAX];
    int count;
};

/* The traces that the present claim holds (claim.c). */
#define CLAIMS_MAX 4096
struct claimed {
    unsigned char trace_id[16];
    int64_t last_seen_ns;
    int64_t due_ns; /* not 0: looked at too early, to be looked at again then */
    bool arrived;   /* named by a row of weir.arrival, not of weir.pending */
};

struct claims {
    bool open;         /* in a transaction that holds the rows */
    bool at_hand;      /* the trace before `next` is being looked at */
    int64_t opened_ns; /* monotonic */
    unsigned count, next, limit;
    struct claimed traces[CLAIMS_MAX];
    int64_t arrival_ids[CLAIMS_MAX]; /* the rows that go when the claim ends */
    unsigned arrival_count;
    int64_t arrival_received_ns; /* of the newest of them */
};

struct store {
    char *dsn;
    const char *name;   /* application_name */
    PGconn *connection; /* NULL: never connected */
    char error[STORE_ERROR_TEXT_BYTES];
    char sqlstate[6]; /* of the last failure; "" when the connection itself failed */
    char table[64];   /* the table it names */
    struct dictionary dictionaries[DICTIONARY_COUNT];
    int32_t other_services_id; /* 0: no service was folded */
    struct partition_cache partitions;
    struct prepared prepared;
    struct arena scratch;    /* emptied by each group of batches and each contribution */
    struct arena row;        /* one fragment at a time */
    struct buffer statement; /* text of a composed statement */
    struct buffer copy;      /* rows for COPY */
    struct claims claims;
    struct prefetch prefetch;                      /* of the claim's next traces */
    struct name_cache operation_names, site_names; /* by number */
    struct claimed claimed;                        /* the trace at hand */
    uint32_t claimed_fragments;
    int64_t names_forgotten_day; /* since 1970; 0: no look at names yet (forget.c) */
};

/* Connects when there is no working connection. STORE_OK or STORE_AWAY. */
enum store_result store_connect(struct store *store);

/* Parameters of a statement, in order; store_query frees them. At most PARAMETERS_MAX. */
#define PARAMETERS_MAX 24
struct sql_parameters {
    int count;
    Oid types[PARAMETERS_MAX];
    size_t offsets[PARAMETERS_MAX];
    int lengths[PARAMETERS_MAX]; /* -1: NULL */
    struct buffer bytes;
};

void sql_parameters_init(struct sql_parameters *parameters);
void sql_parameters_fini(struct sql_parameters *parameters);
void parameter_i32(struct sql_parameters *parameters, int32_t value);
void parameter_i64(struct sql_parameters *parameters, int64_t value);
void parameter_text(struct sql_parameters *parameters, struct str text); /* must be clean: text.h */
void parameter_bytes(struct sql_parameters *parameters, struct str bytes);
void parameter_jsonb(struct sql_parameters *parameters, struct str json);
void parameter_uuid(struct sql_parameters *parameters, const unsigned char id[16]);
void parameter_i32_array(struct sql_parameters *parameters, const int32_t *values, size_t count);
void parameter_i64_array(struct sql_parameters *parameters, const int64_t *values, size_t count);
void parameter_bool_array(struct sql_parameters *parameters, const bool *values, size_t count);
void parameter_text_array(struct sql_parameters *parameters, const struct str *texts, size_t count,
                          size_t stride);
void parameter_uuid_array(struct sql_parameters *parameters, const unsigned char *ids, size_t count);
void parameter_null(struct sql_parameters *parameters, Oid type);

/* One statement, whose text is static (it is prepared once a connection); its rows are binary. *result is the caller's to PQclear, and NULL unless STORE_OK. parameters may be
 * NULL. Ends the parameters in any case. */
enum store_result store_query(struct store *store, const char *sql, struct sql_parameters *parameters,
                              PGresult **result);

/* The same for answers of any size: rows come and go one by one, each as a result of one row that lives for the call, unless it is kept. */
typedef bool store_take_row(void *context, PGresult *row); /* true: it has kept the row */
enum store_result store_query_rows(struct store *store, const char *sql, struct sql_parameters *parameters,
                                   store_take_row *take, void *context);

/* One or several statements without parameters or interesting results. */
enum store_result store_run(struct store *store, const char *sql);

/* The trace at hand is done; commits unless the claim holds more. And: claims the same trace once more, alone, after it
 * was given back, unless more of it has come since (claim.c). */
enum store_result store_end_claim(struct store *store);
enum store_result store_claim_again(struct store *store, bool *found);

/* Sets the error text and sorts the failure of the last result (may be NULL) into outage and bad input. */
enum store_result store_failed(struct store *store, const PGresult *result);
/* A failure that this program found itself. */
enum store_result store_refuse(struct store *store, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
