/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose answer did a call need? For each request the latest answer of each of its operations is kept as hashes (first
 * rows of first columns), and the inputs of each call are looked for among them when the call is sent:
 *
 *   LINK_SEQUENCE  the calls of one operation walk down one column of an earlier answer: call k repeats row k. Call 0
 *                  keeps every column that begins with one of its inputs; each following call keeps those of them that go
 *                  on with its own input at the same place. What survives is sent, best first: columns that go on, of
 *                  different answers, the latest first. Accidents die within a few rows; who reads the links trusts only
 *                  whole runs with as many calls as the answer has rows. When a run breaks, the next call that begins
 *                  a column begins a new run ("for each order: its items").
 *   LINK_LIST      a list of at least 5 values repeats a column, in order, as long as the answer has rows.
 *   LINK_VALUE     one value that is no accident stands in an earlier answer.
 *
 * Never a source: a column that only repeats the inputs of its own call (an answer that echoes its question), and for
 * LINK_VALUE what already stood in the inbound request. One answer per operation, so that a loop of thousands cannot
 * push out the answer that it walks. Belongs to one thread. Nothing is allocated; all tables are bounded, and reset by
 * numbers rather than by clearing.
 */
#ifndef WEIR_SDK_CORE_EVIDENCE_H
#define WEIR_SDK_CORE_EVIDENCE_H

#include "model/span.h"
#include "sdk/core/values.h"

#define EVIDENCE_OPERATIONS 64
#define EVIDENCE_COLUMNS    16
#define EVIDENCE_ROWS       32
#define EVIDENCE_INPUTS     32 /* looked for in sequences */
#define EVIDENCE_CANDIDATES 16
#define EVIDENCE_LINKS      8 /* most links of one call */
#define EVIDENCE_TARGETS    64

struct answer_column {
    uint64_t name;  /* tells columns of a JSON body apart */
    uint32_t count; /* values in all; the first EVIDENCE_ROWS are kept */
    bool echo;
    uint64_t value[EVIDENCE_ROWS]; /* value_hash; 0: NULL */
};

struct evidence_candidate {
    uint64_t version;
    uint8_t slot, column, input;
};

struct evidence_run {
    uint32_t next; /* row that the next call of the operation would repeat; 0: no run */
    uint32_t candidate_count;
    uint64_t began; /* evidence.clock when the run began */
    struct evidence_candidate candidates[EVIDENCE_CANDIDATES];
};

struct evidence_slot {
    const void *operation;
    uint64_t version; /* number of the answer, growing; 0: none yet */
    uint64_t used_at; /* who goes first when room is needed */
    uint64_t span_id;
    uint32_t column_count;
    struct evidence_run run;
    struct bloom inputs; /* of the call that was answered */
    struct answer_column columns[EVIDENCE_COLUMNS];
};

/* A request's part of the table. A request inside another one takes its slots behind the outer one's. */
struct evidence_frame {
    uint32_t base, used, target_base, target_count;
    bool is_part; /* the request has answers that are not in here: other threads', or of other turns */
};

struct evidence {
    struct evidence_frame frame;
    uint64_t clock; /* counts sends and answers: versions and used_at */
    uint64_t targets[EVIDENCE_TARGETS];
    struct evidence_slot slots[EVIDENCE_OPERATIONS];
};

/* Zeroed memory is a valid struct evidence. */
struct evidence_frame evidence_request_begin(struct evidence *evidence); /* returns what _end wants back */
void evidence_request_end(struct evidence *evidence, struct evidence_frame outer);

/* A value of the inbound request. */
void evidence_target(struct evidence *evidence, uint64_t hash);

/* The call is sent: returns how many links it has. operation is compared by address. */
uint32_t evidence_send(struct evidence *evidence, const void *operation, const struct inputs *inputs,
                       struct link links[EVIDENCE_LINKS]);

/* Its answer: replaces the operation's former one. Fill the columns, then call evidence_answer_end. */
struct evidence_slot *evidence_answer(struct evidence *evidence, const void *operation, uint64_t span_id);
void evidence_column_add(struct answer_column *column, uint64_t hash);
void evidence_answer_end(struct evidence_slot *slot, const struct inputs *inputs);

#endif
