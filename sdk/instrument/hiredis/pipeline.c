/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/instrument/hiredis/pipeline.h"

#include "sdk/instrument/hiredis/cache_call.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <weir/call.h>

#define VERB       "PIPELINE"
#define VERB_BYTES (sizeof VERB - 1)
#define FIRST_ROOM 1024

/* ---- what waits ---- */

static bool make_room(struct pipeline *pipeline, size_t bytes)
{
    size_t room = pipeline->room ? pipeline->room : FIRST_ROOM;
    if (bytes <= pipeline->room - pipeline->bytes) return true;
    while (room - pipeline->bytes < bytes) room *= 2;
    char *commands = realloc(pipeline->commands, room);
    if (!commands) return false;
    pipeline->commands = commands;
    pipeline->room = room;
    return true;
}

/* Commands that are not answered one by one. */
static bool has_one_reply(const struct command *command)
{
    static const char *const others[] = {"SUBSCRIBE",    "PSUBSCRIBE",   "SSUBSCRIBE", "UNSUBSCRIBE",
                                         "PUNSUBSCRIBE", "SUNSUBSCRIBE", "MONITOR"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (command_is(command, others[i])) return false;
    struct argument argument;
    struct command_walk walk = command_walk(command);
    bool is_client = command_is(command, "CLIENT") && command_next(&walk, &argument);
    return !is_client || argument.bytes != 5 || strncasecmp(argument.data, "REPLY", 5) != 0;
}

/* How many commands, each with one reply; 0: something else. */
static size_t count_commands(const char *formatted, size_t bytes)
{
    size_t count = 0;
    for (const char *at = formatted, *end = formatted + bytes; at < end; count++) {
        struct command command = command_read(at, (size_t)(end - at));
        if (*at != '*' || command.verb.bytes == 0 || !has_one_reply(&command)) return 0;
        at = command.end;
    }
    return count;
}

static void make_deaf(struct pipeline *pipeline)
{
    pipeline_end(pipeline, NULL);
    pipeline->is_deaf = true;
}

void pipeline_append(struct pipeline *pipeline, const struct weir_site *site, const char *formatted,
                     size_t bytes)
{
    if (pipeline->is_deaf) return;
    size_t count = count_commands(formatted, bytes);
    if (count == 0 || !make_room(pipeline, bytes)) {
        make_deaf(pipeline);
        return;
    }
    if (pipeline->waiting == 0) pipeline->site = site;
    memcpy(pipeline->commands + pipeline->bytes, formatted, bytes);
    pipeline->bytes += bytes;
    pipeline->waiting += count;
}

/* ---- the call ---- */

static struct command command_at(const struct pipeline *pipeline, size_t at)
{
    return command_read(pipeline->commands + at, pipeline->bytes - at);
}

static size_t behind(const struct pipeline *pipeline, const struct command *command)
{
    return (size_t)(command->end - pipeline->commands);
}

static size_t text_bytes(const struct pipeline *pipeline)
{
    size_t bytes = VERB_BYTES, at = pipeline->next;
    for (size_t i = 0; i < pipeline->waiting; i++) {
        struct command command = command_at(pipeline, at);
        bytes += 1 + command.text_bytes;
        at = behind(pipeline, &command);
    }
    return bytes;
}

/* "PIPELINE GET price:1 GET price:2": each verb in upper case, as the first word of a command becomes. */
static void write_text(const struct pipeline *pipeline, char *to)
{
    size_t at = pipeline->next;
    memcpy(to, VERB, VERB_BYTES);
    to += VERB_BYTES;
    for (size_t i = 0; i < pipeline->waiting; i++) {
        struct command command = command_at(pipeline, at);
        *to++ = ' ';
        command_text(&command, to);
        for (size_t c = 0; c < command.verb.bytes; c++)
            if (to[c] >= 'a' && to[c] <= 'z') to[c] = (char)(to[c] - 'a' + 'A');
        to += command.text_bytes;
        at = behind(pipeline, &command);
    }
}

static void add_inputs(const struct pipeline *pipeline)
{
    size_t at = pipeline->next;
    for (size_t i = 0; i < pipeline->waiting; i++) {
        struct command command = command_at(pipeline, at);
        cache_call_inputs(pipeline->call, &command);
        at = behind(pipeline, &command);
    }
}

void pipeline_ask(struct pipeline *pipeline, uint64_t connection_number)
{
    if (pipeline->sent > 0) return;
    size_t bytes = text_bytes(pipeline);
    char *text = malloc(bytes);
    if (text) write_text(pipeline, text);
    pipeline->call =
        cache_call_begin(pipeline->site, text ? text : VERB, text ? bytes : VERB_BYTES, connection_number);
    free(text);
    add_inputs(pipeline);
    weir_span_int(pipeline->call, "db.operation.batch.size", (int64_t)pipeline->waiting);
    pipeline->hits = (struct hits){0, 0};
    pipeline->failed = false;
    pipeline->sent = pipeline->waiting;
    pipeline->waiting = 0;
    weir_call_send(pipeline->call);
}

/* ---- replies ---- */

/* The first one names it. */
static void add_error(struct pipeline *pipeline, const char *error_type)
{
    if (!pipeline->failed) weir_span_error(pipeline->call, error_type);
    pipeline->failed = true;
}

static void add_reply(struct pipeline *pipeline, const struct command *command, const redisReply *reply)
{
    struct hits hits = reply_hits(command, reply);
    pipeline->hits.found += hits.found;
    pipeline->hits.missed += hits.missed;
    if (reply->type == REDIS_REPLY_ERROR) add_error(pipeline, reply_error(reply));
    if (command->keys != KEYS_SECRET) reply_add_row(pipeline->call, reply);
}

static void end_call(struct pipeline *pipeline)
{
    struct hits hits = pipeline->hits;
    if (hits.found + hits.missed > 0) reply_add_hits(pipeline->call, hits);
    weir_call_end(pipeline->call);
    pipeline->sent = 0;
}

/* What has been answered goes; what waits moves to the front. */
static void forget_answered(struct pipeline *pipeline)
{
    pipeline->bytes -= pipeline->next;
    memmove(pipeline->commands, pipeline->commands + pipeline->next, pipeline->bytes);
    pipeline->next = 0;
}

void pipeline_answer(struct pipeline *pipeline, const redisReply *reply)
{
    struct command command = command_at(pipeline, pipeline->next);
    bool is_last = pipeline->sent == 1;
    if (is_last) weir_call_answered(pipeline->call);
    if (reply) add_reply(pipeline, &command, reply);
    pipeline->next = behind(pipeline, &command);
    pipeline->sent--;
    if (!is_last) return;
    end_call(pipeline);
    forget_answered(pipeline);
}

void pipeline_end(struct pipeline *pipeline, const char *error_type)
{
    if (pipeline->sent > 0) {
        if (error_type) add_error(pipeline, error_type);
        end_call(pipeline);
    }
    free(pipeline->commands);
    *pipeline = (struct pipeline){0};
}
