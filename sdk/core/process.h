/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the threads of a process share: whether tracing runs, the key of the hashes, the list of threads, and the counters
 * that are nobody's own. One static object, valid from the start of the program to its end.
 *
 * live_epoch's release store (weir_init) pairs with the acquire load in thread_attach: a thread that sees the epoch sees
 * the settings. It is 0 while tracing is off, and a new number after each weir_init and each fork.
 */
#ifndef WEIR_SDK_CORE_PROCESS_H
#define WEIR_SDK_CORE_PROCESS_H

#include "base/hash.h"
#include "proto/drop_reason.h"
#include "sdk/core/sampler.h"
#include "sdk/core/span_limits.h"

#include <weir/weir.h>

#include <pthread.h>
#include <stdatomic.h>

struct thread_state;

struct process {
    /* What each span reads, and what is written now and then, lie on cache lines of their own. */
    _Alignas(64) _Atomic uint32_t live_epoch;
    _Atomic bool exporter_missing; /* after a fork: the child's first span starts its exporter */
    _Atomic bool evidence;         /* WEIR_EVIDENCE */
    _Atomic uint32_t ring_bytes;   /* of threads that come from now on */
    _Atomic uint32_t propagators;  /* OTEL_PROPAGATORS: PROPAGATE_… of settings.h */
    struct span_limits limits;     /* OTEL_SPAN_EVENT_COUNT_LIMIT and so on */
    struct hash_key key;           /* made once, before the first epoch */
    struct sampler sampler;

    _Alignas(64) _Atomic(struct thread_state *)
        threads; /* newest first; a release push pairs with acquire walks */
    _Atomic uint32_t thread_count;
    _Atomic uint64_t connections; /* numbers given out */

    /* Counters that no thread owns. `accounting` makes what the exporter moves from one to another move at once for
     * weir_stats; the span path never takes it. */
    pthread_mutex_t accounting;
    _Atomic uint64_t created; /* not counted by a thread: no memory, in a handler, forked */
    _Atomic uint64_t dropped[DROP_REASON_COUNT]; /* likewise, and refused, shutdown */
    _Atomic uint64_t attributes_dropped;         /* not by a thread: in a handler */
    uint64_t acknowledged, in_batch;             /* under accounting */
    uint64_t batches_sent, batches_resent;       /* under accounting */
};

extern struct process weir_process;

/* 0: tracing is off. lifecycle.c alone calls it. */
void process_set_epoch(uint32_t epoch);

/* lifecycle.c: starts the exporter of a forked child, once. False: tracing ends there. */
bool process_start_exporter(void);

/* All counters, the threads' included. Takes accounting. */
void process_stats(struct weir_stats *stats);
/* Likewise with accounting held. */
void process_stats_locked(struct weir_stats *stats);
uint64_t process_dropped_locked(enum drop_reason reason);

/* Requests that were not recorded; those that the sampler refused, with or without its limit. No lock. */
uint64_t process_sampled_away(enum sampled_away by);
uint64_t process_sampler_refused(void);

#endif
