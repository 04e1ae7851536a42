/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store's tests share: a real Postgres (WEIR_TEST_DSN, set by tests/support/postgres.py), a fresh schema a test,
 * and batches made at random from a printed seed.
 */
#ifndef WEIR_TESTS_STORE_SUPPORT_H
#define WEIR_TESTS_STORE_SUPPORT_H

#include "tests/support/cmocka.h"

#include "base/id.h"
#include "collector/store/store.h"

#include <libpq-fe.h>

#define TEST_NOW_NS 1790000000000000000 /* 2026-09-21, the moment batches are received */

const char *test_dsn(void);

/* Drops the schema; with migrations applied. Both give connections to be freed. */
void test_schema_drop(void);
struct store *test_store_fresh(void);
struct store *test_store_again(void); /* another store on the same schema */

/* One number, or the first column of the first row; fails the test when the statement does. */
int64_t test_number(const char *sql);
char *test_text(const char *sql); /* to be freed */
void test_run(const char *sql);

/* A generator with a seed that is printed; WEIR_TEST_SEED replays one. */
struct id_generator test_generator(void);

struct batch_shape {
    uint32_t traces, spans; /* spans are dealt to traces at random; each trace has at least one */
    uint32_t operations;
    bool attributes, links, hashes, errors, wide;
};

/* A batch as it comes from the wire (packed and unpacked), in the arena. */
struct batch *test_batch(struct arena *arena, struct id_generator *generator,
                         const struct batch_shape *shape);

/* The same trace id in all spans of this batch, or its parents gone. */
struct batch *test_repack(struct arena *arena, const struct batch *batch);

/* One request of so many equal calls, all in one trace: a root, then calls under it. */
struct batch *test_request(struct arena *arena, struct id_generator *generator, const char *service,
                           const char *version, const char *endpoint, int64_t start_ns, int64_t duration_ns,
                           uint32_t calls);

#endif
