/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/instrument/hiredis/connection.h"

#include <pthread.h>
#include <stdlib.h>

#include <weir/call.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pointer_table connections; /* under lock */

static void before_fork(void) { pthread_mutex_lock(&lock); }
static void after_fork(void) { pthread_mutex_unlock(&lock); }

__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork, after_fork);
}

static struct connection *find_or_add(const redisContext *key)
{
    struct connection *connection = pointer_table_find(&connections, key);
    if (connection) return connection;
    connection = calloc(1, sizeof(*connection));
    if (connection) pointer_table_add(&connections, &connection->entry, key);
    return connection;
}

void connection_add(const redisContext *key, uint64_t number)
{
    pthread_mutex_lock(&lock);
    struct connection *connection = find_or_add(key);
    if (connection) connection->number = number;
    pthread_mutex_unlock(&lock);
    if (connection) pipeline_end(&connection->pipeline, "abandoned");
}

struct connection *connection_of(const redisContext *key)
{
    pthread_mutex_lock(&lock);
    struct connection *connection = find_or_add(key);
    if (connection && !connection->number) connection->number = weir_connection_number();
    pthread_mutex_unlock(&lock);
    return connection;
}

void connection_remove(const redisContext *key)
{
    pthread_mutex_lock(&lock);
    struct connection *connection = pointer_table_take(&connections, key);
    pthread_mutex_unlock(&lock);
    if (connection) pipeline_end(&connection->pipeline, "abandoned");
    free(connection);
}
