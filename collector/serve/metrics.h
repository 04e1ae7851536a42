/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /metrics: what the collector counts since its start, in Prometheus' text format 0.0.4. From the table of counters.h: a name
 * with _refused_ in it is a family with the reason as its label. Asks no database, so it answers also while that is away. Runs
 * on a worker thread.
 */
#ifndef WEIR_SERVE_METRICS_H
#define WEIR_SERVE_METRICS_H

#include "base/buffer.h"

#include <stdint.h>

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

void metrics_render(struct buffer *out, int64_t now_unix_ns, int64_t started_unix_ns);

#endif
