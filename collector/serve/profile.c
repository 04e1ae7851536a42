/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/serve/profile.h"

#include "collector/analysis/profile.h"
#include "collector/analysis/requests.h"

#include <stdlib.h>

#define TRACE_MEMORY_BYTES ((size_t)256 << 20)

/* ---- of an endpoint ---- */

struct reading {
    const struct page_request *request;
    struct arena scratch; /* the trace at hand */
    struct trace trace;
    struct profile_note *notes;
    bool is_read; /* the trace is assembled, its notes are made */
};

static const struct span *find_request(const struct trace *trace, uint64_t span_id)
{
    for (size_t i = 0; i < trace->span_count; i++) {
        if (trace->spans[i].id == span_id && starts_request(&trace->spans[i])) return &trace->spans[i];
    }
    return NULL;
}

/* A trace that cannot be read (gone since, corrupt, too large) is left out: the profile says over how many
 * requests it is. */
static enum store_result read_one(struct reading *reading, const struct request_place *place)
{
    if (reading->is_read && memcmp(reading->trace.id, place->trace_id, 16) == 0) return STORE_OK;
    bool found = false;
    arena_reset(&reading->scratch);
    reading->is_read = false;
    enum store_result result =
        read_trace(reading->request->store, place->trace_id, &reading->scratch, &reading->trace, &found);
    if (result == STORE_AWAY) return result;
    if (result != STORE_OK || !found || !trace_assemble(&reading->trace, &reading->scratch)) return STORE_OK;
    reading->notes = profile_notes(&reading->trace, &reading->scratch);
    reading->is_read = reading->notes != NULL;
    return STORE_OK;
}

static enum store_result add_newest(struct reading *reading, const struct newest_requests *endpoint,
                                    struct profile_builder *builder)
{
    for (uint32_t i = 0; i < endpoint->newest_count; i++) {
        if (profile_span_count(builder) >= PROFILE_SPANS_MAX) break;
        enum store_result result = read_one(reading, &endpoint->newest[i]);
        if (result != STORE_OK) return result;
        const struct span *span =
            reading->is_read ? find_request(&reading->trace, endpoint->newest[i].span_id) : NULL;
        if (span && !profile_add(builder, &reading->trace, reading->notes, span, span_weight(span)))
            return STORE_REFUSED;
    }
    return STORE_OK;
}

static enum store_result profile_one(struct reading *reading, const struct newest_requests *endpoint,
                                     struct profile *profile)
{
    struct profile_builder *builder = profile_begin(reading->request->arena);
    if (!builder) return STORE_REFUSED;
    enum store_result result = add_newest(reading, endpoint, builder);
    if (result != STORE_OK) return result;
    if (!profile_end(builder, profile)) return STORE_REFUSED;
    profile->service = endpoint->service;
    profile->service_version = endpoint->service_version;
    profile->endpoint = endpoint->endpoint;
    profile->name_is_shared = endpoint->name_is_shared;
    profile->requests_seen = endpoint->recorded;
    profile->requests_estimated = endpoint->count;
    return STORE_OK;
}

enum store_result profile_newest(const struct page_request *request, const struct request_filter *filter,
                                 struct profiles *profiles)
{
    struct newest_requests *endpoints;
    uint32_t count;
    *profiles = (struct profiles){0};
    enum store_result result =
        read_newest(request->store, filter, PROFILE_REQUESTS_MAX, request->arena, &endpoints, &count);
    if (result != STORE_OK) return result;
    profiles->left_out = count > PROFILE_ENDPOINTS_MAX ? count - PROFILE_ENDPOINTS_MAX : 0;
    count -= profiles->left_out;
    profiles->at = arena_array(request->arena, count, sizeof *profiles->at);
    if (!profiles->at) return STORE_REFUSED;
    struct reading reading = {.request = request};
    arena_init(&reading.scratch, TRACE_MEMORY_BYTES);
    for (; result == STORE_OK && profiles->count < count; profiles->count += result == STORE_OK)
        result = profile_one(&reading, &endpoints[profiles->count], &profiles->at[profiles->count]);
    arena_fini(&reading.scratch);
    return result;
}

/* ---- of one trace ---- */

static int compare_text(struct str a, struct str b)
{
    int order = memcmp(a.data ? a.data : "", b.data ? b.data : "", a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_endpoint(const void *left, const void *right)
{
    const struct span *a = *(const struct span *const *)left, *b = *(const struct span *const *)right;
    int order = compare_text(a->operation->text, b->operation->text);
    if (order == 0) order = compare_text(a->resource->service_name, b->resource->service_name);
    return order ? order : compare_text(a->resource->service_version, b->resource->service_version);
}

static int most_time_first(const void *left, const void *right)
{
    const struct profile *a = left, *b = right;
    if (a->total_ns != b->total_ns) return a->total_ns > b->total_ns ? -1 : 1;
    return compare_text(a->service, b->service);
}

static const struct span **requests_of(const struct trace *trace, struct arena *arena, size_t *count)
{
    const struct span **requests = arena_array(arena, trace->span_count, sizeof *requests);
    *count = 0;
    for (size_t i = 0; requests && i < trace->span_count; i++)
        if (starts_request(&trace->spans[i])) requests[(*count)++] = &trace->spans[i];
    if (*count > 1) qsort(requests, *count, sizeof *requests, by_endpoint);
    return requests;
}

static bool profile_some(struct arena *arena, const struct trace *trace, struct profile_note *notes,
                         const struct span *const *requests, size_t count, struct profile *profile)
{
    struct profile_builder *builder = profile_begin(arena);
    if (!builder) return false;
    for (size_t i = 0; i < count; i++) {
        if (!profile_add(builder, trace, notes, requests[i], 1)) return false; /* it alone is meant */
    }
    if (!profile_end(builder, profile)) return false;
    profile->service = requests[0]->resource->service_name;
    profile->service_version = requests[0]->resource->service_version;
    profile->endpoint = requests[0]->operation->text;
    profile->requests_seen = count;
    profile->requests_estimated = count;
    return true;
}

bool profile_trace(struct arena *arena, struct trace *trace, struct profiles *profiles)
{
    size_t count;
    *profiles = (struct profiles){0};
    if (!trace_assemble(trace, arena)) return false;
    struct profile_note *notes = profile_notes(trace, arena);
    const struct span **requests = requests_of(trace, arena, &count);
    profiles->at = arena_array(arena, count, sizeof *profiles->at);
    if (!notes || !requests || !profiles->at) return false;
    for (size_t first = 0, next; first < count; first = next) {
        for (next = first + 1; next < count && by_endpoint(&requests[first], &requests[next]) == 0;) next++;
        struct profile *profile = &profiles->at[profiles->count++];
        if (!profile_some(arena, trace, notes, requests + first, next - first, profile)) return false;
    }
    if (profiles->count > 1) qsort(profiles->at, profiles->count, sizeof *profiles->at, most_time_first);
    return true;
}
