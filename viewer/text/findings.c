/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Findings in full, in the order given: what, what it would save, how sure that is and from which evidence,
 * which calls, what to do, where in the code, and a request to look at. A field a line, its name in a column
 * of its own.
 */
#include "viewer/text/cells.h"
#include "viewer/text/endpoint_words.h"
#include "viewer/text/finding_words.h"
#include "viewer/text/paper.h"
#include "viewer/text/units.h"

#define VALUE_COLUMN 14
#define COUNT_CELLS  6
#define TIME_CELLS   9

struct sheet {
    struct paper *paper;
    struct words value;
};

/* The value collected so far, as a field; name NULL: one more line of the field above. */
static void field(struct sheet *sheet, const char *name)
{
    struct paper *paper = sheet->paper;
    if (name) {
        struct words words;
        words_init(&words, paper->view);
        words_style(&words, STYLE_FAINT);
        words_add(&words, name);
        paper_to(paper, 3);
        paper_put_words(paper, &words);
        words_fini(&words);
    }
    paper_to(paper, VALUE_COLUMN);
    paper_wrap(paper, words_str(&sheet->value), VALUE_COLUMN, paper->width);
    paper_end(paper);
    words_clear(&sheet->value);
}

static void heading(struct sheet *sheet, const struct finding *finding, uint32_t number)
{
    struct words *words = &sheet->value;
    words_style(words, STYLE_TITLE);
    words_printf(words, "%-2u %s", number, finding_kind_title(finding->kind));
    if (finding_words_counts(finding)) words_printf(words, "   ×%s", units_count(finding->count).text);
    paper_flow(sheet->paper, words, 0, 3);
    words_clear(words);
    words_style(words, STYLE_STRONG);
    words_name(words, finding->endpoint);
    paper_flow(sheet->paper, words, 3, 3);
    words_clear(words);
    endpoint_words_service(words, finding->service, finding->service_version);
    paper_flow(sheet->paper, words, 3, 3);
    words_clear(words);
    paper_end(sheet->paper);
    finding_words_what(words, finding);
    paper_to(sheet->paper, 3);
    paper_wrap(sheet->paper, words_str(words), 3, sheet->paper->width);
    paper_end(sheet->paper);
    words_clear(words);
}

static void evidence(struct sheet *sheet, const struct finding *finding)
{
    for (uint32_t i = 0; i < finding->evidence_count; i++) {
        const struct evidence *seen = &finding->evidence[i];
        words_printf(&sheet->value, "%s of %s %s", units_count(seen->seen).text, units_count(seen->of).text,
                     evidence_words(seen->fact));
        field(sheet, i == 0 ? "evidence" : NULL);
    }
}

static void pad(struct words *words, const char *own, unsigned cells)
{
    for (unsigned at = cells_of(str_of(own)); at < cells; at++) words_add(words, WORDS_SPACE);
    words_add(words, own);
}

/* ×3,000   1.21 s  postgresql  SELECT id, total FROM orders WHERE customer_id = ? */
static void operation(struct sheet *sheet, const char *name, const struct finding_operation *shown)
{
    struct words count;
    words_init(&count, sheet->paper->view);
    words_printf(&count, "×%s", units_count(shown->count).text);
    pad(&sheet->value, count.bytes.data ? count.bytes.data : "", COUNT_CELLS);
    words_fini(&count);
    pad(&sheet->value, units_duration(shown->cost_ns).text, TIME_CELLS);
    words_add(&sheet->value, "  ");
    if (shown->system.len) {
        words_name(&sheet->value, shown->system);
        words_add(&sheet->value, "  ");
    }
    words_name(&sheet->value, shown->text.len ? shown->text : shown->label);
    field(sheet, name);
}

static void operations(struct sheet *sheet, const struct finding *finding)
{
    for (uint32_t i = 0; i < finding->operation_count; i++)
        operation(sheet, i == 0 ? "calls" : NULL, &finding->operations[i]);
    if (finding->has_source && (finding->source.text.len || finding->source.label.len))
        operation(sheet, "source", &finding->source);
}

/* One to look at; --json has the others. */
static void example(struct sheet *sheet, const struct finding *finding)
{
    if (finding->trace_count == 0) return;
    words_add(&sheet->value, "weir" WORDS_SPACE "trace" WORDS_SPACE);
    finding_words_trace_id(&sheet->value, finding->trace_ids[0]);
    field(sheet, "look at");
}

static void show(struct sheet *sheet, const struct finding *finding, uint32_t number)
{
    struct words *words = &sheet->value;
    heading(sheet, finding, number);
    if (finding->saving_ns > 0) {
        words_printf(words, "about %s a request", units_estimate(finding->saving_ns).text);
        field(sheet, "saves");
    }
    finding_words_gain(words, finding);
    field(sheet, "costs");
    if (finding->advice.len) {
        words_style(words, STYLE_GOOD);
        words_name(words, finding->advice);
        field(sheet, "repair");
    }
    if (finding->site.file.len) {
        finding_words_site(words, &finding->site, true);
        field(sheet, "code");
    }
    words_add(words, "in ");
    finding_words_requests(words, finding);
    field(sheet, "seen");
    finding_words_confidence(words, finding);
    field(sheet, "certainty");
    evidence(sheet, finding);
    operations(sheet, finding);
    example(sheet, finding);
}

void text_findings(struct buffer *out, const struct view *view, const struct finding *findings,
                   uint32_t count)
{
    struct paper paper;
    paper_init(&paper, out, view);
    if (count == 0) {
        paper_say(&paper, STYLE_GOOD, 0, "Nothing to repair found.");
        return;
    }
    struct sheet sheet = {.paper = &paper};
    words_init(&sheet.value, view);
    for (uint32_t i = 0; i < count; i++) {
        if (i) paper_end(&paper);
        show(&sheet, &findings[i], i + 1);
    }
    words_fini(&sheet.value);
}
