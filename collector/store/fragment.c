/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/store/fragment.h"

#include <lz4.h>
#include <stdlib.h>

enum { FORM_PLAIN = 0, FORM_LZ4 = 1 };
#define LENGTH_BYTES_MAX 5

/* ---- parts of tables ---- */

/*
 * Numbers for the values that one fragment uses of a table of the batch, in the order in which they are first seen. The
 * memory is shared by all fragments of the batch: an entry counts only if its stamp is the present fragment's, so that
 * starting anew costs nothing, however long the table.
 */
struct numbering {
    uint32_t *stamp, *number; /* by value */
    uint32_t *value;          /* by number */
    uint32_t count, present;
};

static struct numbering *numbering_make(uint32_t limit, struct arena *arena)
{
    struct numbering *numbering = arena_array(arena, 1, sizeof *numbering);
    if (!numbering) return NULL;
    numbering->stamp = arena_array(arena, limit, sizeof *numbering->stamp);
    numbering->number = arena_array(arena, limit, sizeof *numbering->number);
    numbering->value = arena_array(arena, limit, sizeof *numbering->value);
    return arena_exhausted(arena) ? NULL : numbering;
}

static void numbering_begin(struct numbering *numbering)
{
    numbering->present++;
    numbering->count = 0;
}

static uint32_t number_of(struct numbering *numbering, uint32_t value)
{
    if (numbering->stamp[value] != numbering->present) {
        numbering->stamp[value] = numbering->present;
        numbering->number[value] = numbering->count;
        numbering->value[numbering->count++] = value;
    }
    return numbering->number[value];
}

/* ---- which spans belong together ---- */

static uint32_t *offsets_of(const uint32_t *counts, uint32_t spans, struct arena *arena)
{
    if (!counts) return NULL;
    uint32_t *offsets = arena_alloc(arena, spans * sizeof *offsets);
    uint32_t at = 0;
    for (uint32_t i = 0; offsets && i < spans; i++) {
        offsets[i] = at;
        at += counts[i];
    }
    return offsets;
}

static int compare_traces(const void *a, const void *b, void *context)
{
    const unsigned char *ids = context;
    return memcmp(ids + (size_t) * (const uint32_t *)a * 16, ids + (size_t) * (const uint32_t *)b * 16, 16);
}

static uint32_t trace_of(const struct batch *batch, uint32_t span)
{
    return batch->span_trace ? batch->span_trace[span] : 0;
}

/*
 * A sender may name one trace id twice in its table: both are one fragment. canonical[t] is the position of trace t among
 * the sorted, distinct ids that have spans.
 */
static bool number_traces(struct fragment_index *index, const struct batch *batch, uint32_t *canonical,
                          struct arena *arena)
{
    uint32_t used = 0;
    uint32_t *sorted = arena_array(arena, batch->trace_count, sizeof *sorted);
    bool *seen = arena_array(arena, batch->trace_count, sizeof *seen);
    if (!sorted || !seen) return false;
    for (uint32_t i = 0; i < batch->span_count; i++) {
        uint32_t trace = trace_of(batch, i);
        if (!seen[trace]) sorted[used++] = trace;
        seen[trace] = true;
    }
    qsort_r(sorted, used, sizeof *sorted, compare_traces, batch->trace_ids);
    index->trace = sorted;
    index->fragment_count = 0;
    for (uint32_t i = 0; i < used; i++) {
        uint32_t trace = sorted[i];
        bool same = index->fragment_count &&
                    compare_traces(&trace, &sorted[index->fragment_count - 1], batch->trace_ids) == 0;
        if (!same) sorted[index->fragment_count++] = trace;
        canonical[trace] = index->fragment_count - 1;
    }
    return true;
}

static bool order_spans(struct fragment_index *index, const struct batch *batch, const uint32_t *canonical,
                        struct arena *arena)
{
    index->first = arena_array(arena, (size_t)index->fragment_count + 2, sizeof *index->first);
    index->order = arena_array(arena, batch->span_count, sizeof *index->order);
    if (!index->first || !index->order) return false;
    uint32_t *next = index->first + 1; /* after the second loop, first[f] is where fragment f begins */
    for (uint32_t i = 0; i < batch->span_count; i++) next[canonical[trace_of(batch, i)] + 1]++;
    for (uint32_t f = 1; f <= index->fragment_count; f++) next[f] += next[f - 1];
    for (uint32_t i = 0; i < batch->span_count; i++) index->order[next[canonical[trace_of(batch, i)]]++] = i;
    return true;
}

