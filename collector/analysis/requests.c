/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/analysis/requests.h"

#include "base/hash.h"
#include "collector/analysis/id_table.h"
#include "collector/analysis/order.h"

#include <stdlib.h>

#define NONE UINT32_MAX

/* Per span of the trace, by its index. */
struct split {
    const struct trace *trace;
    struct arena *arena;
    struct trace_requests *result;
    uint32_t *operations;
    uint32_t *owners; /* the request it belongs to, or NONE */
    uint32_t *anchors;
    uint32_t *families;
    uint32_t operation_room, family_count;
    struct id_table by_pointer, by_content, family_table;
};

static uint32_t index_of(const struct split *split, const struct span *span)
{
    return (uint32_t)(span - split->trace->spans);
}

/* ---- operations: one number each ---- */

static bool same_operation(const struct operation *a, const struct operation *b)
{
    return a->type == b->type && str_equal(a->text, b->text) && str_equal(a->system, b->system);
}

static uint64_t operation_key(const struct operation *operation)
{
    uint64_t key = hash_combine(operation->type, hash_bytes(operation->text.data, operation->text.len));
    return hash_combine(key, hash_bytes(operation->system.data, operation->system.len));
}

static bool has_place_for_values(struct str text)
{
    return memchr(text.data, '?', text.len) || memchr(text.data, '{', text.len);
}

static bool add_operation(struct split *split, const struct operation *operation)
{
    struct trace_requests *result = split->result;
    if (result->operation_count == split->operation_room) {
        uint32_t room = split->operation_room ? split->operation_room * 2 : 16;
        struct trace_operation *grown = arena_alloc(split->arena, room * sizeof *grown);
        if (!grown) return false;
        if (result->operation_count) {
            memcpy(grown, result->operations, result->operation_count * sizeof *grown);
        }
        result->operations = grown;
        split->operation_room = room;
    }
    bool is_call = operation_is_call(operation->type);
    result->operations[result->operation_count++] = (struct trace_operation){
        .operation = operation,
        .is_call = is_call,
        .has_values = is_call && operation->text.len && has_place_for_values(operation->text),
    };
    return true;
}

/* Fragments bring their own copies of one operation: equal content is one number, whatever the pointer. */
static bool intern_by_content(struct split *split, const struct operation *operation, uint32_t *number)
{
    for (uint64_t key = operation_key(operation);; key++) {
        bool fresh;
        uint32_t *found = id_table_put(&split->by_content, key, split->result->operation_count, &fresh);
        if (!found) return false;
        *number = *found;
        if (fresh) return add_operation(split, operation);
        if (same_operation(split->result->operations[*number].operation, operation)) return true;
    }
}

static bool intern(struct split *split, const struct operation *operation, uint32_t *number)
{
    const uint32_t *known = id_table_find(&split->by_pointer, (uintptr_t)operation);
    if (known) {
        *number = *known;
        return true;
    }
    bool fresh;
    return intern_by_content(split, operation, number) &&
           id_table_put(&split->by_pointer, (uintptr_t)operation, *number, &fresh);
}

static bool intern_all(struct split *split)
{
    for (size_t i = 0; i < split->trace->span_count; i++) {
        const struct operation *operation = split->trace->spans[i].operation;
        bool as_before = i > 0 && operation == split->trace->spans[i - 1].operation;
        if (as_before) {
            split->operations[i] = split->operations[i - 1];
        } else if (!intern(split, operation, &split->operations[i])) {
            return false;
        }
    }
    return true;
}

/* ---- which span belongs to which request ---- */

bool same_process(const struct resource *a, const struct resource *b)
{
    return a == b ||
           (str_equal(a->service_name, b->service_name) && str_equal(a->instance_id, b->instance_id) &&
            str_equal(a->service_version, b->service_version));
}

static bool is_call_or_connect(const struct span *span)
{
    return operation_is_call(span->operation->type) || span->operation->type == OPERATION_CONNECT;
}

bool starts_request(const struct span *span)
{
    if (span->kind == SPAN_KIND_SERVER || span->kind == SPAN_KIND_CONSUMER) return true;
    if (is_call_or_connect(span)) return false;
    if (!span->parent) return span->parent_id == 0;
    return !same_process(span->resource, span->parent->resource);
}

bool continues_request(const struct span *span)
{
    return !starts_request(span) && same_process(span->resource, span->parent->resource);
}

const struct span *next_in_subtree(const struct span *root, const struct span *span, bool into_children)
{
    if (into_children && span->first_child) return span->first_child;
    while (span != root && !span->next_sibling) span = span->parent;
    return span == root ? NULL : span->next_sibling;
}

/* Spans of one name under one family are one family: the wrappers of a loop's rounds, at any depth. */
static bool join_family(struct split *split, uint32_t at, uint32_t parent)
{
    bool fresh;
    uint64_t key = id_table_pair(split->families[parent], split->operations[at]);
    uint32_t *family = id_table_put(&split->family_table, key, split->family_count, &fresh);
    if (!family) return false;
    split->family_count += fresh;
    split->families[at] = *family;
    return true;
}

