/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/answers.h"

#include "base/clock.h"
#include "collector/counters.h"

static void add_to(_Atomic uint64_t *counter, uint64_t value)
{
    atomic_fetch_add_explicit(counter, value, memory_order_relaxed);
}

static struct reply refused(_Atomic uint64_t *counter, const char *reason)
{
    add_to(counter, 1);
    counters_note_refusal(clock_unix_ns(), reason);
    return (struct reply){.status = REPLY_REFUSED, .reason = str_of(reason)};
}

struct reply answer_undecoded(const struct batch *batch, const char *why)
{
    bool newer = batch_is_newer(batch);
    return refused(newer ? &counters.batches_refused_version : &counters.batches_refused_malformed, why);
}

struct reply answer_stored(const struct store_batch *stored)
{
    if (stored->result != STORE_DUPLICATE) add_to(&counters.spans_refused_late, stored->late_spans);
    if (stored->result == STORE_REFUSED) return refused(&counters.batches_refused_store, stored->why);
    if (stored->result == STORE_DUPLICATE) {
        add_to(&counters.batches_duplicate, 1);
    } else {
        add_to(&counters.batches_stored, 1);
        uint32_t spans = stored->batch->span_count - stored->late_spans;
        add_to(&counters.spans_stored, spans);
        counters_note_stored(clock_monotonic_ns() / NS_PER_S, spans);
    }
    return (struct reply){.status = REPLY_STORED};
}

struct reply answer_retry(const char *why, uint32_t retry_after_ms)
{
    add_to(&counters.batches_retried, 1);
    return (struct reply){.status = REPLY_RETRY, .reason = str_of(why), .retry_after_ms = retry_after_ms};
}
