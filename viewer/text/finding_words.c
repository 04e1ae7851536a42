/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/text/finding_words.h"

#include "viewer/text/endpoint_words.h"
#include "viewer/text/units.h"

#define SMALL_SAVING_PART                                                                                    \
    20 /* a saving of less than one part in so many is told itself, not what remains   \
                              */

/* One row a kind: what is wrong with its calls, with and without a known source, and what the repair makes of
 * them. */
static const struct kind_words {
    bool counts;
    const char
        *with_source; /* followed by the source in quotation marks; NULL: the source says nothing more */
    const char *without_source; /* in its place when the source is not known */
    const char *repaired;
    const char *verb, *once; /* plainly: it asks the database for “x” 3,000 times, …, where once would do */
    const char *confidence[3]; /* possible, likely, proven */
} kind_words[FINDING_KIND_COUNT] = {
    [FINDING_n_plus_one_query] = {true,
                                  ": one query for each row of ",
                                  ": the same query again and again, each time for another value",
                                  "as one query about ",
                                  "it asks the database for ",
                                  "where once for all of them would do",
                                  {"the calls look alike, but their inputs are not known",
                                   "the calls are one operation; not all of their inputs are known",
                                   "these calls were counted, not guessed"}},
    [FINDING_n_plus_one_http] = {true,
                                 ": one HTTP call for each row of ",
                                 ": the same HTTP call again and again, each time for another value",
                                 "as one call about ",
                                 "it calls ",
                                 "where one call for all of them would do",
                                 {"the calls look alike, but their inputs are not known",
                                  "the calls are one operation; not all of their inputs are known",
                                  "these calls were counted, not guessed"}},
    [FINDING_repeated_call] = {true,
                               NULL,
                               ": the same call with the same input again, nothing written between",
                               "asked once about ",
                               "it asks for ",
                               "with the same question every time",
                               {"the calls look alike, but something may have changed between them",
                                "the inputs are the same; not all of the answers could be compared",
                                "the inputs of these calls were compared and are the same"}},
    [FINDING_sequential_independent] =
        {false,
         "; all that they need is the answer of ",
         "",
         "at once about ",
         NULL,
         "though neither needs the other’s answer",
         {"only their times say so: nothing was seen that ties them together or apart",
          "no value of one answer was seen in the input of the other; whether the one decides if the other "
          "is made at all, only the code tells",
          "one was sent before anything of the other’s answer was read, or they were seen to overlap or to "
          "come in the other order"}},
};

bool finding_words_counts(const struct finding *finding) { return kind_words[finding->kind].counts; }

static bool was_seen(const struct finding *finding, enum evidence_fact fact)
{
    for (uint32_t i = 0; i < finding->evidence_count; i++)
        if (finding->evidence[i].fact == fact) return finding->evidence[i].seen > 0;
    return false;
}

/* Something was seen that says more than that no value passed: an answer may also decide what is asked next. */
static bool needs_nothing(const struct finding *finding)
{
    return finding->confidence == CONFIDENCE_PROVEN || was_seen(finding, EVIDENCE_sent_before_read) ||
           was_seen(finding, EVIDENCE_inputs_from_source);
}

static void name_operation(struct words *words, const struct finding_operation *operation)
{
    words_name(words, operation->label.len ? operation->label : operation->text);
}

/* "250 ms", or of several calls "×20, 250 ms" */
static void cost_of(struct words *words, const struct finding_operation *operation)
{
    if (operation->count > 1) words_printf(words, "×%s," WORDS_SPACE, units_count(operation->count).text);
    words_printf(words, "%s", units_duration(operation->cost_ns).text);
}

/* "POST inventory /stock/bulk (250 ms), then GET pricing /prices (850 ms): neither needs the other's answer"
 */
static void sequence(struct words *words, const struct finding *finding)
{
    for (uint32_t i = 0; i < finding->operation_count; i++) {
        const struct finding_operation *operation = &finding->operations[i];
        if (i) words_add(words, ", then ");
        name_operation(words, operation);
        words_add(words, " (");
        cost_of(words, operation);
        words_add(words, ")");
    }
    bool two = finding->operation_count == 2;
    if (needs_nothing(finding))
        words_add(words, two ? ": neither needs the other’s answer" : ": none needs an answer of the others");
    else
        words_add(words, two ? ": no value of the one’s answer is in the other’s input"
                             : ": no value of one’s answer is in another’s input");
}

void finding_words_calls(struct words *words, const struct finding *finding)
{
    for (uint32_t i = 0; i < finding->operation_count; i++) {
        if (i) words_add(words, i + 1 < finding->operation_count ? ", " : " and ");
        name_operation(words, &finding->operations[i]);
    }
}

