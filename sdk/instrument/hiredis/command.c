/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/instrument/hiredis/command.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Redis's commands whose first argument is not just a key, or which look something up; the frequent ones first. */
#define VERBS(X)                                                                                             \
    X("GET", FIRST, VALUE)                                                                                   \
    X("SET", FIRST, OTHER)                                                                                   \
    X("MGET", ALL, EACH)                                                                                     \
    X("EXISTS", ALL, COUNT)                                                                                  \
    X("HGET", FIRST, VALUE)                                                                                  \
    X("HMGET", FIRST, EACH)                                                                                  \
    X("HGETALL", FIRST, PAIRS)                                                                               \
    X("HEXISTS", FIRST, COUNT)                                                                               \
    X("HKEYS", FIRST, SOME)                                                                                  \
    X("HVALS", FIRST, SOME)                                                                                  \
    X("GETEX", FIRST, VALUE)                                                                                 \
    X("GETDEL", FIRST, VALUE)                                                                                \
    X("LINDEX", FIRST, VALUE)                                                                                \
    X("LRANGE", FIRST, SOME)                                                                                 \
    X("SMEMBERS", FIRST, SOME)                                                                               \
    X("SISMEMBER", FIRST, COUNT)                                                                             \
    X("SMISMEMBER", FIRST, EACH)                                                                             \
    X("ZSCORE", FIRST, VALUE)                                                                                \
    X("ZMSCORE", FIRST, EACH)                                                                                \
    X("ZRANK", FIRST, VALUE)                                                                                 \
    X("ZREVRANK", FIRST, VALUE)                                                                              \
    X("ZRANGE", FIRST, SOME)                                                                                 \
    X("JSON.GET", FIRST, VALUE)                                                                              \
    X("DEL", ALL, OTHER)                                                                                     \
    X("UNLINK", ALL, OTHER)                                                                                  \
    X("TOUCH", ALL, OTHER)                                                                                   \
    X("WATCH", ALL, OTHER)                                                                                   \
    X("RENAME", ALL, OTHER)                                                                                  \
    X("RENAMENX", ALL, OTHER)                                                                                \
    X("RPOPLPUSH", ALL, OTHER)                                                                               \
    X("SINTER", ALL, OTHER)                                                                                  \
    X("SUNION", ALL, OTHER)                                                                                  \
    X("SDIFF", ALL, OTHER)                                                                                   \
    X("SINTERSTORE", ALL, OTHER)                                                                             \
    X("SUNIONSTORE", ALL, OTHER)                                                                             \
    X("SDIFFSTORE", ALL, OTHER)                                                                              \
    X("PFCOUNT", ALL, OTHER)                                                                                 \
    X("PFMERGE", ALL, OTHER)                                                                                 \
    X("MSET", EVERY_OTHER, OTHER)                                                                            \
    X("MSETNX", EVERY_OTHER, OTHER)                                                                          \
    X("OBJECT", SECOND, OTHER)                                                                               \
    X("MEMORY", SECOND, OTHER)                                                                               \
    X("XINFO", SECOND, OTHER)                                                                                \
    X("XGROUP", SECOND, OTHER)                                                                               \
    X("BITOP", SECOND, OTHER)                                                                                \
    X("EVAL", COUNTED, OTHER)                                                                                \
    X("EVAL_RO", COUNTED, OTHER)                                                                             \
    X("EVALSHA", COUNTED, OTHER)                                                                             \
    X("EVALSHA_RO", COUNTED, OTHER)                                                                          \
    X("FCALL", COUNTED, OTHER)                                                                               \
    X("FCALL_RO", COUNTED, OTHER)                                                                            \
    X("BGSAVE", NONE, OTHER)                                                                                 \
    X("CLIENT", NONE, OTHER)                                                                                 \
    X("CLUSTER", NONE, OTHER)                                                                                \
    X("COMMAND", NONE, OTHER)                                                                                \
    X("DEBUG", NONE, OTHER)                                                                                  \
    X("ECHO", NONE, OTHER)                                                                                   \
    X("FLUSHALL", NONE, OTHER)                                                                               \
    X("FLUSHDB", NONE, OTHER)                                                                                \
    X("FUNCTION", NONE, OTHER)                                                                               \
    X("INFO", NONE, OTHER)                                                                                   \
    X("LATENCY", NONE, OTHER)                                                                                \
    X("PING", NONE, OTHER)                                                                                   \
    X("REPLICAOF", NONE, OTHER)                                                                              \
    X("SCAN", NONE, OTHER)                                                                                   \
    X("SCRIPT", NONE, OTHER)                                                                                 \
    X("SELECT", NONE, OTHER)                                                                                 \
    X("SHUTDOWN", NONE, OTHER)                                                                               \
    X("SLOWLOG", NONE, OTHER)                                                                                \
    X("SWAPDB", NONE, OTHER)                                                                                 \
    X("WAIT", NONE, OTHER)                                                                                   \
    X("XREAD", NONE, OTHER)                                                                                  \
    X("XREADGROUP", NONE, OTHER)                                                                             \
    X("ACL", SECRET, OTHER)                                                                                  \
    X("AUTH", SECRET, OTHER)                                                                                 \
    X("CONFIG", SECRET, OTHER)                                                                               \
    X("HELLO", SECRET, OTHER)                                                                                \
    X("MIGRATE", SECRET, OTHER)

