/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command as hiredis has formatted it (RESP: "*2\r\n$3\r\nGET\r\n$7\r\nprice:1\r\n"), and what is known of
 * its verb: which arguments are keys, and how its reply tells hits from misses. Everything is borrowed from
 * the formatted text. Pure.
 */
#ifndef WEIR_HIREDIS_COMMAND_H
#define WEIR_HIREDIS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

enum command_keys {
    KEYS_FIRST, /* the first argument; what is not in the table has this */
    KEYS_ALL,
    KEYS_EVERY_OTHER, /* MSET key value key value */
    KEYS_SECOND,      /* OBJECT FREQ key */
    KEYS_COUNTED,     /* EVAL script 2 key key argument */
    KEYS_NONE,
    KEYS_SECRET /* none, and the arguments are passwords */
};

enum command_answer {
    ANSWER_OTHER, /* says nothing of hit or miss */
    ANSWER_VALUE, /* something, or nil */
    ANSWER_SOME,  /* an array, or an empty one */
    ANSWER_PAIRS, /* the same, of names and values */
    ANSWER_COUNT, /* how many there are, as an integer */
    ANSWER_EACH   /* an array: nil or 0 where there is none */
};

struct argument {
    const char *data;
    size_t bytes;
    bool is_key;
};

struct command {
    struct argument verb;
    const char *arguments, *end; /* RESP behind the verb */
    enum command_keys keys;
    enum command_answer answer;
    size_t key_count;
    size_t text_bytes; /* of verb and keys, separated by spaces */
};

/* The first of the commands in so many bytes; it ends at .end. */
struct command command_read(const char *formatted, size_t bytes);

/* The one whose name is word, in any case. */
bool command_is(const struct command *command, const char *word);

/* Walks the arguments behind the verb. */
struct command_walk {
    const struct command *command;
    const char *at;
    size_t index;     /* of the next argument; from 1 */
    size_t keys_left; /* of KEYS_COUNTED */
};

struct command_walk command_walk(const struct command *command);
bool command_next(struct command_walk *walk, struct argument *argument);

/* "GET price:1": verb and keys, text_bytes in all. */
void command_text(const struct command *command, char *to);

#endif