void finding_words_what(struct words *words, const struct finding *finding)
{
    const struct kind_words *kind = &kind_words[finding->kind];
    bool has_source = finding->has_source && (finding->source.label.len || finding->source.text.len);
    if (finding->kind == FINDING_sequential_independent)
        sequence(words, finding);
    else
        finding_words_calls(words, finding);
    if (has_source && kind->with_source) {
        words_add(words, kind->with_source);
        words_add(words, "“");
        name_operation(words, &finding->source);
        words_add(words, "”");
    } else {
        words_add(words, kind->without_source);
    }
}

void finding_words_gain(struct words *words, const struct finding *finding)
{
    int64_t after_ns = finding->request_ns - finding->saving_ns;
    bool is_small = finding->saving_ns < finding->request_ns / SMALL_SAVING_PART;
    words_printf(words, "%s of %s; %s%s", units_duration(finding->cost_ns).text,
                 units_duration(finding->request_ns).text, kind_words[finding->kind].repaired,
                 units_estimate(finding->repaired_ns).text);
    if (finding->saving_ns > 0 && !is_small)
        words_printf(words, ", the request then about %s", units_estimate(after_ns > 0 ? after_ns : 0).text);
    else if (finding->saving_ns <= 0)
        words_add(words, ", but the request gets no shorter: other work runs meanwhile");
}

void finding_words_requests(struct words *words, const struct finding *finding)
{
    if (finding_is_estimate(finding)) words_add(words, "about" WORDS_SPACE);
    words_printf(words, "%s" WORDS_SPACE "of" WORDS_SPACE, units_count(finding->requests).text);
    endpoint_words_number(words, finding->requests_seen, "request", "requests");
    if (finding_is_estimate(finding))
        words_printf(words, " (%s" WORDS_SPACE "recorded)", units_count(finding->recorded).text);
}

void finding_words_seen(struct words *words, const struct finding *finding)
{
    finding_words_requests(words, finding);
    words_printf(words, "," WORDS_SPACE "%s", confidence_name(finding->confidence));
}

void finding_words_confidence(struct words *words, const struct finding *finding)
{
    words_printf(words, "%s: %s", confidence_name(finding->confidence),
                 kind_words[finding->kind].confidence[finding->confidence]);
    bool is_loop = finding->kind == FINDING_n_plus_one_query || finding->kind == FINDING_n_plus_one_http;
    if (is_loop && !finding->has_source) words_add(words, "; where their values come from was not seen");
}

static struct str last_part(struct str path)
{
    for (size_t at = path.len; at > 0; at--)
        if (path.data[at - 1] == '/' && at < path.len) return str_view(path.data + at, path.len - at);
    return path;
}

void finding_words_site(struct words *words, const struct call_site *site, bool whole)
{
    if (site->file.len == 0) return;
    words_name(words, whole ? site->file : last_part(site->file));
    if (site->line) words_printf(words, ":%u", site->line);
    if (!whole || site->function.len == 0) return;
    words_add(words, " in ");
    words_name(words, site->function);
}

void finding_words_trace_id(struct words *words, const unsigned char id[16])
{
    for (unsigned i = 0; i < 16; i++) words_printf(words, "%02x", id[i]);
}

static void plain_sequence(struct words *words, const struct finding *finding)
{
    words_add(words, "it waits for ");
    for (uint32_t i = 0; i < finding->operation_count; i++) {
        if (i == 1) words_add(words, " to end before it starts ");
        if (i > 1) words_add(words, ", and for that before ");
        name_operation(words, &finding->operations[i]);
        words_add(words, " (");
        cost_of(words, &finding->operations[i]);
        words_add(words, ")");
    }
    words_printf(words, ", %s.",
                 finding->operation_count > 2 ? "though none needs an answer of the others"
                                              : kind_words[finding->kind].once);
}

void finding_words_plain(struct words *words, const struct finding *finding)
{
    const struct kind_words *kind = &kind_words[finding->kind];
    if (!kind->verb) {
        plain_sequence(words, finding);
        return;
    }
    words_add(words, kind->verb);
    words_add(words, "“");
    finding_words_calls(words, finding);
    words_printf(words, "” %s times in one request, ", units_count(finding->count).text);
    bool has_source = finding->has_source && (finding->source.label.len || finding->source.text.len);
    if (has_source && kind->with_source) {
        words_add(words, "once for each row of “");
        name_operation(words, &finding->source);
        words_add(words, "”, ");
    }
    words_printf(words, "%s.", kind->once);
}

void finding_words_effect(struct words *words, const struct finding *finding)
{
    int64_t after_ns = finding->request_ns - finding->saving_ns;
    if (finding->saving_ns <= 0)
        words_add(words, "A request gets no shorter by that alone: other work runs meanwhile.");
    else if (finding->saving_ns < finding->request_ns / SMALL_SAVING_PART)
        words_printf(words, "Repaired, that saves about %s of a request's %s.",
                     units_estimate(finding->saving_ns).text, units_duration(finding->request_ns).text);
    else
        words_printf(words, "Repaired, a request takes about %s instead of %s.",
                     units_estimate(after_ns > 0 ? after_ns : 0).text,
                     units_duration(finding->request_ns).text);
}
