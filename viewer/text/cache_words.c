/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/text/cache_words.h"

#include "viewer/text/endpoint_words.h"
#include "viewer/text/units.h"

static const char *const outcome_words[CACHE_OUTCOME_COUNT] = {
    [CACHE_ALL_HIT] = "hit",
    [CACHE_SOME_MISSED] = "hit in part",
    [CACHE_ALL_MISSED] = "missed",
};

static double requests_of(const struct cache_split split[CACHE_OUTCOME_COUNT])
{
    double requests = 0;
    for (unsigned i = 0; i < CACHE_OUTCOME_COUNT; i++) requests += (double)split[i].count;
    return requests;
}

bool cache_words_has(const struct cache_split split[CACHE_OUTCOME_COUNT]) { return requests_of(split) > 0; }

/* The first says of how many: 17 of 20 requests hit (85 %) */
static void count(struct words *words, const struct cache_split *outcome, const char *did, double requests,
                  bool is_first)
{
    words_add(words, units_count(outcome->count).text);
    if (is_first) {
        words_add(words, " of ");
        uint64_t all = requests < (double)UINT64_MAX ? (uint64_t)requests : UINT64_MAX;
        endpoint_words_number(words, all, "request", "requests");
    }
    words_printf(words, " %s", did);
    if (is_first) words_printf(words, " (%s)", units_share((double)outcome->count / requests).text);
}

void cache_words(struct words *words, const struct cache_split split[CACHE_OUTCOME_COUNT])
{
    double requests = requests_of(split);
    bool is_first = true;
    words_add(words, "Cache: ");
    for (unsigned i = 0; i < CACHE_OUTCOME_COUNT; i++) {
        const struct cache_split *outcome = &split[i];
        if (outcome->count == 0) continue;
        if (!is_first) words_add(words, "; ");
        count(words, outcome, outcome_words[i], requests, is_first);
        words_printf(words, "," WORDS_SPACE "p50" WORDS_SPACE "%s, ", units_duration(outcome->p50_ns).text);
        endpoint_words_calls(words, outcome->db_calls, outcome->http_calls, outcome->cache_calls);
        is_first = false;
    }
}
