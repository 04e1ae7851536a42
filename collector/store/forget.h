/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes, so that the database stays as large as it is allowed to be. Spans go by whole days, the oldest first: a
 * partition is dropped in milliseconds, and spans of that day are refused from then on. Contributions (what reports are
 * made of) stay longer. Rows of batches stay as long as anybody may send the batch again: as long as a spool keeps it
 * (--spool-age-max-s), and longer than any SDK does. Rows of producers go with them. A name goes once nothing that is kept
 * can have been written with it: its last use lies NAMES_SPARE_DAYS before the oldest that is kept.
 *
 * One collector at a time forgets; the others skip their turn. The present day is never dropped. Belongs to the thread of
 * its store.
 */
#ifndef WEIR_STORE_FORGET_H
#define WEIR_STORE_FORGET_H

#include "collector/store/store.h"

/* One table: name, default, meaning. */
#define FORGET_SETTINGS(X)                                                                                   \
    X(keep_spans_days, 14, "spans are kept so many days, and the present one; 0: for ever")                  \
    X(keep_spans_bytes_max, 17179869184,                                                                     \
      "beyond this size of all spans in the database their oldest day goes, never the present; 0: no limit") \
    X(keep_reports_days, 90, "what reports are made of is kept so many days; 0: for ever")                   \
    X(keep_batches_days, 7,                                                                                  \
      "that a batch was stored is known so long; longer than a spool may lie anywhere (--spool-age-max-s)")  \
    X(forget_interval_ms, 60000, "between two looks for what is to be forgotten")

struct forget_settings {
#define X(name, standard, meaning) uint64_t name;
    FORGET_SETTINGS(X)
#undef X
};

#define FORGET_DAYS_MAX 4096 /* partitions looked at */

struct kept_day {
    int64_t day; /* since 1970 */
    uint64_t bytes;
};

/* Days before the one returned go; 0: none. days are in order. Pure. */
int64_t forget_before(const struct kept_day *days, size_t count, int64_t today,
                      const struct forget_settings *settings);

struct forgotten {
    bool busy;      /* another collector is at it, or a long query was in the way: come again soon */
    bool over_size; /* also without all days but the present one */
    bool more;      /* rows are left to be deleted */
    uint64_t days, traces, batches, producers, names;
};

/* One turn: days, then a part of the rows that are old. */
enum store_result store_forget(struct store *store, int64_t now_unix_ns,
                               const struct forget_settings *settings, struct forgotten *forgotten);

#endif
