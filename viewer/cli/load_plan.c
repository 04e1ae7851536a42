/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/load_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* splitmix64 (Steele, Lea, Flood 2014): one addition and a finaliser, good from any seed */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* 0..limit-1; limit is far below 2^64, so the modulo's bias is nothing. */
static size_t pick(uint64_t *state, size_t limit) { return (size_t)(next_random(state) % limit); }

static void plan_in_turn(struct load_plan *plan, uint64_t id_count)
{
    for (size_t i = 0; i < plan->count; i++) {
        plan->requests[i] = (struct load_request){.id = (uint32_t)(i % id_count), .is_repeat = i >= id_count};
        plan->repeats += i >= id_count;
    }
}

/* Puts so many repeats behind fresh ones, and shuffles (Fisher and Yates) all from `from` on. */
static void shuffle_kinds(struct load_plan *plan, size_t from, uint64_t *state)
{
    for (size_t i = 0; i < plan->count; i++) plan->requests[i].is_repeat = i >= plan->count - plan->repeats;
    for (size_t i = plan->count; i > from + 1; i--) {
        size_t other = from + pick(state, i - from);
        bool kept = plan->requests[i - 1].is_repeat;
        plan->requests[i - 1].is_repeat = plan->requests[other].is_repeat;
        plan->requests[other].is_repeat = kept;
    }
}

static bool plan_hits(struct load_plan *plan, const struct load_mix *mix, uint64_t id_count,
                      char error[LOAD_ERROR_BYTES])
{
    bool is_first_fresh = mix->warm == 0;
    plan->repeats = (size_t)((double)plan->count * mix->hit_rate + 0.5);
    if (is_first_fresh && plan->repeats == plan->count) plan->repeats--;
    size_t fresh = plan->count - plan->repeats, needed = mix->warm + fresh;
    if (needed > id_count) {
        snprintf(error, LOAD_ERROR_BYTES,
                 "%zu ids are needed, %zu to warm and %zu fresh ones, and the URLs name %" PRIu64
                 ": widen a range, or ask for fewer requests or a higher hit rate",
                 needed, mix->warm, fresh, id_count);
        return false;
    }
    uint64_t state = mix->seed;
    size_t known = mix->warm;
    shuffle_kinds(plan, is_first_fresh, &state);
    for (size_t i = 0; i < plan->count; i++) {
        struct load_request *request = &plan->requests[i];
        request->id = (uint32_t)(request->is_repeat ? pick(&state, known) : known++);
    }
    return true;
}

bool load_plan_make(struct load_plan *plan, const struct load_mix *mix, uint64_t id_count,
                    char error[LOAD_ERROR_BYTES])
{
    *plan = (struct load_plan){.count = mix->requests};
    plan->requests = calloc(mix->requests, sizeof *plan->requests);
    if (!plan->requests) {
        snprintf(error, LOAD_ERROR_BYTES, "no memory for %zu requests", mix->requests);
        return false;
    }
    if (mix->hit_rate >= 0) return plan_hits(plan, mix, id_count, error);
    plan_in_turn(plan, id_count);
    return true;
}

void load_plan_fini(struct load_plan *plan)
{
    free(plan->requests);
    *plan = (struct load_plan){0};
}
