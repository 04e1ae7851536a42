/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/source.h"

#include "viewer/cli/interrupt.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define URL_DEFAULT "http://127.0.0.1:4318"

static enum exit_status fail(struct source *source, enum exit_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum exit_status fail(struct source *source, enum exit_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(source->error, sizeof source->error, format, arguments);
    va_end(arguments);
    return status;
}

/* ---- opening ---- */

/* A base of "127.0.0.1:4318" is meant as http. */
static void set_base(struct buffer *to, const char *base)
{
    size_t len = strlen(base);
    while (len && base[len - 1] == '/') len--;
    if (!strstr(base, "://")) buffer_add_text(to, "http://");
    buffer_add(to, base, len);
}

static enum exit_status start_own(struct source *source, const char *data_dir, bool may_make)
{
    char why[PROCESS_ERROR_BYTES];
    if (!may_make && !local_collector_has_data(data_dir)) {
        return fail(source, EXIT_NOTHING,
                    "%s holds no data of a collector; weir-collector --data-dir DIR and weir demo make some",
                    data_dir);
    }
    interrupt_catch();
    if (!local_collector_start(&source->own, data_dir, NULL, why))
        return fail(source, EXIT_AWAY, "cannot start a collector on %s: %s", data_dir, why);
    source->has_own = true;
    set_base(&source->base, source->own.http);
    return EXIT_DONE;
}

static enum exit_status open_any(struct source *source, const struct options *options, bool may_make)
{
    const char *url = options->value[OPTION_url], *data_dir = options->value[OPTION_data_dir];
    *source = (struct source){0};
    buffer_init(&source->base);
    client_reply_init(&source->reply);
    if (url && data_dir) {
        return fail(source, EXIT_USAGE,
                    "--url names a running collector and --data-dir starts one: give one of them");
    }
    if (!client_init(&source->client)) return fail(source, EXIT_AWAY, "out of memory");
    source->client.stop = interrupted;
    if (data_dir) return start_own(source, data_dir, may_make);
    if (!url) url = getenv("WEIR_URL");
    set_base(&source->base, url && *url ? url : URL_DEFAULT);
    return EXIT_DONE;
}

enum exit_status source_open(struct source *source, const struct options *options)
{
    return open_any(source, options, false);
}

enum exit_status source_open_or_make(struct source *source, const struct options *options)
{
    return open_any(source, options, true);
}

void source_close(struct source *source)
{
    if (source->has_own) local_collector_stop(&source->own);
    client_fini(&source->client);
    client_reply_fini(&source->reply);
    buffer_fini(&source->base);
    interrupt_die();
}

/* ---- asking ---- */

void source_take_error(struct source *source)
{
    const struct buffer *body = &source->reply.body;
    json_t *answer = json_loadb(body->data ? body->data : "", body->len, 0, NULL);
    const char *text = json_string_value(json_object_get(answer, "error"));
    if (!text) text = json_string_value(json_object_get(answer, "message")); /* OTLP's */
    if (!text) text = body->data ? body->data : "no answer";
    fail(source, EXIT_NOTHING, "%.*s", (int)strcspn(text, "\n"), text);
    json_decref(answer);
}

static enum exit_status judge_whose(struct source *source)
{
    if (source->reply.is_weir) return EXIT_DONE;
    return fail(source, EXIT_AWAY,
                "%s answers, but is no weir-collector; name the right one with --url or WEIR_URL",
                source->base.data);
}

static enum exit_status judge(struct source *source)
{
    const struct client_reply *reply = &source->reply;
    enum exit_status whose = judge_whose(source);
    if (whose != EXIT_DONE || reply->status == 200) return whose;
    source_take_error(source);
    if (reply->status == 400) return EXIT_USAGE;
    return reply->status == 503 ? EXIT_AWAY : EXIT_NOTHING;
}

static enum exit_status nobody(struct source *source)
{
    return fail(source, EXIT_AWAY,
                "no collector at %s (%s); start weir-collector, or name one with --url or WEIR_URL",
                source->base.data, source->reply.error);
}

/* False: out of memory. */
static bool set_url(struct source *source, const char *path, struct buffer *url)
{
    buffer_init(url);
    buffer_add(url, source->base.data, source->base.len);
    buffer_add_text(url, path);
    if (url->failed) fail(source, EXIT_AWAY, "out of memory");
    return !url->failed;
}

enum exit_status source_ask(struct source *source, const char *path)
{
    struct buffer url;
    enum exit_status status = EXIT_AWAY;
    if (set_url(source, path, &url))
        status = client_get(&source->client, url.data, &source->reply) ? judge(source) : nobody(source);
    buffer_fini(&url);
    return status;
}

enum exit_status source_post(struct source *source, const char *path, struct str body)
{
    struct buffer url;
    enum exit_status status = EXIT_AWAY;
    if (set_url(source, path, &url))
        status = client_post(&source->client, url.data, body, &source->reply) ? judge_whose(source)
                                                                              : nobody(source);
    buffer_fini(&url);
    return status;
}
