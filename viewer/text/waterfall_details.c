/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/text/waterfall.h"

#include "base/utf8.h"
#include "proto/batch.h"
#include "viewer/text/cells.h"
#include "viewer/text/endpoint_words.h"
#include "viewer/text/finding_words.h"
#include "viewer/text/units.h"

#include <inttypes.h>
#include <stdlib.h>

#define EVENTS_SHOWN_MAX     20 /* of a span */
#define LINKS_SHOWN_MAX      8
#define ATTRIBUTES_SHOWN_MAX 12  /* of an event or a link */
#define VALUE_BYTES_MAX      240 /* of an attribute: a stack trace is cut */
#define NAMES_SHOWN_MAX      3   /* of the events of a folded row */

/* ---- lines ---- */

/* Words behind the tree's lines, wrapped; further lines begin at the same column. */
static void line_begin(struct waterfall *waterfall, const struct row *row, unsigned *hang)
{
    words_clear(&waterfall->label);
    waterfall_branch(waterfall, row, true);
    *hang = WATERFALL_MARK_CELLS + cells_of(words_str(&waterfall->label));
    words_style(&waterfall->label, STYLE_FAINT);
}

static void line_end(struct waterfall *waterfall, unsigned hang)
{
    paper_to(&waterfall->paper, WATERFALL_MARK_CELLS);
    paper_wrap(&waterfall->paper, words_str(&waterfall->label), hang, waterfall->paper.width);
    paper_end(&waterfall->paper);
}

static void all_of_them(struct waterfall *waterfall)
{
    words_add(&waterfall->label, "weir" WORDS_SPACE "trace" WORDS_SPACE "--json" WORDS_SPACE);
    finding_words_trace_id(&waterfall->label, waterfall->view->trace->id);
}

/* ---- attributes ---- */

static void value_words(struct words *words, const struct attribute *attribute)
{
    switch (attribute->type) {
    case ATTRIBUTE_BOOL:
        words_add(words, attribute->integer ? "true" : "false");
        return;
    case ATTRIBUTE_INT:
        words_printf(words, "%" PRId64, attribute->integer);
        return;
    case ATTRIBUTE_DOUBLE:
        words_printf(words, "%.6g", attribute->real);
        return;
    default:
        words_name(words, str_view(attribute->text.data, utf8_cut(attribute->text, VALUE_BYTES_MAX)));
        if (attribute->text.len > VALUE_BYTES_MAX) words_add(words, "…");
    }
}

static void attribute_words(struct words *words, const struct attribute *attributes, uint32_t count,
                            uint32_t dropped)
{
    for (uint32_t i = 0; i < count && i < ATTRIBUTES_SHOWN_MAX; i++) {
        if (i) words_add(words, "; ");
        words_name(words, attributes[i].key);
        words_add(words, "=");
        value_words(words, &attributes[i]);
    }
    if (count > ATTRIBUTES_SHOWN_MAX)
        words_printf(words, "; and %s more", units_count(count - ATTRIBUTES_SHOWN_MAX).text);
    if (dropped == 0) return;
    if (count) words_add(words, "; ");
    endpoint_words_number(words, dropped, "attribute", "attributes");
    words_add(words, " more, dropped by a limit");
}

/* ---- events ---- */

static void event_label(struct waterfall *waterfall, const struct row *row, const struct span_event *event)
{
    struct words *words = &waterfall->label;
    words_clear(words);
    waterfall_branch(waterfall, row, true);
    words_add(words, "• ");
    if (event->name.len)
        words_name(words, event->name);
    else
        words_add(words, "(event without a name)");
}

unsigned waterfall_event_cells(struct waterfall *waterfall, const struct row *row)
{
    unsigned longest = 0;
    if (row->kind != ROW_SPANS || row->count > 1) return 0;
    for (uint32_t i = 0; i < row->members[0]->event_count && i < EVENTS_SHOWN_MAX; i++) {
        event_label(waterfall, row, &row->members[0]->events[i]);
        unsigned cells = cells_of(words_str(&waterfall->label));
        if (cells > longest) longest = cells;
    }
    return longest;
}

