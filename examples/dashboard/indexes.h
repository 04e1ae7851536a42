/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The six indexes that the case study found missing: the stages `indexed` and `cached` have them, the earlier
 * ones have not, and --setup makes or drops them before the service starts.
 *
 * Two services on one database cannot disagree about them. Each holds, on a connection of its own and for as
 * long as it lives, an advisory lock that says which of the two it relies on; one that would have to change
 * the tables under another is refused. Services that agree run side by side.
 */
#ifndef WEIR_EXAMPLES_DASHBOARD_INDEXES_H
#define WEIR_EXAMPLES_DASHBOARD_INDEXES_H

#include <stdbool.h>

/*
 * Makes the indexes or drops them; quick where that is done already. Called by main before the service starts.
 * False, said on stderr: the database is out of reach, or a service runs on it that needs it otherwise. What it
 * holds goes with the process.
 */
bool indexes_prepare(const char *dsn, bool wanted);

extern const char dashboard_indexes_sql[];    /* indexes.sql */
extern const char dashboard_no_indexes_sql[]; /* no_indexes.sql */

#endif
