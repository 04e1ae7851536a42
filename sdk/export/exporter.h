/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one thread of libweir: empties the rings of all threads into batches and has an output (output.h) deliver them, one
 * unsettled batch at a time. A batch whose fate nobody knows is delivered again, the same bytes with the same number, until
 * it is stored or refused or the shutdown's deadline passes; meanwhile spans stay in their rings. All its waiting has
 * deadlines; only what an output says may block (the resolver) may keep it longer, and then it is left behind.
 *
 * lifecycle.c starts and stops it, one at a time, and names the settings, which live as long as it does.
 */
#ifndef WEIR_SDK_EXPORT_EXPORTER_H
#define WEIR_SDK_EXPORT_EXPORTER_H

#include "sdk/core/settings.h"
#include "sdk/export/output.h"

#include <stdbool.h>
#include <stdint.h>

/* Which batches are whose: goes on over weir_shutdown and weir_init, and begins anew in the child of a fork. */
struct producer {
    uint64_t id;
    uint64_t sequence; /* of the last batch made */
};

struct exporter;

/* Starts the thread; settings and producer are borrowed, the settings until a stop that leaves the thread behind gives
 * them to it. NULL: no thread, no memory or no descriptor. */
struct exporter *exporter_start(struct settings *settings, const struct weir_output *output,
                                struct producer *producer);

/* How a stop went. */
enum exporter_end {
    EXPORTER_ENDED, /* the exporter is freed, the rings are empty */
    EXPORTER_LEFT_BEHIND, /* the resolver keeps the thread; it ends by itself, touches no ring, and frees the settings */
    EXPORTER_STUCK /* the system does not let it run: it may still be at the rings, so there can be no other one */
};

/* Sends what is in the rings, until deadline_ns (clock_monotonic_ns) at most; what is left is counted as dropped. Returns
 * a second after the deadline at the latest. */
enum exporter_end exporter_stop(struct exporter *exporter, int64_t deadline_ns);

/* In the child of a fork, where the thread does not exist: closes the child's copies of its descriptors. The memory stays:
 * nobody knows what the thread was doing with it. */
void exporter_after_fork(struct exporter *exporter);

#endif
