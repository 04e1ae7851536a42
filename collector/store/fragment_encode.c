/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fragment's row out of its batch: first the arrays that SQL filters on, then the blob. Every column of the blob is the
 * selected part of the batch's; what points into a table is numbered anew, so that each fragment takes only its own part
 * of the tables.
 */
#include "collector/store/fragment.h"
#include "collector/store/fragment_form.h"
#include "collector/store/numbering.h"

#include <lz4.h>

/* Places in the columns of the batch: spans, or elements of a list of theirs. */
struct selection {
    const uint32_t *at;
    uint32_t count;
};

struct encoding {
    const struct batch *from;
    const struct fragment_index *index;
    struct selection spans;
    struct arena *arena;
    struct batch to;
};

static bool is_zero(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    return size == 0 || (at[0] == 0 && memcmp(at, at + 1, size - 1) == 0);
}

/* The selected part of a column. */
#define TAKE_FUNCTION(suffix, type)                                                                          \
    static type *take_##suffix(const struct encoding *e, const type *column,                                 \
                               const struct selection *selection)                                            \
    {                                                                                                        \
        type *to = arena_alloc(e->arena, selection->count * sizeof *to);                                     \
        for (uint32_t i = 0; to && i < selection->count; i++) to[i] = column[selection->at[i]];              \
        return to;                                                                                           \
    }
TAKE_FUNCTION(u32, uint32_t)
TAKE_FUNCTION(u64, uint64_t)
TAKE_FUNCTION(i64, int64_t)

/* The same; NULL when the batch has none, or only zeros there. */
#define GATHER_FUNCTION(suffix, type)                                                                        \
    static type *gather_##suffix(const struct encoding *e, const type *column,                               \
                                 const struct selection *selection)                                          \
    {                                                                                                        \
        type *to = column ? take_##suffix(e, column, selection) : NULL;                                      \
        return to && is_zero(to, selection->count * sizeof *to) ? NULL : to;                                 \
    }
GATHER_FUNCTION(u32, uint32_t)
GATHER_FUNCTION(u64, uint64_t)

/* A column of strings: they get the fragment's numbers. String 0 stays 0. */
static uint32_t *gather_strings(const struct encoding *e, const uint32_t *column,
                                const struct selection *selection)
{
    uint32_t *to = gather_u32(e, column, selection);
    for (uint32_t i = 0; to && i < selection->count; i++) to[i] = number_of(e->index->strings, to[i]);
    return to;
}

/* Numbers plus 1 of a table: they get the fragment's. */
static uint32_t *gather_numbers(const struct encoding *e, const uint32_t *column, struct numbering *numbering)
{
    uint32_t *to = gather_u32(e, column, &e->spans);
    numbering_begin(numbering);
    for (uint32_t i = 0; to && i < e->spans.count; i++)
        if (to[i]) to[i] = number_of(numbering, to[i] - 1) + 1;
    return to;
}

/* The elements that a list has for the selected owners; their counts go to *kept. None, too, when out of arena. */
static struct selection elements_of(const struct encoding *e, const struct selection *owners,
                                    const uint32_t *counts, const uint32_t *offsets, uint32_t **kept)
{
    struct selection elements = {.count = 0};
    *kept = gather_u32(e, counts, owners);
    if (!*kept) return elements;
    for (uint32_t i = 0; i < owners->count; i++) elements.count += (*kept)[i];
    uint32_t *at = arena_alloc(e->arena, elements.count * sizeof *at);
    elements.at = at;
    if (!at) elements.count = 0;
    for (uint32_t i = 0; at && i < owners->count; i++)
        for (uint32_t k = 0; k < (*kept)[i]; k++) *at++ = offsets[owners->at[i]] + k;
    return elements;
}

static void gather_unread(struct encoding *e)
{
    struct batch *to = &e->to;
    struct selection unread =
        elements_of(e, &e->spans, e->from->unread_count, e->index->unread_at, &to->unread_count);
    to->unread_total = unread.count;
    to->unread_span_id = take_u64(e, e->from->unread_span_id, &unread);
}

