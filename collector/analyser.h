/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that turns quiet traces into contributions: claim, assemble, analyse, write, again. Any number of collectors
 * may do so on one database. What it has claimed when the process dies is given back by Postgres.
 */
#ifndef WEIR_COLLECTOR_ANALYSER_H
#define WEIR_COLLECTOR_ANALYSER_H

#include "collector/analysis/analysis.h"

struct analyser_options {
    const char *dsn;
    int64_t quiet_ms;              /* default 1000: no span has come for so long */
    int64_t quiet_without_root_ms; /* default 30000: the same while a parent is missing */
    struct analysis_settings settings;
};

struct analyser;

void analyser_options_default(struct analyser_options *options);
struct analyser *analyser_start(const struct analyser_options *options); /* NULL: no thread or no memory */
void analyser_stop(struct analyser *analyser);                           /* NULL is fine */

#endif