/* • retry            +12.0 ms                •          */
static void event_line(struct waterfall *waterfall, const struct row *row, const struct span_event *event)
{
    struct paper *paper = &waterfall->paper;
    struct words *right = &waterfall->bar;
    int64_t since = since_ns(row->members[0]->start_ns, event->time_ns);
    event_label(waterfall, row, event);
    paper_to(paper, WATERFALL_MARK_CELLS);
    paper_put(paper, words_str(&waterfall->label), waterfall->label_cells);
    words_clear(right);
    words_printf(right, "%s%s", since < 0 ? "-" : "+",
                 units_duration(since == INT64_MIN ? INT64_MAX
                                : since < 0        ? -since
                                                   : since)
                     .text);
    paper_put_right(paper, words_str(right), waterfall_time_end(waterfall));
    words_clear(right);
    words_style(right, STYLE_TITLE);
    bar_moment(right, event->time_ns, waterfall->rows.axis, waterfall->bar_cells);
    paper_to(paper, waterfall_bar_begin(waterfall));
    paper_put_words(paper, right);
    paper_end(paper);
}

static void event_attributes(struct waterfall *waterfall, const struct row *row,
                             const struct span_event *event)
{
    unsigned hang;
    if (event->attribute_count == 0 && event->dropped_attributes == 0) return;
    line_begin(waterfall, row, &hang);
    words_add(&waterfall->label, WORDS_SPACE WORDS_SPACE);
    attribute_words(&waterfall->label, event->attributes, event->attribute_count, event->dropped_attributes);
    line_end(waterfall, hang + 2);
}

static void events(struct waterfall *waterfall, const struct row *row)
{
    const struct span *span = row->members[0];
    for (uint32_t i = 0; i < span->event_count && i < EVENTS_SHOWN_MAX; i++) {
        event_line(waterfall, row, &span->events[i]);
        event_attributes(waterfall, row, &span->events[i]);
    }
    unsigned hang;
    if (span->event_count <= EVENTS_SHOWN_MAX) return;
    line_begin(waterfall, row, &hang);
    words_printf(&waterfall->label,
                 "and %s events more; all of them: ", units_count(span->event_count - EVENTS_SHOWN_MAX).text);
    all_of_them(waterfall);
    line_end(waterfall, hang);
}

/* ---- links ---- */

static bool is_known(const struct span_link *link)
{
    static const unsigned char zero[16];
    return memcmp(link->trace_id, zero, sizeof zero) != 0;
}

/* linked to trace 4b525960676e757c838a91989fa6adb4 span 00f067aa0ba902b7 */
static void link_line(struct waterfall *waterfall, const struct row *row, const struct span_link *link)
{
    struct words *words = &waterfall->label;
    unsigned hang;
    line_begin(waterfall, row, &hang);
    if (is_known(link)) {
        words_add(words, "linked to trace" WORDS_SPACE);
        finding_words_trace_id(words, link->trace_id);
        words_printf(words, " span" WORDS_SPACE "%016" PRIx64, link->span_id);
    } else {
        words_add(words, "linked to a span that is not known");
    }
    if (link->attribute_count || link->dropped_attributes) words_add(words, ": ");
    attribute_words(words, link->attributes, link->attribute_count, link->dropped_attributes);
    line_end(waterfall, hang + 2);
}

static void links(struct waterfall *waterfall, const struct row *row)
{
    const struct span *span = row->members[0];
    for (uint32_t i = 0; i < span->span_link_count && i < LINKS_SHOWN_MAX; i++)
        link_line(waterfall, row, &span->span_links[i]);
    unsigned hang;
    if (span->span_link_count <= LINKS_SHOWN_MAX) return;
    line_begin(waterfall, row, &hang);
    words_printf(&waterfall->label, "and linked to %s spans more; all of them: ",
                 units_count(span->span_link_count - LINKS_SHOWN_MAX).text);
    all_of_them(waterfall);
    line_end(waterfall, hang);
}

/* ---- many spans in one row ---- */

struct counted {
    struct str name;
    uint64_t count;
};

static int by_name(const void *a, const void *b)
{
    const struct counted *x = a, *y = b;
    size_t common = x->name.len < y->name.len ? x->name.len : y->name.len;
    int order = common ? memcmp(x->name.data, y->name.data, common) : 0;
    return order ? order : (x->name.len > y->name.len) - (x->name.len < y->name.len);
}

