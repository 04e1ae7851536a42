/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a command asks: the running collector that --url or WEIR_URL names, or one started on --data-dir for
 * as long as the source is open. Asks any number of questions, one after another. Main thread only.
 */
#ifndef WEIR_CLI_SOURCE_H
#define WEIR_CLI_SOURCE_H

#include "viewer/cli/client.h"
#include "viewer/cli/commands.h"
#include "viewer/cli/local_collector.h"

#define SOURCE_ERROR_BYTES 1024

struct source {
    struct buffer base; /* http://HOST:PORT */
    struct client client;
    struct client_reply reply; /* to the latest question */
    struct local_collector own;
    bool has_own;
    char error[SOURCE_ERROR_BYTES]; /* one line: what went wrong, and what to do about it */
};

/* Not EXIT_DONE: error says why. source_close in any case, which also lets an interrupt end the process. */
enum exit_status source_open(struct source *source, const struct options *options);
/* The same for a command that brings data: a directory that has none yet becomes a collector's. */
enum exit_status source_open_or_make(struct source *source, const struct options *options);
void source_close(struct source *source);

/* Puts one question ("/trace/ID?width=80"). EXIT_DONE: the answer is in reply.body. Else error says what came
 * of it. */
enum exit_status source_ask(struct source *source, const char *path);

/* Posts a body of JSON. EXIT_DONE: a collector answered, and reply has with which status. */
enum exit_status source_post(struct source *source, const char *path, struct str body);

/* The line of text of an answer that is a failure, out of {"error": …} or {"message": …} where it is JSON; into error. */
void source_take_error(struct source *source);

#endif