static bool add_up_starts(struct fragment_index *index, const struct batch *batch, struct arena *arena)
{
    index->start_ns = arena_alloc(arena, batch->span_count * sizeof *index->start_ns);
    if (!index->start_ns) return false;
    uint64_t start = batch->base_time_unix_ns;
    for (uint32_t i = 0; i < batch->span_count; i++) {
        start += batch->start_delta_ns ? (uint64_t)batch->start_delta_ns[i] : 0;
        index->start_ns[i] = (int64_t)start;
    }
    return true;
}

bool fragment_index_make(struct fragment_index *index, const struct batch *batch, struct arena *arena)
{
    memset(index, 0, sizeof *index);
    uint32_t *canonical = arena_array(arena, batch->trace_count, sizeof *canonical);
    if (!canonical || !number_traces(index, batch, canonical, arena) ||
        !order_spans(index, batch, canonical, arena) || !add_up_starts(index, batch, arena))
        return false;
    index->strings = numbering_make(batch->string_count + 1, arena);
    index->sites = numbering_make(batch->site_count, arena);
    index->unread_at = offsets_of(batch->unread_count, batch->span_count, arena);
    index->link_at = offsets_of(batch->link_count, batch->span_count, arena);
    index->attribute_at = offsets_of(batch->attribute_count, batch->span_count, arena);
    return !arena_exhausted(arena);
}

/* ---- encoding ---- */

struct encoding {
    const struct batch *from;
    const struct fragment_index *index;
    const uint32_t *spans; /* indexes into from */
    uint32_t count;
    struct arena *arena;
    struct batch to;
};

static bool is_zero(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    return size == 0 || (at[0] == 0 && memcmp(at, at + 1, size - 1) == 0);
}

/* The fragment's part of one column; NULL when the batch has none, or only zeros for these spans. */
static uint32_t *gather_u32(const struct encoding *e, const uint32_t *column)
{
    uint32_t *to = column ? arena_alloc(e->arena, e->count * sizeof *to) : NULL;
    for (uint32_t i = 0; to && i < e->count; i++) to[i] = column[e->spans[i]];
    return to && is_zero(to, e->count * sizeof *to) ? NULL : to;
}

static uint64_t *gather_u64(const struct encoding *e, const uint64_t *column)
{
    uint64_t *to = column ? arena_alloc(e->arena, e->count * sizeof *to) : NULL;
    for (uint32_t i = 0; to && i < e->count; i++) to[i] = column[e->spans[i]];
    return to && is_zero(to, e->count * sizeof *to) ? NULL : to;
}

static uint32_t sum(const uint32_t *counts, uint32_t count)
{
    uint32_t total = 0;
    for (uint32_t i = 0; counts && i < count; i++) total += counts[i];
    return total;
}

/* For columns with several elements (or none) a span: each `from` in the batch, and its place `to` in the fragment. */
#define FOR_ELEMENTS(e, counts, offsets, from, to)                                                           \
    for (uint32_t i_ = 0, to = 0; i_ < (e)->count; i_++)                                                     \
        for (uint32_t from = (offsets)[(e)->spans[i_]], end_ = from + (counts)[i_]; from < end_; from++, to++)

static void gather_unread(struct encoding *e)
{
    e->to.unread_count = gather_u32(e, e->from->unread_count);
    if (!e->to.unread_count) return;
    e->to.unread_total = sum(e->to.unread_count, e->count);
    e->to.unread_span_id = arena_array(e->arena, e->to.unread_total, sizeof *e->to.unread_span_id);
    if (!e->to.unread_span_id) return;
    FOR_ELEMENTS(e, e->to.unread_count, e->index->unread_at, j, k)
    e->to.unread_span_id[k] = e->from->unread_span_id[j];
}

static void gather_links(struct encoding *e)
{
    struct batch *to = &e->to;
    const struct batch *from = e->from;
    to->link_count = gather_u32(e, from->link_count);
    if (!to->link_count) return;
    to->link_total = sum(to->link_count, e->count);
    to->link_span_id = arena_array(e->arena, to->link_total, sizeof *to->link_span_id);
    to->link_kind = arena_array(e->arena, to->link_total, sizeof *to->link_kind);
    to->link_column = arena_array(e->arena, to->link_total, sizeof *to->link_column);
    to->link_row = arena_array(e->arena, to->link_total, sizeof *to->link_row);
    if (arena_exhausted(e->arena)) return;
    FOR_ELEMENTS(e, to->link_count, e->index->link_at, j, k)
    {
        to->link_span_id[k] = from->link_span_id[j];
        to->link_kind[k] = from->link_kind[j];
        to->link_column[k] = from->link_column[j];
        to->link_row[k] = from->link_row[j];
    }
}

