/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one thread of libweir: empties the rings of all threads into batches and has an output (output.h) deliver them, one
 * unsettled batch at a time. A batch whose fate nobody knows is delivered again, the same bytes with the same number, until
 * it is stored or refused or the shutdown's deadline passes; meanwhile spans stay in their rings. All its waiting has
 * deadlines; only what an output says may block (the resolver) may keep it longer, and then it is left behind.
 *
 * In the child of a fork there is no thread, and nobody knows what it was doing with its memory: that stays as it is.
 *
 * lifecycle.c starts and stops it, one at a time, and names the settings, which live as long as it does.
 */
#ifndef WEIR_SDK_EXPORT_EXPORTER_H
#define WEIR_SDK_EXPORT_EXPORTER_H

#include "proto/drop_reason.h"
#include "proto/sampled_away.h"
#include "sdk/core/event.h"
#include "sdk/core/settings.h"
#include "sdk/export/output.h"

#include <stdbool.h>
#include <stdint.h>

/* Which batches are whose: goes on over weir_shutdown and weir_init, and begins anew in the child of a fork. */
struct producer {
    uint64_t id;
    uint64_t sequence;                   /* of the last batch made, */
    uint64_t dropped[DROP_REASON_COUNT]; /* and what it told of */
    uint64_t sampled_away[SAMPLED_AWAY_COUNT];
};

struct exporter;

/* Starts the thread; settings, producer and ended are borrowed, the settings until a stop that leaves the thread behind
 * gives them to it. ended is set when the thread is done with everything that it shares. NULL: no thread or no memory. */
struct exporter *exporter_start(struct settings *settings, const struct weir_output *output,
                                struct producer *producer, struct event *ended);

/* How a stop went. */
enum exporter_end {
    EXPORTER_ENDED, /* the exporter is freed, the rings are empty */
    EXPORTER_LEFT_BEHIND, /* the resolver keeps the thread; it ends by itself, touches no ring, and frees the settings */
    EXPORTER_STUCK /* the system does not let it run: it may still be at the rings, so there can be no other one */
};

/* Sends what is in the rings, until deadline_ns (clock_monotonic_ns) at most; what is left is counted as dropped. Returns
 * a second after the deadline at the latest. */
enum exporter_end exporter_stop(struct exporter *exporter, int64_t deadline_ns);

/* Likewise where nothing comes after it but the end of the process: whoever waits for `ended` need not come back here.
 * Waits 0.1 s more for the thread to end, so that nothing of it runs while libraries take themselves apart. Takes no lock and
 * frees nothing, since a signal handler may have interrupted anything to call exit. */
void exporter_stop_last(struct exporter *exporter, int64_t deadline_ns);

/* In the child of a fork: the thread does not exist, its memory is kept where leak checkers find it. */
void exporter_abandon(struct exporter *exporter);

#endif