static const struct {
    const char *name;
    enum command_keys keys;
    enum command_answer answer;
} verbs[] = {
#define X(name, keys, answer) {name, KEYS_##keys, ANSWER_##answer},
    VERBS(X)
#undef X
};

bool command_is(const struct command *command, const char *word)
{
    return strlen(word) == command->verb.bytes &&
           strncasecmp(word, command->verb.data, command->verb.bytes) == 0;
}

static void look_up(struct command *command)
{
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (!command_is(command, verbs[i].name)) continue;
        command->keys = verbs[i].keys;
        command->answer = verbs[i].answer;
        return;
    }
}

/* Behind the "\r\n" that ends this line; end when there is none. */
static const char *next_line(const char *at, const char *end)
{
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    return stop ? stop + 1 : end;
}

/* "$3\r\nGET\r\n" → GET. What hiredis has formatted is well-formed; the checks keep every read inside it. */
static bool read_bulk(const char **at, const char *end, struct argument *argument)
{
    if (*at >= end || **at != '$') return false;
    const char *data = next_line(*at, end);
    long long bytes = strtoll(*at + 1, NULL, 10);
    if (bytes < 0 || bytes > end - data) return false;
    *argument = (struct argument){data, (size_t)bytes, false};
    *at = next_line(data + bytes, end);
    return true;
}

struct command_walk command_walk(const struct command *command)
{
    return (struct command_walk){command, command->arguments, 1, 0};
}

static bool is_key(struct command_walk *walk, const struct argument *argument)
{
    switch (walk->command->keys) {
    case KEYS_FIRST:
        return walk->index == 1;
    case KEYS_ALL:
        return true;
    case KEYS_EVERY_OTHER:
        return walk->index % 2 == 1;
    case KEYS_SECOND:
        return walk->index == 2;
    case KEYS_COUNTED:
        if (walk->index == 2) walk->keys_left = strtoul(argument->data, NULL, 10);
        if (walk->index <= 2 || walk->keys_left == 0) return false;
        walk->keys_left--;
        return true;
    case KEYS_NONE:
    case KEYS_SECRET:
        break;
    }
    return false;
}

bool command_next(struct command_walk *walk, struct argument *argument)
{
    if (!read_bulk(&walk->at, walk->command->end, argument)) return false;
    argument->is_key = is_key(walk, argument);
    walk->index++;
    return true;
}

struct command command_read(const char *formatted, size_t bytes)
{
    struct command command = {.verb.data = "", .end = formatted + bytes};
    command.arguments = next_line(formatted, command.end);
    read_bulk(&command.arguments, command.end, &command.verb);
    look_up(&command);
    command.text_bytes = command.verb.bytes;
    struct argument argument;
    struct command_walk walk = command_walk(&command);
    while (command_next(&walk, &argument)) {
        if (!argument.is_key) continue;
        command.key_count++;
        command.text_bytes += 1 + argument.bytes;
    }
    command.end = walk.at;
    return command;
}

void command_text(const struct command *command, char *to)
{
    struct argument argument;
    memcpy(to, command->verb.data, command->verb.bytes);
    to += command->verb.bytes;
    for (struct command_walk walk = command_walk(command); command_next(&walk, &argument);) {
        if (!argument.is_key) continue;
        *to++ = ' ';
        memcpy(to, argument.data, argument.bytes);
        to += argument.bytes;
    }
}
