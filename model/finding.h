/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A finding: one thing to repair at one endpoint. analysis/ makes them from one trace (requests == 1),
 * aggregate merges those of many requests, the store keeps them as JSON (model/finding_json.h), viewer/ words
 * them. Lies in an arena.
 */
#ifndef WEIR_MODEL_FINDING_H
#define WEIR_MODEL_FINDING_H

#include "model/span.h"

/*  name                     title in reports */
#define FINDING_KINDS(X)                                                                                     \
    X(n_plus_one_query, "N+1 query")                                                                         \
    X(n_plus_one_http, "N+1 HTTP")                                                                           \
    X(repeated_call, "repeated call")                                                                        \
    X(sequential_independent, "could run at once")

enum finding_kind {
#define X(name, title) FINDING_##name,
    FINDING_KINDS(X)
#undef X
        FINDING_KIND_COUNT
};

enum confidence { CONFIDENCE_POSSIBLE, CONFIDENCE_LIKELY, CONFIDENCE_PROVEN };

/* What was seen, in how many of how many occasions. One table: JSON name and the words of the report. */
/*  name                  words; %seen and %of are put in front by the renderer */
#define EVIDENCE_FACTS(X)                                                                                    \
    X(same_operation, "calls of one operation under one span")                                               \
    X(inputs_differ, "calls had an input of their own")                                                      \
    X(walks_rows, "inputs were the rows of the source, in order")                                            \
    X(same_input, "calls had the same input as an earlier one")                                              \
    X(same_answer, "of them got the same answer")                                                            \
    X(sent_before_read, "requests sent it before anything of the other's answer was read")                   \
    X(no_value_passed, "requests passed no value of the one's answer on to the other")                       \
    X(inputs_from_source, "requests took its whole input from an earlier answer")                            \
    X(same_connection, "requests used one connection for both")                                              \
    X(write_between, "requests wrote, or ran a transaction, among or between them")

enum evidence_fact {
#define X(name, words) EVIDENCE_##name,
    EVIDENCE_FACTS(X)
#undef X
        EVIDENCE_FACT_COUNT
};

struct evidence {
    enum evidence_fact fact;
    uint64_t seen, of;
};

#define FINDING_OPERATIONS_MAX 8
#define FINDING_EVIDENCE_MAX   8
#define FINDING_TRACES_MAX     5

struct finding_operation {
    enum operation_type type;
    struct str label; /* operation_label */
    struct str system;
    struct str text;
    uint32_t count;  /* calls in one request */
    int64_t cost_ns; /* what they took together */
};

struct finding {
    enum finding_kind kind;
    struct str service, service_version, endpoint;
    uint32_t operation_count;
    struct finding_operation operations[FINDING_OPERATIONS_MAX]; /* in order of time */
    struct finding_operation
        source; /* whose rows a loop walks, or whose answer all need; text empty: not known */
    bool has_source;
    uint32_t count;         /* calls in one request; the median over several */
    uint64_t requests;      /* how many show it */
    uint64_t requests_seen; /* of how many of this endpoint */
    uint64_t
        recorded; /* so many of those that show it were recorded; fewer than requests: that is an estimate.
                               0: all. Evidence is what was seen in those recorded */
    uint64_t sampling_threshold; /* of one request: with which it was sampled */
    int64_t request_ns;          /* the request's duration (median) */
    int64_t cost_ns;             /* time of the calls as they are */
    int64_t repaired_ns;         /* time of the calls after the repair */
    int64_t saving_ns;           /* by replay: what the request would be shorter */
    enum confidence confidence;
    uint32_t evidence_count;
    struct evidence evidence[FINDING_EVIDENCE_MAX];
    uint64_t input_hash; /* of one request: its later calls' inputs, so that differing ones can be counted; 0:
                            none */
    struct str advice;   /* one sentence */
    struct call_site site;
    uint32_t trace_count;
    unsigned char trace_ids[FINDING_TRACES_MAX][16]; /* newest first */
};

static inline bool finding_is_estimate(const struct finding *finding)
{
    return finding->recorded && finding->recorded < finding->requests;
}

/* What its repair would save over so many requests of its endpoint, if all of them are like those that were
 * looked at. */
int64_t finding_saving_total_ns(const struct finding *finding, uint64_t requests);

const char *finding_kind_name(enum finding_kind kind);   /* "n_plus_one_query" */
const char *finding_kind_title(enum finding_kind kind);  /* "N+1 query" */
const char *confidence_name(enum confidence confidence); /* "proven" */
const char *evidence_name(enum evidence_fact fact);
const char *evidence_words(enum evidence_fact fact);

#endif
