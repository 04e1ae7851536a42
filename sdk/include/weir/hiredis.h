/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hiredis with spans: include this in place of <hiredis/hiredis.h>, link libweir-redis, and each command
 * becomes a cache call with its operation ("GET price:{}"), whether it hit, error, call site, and evidence
 * of whose answer it needed. Nothing in the code changes:
 *
 *     redisReply *reply = redisCommand(context, "GET price:%d", id);
 *
 * What is seen
 *   redisCommand, redisvCommand,               a cache call each: db.system.name is redis, the operation is the command
 *   redisCommandArgv                           and the pattern of its keys
 *   redisAppendCommand, redisvAppendCommand,   a pipeline: all that is sent at once is one call, "PIPELINE GET price:{}", from
 *   redisAppendCommandArgv,                    the first reply that is fetched to the last; its rows are the replies, and
 *   redisAppendFormattedCommand, redisGetReply db.operation.batch.size says how many
 *   redisConnect, redisConnectWithTimeout,     opening a connection; shown, not counted as a call
 *   redisConnectUnix,
 *   redisConnectUnixWithTimeout, redisReconnect
 *   redisFree                                  a connection is gone
 *
 * Hit or miss: a command that looks one thing up (GET, HGET, EXISTS, HGETALL …) has the attribute
 * weir.cache.hit, true or false; one that looks up several (MGET, HMGET, EXISTS of several keys …) has how
 * many it found and how many it did not, weir.cache.hits and weir.cache.misses. An error, and QUEUED inside
 * MULTI, is neither.
 *
 * Inputs of a call are the values in its keys and its other arguments; its answer is the reply: a string
 * (the scalars of one that is JSON), an integer, the elements of an array as rows (of HGETALL: fields and
 * values as two columns). Nothing of them leaves the process (weir/call.h says what does), but for the names
 * in keys: what holds no digit is taken for one ("user:alice"; the manual has the rules). Of AUTH, HELLO, ACL,
 * CONFIG and MIGRATE the arguments are not even looked at. error.type is the first word of an error reply
 * ("WRONGTYPE"), else hiredis's name of what went wrong ("REDIS_ERR_EOF").
 *
 * A pipeline's call says weir.cache.hits and weir.cache.misses where there was anything to look up. Of a
 * connection with subscriptions, MONITOR or CLIENT REPLY in a pipeline no further pipelines are recorded: who
 * tells which reply answers which command there is the program alone.
 *
 * What macros cannot reach: calls by way of a function pointer or as (redisCommand)(…), in files that do not
 * include this header, and in other libraries. Commands there are not seen; connections opened there are
 * known from their first command here on, and one that is freed there leaves a few bytes until its address
 * is used again. What is appended here must be fetched here, too. Left alone: commands on non-blocking
 * contexts, and hiredis/async.h. A reply is a plain struct, so who looks at it cannot be seen: a later call
 * is never proven not to have needed it. Replies made by a program's own reader functions are not looked at.
 * The macros work inside functions only, in C and C++.
 *
 * Each function behaves as hiredis's own: same replies, same errors, same threads (one context, one thread
 * at a time), and it can be called before weir_init and after weir_shutdown. Out of memory here costs the
 * record of a command, never the command.
 *
 * Sources: hiredis 0.14.1, the Redis serialisation protocol (RESP 2), OpenTelemetry's database conventions.
 */
#ifndef WEIR_HIREDIS_H
#define WEIR_HIREDIS_H

#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <weir/weir.h>

#ifdef __cplusplus
extern "C" {
#endif

WEIR_API redisContext *weir_redisConnect(const struct weir_site *site, const char *ip, int port);
WEIR_API redisContext *weir_redisConnectWithTimeout(const struct weir_site *site, const char *ip, int port,
                                                    struct timeval timeout);
WEIR_API redisContext *weir_redisConnectUnix(const struct weir_site *site, const char *path);
WEIR_API redisContext *weir_redisConnectUnixWithTimeout(const struct weir_site *site, const char *path,
                                                        struct timeval timeout);
WEIR_API int weir_redisReconnect(const struct weir_site *site, redisContext *context);
WEIR_API void weir_redisFree(redisContext *context);

WEIR_API void *weir_redisCommand(const struct weir_site *site, redisContext *context, const char *format,
                                 ...);
WEIR_API void *weir_redisvCommand(const struct weir_site *site, redisContext *context, const char *format,
                                  va_list arguments);
WEIR_API void *weir_redisCommandArgv(const struct weir_site *site, redisContext *context, int count,
                                     const char **arguments, const size_t *lengths);

WEIR_API int weir_redisAppendFormattedCommand(const struct weir_site *site, redisContext *context,
                                              const char *formatted, size_t bytes);
WEIR_API int weir_redisAppendCommand(const struct weir_site *site, redisContext *context, const char *format,
                                     ...);
WEIR_API int weir_redisvAppendCommand(const struct weir_site *site, redisContext *context, const char *format,
                                      va_list arguments);
WEIR_API int weir_redisAppendCommandArgv(const struct weir_site *site, redisContext *context, int count,
                                         const char **arguments, const size_t *lengths);
WEIR_API int weir_redisGetReply(redisContext *context, void **reply);

#ifdef __cplusplus
}
#endif

/* libweir-redis itself includes this without the macros. */
#ifndef WEIR_HIREDIS_NO_MACROS
#define redisConnect(...) weir_redisConnect(WEIR_SITE("redisConnect"), __VA_ARGS__)
#define redisConnectWithTimeout(...)                                                                         \
    weir_redisConnectWithTimeout(WEIR_SITE("redisConnectWithTimeout"), __VA_ARGS__)
#define redisConnectUnix(...) weir_redisConnectUnix(WEIR_SITE("redisConnectUnix"), __VA_ARGS__)
#define redisConnectUnixWithTimeout(...)                                                                     \
    weir_redisConnectUnixWithTimeout(WEIR_SITE("redisConnectUnixWithTimeout"), __VA_ARGS__)
#define redisReconnect(...)   weir_redisReconnect(WEIR_SITE("redisReconnect"), __VA_ARGS__)
#define redisFree(...)        weir_redisFree(__VA_ARGS__)
#define redisCommand(...)     weir_redisCommand(WEIR_SITE("redisCommand"), __VA_ARGS__)
#define redisvCommand(...)    weir_redisvCommand(WEIR_SITE("redisvCommand"), __VA_ARGS__)
#define redisCommandArgv(...) weir_redisCommandArgv(WEIR_SITE("redisCommandArgv"), __VA_ARGS__)
#define redisAppendFormattedCommand(...)                                                                     \
    weir_redisAppendFormattedCommand(WEIR_SITE("redisAppendFormattedCommand"), __VA_ARGS__)
#define redisAppendCommand(...)  weir_redisAppendCommand(WEIR_SITE("redisAppendCommand"), __VA_ARGS__)
#define redisvAppendCommand(...) weir_redisvAppendCommand(WEIR_SITE("redisvAppendCommand"), __VA_ARGS__)
#define redisAppendCommandArgv(...)                                                                          \
    weir_redisAppendCommandArgv(WEIR_SITE("redisAppendCommandArgv"), __VA_ARGS__)
#define redisGetReply(...) weir_redisGetReply(__VA_ARGS__)
#endif

#endif
