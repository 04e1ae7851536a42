/* SPDX-License-Identifier: Apache-2.0 */
#include "ingest_store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static enum store_result result;
static bool blocked, inside;

struct store {
    char unused;
};

struct store *store_new(const char *dsn)
{
    (void)dsn;
    return calloc(1, sizeof(struct store));
}

void store_free(struct store *store) { free(store); }

const char *store_error(const struct store *store)
{
    (void)store;
    return "the test says so";
}

void store_set_name(struct store *store, const char *name) { (void)store, (void)name; }

const struct fragment_index *store_prepare(const struct batch *batch, struct arena *arena)
{
    (void)batch, (void)arena;
    return NULL;
}

enum store_result store_write_group(struct store *store, struct store_batch *batches, size_t count)
{
    (void)store;
    pthread_mutex_lock(&lock);
    inside = count > 0;
    pthread_cond_broadcast(&changed);
    while (blocked) pthread_cond_wait(&changed, &lock);
    inside = false;
    enum store_result answer = result;
    pthread_mutex_unlock(&lock);
    for (size_t i = 0; i < count; i++) {
        batches[i].result = answer;
        snprintf(batches[i].why, sizeof batches[i].why, "the test says so");
    }
    return answer == STORE_AWAY ? STORE_AWAY : STORE_OK;
}

void test_store_answers(enum store_result answer)
{
    pthread_mutex_lock(&lock);
    result = answer;
    pthread_mutex_unlock(&lock);
}

static void set_blocked(bool value)
{
    pthread_mutex_lock(&lock);
    blocked = value;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void test_store_block(void) { set_blocked(true); }
void test_store_unblock(void) { set_blocked(false); }

void test_store_wait_inside(void)
{
    pthread_mutex_lock(&lock);
    while (!inside) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}
