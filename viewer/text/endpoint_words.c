/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/text/endpoint_words.h"

#include "viewer/text/units.h"

void endpoint_words_name(struct words *words, const struct endpoint_summary *endpoint)
{
    if (endpoint->name_is_shared) {
        words_name(words, endpoint->service);
        words_add(words, ":");
    }
    words_name(words, endpoint->endpoint);
}

void endpoint_words_service(struct words *words, struct str service, struct str version)
{
    words_name(words, service);
    if (version.len == 0) return;
    words_add(words, WORDS_SPACE);
    words_name(words, version);
}

void endpoint_words_number(struct words *words, uint64_t count, const char *one, const char *many)
{
    words_printf(words, "%s" WORDS_SPACE "%s", units_count(count).text, count == 1 ? one : many);
}

void endpoint_words_requests(struct words *words, const struct endpoint_summary *endpoint)
{
    if (endpoint_is_estimate(endpoint)) words_add(words, "about" WORDS_SPACE);
    endpoint_words_number(words, endpoint->count, "request", "requests");
}

void endpoint_words_calls(struct words *words, uint64_t db, uint64_t http, uint64_t cache)
{
    const struct {
        uint64_t count;
        const char *one, *many;
    } kinds[] = {{db, "query", "queries"},
                 {http, "HTTP" WORDS_SPACE "call", "HTTP" WORDS_SPACE "calls"},
                 {cache, "cache" WORDS_SPACE "call", "cache" WORDS_SPACE "calls"}};
    unsigned left = (db > 0) + (http > 0) + (cache > 0), written = 0;
    if (left == 0) words_add(words, "no" WORDS_SPACE "calls");
    for (unsigned i = 0; i < 3; i++) {
        if (kinds[i].count == 0) continue;
        if (written++) words_add(words, --left == 1 ? " and " : ", ");
        endpoint_words_number(words, kinds[i].count, kinds[i].one, kinds[i].many);
    }
}
