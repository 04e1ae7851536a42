/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands that put one question to a collector: which page, with which parameters. The answer is printed
 * as it comes; the collector has rendered it.
 */
#include "viewer/cli/ask.h"

#include "viewer/cli/pager.h"

#include <stdio.h>
#include <string.h>

/* ---- the question ---- */

/* option → query parameter */
static const struct {
    enum option option;
    const char *parameter;
} asked[] = {
    {OPTION_trace, "trace"},     {OPTION_slowest, "slowest"},         {OPTION_endpoint, "endpoint"},
    {OPTION_service, "service"}, {OPTION_service_version, "version"}, {OPTION_since, "since"},
    {OPTION_until, "until"},
};

static void add_parameters(struct buffer *path, const struct options *options,
                           const struct terminal *terminal)
{
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        const char *value = options->value[asked[i].option];
        if (value) client_add_query(path, asked[i].parameter, value);
    }
    char width[16];
    snprintf(width, sizeof width, "%u", terminal->width);
    client_add_query(path, "format", options->value[OPTION_json] ? "json" : "text");
    client_add_query(path, "width", width);
    client_add_query(path, "colour", terminal->colour ? "1" : "0");
    client_add_query(path, "ascii", terminal->ascii ? "1" : "0");
}

enum exit_status ask_question(const struct command *command, const struct options *options,
                              const struct terminal *terminal, struct buffer *path)
{
    enum exit_status status = EXIT_DONE;
    if (command->page)
        status = command->page(options, path);
    else
        buffer_printf(path, "/%s", command->name);
    if (status == EXIT_DONE) add_parameters(path, options, terminal);
    return status;
}

/* ---- one answer ---- */

static enum exit_status ask_once(struct source *source, const char *path, const struct options *options)
{
    enum exit_status status = source_open(source, options);
    if (status == EXIT_DONE) status = source_ask(source, path);
    if (status != EXIT_DONE) {
        complain("%s", source->error);
    } else if (!pager_show(&source->reply.body, options->value[OPTION_no_pager] == NULL)) {
        status = EXIT_NOTHING;
    }
    source_close(source);
    return status;
}

enum exit_status command_ask(const struct command *command, const struct options *options)
{
    struct terminal terminal;
    struct source source;
    struct buffer path;
    char error[OPTIONS_ERROR_BYTES];
    if (!terminal_look(&terminal, options, error)) {
        complain("%s", error);
        return EXIT_USAGE;
    }
    buffer_init(&path);
    enum exit_status status = ask_question(command, options, &terminal, &path);
    if (status == EXIT_DONE) status = ask_once(&source, path.data, options);
    buffer_fini(&path);
    return status;
}

/* ---- pages that are not simply named like their command ---- */

/* Only what can be an id goes into the path. */
static bool is_trace_id(const char *text)
{
    return strlen(text) == 32 && strspn(text, "0123456789abcdefABCDEF") == 32;
}

enum exit_status page_of_trace(const struct options *options, struct buffer *path)
{
    bool has_id = options->positional_count == 1, has_slowest = options->value[OPTION_slowest] != NULL;
    if (has_id == has_slowest) {
        complain("which trace? weir trace ID, or weir trace --slowest ENDPOINT");
        return EXIT_USAGE;
    }
    if (has_slowest) {
        buffer_add_text(path, "/trace");
        return EXIT_DONE;
    }
    const char *refused = options_refused(options, ~OPTIONS_FILTER);
    if (refused) {
        complain("%s does not go with a trace's id", refused);
        return EXIT_USAGE;
    }
    if (!is_trace_id(options->positional[0])) {
        complain("a trace id has 32 hexadecimal digits");
        return EXIT_USAGE;
    }
    buffer_printf(path, "/trace/%s", options->positional[0]);
    return EXIT_DONE;
}

enum exit_status page_of_profile(const struct options *options, struct buffer *path)
{
    bool has_endpoint = options->positional_count == 1, has_trace = options->value[OPTION_trace] != NULL;
    if (has_endpoint == has_trace) {
        complain("which profile? weir profile ENDPOINT, or weir profile --trace ID");
        return EXIT_USAGE;
    }
    buffer_add_text(path, "/profile");
    if (has_endpoint) client_add_query(path, "endpoint", options->positional[0]);
    return EXIT_DONE;
}
