/* SPDX-License-Identifier: Apache-2.0 */
/* What a sender is told of its batch, and counting that it was. Any thread; reasons are borrowed for the reply's life. */
#ifndef WEIR_COLLECTOR_ANSWERS_H
#define WEIR_COLLECTOR_ANSWERS_H

#include "collector/store/store.h"

struct reply answer_undecoded(const struct batch *batch, const char *why);
/* For what the store made of it: stored, or refused with the store's reason. Not for STORE_AWAY. */
struct reply answer_stored(const struct store_batch *stored);
/* Nothing can take it now. */
struct reply answer_retry(const char *why, uint32_t retry_after_ms);

#endif