static void gather_links(struct encoding *e)
{
    struct batch *to = &e->to;
    const struct batch *from = e->from;
    struct selection links = elements_of(e, &e->spans, from->link_count, e->index->link_at, &to->link_count);
    to->link_total = links.count;
    to->link_span_id = take_u64(e, from->link_span_id, &links);
    to->link_kind = take_u32(e, from->link_kind, &links);
    to->link_column = take_u32(e, from->link_column, &links);
    to->link_row = take_u32(e, from->link_row, &links);
}

/* Keys are strings, and so are the values of some types. */
static void number_attribute_texts(const struct encoding *e, uint32_t count, uint32_t *keys,
                                   const uint32_t *types, int64_t *values)
{
    if (arena_exhausted(e->arena)) return;
    for (uint32_t i = 0; i < count; i++) {
        keys[i] = number_of(e->index->strings, keys[i]);
        if (attribute_is_text(types[i])) values[i] = number_of(e->index->strings, (uint32_t)values[i]);
    }
}

/* The attributes of the selected spans, events or span links: `list` names the columns. */
#define GATHER_ATTRIBUTES(e, list, owners)                                                                   \
    do {                                                                                                     \
        struct batch *to_ = &(e)->to;                                                                        \
        const struct batch *from_ = (e)->from;                                                               \
        struct selection selection_ =                                                                        \
            elements_of(e, owners, from_->list##_count, (e)->index->list##_at, &to_->list##_count);          \
        to_->list##_total = selection_.count;                                                                \
        to_->list##_key = take_u32(e, from_->list##_key, &selection_);                                       \
        to_->list##_type = take_u32(e, from_->list##_type, &selection_);                                     \
        to_->list##_value = take_i64(e, from_->list##_value, &selection_);                                   \
        number_attribute_texts(e, selection_.count, to_->list##_key, to_->list##_type, to_->list##_value);   \
    } while (0)

static void gather_events(struct encoding *e)
{
    struct batch *to = &e->to;
    const struct batch *from = e->from;
    struct selection events =
        elements_of(e, &e->spans, from->event_count, e->index->event_at, &to->event_count);
    if (events.count == 0) return;
    to->event_total = events.count;
    to->event_time_delta_ns = take_i64(e, from->event_time_delta_ns, &events);
    to->event_name = take_u32(e, from->event_name, &events);
    for (uint32_t i = 0; to->event_name && i < events.count; i++)
        to->event_name[i] = number_of(e->index->strings, to->event_name[i]);
    to->event_dropped_attributes = gather_u32(e, from->event_dropped_attributes, &events);
    GATHER_ATTRIBUTES(e, event_attribute, &events);
}

static void gather_span_links(struct encoding *e)
{
    struct batch *to = &e->to;
    const struct batch *from = e->from;
    struct selection links =
        elements_of(e, &e->spans, from->span_link_count, e->index->span_link_at, &to->span_link_count);
    if (links.count == 0) return;
    to->span_link_total = links.count;
    to->span_link_trace_ids = arena_alloc(e->arena, links.count * (size_t)16);
    for (uint32_t i = 0; to->span_link_trace_ids && i < links.count; i++)
        memcpy(to->span_link_trace_ids + i * (size_t)16, from->span_link_trace_ids + links.at[i] * (size_t)16,
               16);
    to->span_link_span_id = take_u64(e, from->span_link_span_id, &links);
    to->span_link_trace_state = gather_strings(e, from->span_link_trace_state, &links);
    to->span_link_flags = gather_u32(e, from->span_link_flags, &links);
    to->span_link_dropped_attributes = gather_u32(e, from->span_link_dropped_attributes, &links);
    GATHER_ATTRIBUTES(e, span_link_attribute, &links);
}

static void gather_scopes(struct encoding *e)
{
    struct batch *to = &e->to;
    to->span_scope = gather_numbers(e, e->from->span_scope, e->index->scopes);
    struct selection scopes = {e->index->scopes->value, e->index->scopes->count};
    to->scope_count = scopes.count;
    to->scope_name = take_u32(e, e->from->scope_name, &scopes);
    to->scope_version = take_u32(e, e->from->scope_version, &scopes);
    for (uint32_t i = 0; to->scope_name && to->scope_version && i < scopes.count; i++) {
        to->scope_name[i] = number_of(e->index->strings, to->scope_name[i]);
        to->scope_version[i] = number_of(e->index->strings, to->scope_version[i]);
    }
}

static void gather_samplings(struct encoding *e)
{
    struct batch *to = &e->to;
    to->span_sampling = gather_numbers(e, e->from->span_sampling, e->index->samplings);
    struct selection samplings = {e->index->samplings->value, e->index->samplings->count};
    to->sampling_count = samplings.count;
    to->sampling_threshold = take_u64(e, e->from->sampling_threshold, &samplings);
}

static void gather_sites(struct encoding *e, const int32_t *site_ids)
{
    struct batch *to = &e->to;
    const struct numbering *sites = e->index->sites;
    to->span_site = gather_numbers(e, e->from->span_site, e->index->sites);
    to->site_count = sites->count;
    to->site_file = arena_array(e->arena, sites->count, sizeof *to->site_file);
    to->site_function = arena_array(e->arena, sites->count, sizeof *to->site_function);
    to->site_line = arena_array(e->arena, sites->count, sizeof *to->site_line);
    for (uint32_t i = 0; to->site_line && i < sites->count; i++)
        to->site_line[i] = (uint32_t)site_ids[sites->value[i]];
}

/* Behind all that uses strings. A fragment that uses none but the empty one needs no table. */
static void copy_strings(struct encoding *e)
{
    struct batch *to = &e->to;
    const struct numbering *strings = e->index->strings;
    size_t bytes = 0;
    if (strings->count == 1) return;
    for (uint32_t i = 0; i < strings->count; i++) bytes += batch_string(e->from, strings->value[i]).len;
    to->string_count = strings->count;
    to->string_bytes = arena_array(e->arena, strings->count, sizeof *to->string_bytes);
    char *data = arena_alloc(e->arena, bytes);
    if (!to->string_bytes || !data) return;
    to->string_data = str_view(data, bytes);
    for (uint32_t i = 0; i < strings->count; i++) {
        struct str text = batch_string(e->from, strings->value[i]);
        to->string_bytes[i] = (uint32_t)text.len;
        if (text.len) memcpy(data, text.data, text.len);
        data += text.len;
    }
}

/* The array, and whether some value did not fit it. */
static int32_t *narrow_rows(const struct encoding *e, const uint64_t *rows_plus_1, bool *fit)
{
    int32_t *rows = arena_alloc(e->arena, e->spans.count * sizeof *rows);
    *fit = true;
    for (uint32_t i = 0; rows && i < e->spans.count; i++) {
        *fit = *fit && rows_plus_1[i] <= (uint64_t)INT32_MAX + 1;
        rows[i] =
            rows_plus_1[i] > (uint64_t)INT32_MAX + 1 ? INT32_MAX : (int32_t)((int64_t)rows_plus_1[i] - 1);
    }
    return rows;
}

static void fill_arrays(struct encoding *e, struct fragment *fragment, const int32_t *operation_ids)
{
    const struct batch *from = e->from;
    fragment->start_ns = INT64_MAX;
    for (uint32_t i = 0; i < e->spans.count; i++) {
        int64_t start_ns = e->index->start_ns[e->spans.at[i]];
        if (start_ns < fragment->start_ns) fragment->start_ns = start_ns;
    }
    for (uint32_t i = 0; i < e->spans.count; i++) {
        uint32_t span = e->spans.at[i];
        fragment->operation_id[i] = operation_ids[from->span_operation ? from->span_operation[span] : 0];
        fragment->start_offset_ns[i] = e->index->start_ns[span] - fragment->start_ns;
        fragment->duration_ns[i] = from->duration_ns ? (int64_t)from->duration_ns[span] : 0;
    }
    uint32_t *status = gather_u32(e, from->status, &e->spans);
    fragment->status = status ? arena_alloc(e->arena, e->spans.count * sizeof *fragment->status) : NULL;
    for (uint32_t i = 0; fragment->status && i < e->spans.count; i++)
        fragment->status[i] = (int16_t)status[i];
    uint64_t *rows_plus_1 = gather_u64(e, from->rows_plus_1, &e->spans);
    bool fit = true;
    fragment->rows = rows_plus_1 ? narrow_rows(e, rows_plus_1, &fit) : NULL;
    if (!fit) e->to.rows_plus_1 = rows_plus_1;
}

static void gather_details(struct encoding *e)
{
    struct batch *to = &e->to;
    const struct batch *from = e->from;
    to->status_message = gather_strings(e, from->status_message, &e->spans);
    to->trace_state = gather_strings(e, from->trace_state, &e->spans);
    to->dropped_attributes = gather_u32(e, from->dropped_attributes, &e->spans);
    to->dropped_events = gather_u32(e, from->dropped_events, &e->spans);
    to->dropped_span_links = gather_u32(e, from->dropped_span_links, &e->spans);
}

static void fill_blob(struct encoding *e, const int32_t *site_ids)
{
    struct batch *to = &e->to;
    const struct batch *from = e->from;
    to->version = BATCH_VERSION;
    to->span_count = e->spans.count;
    to->span_id = gather_u64(e, from->span_id, &e->spans);
    to->parent_span_id = gather_u64(e, from->parent_span_id, &e->spans);
    to->span_kind = gather_u32(e, from->span_kind, &e->spans);
    to->flags = gather_u32(e, from->flags, &e->spans);
    to->connection = gather_u32(e, from->connection, &e->spans);
    to->input_hash = gather_u64(e, from->input_hash, &e->spans);
    to->answer_hash = gather_u64(e, from->answer_hash, &e->spans);
    to->input_count = gather_u32(e, from->input_count, &e->spans);
    numbering_begin(e->index->strings);
    number_of(e->index->strings, 0); /* string 0 is the empty one */
    gather_unread(e);
    gather_links(e);
    GATHER_ATTRIBUTES(e, attribute, &e->spans);
    gather_events(e);
    gather_span_links(e);
    gather_details(e);
    gather_scopes(e);
    gather_samplings(e);
    gather_sites(e, site_ids);
    if (!arena_exhausted(e->arena)) copy_strings(e);
}

static size_t put_length(unsigned char *to, size_t length)
{
    size_t bytes = 0;
    for (; length >= 0x80; length >>= 7) to[bytes++] = (unsigned char)(length | 0x80);
    to[bytes++] = (unsigned char)length;
    return bytes;
}

static struct str compress(const struct batch *batch, struct arena *arena)
{
    size_t raw_bytes = batch_packed_bytes(batch);
    unsigned char *raw = arena_alloc(arena, raw_bytes + 1);
    int room = LZ4_compressBound((int)raw_bytes);
    unsigned char *packed = arena_alloc(arena, 1 + FRAGMENT_LENGTH_BYTES_MAX + (size_t)room);
    if (!raw || !packed) return str_view(NULL, 0);
    raw[0] = FRAGMENT_PLAIN;
    batch_pack(batch, raw + 1);
    packed[0] = FRAGMENT_LZ4;
    size_t head = 1 + put_length(packed + 1, raw_bytes);
    int bytes = LZ4_compress_default((const char *)raw + 1, (char *)packed + head, (int)raw_bytes, room);
    if (bytes <= 0 || head + (size_t)bytes >= raw_bytes + 1) return str_view((char *)raw, raw_bytes + 1);
    return str_view((char *)packed, head + (size_t)bytes);
}

bool fragment_encode(struct fragment *fragment, const struct batch *batch, const struct fragment_index *index,
                     uint32_t which, const int32_t *operation_ids, const int32_t *site_ids,
                     struct arena *arena)
{
    struct encoding e = {.from = batch, .index = index, .arena = arena};
    e.spans.at = index->order + index->first[which];
    e.spans.count = index->first[which + 1] - index->first[which];
    memset(fragment, 0, sizeof *fragment);
    memcpy(fragment->trace_id, batch->trace_ids + (size_t)index->trace[which] * 16, 16);
    fragment->span_count = e.spans.count;
    fragment->operation_id = arena_alloc(arena, e.spans.count * sizeof *fragment->operation_id);
    fragment->start_offset_ns = arena_alloc(arena, e.spans.count * sizeof *fragment->start_offset_ns);
    fragment->duration_ns = arena_alloc(arena, e.spans.count * sizeof *fragment->duration_ns);
    if (arena_exhausted(arena)) return false;
    fill_arrays(&e, fragment, operation_ids);
    fill_blob(&e, site_ids);
    if (arena_exhausted(arena)) return false;
    fragment->blob = compress(&e.to, arena);
    return fragment->blob.data != NULL;
}
