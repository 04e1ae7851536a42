/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands that put one question to a collector: the running one that --url or WEIR_URL names, or one
 * started on
 * --data-dir for the time of the command. The answer is printed as it comes; the collector has rendered it.
 */
#include "viewer/cli/client.h"
#include "viewer/cli/commands.h"
#include "viewer/cli/interrupt.h"
#include "viewer/cli/local_collector.h"
#include "viewer/cli/terminal.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL_DEFAULT "http://127.0.0.1:4318"

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

static void add_question(struct buffer *url, const struct options *options, const struct terminal *terminal)
{
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        const char *value = options->value[asked[i].option];
        if (value) client_add_query(url, asked[i].parameter, value);
    }
    char width[16];
    snprintf(width, sizeof width, "%u", terminal->width);
    client_add_query(url, "format", options->value[OPTION_json] ? "json" : "text");
    client_add_query(url, "width", width);
    client_add_query(url, "colour", terminal->colour ? "1" : "0");
    client_add_query(url, "ascii", terminal->ascii ? "1" : "0");
}

/* A base of "127.0.0.1:4318" is meant as http. */
static void add_base(struct buffer *url, const char *base)
{
    size_t len = strlen(base);
    while (len && base[len - 1] == '/') len--;
    if (!strstr(base, "://")) buffer_add_text(url, "http://");
    buffer_add(url, base, len);
}

/* ---- the answer ---- */

/* A reader that has seen enough (`weir report | head`) is no error. */
static enum exit_status print_body(const struct buffer *body)
{
    size_t wrote = fwrite(body->data, 1, body->len, stdout);
    if (fflush(stdout) == 0 && wrote == body->len) return EXIT_DONE;
    if (errno == EPIPE) return EXIT_DONE;
    complain("cannot write: %s", strerror(errno));
    return EXIT_NOTHING;
}

/* One line of text, out of {"error": "…"} where it is JSON. */
static void complain_of(const struct buffer *body)
{
    json_t *answer = json_loadb(body->data ? body->data : "", body->len, 0, NULL);
    const char *text = json_string_value(json_object_get(answer, "error"));
    if (text) {
        complain("%s", text);
    } else {
        complain("%.*s", (int)strcspn(body->data ? body->data : "", "\n"),
                 body->data ? body->data : "no answer");
    }
    json_decref(answer);
}

static enum exit_status judge(const char *base, const struct client_reply *reply)
{
    if (!reply->is_weir) {
        complain("%s answers, but is no weir-collector; name the right one with --url or WEIR_URL", base);
        return EXIT_AWAY;
    }
    if (reply->status == 200) return print_body(&reply->body);
    complain_of(&reply->body);
    if (reply->status == 400) return EXIT_USAGE;
    return reply->status == 503 ? EXIT_AWAY : EXIT_NOTHING;
}

static enum exit_status ask_at(const char *base, const char *path, const struct options *options,
                               const struct terminal *terminal)
{
    enum exit_status status = EXIT_AWAY;
    struct client client;
    struct client_reply reply;
    struct buffer url;
    buffer_init(&url);
    add_base(&url, base);
    buffer_add_text(&url, path);
    add_question(&url, options, terminal);
    client_reply_init(&reply);
    if (!client_init(&client) || url.failed) {
        complain("out of memory");
    } else {
        client.stop = interrupted;
        if (client_get(&client, url.data, &reply)) {
            status = judge(base, &reply);
        } else {
            complain("no collector at %s (%s); start weir-collector, or name one with --url or WEIR_URL",
                     base, reply.error);
        }
    }
    client_fini(&client);
    client_reply_fini(&reply);
    buffer_fini(&url);
    return status;
}

static enum exit_status ask_local(const char *data_dir, const char *path, const struct options *options,
                                  const struct terminal *terminal)
{
    struct local_collector collector;
    char error[PROCESS_ERROR_BYTES];
    if (!local_collector_has_data(data_dir)) {
        complain("%s holds no data of a collector; weir-collector --data-dir DIR and weir demo make some",
                 data_dir);
        return EXIT_NOTHING;
    }
    interrupt_catch();
    if (!local_collector_start(&collector, data_dir, NULL, error)) {
        complain("cannot start a collector on %s: %s", data_dir, error);
        return EXIT_AWAY;
    }
    enum exit_status status = ask_at(collector.http, path, options, terminal);
    local_collector_stop(&collector);
    interrupt_die();
    return status;
}

static enum exit_status ask(const char *path, const struct options *options)
{
    struct terminal terminal;
    char error[OPTIONS_ERROR_BYTES];
    const char *url = options->value[OPTION_url], *data_dir = options->value[OPTION_data_dir];
    if (!terminal_look(&terminal, options, error)) {
        complain("%s", error);
        return EXIT_USAGE;
    }
    if (url && data_dir) {
        complain("--url names a running collector and --data-dir starts one: give one of them");
        return EXIT_USAGE;
    }
    if (data_dir) return ask_local(data_dir, path, options, &terminal);
    if (!url) url = getenv("WEIR_URL");
    return ask_at(url && *url ? url : URL_DEFAULT, path, options, &terminal);
}

/* ---- the commands ---- */

enum exit_status command_ask(const struct command *command, const struct options *options)
{
    char path[32];
    snprintf(path, sizeof path, "/%s", command->name);
    return ask(path, options);
}

/* Only what can be an id goes into the path. */
static bool is_trace_id(const char *text)
{
    return strlen(text) == 32 && strspn(text, "0123456789abcdefABCDEF") == 32;
}

enum exit_status command_trace(const struct command *command, const struct options *options)
{
    (void)command;
    bool has_id = options->positional_count == 1, has_slowest = options->value[OPTION_slowest] != NULL;
    if (has_id == has_slowest) {
        complain("which trace? weir trace ID, or weir trace --slowest ENDPOINT");
        return EXIT_USAGE;
    }
    if (has_slowest) return ask("/trace", options);
    const char *refused = options_refused(options, ~OPTIONS_FILTER);
    if (refused) {
        complain("%s does not go with a trace's id", refused);
        return EXIT_USAGE;
    }
    if (!is_trace_id(options->positional[0])) {
        complain("a trace id has 32 hexadecimal digits");
        return EXIT_USAGE;
    }
    char path[48];
    snprintf(path, sizeof path, "/trace/%s", options->positional[0]);
    return ask(path, options);
}
