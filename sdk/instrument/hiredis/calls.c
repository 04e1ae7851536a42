/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of <weir/hiredis.h>: a call around each of hiredis's own. */
#define WEIR_HIREDIS_NO_MACROS
#include "sdk/instrument/hiredis/command.h"
#include "sdk/instrument/hiredis/connection.h"
#include "sdk/instrument/hiredis/reply.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <weir/call.h>
#include <weir/hiredis.h>

#define SYSTEM     "redis"
#define TEXT_BYTES 4096 /* on the stack; longer commands (an MGET of hundreds) are allocated */

/* ---- the call ---- */

static struct weir_span begin_call(const struct weir_site *site, enum weir_call_type type, const char *text,
                                   size_t text_bytes, uint64_t number)
{
    struct weir_call call = {.site = site,
                             .type = type,
                             .system = SYSTEM,
                             .text = text,
                             .text_bytes = text_bytes,
                             .connection = number};
    return weir_call_begin(&call);
}

/* Out of memory, the verb alone says what the call is. */
static struct weir_span begin_command(const struct weir_site *site, const redisContext *context,
                                      const struct command *command)
{
    char room[TEXT_BYTES];
    char *text = command->text_bytes <= sizeof(room) ? room : malloc(command->text_bytes);
    if (text) command_text(command, text);
    struct weir_span call =
        begin_call(site, WEIR_CALL_CACHE, text ? text : command->verb.data,
                   text ? command->text_bytes : command->verb.bytes, connection_number(context));
    if (text != room) free(text);
    return call;
}

static void add_inputs(struct weir_span call, const struct command *command)
{
    struct argument argument;
    if (command->keys == KEYS_SECRET) return;
    for (struct command_walk walk = command_walk(command); command_next(&walk, &argument);)
        if (!argument.is_key) weir_call_input(call, argument.data, argument.bytes);
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
    add_inputs(call, &command);
    weir_call_send(call);
    void *reply = ask(context, formatted, bytes);
    weir_call_answered(call);
    if (!reply || makes_replies(context)) reply_add(call, &command, context, reply);
    weir_call_end(call);
    return reply;
}

static bool is_blocking(const redisContext *context) { return (context->flags & REDIS_BLOCK) != 0; }

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
    void *reply = ask_as_call(site, context, formatted, (size_t)bytes);
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
    void *reply = ask_as_call(site, context, formatted, (size_t)bytes);
    redisFreeCommand(formatted);
    return reply;
}

/* ---- connections ---- */

static struct weir_span begin_connect(const struct weir_site *site, uint64_t number)
{
    struct weir_span call = begin_call(site, WEIR_CALL_CONNECT, "connect", strlen("connect"), number);
    weir_call_send(call);
    return call;
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
