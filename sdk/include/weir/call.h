/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls: what companion libraries (libweir-pq, libweir-curl, …) and hand-written clients use to make a query, an HTTP
 * call or a cache look-up a span with evidence of whose answer it needed. A service normally includes <weir/libpq.h> and
 * the like instead.
 *
 *     struct weir_span call = weir_call_begin(&(struct weir_call){site, WEIR_CALL_DB, "postgresql", …});
 *     weir_call_input(call, "17", 2);       // each bind parameter, body, …; literals in the text are found by weir
 *     weir_call_send(call);                 // the clock starts; links and unread answers are taken
 *     result = PQexecParams(…);
 *     weir_call_answered(call);             // the clock stops; what follows costs the call nothing
 *     weir_call_table(call, rows, columns, cell, result);
 *     weir_call_unread(call, result);       // nobody has looked at it yet …
 *     weir_call_end(call);
 *     …
 *     weir_answer_read(result);             // … now somebody has
 *
 * Everything stays inside the process but: the operation (text without literals), counts, one keyed hash of the whole
 * input and one of the whole answer, and which earlier call's answer an input repeats. The key is random for each process
 * unless WEIR_HASH_KEY is set to the same text in several.
 *
 * Same rules as weir.h for threads, errors and strings. A call is begun and ended by one thread.
 */
#ifndef WEIR_CALL_H
#define WEIR_CALL_H

#include <weir/weir.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weir_call_type { WEIR_CALL_DB = 2, WEIR_CALL_HTTP = 3, WEIR_CALL_CACHE = 4, WEIR_CALL_CONNECT = 5 };

struct weir_call {
    const struct weir_site *site;
    enum weir_call_type type;
    const char
        *system; /* DB, CACHE, CONNECT: db.system.name, "postgresql"; HTTP: NULL, the URL's host is taken */
    const char *method; /* HTTP: "GET"; else NULL */
    const char *text;   /* SQL statement, URL, cache command with key; normalised before the call returns */
    size_t text_bytes;
    uint64_t
        connection; /* number of the connection in this process that carries the call; 0: none, or shared safely */
};

WEIR_API struct weir_span weir_call_begin(const struct weir_call *call);

/* One input value as text (NULL pointer: SQL NULL). Array literals "{1,2}", JSON and "1,2,3" lists count as their
 * scalars. Before weir_call_send. */
WEIR_API void weir_call_input(struct weir_span call, const char *value, size_t bytes);
WEIR_API void weir_call_send(struct weir_span call);
WEIR_API void weir_call_answered(struct weir_span call);

/* The answer. cell returns a value (NULL: SQL NULL) that lives until the next call of it; weir decides how many it looks
 * at. It is called from inside weir: it must return, not leave by longjmp or an exception, and makes no spans itself, which
 * would be refused, as a signal handler's are. rows is what the report shows as rows. */
typedef const char *(*weir_cell_fn)(const void *from, size_t row, size_t column, size_t *bytes);
WEIR_API void weir_call_table(struct weir_span call, size_t rows, size_t columns, weir_cell_fn cell,
                              const void *from);
/* The same for an answer that comes row by row: once for each; cell is asked for row 0. */
WEIR_API void weir_call_row(struct weir_span call, size_t columns, weir_cell_fn cell, const void *from);
WEIR_API void weir_call_body(struct weir_span call, const char *body,
                             size_t bytes); /* JSON scalars become columns */
WEIR_API void weir_call_rows(struct weir_span call,
                             int64_t rows); /* affected rows, where there is no table */

/* The answer behind this handle (any pointer that is the program's name for it) has not been looked at. */
WEIR_API void weir_call_unread(struct weir_span call, const void *handle);
WEIR_API void weir_answer_read(const void *handle);   /* a value of it is looked at */
WEIR_API void weir_answer_forget(const void *handle); /* the handle dies; if unread, it was never read */

WEIR_API void weir_call_end(struct weir_span call);

/* A number for a connection, unique in this process, never 0. */
WEIR_API uint64_t weir_connection_number(void);

#ifdef __cplusplus
}
#endif

#endif
