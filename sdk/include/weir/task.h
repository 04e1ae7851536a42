/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks: spans for event loops. A struct weir_task lies in the program's own memory (a connection, a request, a coroutine),
 * so that there may be any number at once; it belongs to no thread's stack of spans, and may be begun by one thread, worked
 * on by another and ended by a third.
 *
 *     weir_task_server(&client->task, WEIR_SITE(NULL), "GET", "/items/{id}", &headers, NULL);      // the request is there
 *     weir_task_call(&client->query, &(struct weir_call){…}, weir_task_context(&client->task));    // a query goes out
 *     …                                                                                            // others have their turn
 *     weir_task_rows(&client->query, 12);                                                          // its answer is there
 *     weir_task_end(&client->query);
 *     {
 *         WEIR_ATTACH(weir_task_context(&client->task), NULL);       // for as long as this callback works for the request:
 *         WEIR_SPAN("render");                                       // a child of it
 *     }
 *     weir_task_response(&client->task, 200);
 *     weir_task_end(&client->task);
 *
 * Lifetime. Zeroed memory is no task; every function takes it, or NULL, and does nothing. Begin makes a task of whatever
 * was there; after end the memory is no task again. A task that is never ended is not sent, and leaves nothing behind. After a
 * fork the parent's tasks are the parent's: the child's copies end without being sent; so do tasks after weir_shutdown.
 *
 * Threads. One thread at a time uses a task; handing it over needs what any memory needs. The thread that ends it sends it. While
 * 64 spans are open in a thread, attributes and ends of tasks there are lost, and counted.
 *
 * Evidence. A call that is a task tells its operation and rows, not its values: what an event loop does between two calls
 * cannot be followed. Loops are found, as likely; whose answer a call needed is not said.
 *
 * Same rules as weir.h for errors and strings. Nothing is allocated; a task takes WEIR_TASK_BYTES.
 */
#ifndef WEIR_TASK_H
#define WEIR_TASK_H

#include <weir/call.h>
#include <weir/context.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_TASK_BYTES 3200

struct weir_task {
    struct weir_context
        context; /* the task's span, while it is open: weir_task_context lends it; do not change it */
    uint64_t private_[(WEIR_TASK_BYTES - sizeof(struct weir_context)) / sizeof(uint64_t)];
};

/* OpenTelemetry's kinds, where neither server nor client says it. */
enum weir_task_kind { WEIR_TASK_INTERNAL = 1, WEIR_TASK_PRODUCER = 4, WEIR_TASK_CONSUMER = 5 };

/* A span under parent; NULL, or one without ids: under the thread's current span, else of a new trace. A consumer is a
 * request of its own in reports, as a server span is. A kind that is none is internal. */
WEIR_API void weir_task_begin(struct weir_task *task, const struct weir_site *site, enum weir_task_kind kind,
                              const struct weir_context *parent);
/* As weir_server_begin. What baggage came is put into *baggage, which may be NULL. */
WEIR_API void weir_task_server(struct weir_task *task, const struct weir_site *site, const char *method,
                               const char *route, const struct weir_headers *headers,
                               struct weir_baggage *baggage);
/* A client span; its clock starts now. */
WEIR_API void weir_task_call(struct weir_task *task, const struct weir_call *call,
                             const struct weir_context *parent);

/* Lent for as long as the task is open; without ids when it is not. */
WEIR_API const struct weir_context *weir_task_context(const struct weir_task *task);

/* As weir_span_int and so on. */
WEIR_API void weir_task_int(struct weir_task *task, const char *key, int64_t value);
WEIR_API void weir_task_double(struct weir_task *task, const char *key, double value);
WEIR_API void weir_task_bool(struct weir_task *task, const char *key, bool value);
WEIR_API void weir_task_string(struct weir_task *task, const char *key, const char *value);
WEIR_API void weir_task_event(struct weir_task *task, const char *name,
                              const struct weir_attribute *attributes, size_t count);
WEIR_API void weir_task_link(struct weir_task *task, const struct weir_context *to,
                             const struct weir_attribute *attributes, size_t count);
WEIR_API void weir_task_error(struct weir_task *task, const char *error_type);
WEIR_API void weir_task_error_message(struct weir_task *task, const char *message);
WEIR_API void weir_task_ok(struct weir_task *task);
/* Sets http.response.status_code. From 500 on it is an error, of a call from 400 on, and the number is
 * its error.type where no other was set. */
WEIR_API void weir_task_response(struct weir_task *task, int status_code);
WEIR_API void weir_task_rows(struct weir_task *task, int64_t rows); /* of a call's answer */

WEIR_API void weir_task_end(struct weir_task *task);

#ifdef __cplusplus
}
#endif

#endif
