/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of <weir/hiredis.h>: a call around each of hiredis's own. */
#define WEIR_HIREDIS_NO_MACROS
#include "sdk/instrument/hiredis/cache_call.h"
#include "sdk/instrument/hiredis/command.h"
#include "sdk/instrument/hiredis/connection.h"
#include "sdk/instrument/hiredis/pipeline.h"
#include "sdk/instrument/hiredis/reply.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <weir/call.h>
#include <weir/hiredis.h>

#define TEXT_BYTES 4096 /* on the stack; longer commands (an MGET of hundreds) are allocated */

/* ---- the call ---- */

static uint64_t number_of(const redisContext *context)
{
    const struct connection *connection = connection_of(context);
    return connection ? connection->number : 0;
}

/* Out of memory, the verb alone says what the call is. */
static struct weir_span begin_command(const struct weir_site *site, const redisContext *context,
                                      const struct command *command)
{
    char room[TEXT_BYTES];
    char *text = command->text_bytes <= sizeof(room) ? room : malloc(command->text_bytes);
    if (text) command_text(command, text);
    struct weir_span call =
        cache_call_begin(site, text ? text : command->verb.data,
                         text ? command->text_bytes : command->verb.bytes, number_of(context));
    if (text != room) free(text);
    cache_call_inputs(call, command);
    return call;
}

/* ---- replies ---- */

static pthread_once_t reader_once = PTHREAD_ONCE_INIT;
static redisReplyObjectFunctions *default_functions; /* written once */

static void find_default_functions(void)
{
    redisReader *reader = redisReaderCreate();
    if (reader) default_functions = reader->fn;
    redisReaderFree(reader);
}

/* A reader that was given functions of the program's own makes replies of its own. */
static bool makes_replies(const redisContext *context)
{
    pthread_once(&reader_once, find_default_functions);
    return default_functions && context->reader && context->reader->fn == default_functions;
}

/* As hiredis does for a blocking context. */
static void *ask(redisContext *context, const char *formatted, size_t bytes)
{
    void *reply = NULL;
    if (redisAppendFormattedCommand(context, formatted, bytes) != REDIS_OK) return NULL;
    return redisGetReply(context, &reply) == REDIS_OK ? reply : NULL;
}

static void *ask_as_call(const struct weir_site *site, redisContext *context, const char *formatted,
                         size_t bytes)
{
    struct command command = command_read(formatted, bytes);
    struct weir_span call = begin_command(site, context, &command);
    weir_call_send(call);
    void *reply = ask(context, formatted, bytes);
    weir_call_answered(call);
    if (!reply || makes_replies(context)) reply_add(call, &command, context, reply);
    weir_call_end(call);
    return reply;
}

static bool is_blocking(const redisContext *context) { return (context->flags & REDIS_BLOCK) != 0; }

/* ---- pipelines ---- */

/* NULL: the context does not wait, or there is no memory; it is let be. */
static struct pipeline *pipeline_of(const redisContext *context)
{
    struct connection *connection = is_blocking(context) ? connection_of(context) : NULL;
    return connection ? &connection->pipeline : NULL;
}

int weir_redisAppendFormattedCommand(const struct weir_site *site, redisContext *context,
                                     const char *formatted, size_t bytes)
{
    int result = redisAppendFormattedCommand(context, formatted, bytes);
    struct pipeline *pipeline = result == REDIS_OK ? pipeline_of(context) : NULL;
    if (pipeline) pipeline_append(pipeline, site, formatted, bytes);
    return result;
}

int weir_redisvAppendCommand(const struct weir_site *site, redisContext *context, const char *format,
                             va_list arguments)
{
    char *formatted = NULL;
    va_list copy;
    va_copy(copy, arguments);
    int bytes = redisvFormatCommand(&formatted, format, copy);
    va_end(copy);
    if (bytes < 0) return redisvAppendCommand(context, format, arguments); /* fails in hiredis's own way */
    int result = weir_redisAppendFormattedCommand(site, context, formatted, (size_t)bytes);
    redisFreeCommand(formatted);
    return result;
}

int weir_redisAppendCommand(const struct weir_site *site, redisContext *context, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int result = weir_redisvAppendCommand(site, context, format, arguments);
    va_end(arguments);
    return result;
}

int weir_redisAppendCommandArgv(const struct weir_site *site, redisContext *context, int count,
                                const char **arguments, const size_t *lengths)
{
    char *formatted = NULL;
    int bytes = redisFormatCommandArgv(&formatted, count, arguments, lengths);
    if (bytes < 0) return redisAppendCommandArgv(context, count, arguments, lengths);
    int result = weir_redisAppendFormattedCommand(site, context, formatted, (size_t)bytes);
    redisFreeCommand(formatted);
    return result;
}

int weir_redisGetReply(redisContext *context, void **reply)
{
    struct pipeline *pipeline = pipeline_of(context);
    if (!pipeline || pipeline_is_empty(pipeline)) return redisGetReply(context, reply);
    pipeline_ask(pipeline, number_of(context));
    int result = redisGetReply(context, reply);
    if (result == REDIS_OK)
        pipeline_answer(pipeline, reply && makes_replies(context) ? *reply : NULL);
    else
        pipeline_end(pipeline, reply_context_error(context));
    return result;
}