static int most_first(const void *a, const void *b)
{
    const struct counted *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return by_name(a, b);
}

/* The names of the events of all its spans, each once, the most frequent first; returns how many names. */
static size_t count_names(struct waterfall *waterfall, const struct row *row, uint64_t total,
                          struct counted **names)
{
    size_t count = 0, kept = 0;
    *names = arena_array(&waterfall->arena, total, sizeof **names);
    if (!*names) return 0;
    for (uint32_t i = 0; i < row->count; i++) {
        const struct span *span = row->members[i];
        for (uint32_t k = 0; k < span->event_count; k++)
            (*names)[count++] = (struct counted){span->events[k].name, 1};
    }
    qsort(*names, count, sizeof **names, by_name);
    for (size_t i = 0; i < count; i++) {
        if (kept && by_name(&(*names)[kept - 1], &(*names)[i]) == 0)
            (*names)[kept - 1].count++;
        else
            (*names)[kept++] = (*names)[i];
    }
    qsort(*names, kept, sizeof **names, most_first);
    return kept;
}

/* 12 events: retry ×10, exception ×2 */
static void event_totals(struct waterfall *waterfall, const struct row *row, uint64_t total)
{
    struct words *words = &waterfall->label;
    struct counted *names;
    size_t count = count_names(waterfall, row, total, &names);
    endpoint_words_number(words, total, "event", "events");
    words_add(words, ":");
    for (size_t i = 0; i < count && i < NAMES_SHOWN_MAX; i++) {
        words_add(words, i ? ", " : " ");
        words_name(words, names[i].name);
        words_printf(words, WORDS_SPACE "×%s", units_count(names[i].count).text);
    }
    if (count > NAMES_SHOWN_MAX) words_add(words, ", …");
}

static void totals(struct waterfall *waterfall, const struct row *row)
{
    struct words *words = &waterfall->label;
    uint64_t event_count = 0, link_count = 0;
    for (uint32_t i = 0; i < row->count; i++) {
        event_count += row->members[i]->event_count;
        link_count += row->members[i]->span_link_count;
    }
    if (event_count == 0 && link_count == 0) return;
    unsigned hang;
    line_begin(waterfall, row, &hang);
    if (event_count) event_totals(waterfall, row, event_count);
    if (event_count && link_count) words_add(words, "; ");
    if (link_count) {
        words_add(words, "linked to ");
        endpoint_words_number(words, link_count, "span", "spans");
    }
    line_end(waterfall, hang);
}

/* ---- what a limit dropped ---- */

struct dropped {
    uint64_t attributes, events, links;
};

static struct dropped add_up(const struct row *row)
{
    struct dropped dropped = {0};
    for (uint32_t i = 0; i < row->count; i++) {
        dropped.attributes += row->members[i]->dropped_attributes;
        dropped.events += row->members[i]->dropped_events;
        dropped.links += row->members[i]->dropped_span_links;
    }
    return dropped;
}

static void dropped_line(struct waterfall *waterfall, const struct row *row)
{
    const struct dropped dropped = add_up(row);
    const struct {
        uint64_t count;
        const char *one, *many;
    } kinds[] = {{dropped.events, "event", "events"},
                 {dropped.links, "link", "links"},
                 {dropped.attributes, "attribute", "attributes"}};
    unsigned hang, written = 0;
    if (dropped.attributes + dropped.events + dropped.links == 0) return;
    line_begin(waterfall, row, &hang);
    for (unsigned i = 0; i < 3; i++) {
        if (kinds[i].count == 0) continue;
        if (written++) words_add(&waterfall->label, ", ");
        endpoint_words_number(&waterfall->label, kinds[i].count, kinds[i].one, kinds[i].many);
    }
    words_add(&waterfall->label, " more, dropped by a limit of the service");
    line_end(waterfall, hang);
}

void waterfall_details(struct waterfall *waterfall, const struct row *row)
{
    if (row->count == 1) {
        events(waterfall, row);
        links(waterfall, row);
    } else {
        totals(waterfall, row);
    }
    dropped_line(waterfall, row);
}