static bool visit(struct split *split, const struct span *span)
{
    uint32_t at = index_of(split, span);
    if (split->owners[at] != NONE) { /* begins a request */
        split->anchors[at] = at;
        split->families[at] = split->family_count++;
        return true;
    }
    if (!span->parent || !continues_request(span)) return true;
    uint32_t parent = index_of(split, span->parent);
    split->owners[at] = split->owners[parent];
    if (split->owners[at] == NONE) return true;
    if (is_call_or_connect(span)) {
        split->anchors[at] = split->anchors[parent];
        split->families[at] = split->families[parent];
        return true;
    }
    split->anchors[at] = at;
    return !span->first_child || join_family(split, at, parent);
}

static bool visit_all(struct split *split)
{
    for (size_t i = 0; i < split->trace->root_count; i++) {
        const struct span *root = split->trace->roots[i];
        for (const struct span *span = root; span; span = next_in_subtree(root, span, true)) {
            if (!visit(split, span)) return false;
        }
    }
    return true;
}

static bool number_requests(struct split *split)
{
    const struct trace *trace = split->trace;
    struct trace_requests *result = split->result;
    for (size_t i = 0; i < trace->span_count; i++) {
        split->owners[i] = starts_request(&trace->spans[i]) ? result->count++ : NONE;
    }
    result->requests = arena_array(split->arena, result->count, sizeof *result->requests);
    result->calls = arena_array(split->arena, result->count, sizeof *result->calls);
    if (!result->requests || !result->calls) return false;
    for (size_t i = 0; i < trace->span_count; i++) {
        if (split->owners[i] == NONE) continue;
        const struct span *span = &trace->spans[i];
        result->requests[split->owners[i]] = (struct request){
            .span = span,
            .service = span->resource->service_name,
            .service_version = span->resource->service_version,
            .endpoint = span->operation->text,
            .start_ns = span->start_ns,
            .duration_ns = span->duration_ns,
            .error = span->status == SPAN_STATUS_ERROR,
            .sampling_threshold = span->sampling_threshold,
        };
    }
    return true;
}

/* ---- calls, dealt out in order of start ---- */

static bool is_call_of_request(const struct split *split, size_t at)
{
    return split->owners[at] != NONE && split->result->operations[split->operations[at]].is_call;
}

static int64_t within(int64_t time_ns, const struct request *request)
{
    int64_t end_ns = request->start_ns + request->duration_ns;
    if (time_ns < request->start_ns) return request->start_ns;
    return time_ns > end_ns ? end_ns : time_ns;
}

static struct call make_call(const struct split *split, size_t at, const struct request *request)
{
    const struct span *span = &split->trace->spans[at];
    return (struct call){
        .span = span,
        .start_ns = within(span->start_ns, request),
        .end_ns = within(span_end_ns(span), request),
        .operation = split->operations[at],
        .anchor = split->anchors[at],
        .family = split->families[at],
        .group = CALL_NONE,
    };
}

static bool deal_calls(struct split *split)
{
    struct trace_requests *result = split->result;
    size_t total = 0;
    for (size_t i = 0; i < split->trace->span_count; i++) {
        if (is_call_of_request(split, i)) {
            result->calls[split->owners[i]].count++;
            total++;
        }
    }
    struct call *room = arena_alloc(split->arena, total * sizeof *room);
    if (!room) return false;
    for (uint32_t r = 0; r < result->count; r++) {
        result->calls[r].calls = room;
        room += result->calls[r].count;
        result->calls[r].count = 0;
    }
    for (size_t i = 0; i < split->trace->span_count; i++) {
        if (!is_call_of_request(split, i)) continue;
        uint32_t r = split->owners[i];
        result->calls[r].calls[result->calls[r].count++] = make_call(split, i, &result->requests[r]);
    }
    return true;
}

enum effects { WRITE_IS_KNOWN = 1, WRITES = 2, TRANSACTION_IS_KNOWN = 4, IS_TRANSACTION = 8 };

bool trace_operation_is_write(struct trace_operation *operation)
{
    if (!(operation->effects & WRITE_IS_KNOWN))
        operation->effects |= WRITE_IS_KNOWN | (operation_is_write(operation->operation) ? WRITES : 0);
    return operation->effects & WRITES;
}

bool trace_operation_is_transaction(struct trace_operation *operation)
{
    if (!(operation->effects & TRANSACTION_IS_KNOWN))
        operation->effects |=
            TRANSACTION_IS_KNOWN | (operation_is_transaction(operation->operation) ? IS_TRANSACTION : 0);
    return operation->effects & IS_TRANSACTION;
}

bool call_is_write(struct trace_operation *operation, const struct span *span)
{
    if (!trace_operation_is_write(operation)) return false;
    if (operation->operation->type != OPERATION_HTTP || !str_starts(operation->operation->text, "POST ")) {
        return true;
    }
    for (uint32_t i = 0; i < span->link_count; i++) {
        if (span->links[i].kind == LINK_LIST) return false;
    }
    return true;
}

/* ---- what reports count of a request ---- */

/* Time covered by intervals that come in order of start. */
struct cover {
    int64_t end_ns, total_ns;
};