/* Behind replies that were not fetched, a command is one of theirs: hiredis gives the oldest reply. */
static void *ask_behind(const struct weir_site *site, redisContext *context, const char *formatted,
                        size_t bytes)
{
    void *reply = NULL;
    if (weir_redisAppendFormattedCommand(site, context, formatted, bytes) != REDIS_OK) return NULL;
    return weir_redisGetReply(context, &reply) == REDIS_OK ? reply : NULL;
}

static void *run(const struct weir_site *site, redisContext *context, const char *formatted, size_t bytes)
{
    const struct pipeline *pipeline = pipeline_of(context);
    bool is_behind = pipeline && !pipeline_is_empty(pipeline);
    return (is_behind ? ask_behind : ask_as_call)(site, context, formatted, bytes);
}

/* ---- commands ---- */

void *weir_redisvCommand(const struct weir_site *site, redisContext *context, const char *format,
                         va_list arguments)
{
    if (!is_blocking(context)) return redisvCommand(context, format, arguments);
    char *formatted = NULL;
    va_list copy;
    va_copy(copy, arguments);
    int bytes = redisvFormatCommand(&formatted, format, copy);
    va_end(copy);
    if (bytes < 0) return redisvCommand(context, format, arguments); /* fails in hiredis's own way */
    void *reply = run(site, context, formatted, (size_t)bytes);
    redisFreeCommand(formatted);
    return reply;
}

void *weir_redisCommand(const struct weir_site *site, redisContext *context, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    void *reply = weir_redisvCommand(site, context, format, arguments);
    va_end(arguments);
    return reply;
}

void *weir_redisCommandArgv(const struct weir_site *site, redisContext *context, int count,
                            const char **arguments, const size_t *lengths)
{
    if (!is_blocking(context)) return redisCommandArgv(context, count, arguments, lengths);
    char *formatted = NULL;
    int bytes = redisFormatCommandArgv(&formatted, count, arguments, lengths);
    if (bytes < 0) return redisCommandArgv(context, count, arguments, lengths);
    void *reply = run(site, context, formatted, (size_t)bytes);
    redisFreeCommand(formatted);
    return reply;
}

/* ---- connections ---- */

static struct weir_span begin_connect(const struct weir_site *site, uint64_t number)
{
    struct weir_call call = {.site = site,
                             .type = WEIR_CALL_CONNECT,
                             .system = "redis",
                             .text = "connect",
                             .text_bytes = strlen("connect"),
                             .connection = number};
    struct weir_span span = weir_call_begin(&call);
    weir_call_send(span);
    return span;
}

static void add_address(struct weir_span call, const redisContext *context)
{
    if (context->connection_type == REDIS_CONN_UNIX) {
        weir_span_string(call, "server.address", context->unix_sock.path);
    } else {
        weir_span_string(call, "server.address", context->tcp.host);
        weir_span_int(call, "server.port", context->tcp.port);
    }
}

static redisContext *end_connect(struct weir_span call, redisContext *context, uint64_t number)
{
    weir_call_answered(call);
    if (context) {
        connection_add(context, number);
        add_address(call, context);
    }
    if (!context || context->err)
        weir_span_error(call, context ? reply_context_error(context) : "REDIS_ERR_OOM");
    weir_call_end(call);
    return context;
}

redisContext *weir_redisConnect(const struct weir_site *site, const char *ip, int port)
{
    uint64_t number = weir_connection_number();
    struct weir_span call = begin_connect(site, number);
    return end_connect(call, redisConnect(ip, port), number);
}

redisContext *weir_redisConnectWithTimeout(const struct weir_site *site, const char *ip, int port,
                                           struct timeval timeout)
{
    uint64_t number = weir_connection_number();
    struct weir_span call = begin_connect(site, number);
    return end_connect(call, redisConnectWithTimeout(ip, port, timeout), number);
}

redisContext *weir_redisConnectUnix(const struct weir_site *site, const char *path)
{
    uint64_t number = weir_connection_number();
    struct weir_span call = begin_connect(site, number);
    return end_connect(call, redisConnectUnix(path), number);
}

redisContext *weir_redisConnectUnixWithTimeout(const struct weir_site *site, const char *path,
                                               struct timeval timeout)
{
    uint64_t number = weir_connection_number();
    struct weir_span call = begin_connect(site, number);
    return end_connect(call, redisConnectUnixWithTimeout(path, timeout), number);
}

int weir_redisReconnect(const struct weir_site *site, redisContext *context)
{
    uint64_t number = weir_connection_number();
    struct weir_span call = begin_connect(site, number);
    int result = redisReconnect(context);
    end_connect(call, context, number);
    return result;
}

void weir_redisFree(redisContext *context)
{
    if (context) connection_remove(context);
    redisFree(context);
}
