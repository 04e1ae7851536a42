/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir doctor: why is there no data? Goes the way of a span, from the service's environment to the analysis,
 * and says of each step whether it is well, in a line each.
 */
#include "viewer/cli/doctor.h"

#include "base/clock.h"
#include "viewer/cli/pager.h"
#include "viewer/cli/terminal.h"
#include "viewer/text/escape.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_DEADLINE_MS 10000

/* ---- lines ---- */

/* More than fit, and nobody would read, overwrite the last. */
static struct doctor_line *add_line(struct doctor *doctor, const char *check, bool is_problem)
{
    if (doctor->line_count < DOCTOR_LINES_MAX) doctor->line_count++;
    struct doctor_line *line = &doctor->lines[doctor->line_count - 1];
    *line = (struct doctor_line){.check = check, .is_problem = is_problem};
    return line;
}

void doctor_fine(struct doctor *doctor, const char *check, const char *format, ...)
{
    struct doctor_line *line = add_line(doctor, check, false);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line->says, sizeof line->says, format, arguments);
    va_end(arguments);
}

void doctor_problem(struct doctor *doctor, const char *check, const char *format, ...)
{
    struct doctor_line *line = add_line(doctor, check, true);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line->says, sizeof line->says, format, arguments);
    va_end(arguments);
}

void doctor_remedy(struct doctor *doctor, const char *format, ...)
{
    struct doctor_line *line = &doctor->lines[doctor->line_count - 1];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line->remedy, sizeof line->remedy, format, arguments);
    va_end(arguments);
}

/* ---- values ---- */

const char *doctor_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

int64_t doctor_number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

struct doctor_age doctor_age(int64_t ns)
{
    static const struct {
        int64_t seconds;
        const char *unit;
    } units[] = {{2 * 86400, "days"}, {2 * 3600, "h"}, {2 * 60, "min"}, {0, "s"}};
    static const int64_t lengths[] = {86400, 3600, 60, 1};
    struct doctor_age age;
    int64_t seconds = ns > 0 ? ns / NS_PER_S : 0;
    size_t i = 0;
    while (seconds < units[i].seconds) i++;
    snprintf(age.text, sizeof age.text, "%lld %s", (long long)(seconds / lengths[i]), units[i].unit);
    return age;
}

/* ---- the collector and its database ---- */

static void complain_of_collector(struct doctor *doctor)
{
    const struct source *source = &doctor->source;
    const char *url = source->base.data;
    if (doctor_speaks_sp(url)) {
        doctor_problem(doctor, "collector", "%s is where spans are sent to, not where reports are served",
                       url);
        doctor_remedy(doctor, "give --url or WEIR_URL the http address of its ready line, by default "
                              "http://127.0.0.1:4318");
    } else if (source->reply.status && !source->reply.is_weir) {
        doctor_problem(doctor, "collector", "%s answers, but is no weir-collector (%s, HTTP status %ld)", url,
                       source->reply.server[0] ? source->reply.server : "it does not say what it is",
                       source->reply.status);
        doctor_remedy(doctor, "name the right address with --url or WEIR_URL");
    } else {
        doctor_problem(doctor, "collector", "nothing answers at %s (%s)", url, source->reply.error);
        doctor_remedy(doctor, "start weir-collector, or name a running one with --url or WEIR_URL");
    }
}

/* Whether there is a collector to ask further. */
static bool check_collector(struct doctor *doctor)
{
    source_ask(&doctor->source, "/healthz");
    if (doctor->source.reply.is_weir) {
        doctor_fine(doctor, "collector", "answers at %s", doctor->source.base.data);
        return true;
    }
    complain_of_collector(doctor);
    return false;
}

static bool check_database(struct doctor *doctor)
{
    enum exit_status status = source_ask(&doctor->source, "/readyz?format=json");
    if (status == EXIT_DONE) status = source_ask(&doctor->source, "/status?format=json");
    if (status == EXIT_DONE) {
        const struct buffer *body = &doctor->source.reply.body;
        doctor->status = json_loadb(body->data, body->len, 0, NULL);
    }
    if (doctor->status) {
        doctor_fine(doctor, "database", "answers: %s", doctor_text(doctor->status, "postgres"));
        return true;
    }
    const struct client_reply *reply = &doctor->source.reply;
    if (reply->status == 0)
        doctor_problem(doctor, "database", "the collector does not say how it is (%s)", reply->error);
    else
        doctor_problem(doctor, "database", "%s", doctor->source.error);
    doctor_remedy(doctor, "see that Postgres runs; services keep what they have and send it again");
    return false;
}

