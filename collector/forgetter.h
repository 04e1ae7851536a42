/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that has old days, old rows and unused names forgotten (store/forget.h), a look every forget_interval_ms. Any number
 * of collectors on one database may have one: they take turns. What fails is tried again at the next look. */
#ifndef WEIR_COLLECTOR_FORGETTER_H
#define WEIR_COLLECTOR_FORGETTER_H

#include "collector/store/forget.h"

struct forgetter;

struct forgetter *forgetter_start(const char *dsn,
                                  const struct forget_settings *settings); /* NULL: no thread or no memory */
void forgetter_stop(struct forgetter *forgetter);                          /* NULL is fine */

#endif