static void cover_add(struct cover *cover, const struct call *call)
{
    int64_t from_ns = call->start_ns > cover->end_ns ? call->start_ns : cover->end_ns;
    if (call->end_ns <= from_ns) return;
    cover->total_ns += call->end_ns - from_ns;
    cover->end_ns = call->end_ns;
}

static int most_time_first(const void *a, const void *b)
{
    const struct operation_total *x = a, *y = b;
    if (x->total_ns != y->total_ns) return x->total_ns > y->total_ns ? -1 : 1;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    int order = order_of_texts(x->operation->text, y->operation->text);
    return order ? order : order_of_texts(x->operation->system, y->operation->system);
}

static void add_to_total(struct operation_total *total, const struct span *span)
{
    total->count++;
    if (__builtin_add_overflow(total->total_ns, span->duration_ns, &total->total_ns))
        total->total_ns = INT64_MAX;
    if (span->rows < 0 || total->rows < 0 || __builtin_add_overflow(total->rows, span->rows, &total->rows)) {
        total->rows = -1;
    }
}

/* last_request and slots remember, for each operation of the trace, where its total of the current request
 * lies. */
static bool total_operations(struct trace_requests *result, uint32_t r, uint32_t *last_request,
                             uint32_t *slots, struct arena *arena)
{
    struct request *request = &result->requests[r];
    const struct request_calls *calls = &result->calls[r];
    for (uint32_t i = 0; i < calls->count; i++) {
        uint32_t operation = calls->calls[i].operation;
        if (last_request[operation] == r + 1) continue;
        last_request[operation] = r + 1;
        slots[operation] = request->operation_count++;
    }
    request->operations = arena_array(arena, request->operation_count, sizeof *request->operations);
    if (!request->operations) return false;
    for (uint32_t i = 0; i < calls->count; i++) {
        const struct call *call = &calls->calls[i];
        struct operation_total *total = &request->operations[slots[call->operation]];
        total->operation = result->operations[call->operation].operation;
        add_to_total(total, call->span);
    }
    if (request->operation_count > 1) {
        qsort(request->operations, request->operation_count, sizeof *request->operations, most_time_first);
    }
    return true;
}

static void add_keys(uint32_t *sum, int64_t keys)
{
    if (keys > 0) *sum = keys < INT32_MAX - *sum ? *sum + (uint32_t)keys : INT32_MAX;
}

void count_cache_keys(const struct span *call, uint32_t *hits, uint32_t *misses)
{
    for (uint32_t i = 0; i < call->attribute_count; i++) {
        const struct attribute *attribute = &call->attributes[i];
        if (!str_starts(attribute->key, "weir.cache.") || attribute->text.data) continue;
        if (str_is(attribute->key, "weir.cache.hit")) add_keys(attribute->integer ? hits : misses, 1);
        if (str_is(attribute->key, "weir.cache.hits")) add_keys(hits, attribute->integer);
        if (str_is(attribute->key, "weir.cache.misses")) add_keys(misses, attribute->integer);
    }
}

static void count_calls(struct request *request, const struct request_calls *calls)
{
    struct cover db = {INT64_MIN, 0}, all = {INT64_MIN, 0};
    for (uint32_t i = 0; i < calls->count; i++) {
        const struct call *call = &calls->calls[i];
        enum operation_type type = call->span->operation->type;
        request->db_calls += type == OPERATION_DB;
        request->http_calls += type == OPERATION_HTTP;
        request->cache_calls += type == OPERATION_CACHE;
        if (type == OPERATION_CACHE)
            count_cache_keys(call->span, &request->cache_hits, &request->cache_misses);
        if (type == OPERATION_DB) cover_add(&db, call);
        cover_add(&all, call);
    }
    request->db_ns = db.total_ns;
    request->call_ns = all.total_ns;
}

static bool count_requests(struct trace_requests *result, struct arena *arena)
{
    uint32_t *last_request = arena_array(arena, result->operation_count, sizeof *last_request);
    uint32_t *slots = arena_array(arena, result->operation_count, sizeof *slots);
    if (!last_request || !slots) return false;
    for (uint32_t r = 0; r < result->count; r++) {
        count_calls(&result->requests[r], &result->calls[r]);
        if (!total_operations(result, r, last_request, slots, arena)) return false;
    }
    return true;
}

bool split_requests(struct trace_requests *result, const struct trace *trace, struct arena *arena)
{
    size_t bytes = trace->span_count * sizeof(uint32_t);
    *result = (struct trace_requests){0};
    struct split split = {
        .trace = trace,
        .arena = arena,
        .result = result,
        .operations = arena_alloc(arena, bytes),
        .owners = arena_alloc(arena, bytes),
        .anchors = arena_alloc(arena, bytes),
        .families = arena_alloc(arena, bytes),
    };
    return split.operations && split.owners && split.anchors && split.families &&
           id_table_init(&split.by_pointer, arena, 0) && id_table_init(&split.by_content, arena, 0) &&
           id_table_init(&split.family_table, arena, 0) && intern_all(&split) && number_requests(&split) &&
           visit_all(&split) && deal_calls(&split) && count_requests(result, arena);
}
