/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/instrument/libpq/connection.h"
#include "sdk/instrument/pointer_table.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <weir/call.h>

struct statement {
    struct statement *next;
    char *name, *query; /* both in the same allocation, behind this */
};

struct connection {
    struct pointer_entry entry; /* first; by PGconn* */
    uint64_t number;
    struct statement *statements;
    bool is_calling, has_rows; /* of the call under way */
    struct weir_span call;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pointer_table connections; /* under lock, as all that hangs from it */

static void before_fork(void) { pthread_mutex_lock(&lock); }
static void after_fork(void) { pthread_mutex_unlock(&lock); }

__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork, after_fork);
}

static struct connection *find_or_add(const PGconn *key, uint64_t number)
{
    struct connection *connection = pointer_table_find(&connections, key);
    if (connection) return connection;
    connection = calloc(1, sizeof(*connection));
    if (!connection) return NULL;
    connection->number = number ? number : weir_connection_number();
    pointer_table_add(&connections, &connection->entry, key);
    return connection;
}

static void free_connection(struct connection *connection)
{
    while (connection && connection->statements) {
        struct statement *statement = connection->statements;
        connection->statements = statement->next;
        free(statement);
    }
    free(connection);
}

void connection_add(const PGconn *key, uint64_t number)
{
    pthread_mutex_lock(&lock);
    free_connection(pointer_table_take(&connections, key));
    find_or_add(key, number);
    pthread_mutex_unlock(&lock);
}

uint64_t connection_number(const PGconn *key)
{
    if (!key) return 0;
    pthread_mutex_lock(&lock);
    const struct connection *connection = find_or_add(key, 0);
    uint64_t number = connection ? connection->number : 0;
    pthread_mutex_unlock(&lock);
    return number;
}

void connection_remove(const PGconn *key)
{
    pthread_mutex_lock(&lock);
    struct connection *connection = pointer_table_take(&connections, key);
    pthread_mutex_unlock(&lock);
    free_connection(connection);
}

static struct statement **find_statement(struct connection *connection, const char *name)
{
    struct statement **at = &connection->statements;
    while (*at && strcmp((*at)->name, name) != 0) at = &(*at)->next;
    return at;
}

static struct statement *make_statement(const char *name, const char *query)
{
    size_t name_bytes = strlen(name) + 1, query_bytes = strlen(query) + 1;
    struct statement *statement = malloc(sizeof(*statement) + name_bytes + query_bytes);
    if (!statement) return NULL;
    statement->name = (char *)(statement + 1);
    statement->query = statement->name + name_bytes;
    memcpy(statement->name, name, name_bytes);
    memcpy(statement->query, query, query_bytes);
    return statement;
}

static void replace_statement(struct connection *connection, const char *name, const char *query)
{
    struct statement **at = find_statement(connection, name), *old = *at;
    if (old) {
        *at = old->next;
        free(old);
    }
    struct statement *statement = query ? make_statement(name, query) : NULL;
    if (!statement) return;
    statement->next = connection->statements;
    connection->statements = statement;
}

/* What was asked for last is asked for again: it goes to the front of a list that may be long. */
static const struct statement *borrow_to_front(struct connection *connection, const char *name)
{
    struct statement **at = find_statement(connection, name), *found = *at;
    if (!found) return NULL;
    *at = found->next;
    found->next = connection->statements;
    connection->statements = found;
    return found;
}

void connection_prepared(const PGconn *key, const char *name, const char *query)
{
    pthread_mutex_lock(&lock);
    struct connection *connection = find_or_add(key, 0);
    if (connection) replace_statement(connection, name, query);
    pthread_mutex_unlock(&lock);
}

const char *connection_statement_borrow(const PGconn *key, const char *name)
{
    pthread_mutex_lock(&lock);
    struct connection *connection = pointer_table_find(&connections, key);
    const struct statement *statement = connection ? borrow_to_front(connection, name) : NULL;
    pthread_mutex_unlock(&lock);
    return statement ? statement->query : NULL;
}

void connection_put_call(const PGconn *key, struct weir_span call)
{
    struct weir_span before;
    if (connection_take_call(key, &before)) weir_call_end(before);
    pthread_mutex_lock(&lock);
    struct connection *connection = find_or_add(key, 0);
    if (connection) {
        connection->is_calling = true;
        connection->has_rows = false;
        connection->call = call;
    }
    pthread_mutex_unlock(&lock);
    if (!connection) weir_call_end(call);
}

static bool find_call(const PGconn *key, struct weir_span *call, bool take)
{
    pthread_mutex_lock(&lock);
    struct connection *connection = pointer_table_find(&connections, key);
    bool found = connection && connection->is_calling;
    if (found) *call = connection->call;
    if (found && take) connection->is_calling = false;
    pthread_mutex_unlock(&lock);
    return found;
}

bool connection_peek_call(const PGconn *key, struct weir_span *call) { return find_call(key, call, false); }
bool connection_take_call(const PGconn *key, struct weir_span *call) { return find_call(key, call, true); }

void connection_mark_rows(const PGconn *key)
{
    pthread_mutex_lock(&lock);
    struct connection *connection = pointer_table_find(&connections, key);
    if (connection) connection->has_rows = true;
    pthread_mutex_unlock(&lock);
}

bool connection_has_rows(const PGconn *key)
{
    pthread_mutex_lock(&lock);
    const struct connection *connection = pointer_table_find(&connections, key);
    bool has_rows = connection && connection->has_rows;
    pthread_mutex_unlock(&lock);
    return has_rows;
}