static void copy_strings(struct encoding *e, const struct numbering *strings)
{
    struct batch *to = &e->to;
    size_t bytes = 0;
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

static void gather_attributes(struct encoding *e)
{
    struct batch *to = &e->to;
    const struct batch *from = e->from;
    struct numbering *strings = e->index->strings;
    to->attribute_count = gather_u32(e, from->attribute_count);
    if (!to->attribute_count) return;
    to->attribute_total = sum(to->attribute_count, e->count);
    to->attribute_key = arena_array(e->arena, to->attribute_total, sizeof *to->attribute_key);
    to->attribute_type = arena_array(e->arena, to->attribute_total, sizeof *to->attribute_type);
    to->attribute_value = arena_array(e->arena, to->attribute_total, sizeof *to->attribute_value);
    if (arena_exhausted(e->arena)) return;
    numbering_begin(strings);
    number_of(strings, 0); /* string 0 is the empty one */
    FOR_ELEMENTS(e, to->attribute_count, e->index->attribute_at, j, k)
    {
        to->attribute_key[k] = number_of(strings, from->attribute_key[j]);
        to->attribute_type[k] = from->attribute_type[j];
        to->attribute_value[k] = from->attribute_type[j] == ATTRIBUTE_STRING
                                     ? (int64_t)number_of(strings, (uint32_t)from->attribute_value[j])
                                     : from->attribute_value[j];
    }
    copy_strings(e, strings);
}

static void gather_sites(struct encoding *e, const int32_t *site_ids)
{
    struct batch *to = &e->to;
    struct numbering *sites = e->index->sites;
    to->span_site = gather_u32(e, e->from->span_site);
    if (!to->span_site) return;
    numbering_begin(sites);
    for (uint32_t i = 0; i < e->count; i++) {
        if (to->span_site[i]) to->span_site[i] = number_of(sites, to->span_site[i] - 1) + 1;
    }
    to->site_count = sites->count;
    to->site_file = arena_array(e->arena, sites->count, sizeof *to->site_file);
    to->site_function = arena_array(e->arena, sites->count, sizeof *to->site_function);
    to->site_line = arena_array(e->arena, sites->count, sizeof *to->site_line);
    for (uint32_t i = 0; to->site_line && i < sites->count; i++) {
        to->site_line[i] = (uint32_t)site_ids[sites->value[i]];
    }
}

/* The array, and whether some value did not fit it. */
static int32_t *narrow_rows(const struct encoding *e, const uint64_t *rows_plus_1, bool *fit)
{
    int32_t *rows = arena_alloc(e->arena, e->count * sizeof *rows);
    *fit = true;
    for (uint32_t i = 0; rows && i < e->count; i++) {
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
    for (uint32_t i = 0; i < e->count; i++) {
        int64_t start_ns = e->index->start_ns[e->spans[i]];
        if (start_ns < fragment->start_ns) fragment->start_ns = start_ns;
    }
    for (uint32_t i = 0; i < e->count; i++) {
        uint32_t span = e->spans[i];
        fragment->operation_id[i] = operation_ids[from->span_operation ? from->span_operation[span] : 0];
        fragment->start_offset_ns[i] = e->index->start_ns[span] - fragment->start_ns;
        fragment->duration_ns[i] = from->duration_ns ? (int64_t)from->duration_ns[span] : 0;
    }
    uint32_t *status = gather_u32(e, from->status);
    fragment->status = status ? arena_alloc(e->arena, e->count * sizeof *fragment->status) : NULL;
    for (uint32_t i = 0; fragment->status && i < e->count; i++) fragment->status[i] = (int16_t)status[i];
    uint64_t *rows_plus_1 = gather_u64(e, from->rows_plus_1);
    bool fit = true;
    fragment->rows = rows_plus_1 ? narrow_rows(e, rows_plus_1, &fit) : NULL;
    if (!fit) e->to.rows_plus_1 = rows_plus_1;
}

static void fill_blob(struct encoding *e, const int32_t *site_ids)
{
    struct batch *to = &e->to;
    const struct batch *from = e->from;
    to->version = BATCH_VERSION;
    to->span_count = e->count;
    to->span_id = gather_u64(e, from->span_id);
    to->parent_span_id = gather_u64(e, from->parent_span_id);
    to->span_kind = gather_u32(e, from->span_kind);
    to->flags = gather_u32(e, from->flags);
    to->connection = gather_u32(e, from->connection);
    to->input_hash = gather_u64(e, from->input_hash);
    to->answer_hash = gather_u64(e, from->answer_hash);
    to->input_count = gather_u32(e, from->input_count);
    gather_unread(e);
    gather_links(e);
    gather_attributes(e);
    gather_sites(e, site_ids);
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
    unsigned char *packed = arena_alloc(arena, 1 + LENGTH_BYTES_MAX + (size_t)room);
    if (!raw || !packed) return str_view(NULL, 0);
    raw[0] = FORM_PLAIN;
    batch_pack(batch, raw + 1);
    packed[0] = FORM_LZ4;
    size_t head = 1 + put_length(packed + 1, raw_bytes);
    int bytes = LZ4_compress_default((const char *)raw + 1, (char *)packed + head, (int)raw_bytes, room);
    if (bytes <= 0 || head + (size_t)bytes >= raw_bytes + 1) return str_view((char *)raw, raw_bytes + 1);
    return str_view((char *)packed, head + (size_t)bytes);
}

bool fragment_encode(struct fragment *fragment, const struct batch *batch, const struct fragment_index *index,
                     uint32_t which, const int32_t *operation_ids, const int32_t *site_ids,
                     struct arena *arena)
{
    struct encoding e = {
        .from = batch, .index = index, .spans = index->order + index->first[which], .arena = arena};
    e.count = index->first[which + 1] - index->first[which];
    memset(fragment, 0, sizeof *fragment);
    memcpy(fragment->trace_id, batch->trace_ids + (size_t)index->trace[which] * 16, 16);
    fragment->span_count = e.count;
    fragment->operation_id = arena_alloc(arena, e.count * sizeof *fragment->operation_id);
    fragment->start_offset_ns = arena_alloc(arena, e.count * sizeof *fragment->start_offset_ns);
    fragment->duration_ns = arena_alloc(arena, e.count * sizeof *fragment->duration_ns);
    if (arena_exhausted(arena)) return false;
    fill_arrays(&e, fragment, operation_ids);
    fill_blob(&e, site_ids);
    if (arena_exhausted(arena)) return false;
    fragment->blob = compress(&e.to, arena);
    return fragment->blob.data != NULL;
}

/* ---- decoding ---- */

/* How many bytes the length takes; 0: none there. */
static size_t get_length(struct str from, size_t *length)
{
    *length = 0;
    for (size_t i = 0; i < from.len && i < LENGTH_BYTES_MAX; i++) {
        *length |= (size_t)((unsigned char)from.data[i] & 0x7f) << (7 * i);
        if (!((unsigned char)from.data[i] & 0x80)) return i + 1;
    }
    return 0;
}

static struct str decompress(struct str blob, struct arena *arena)
{
    struct str none = {NULL, 0};
    if (blob.len == 0) return none;
    struct str rest = str_view(blob.data + 1, blob.len - 1);
    if (blob.data[0] == FORM_PLAIN) return rest;
    if (blob.data[0] != FORM_LZ4) return none;
    size_t raw_bytes;
    size_t head = get_length(rest, &raw_bytes);
    if (head == 0 || raw_bytes > FRAGMENT_RAW_BYTES_MAX || rest.len - head > INT32_MAX) return none;
    char *raw = arena_alloc(arena, raw_bytes);
    if (!raw) return none;
    int bytes = LZ4_decompress_safe(rest.data + head, raw, (int)(rest.len - head), (int)raw_bytes);
    return bytes >= 0 && (size_t)bytes == raw_bytes ? str_view(raw, raw_bytes) : none;
}

bool fragment_decode(struct batch *batch, struct str blob, uint32_t span_count, struct arena *arena,
                     const char **why)
{
    struct str raw = decompress(blob, arena);
    *why =
        arena_exhausted(arena) ? "the trace takes more memory than is allowed" : "the blob does not unpack";
    if (!raw.data || !batch_unpack(batch, arena, raw.data, raw.len, why)) return false;
    if (batch->span_count == span_count) return true;
    *why = "the blob has another number of spans than the arrays";
    return false;
}
