/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/span_sampling.h"

#include "sdk/core/tracestate.h"

static const struct str ot_key = STR(OT_KEY);

static void set_sampled(struct span_slot *slot, uint64_t threshold)
{
    slot->sampled = threshold == 0               ? SPAN_SAMPLED_ALL
                    : threshold < RANDOMNESS_ALL ? SPAN_SAMPLED_SOME
                                                 : SPAN_SAMPLED_PLAIN;
    slot->threshold = threshold;
    slot->record.has_threshold = slot->sampled == SPAN_SAMPLED_SOME;
}

void span_sampling_set(struct thread_state *thread, struct span_slot *slot, struct sampling sampling)
{
    if (sampling.sampled) {
        set_sampled(slot, sampling.threshold);
        return;
    }
    slot->sampled = SPAN_SAMPLED_NOT;
    thread_count_up(&thread->sampled_away[sampling.away]);
}

static struct str ot_value(const struct carried *carried)
{
    return tracestate_get(str_view(carried->tracestate, carried->tracestate_bytes), ot_key);
}

void span_sampling_adopt(struct thread_state *thread, struct span_slot *slot, struct carried *carried,
                         bool parent_sampled)
{
    struct str before = ot_value(carried);
    const struct sampling_parent parent = {parent_sampled, ot_state_read(before)};
    struct sampling sampling = sampler_ask_child(&weir_process.sampler, &parent, slot->record.trace_id[1]);
    span_sampling_set(thread, slot, sampling);
    char to[OT_VALUE_MOST];
    size_t len = ot_state_write(to, before, sampling.threshold);
    if (len || before.len)
        carried->tracestate_bytes = (uint16_t)tracestate_set(carried->tracestate, carried->tracestate_bytes,
                                                             ot_key, str_view(to, len));
}

void span_sampling_go_on(struct span_slot *slot, const struct carried *carried, bool sampled)
{
    slot->sampled = SPAN_SAMPLED_NOT;
    if (sampled) set_sampled(slot, ot_state_read(ot_value(carried)).threshold);
}

size_t span_sampling_own_state(const struct span_slot *slot, char to[WEIR_TRACESTATE_BYTES])
{
    char value[OT_VALUE_MOST];
    bool is_known = slot->sampled == SPAN_SAMPLED_ALL || slot->sampled == SPAN_SAMPLED_SOME;
    uint64_t threshold = slot->sampled == SPAN_SAMPLED_SOME ? slot->threshold : 0;
    to[0] = 0;
    if (!is_known) return 0;
    return tracestate_set(to, 0, ot_key, str_view(value, ot_state_write(value, str_view("", 0), threshold)));
}