static void run_checks(struct doctor *doctor)
{
    bool knows = check_collector(doctor) && check_database(doctor);
    if (knows) doctor_addresses(doctor);
    doctor_environment(doctor);
    if (!knows) return;
    doctor_services(doctor);
    doctor_refused(doctor);
    doctor_dropped(doctor);
    doctor_sampled(doctor);
    doctor_analysis(doctor);
    doctor_clocks(doctor);
    doctor_disk(doctor);
}

/* ---- printing ---- */

static void print_line(struct buffer *out, const struct doctor_line *line, const struct terminal *terminal)
{
    const char *colour = !terminal->colour ? "" : line->is_problem ? "\033[1;31m" : "\033[32m";
    const char *plain = terminal->colour ? "\033[0m" : "";
    buffer_printf(out, "%s%-7s%s  %-11s  ", colour, line->is_problem ? "problem" : "ok", plain, line->check);
    escape_name(out, str_of(line->says), terminal->ascii);
    if (line->remedy[0]) {
        buffer_add_text(out, terminal->ascii ? " -> " : " → ");
        escape_name(out, str_of(line->remedy), terminal->ascii);
    }
    buffer_add_text(out, "\n");
}

static json_t *line_object(const struct doctor_line *line)
{
    json_t *object = json_object();
    json_object_set_new(object, "check", json_string(line->check));
    json_object_set_new(object, "state", json_string(line->is_problem ? "problem" : "ok"));
    json_object_set_new(object, "says", json_string(line->says));
    json_object_set_new(object, "remedy", line->remedy[0] ? json_string(line->remedy) : json_null());
    return object;
}

static void add_json(struct buffer *out, const struct doctor *doctor, bool all_well)
{
    json_t *document = json_object(), *lines = json_array();
    for (size_t i = 0; i < doctor->line_count; i++)
        json_array_append_new(lines, line_object(&doctor->lines[i]));
    json_object_set_new(document, "ok", json_boolean(all_well));
    json_object_set_new(document, "checks", lines);
    char *text = json_dumps(document, JSON_COMPACT);
    if (text) buffer_printf(out, "%s\n", text);
    free(text);
    json_decref(document);
}

static enum exit_status report(const struct doctor *doctor, const struct options *options,
                               const struct terminal *terminal)
{
    struct buffer out;
    bool all_well = true;
    buffer_init(&out);
    for (size_t i = 0; i < doctor->line_count; i++) {
        if (doctor->lines[i].is_problem) all_well = false;
        if (!options->value[OPTION_json]) print_line(&out, &doctor->lines[i], terminal);
    }
    if (options->value[OPTION_json]) add_json(&out, doctor, all_well);
    bool printed = pager_show(&out, false);
    buffer_fini(&out);
    return all_well && printed ? EXIT_DONE : EXIT_NOTHING;
}

enum exit_status command_doctor(const struct command *command, const struct options *options)
{
    (void)command;
    struct terminal terminal;
    struct doctor *doctor = calloc(1, sizeof *doctor);
    char error[OPTIONS_ERROR_BYTES] = "out of memory";
    if (!doctor || !terminal_look(&terminal, options, error)) {
        complain("%s", error);
        free(doctor);
        return EXIT_USAGE;
    }
    enum exit_status status = source_open(&doctor->source, options);
    if (status == EXIT_DONE) {
        doctor->source.client.timeout_ms = ANSWER_DEADLINE_MS;
        doctor->service = options->value[OPTION_service];
        doctor->now_ns = clock_unix_ns();
        run_checks(doctor);
        status = report(doctor, options, &terminal);
    } else {
        complain("%s", doctor->source.error);
    }
    json_decref(doctor->status);
    source_close(&doctor->source);
    free(doctor);
    return status;
}
