/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `weir status` shows, gathered: the collector's counters, what the store holds, who sends and what they
 * dropped. Runs on a worker thread; the result lies in the request's arena.
 */
#ifndef WEIR_SERVE_STATUS_H
#define WEIR_SERVE_STATUS_H

#include "collector/serve/pages.h"

/* STORE_AWAY as from the store; STORE_REFUSED also when the arena is exhausted. */
enum store_result status_gather(const struct page_request *request, struct status_view *view);

#endif
