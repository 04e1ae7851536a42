/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/collector/store_support.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

const char *test_dsn(void)
{
    const char *dsn = getenv("WEIR_TEST_DSN");
    if (!dsn) fail_msg("WEIR_TEST_DSN is not set: run this under tests/support/postgres.py");
    return dsn;
}

static PGresult *query(PGconn **connection, const char *sql)
{
    *connection = PQconnectdb(test_dsn());
    PGresult *result = PQexec(*connection, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK) {
        fail_msg("%s: %s", sql, PQerrorMessage(*connection));
    }
    return result;
}

void test_run(const char *sql)
{
    PGconn *connection;
    PQclear(query(&connection, sql));
    PQfinish(connection);
}

char *test_text(const char *sql)
{
    PGconn *connection;
    PGresult *result = query(&connection, sql);
    char *text = strdup(PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    PQfinish(connection);
    return text;
}

int64_t test_number(const char *sql)
{
    char *text = test_text(sql);
    int64_t number = strtoll(text, NULL, 10);
    free(text);
    return number;
}

void test_schema_drop(void)
{
    test_run("SET client_min_messages = 'warning'; DROP SCHEMA IF EXISTS weir CASCADE");
}

struct store *test_store_again(void)
{
    struct store *store = store_new(test_dsn());
    assert_non_null(store);
    return store;
}

struct store *test_store_fresh(void)
{
    test_schema_drop();
    struct store *store = test_store_again();
    if (store_migrate(store) != STORE_OK) fail_msg("%s", store_error(store));
    return store;
}

struct id_generator test_generator(void)
{
    struct id_generator generator;
    const char *given = getenv("WEIR_TEST_SEED");
    uint64_t seed;
    id_random_bytes(&seed, sizeof seed);
    if (given) seed = strtoull(given, NULL, 0);
    print_message("WEIR_TEST_SEED=0x%" PRIx64 "\n", seed);
    for (int i = 0; i < 4; i++) generator.state[i] = seed * (uint64_t)(2 * i + 1) + 0x9e3779b97f4a7c15u;
    return generator;
}

/* ---- making batches ---- */

struct strings {
    struct arena *arena;
    char *data;
    uint32_t *bytes;
    uint32_t count, room;
    size_t used, data_room;
};

static struct strings strings_begin(struct arena *arena)
{
    struct strings strings = {.arena = arena, .count = 1, .room = 4096, .data_room = (size_t)1 << 20};
    strings.data = arena_alloc(arena, strings.data_room);
    strings.bytes = arena_array(arena, strings.room, sizeof *strings.bytes);
    return strings;
}

static uint32_t intern(struct strings *strings, struct str text)
{
    size_t at = 0;
    for (uint32_t i = 0; i < strings->count; at += strings->bytes[i++]) {
        if (str_equal(str_view(strings->data + at, strings->bytes[i]), text)) return i;
    }
    assert_true(strings->count < strings->room && strings->used + text.len <= strings->data_room);
    memcpy(strings->data + strings->used, text.data, text.len);
    strings->used += text.len;
    strings->bytes[strings->count] = (uint32_t)text.len;
    return strings->count++;
}

static void strings_end(const struct strings *strings, struct batch *batch)
{
    batch->string_data = str_view(strings->data, strings->used);
    batch->string_count = strings->count;
    batch->string_bytes = strings->bytes;
}

struct batch *test_repack(struct arena *arena, const struct batch *batch)
{
    const char *why = NULL;
    size_t bytes = batch_packed_bytes(batch);
    unsigned char *packed = arena_alloc(arena, bytes);
    struct batch *unpacked = arena_array(arena, 1, sizeof *unpacked);
    assert_non_null(packed);
    batch_pack(batch, packed);
    if (!batch_unpack(unpacked, arena, packed, bytes, &why))
        fail_msg("a batch of the test is not valid: %s", why);
    return unpacked;
}

#define COLUMN(batch, count, name) (batch)->name = arena_array(arena, (count), sizeof *(batch)->name)

static void make_columns(struct arena *arena, struct batch *batch)
{
    COLUMN(batch, batch->span_count, span_trace);
    COLUMN(batch, batch->span_count, span_id);
    COLUMN(batch, batch->span_count, parent_span_id);
    COLUMN(batch, batch->span_count, span_kind);
    COLUMN(batch, batch->span_count, span_operation);
    COLUMN(batch, batch->span_count, span_site);
    COLUMN(batch, batch->span_count, start_delta_ns);
    COLUMN(batch, batch->span_count, duration_ns);
    COLUMN(batch, batch->span_count, status);
    COLUMN(batch, batch->span_count, flags);
    COLUMN(batch, batch->span_count, rows_plus_1);
    COLUMN(batch, batch->span_count, connection);
    COLUMN(batch, batch->span_count, input_hash);
    COLUMN(batch, batch->span_count, answer_hash);
    COLUMN(batch, batch->span_count, input_count);
    COLUMN(batch, batch->span_count, unread_count);
    COLUMN(batch, batch->span_count, link_count);
    COLUMN(batch, batch->span_count, attribute_count);
    COLUMN(batch, batch->span_count * 4, unread_span_id);
    COLUMN(batch, batch->span_count * 4, link_span_id);
    COLUMN(batch, batch->span_count * 4, link_kind);
    COLUMN(batch, batch->span_count * 4, link_column);
    COLUMN(batch, batch->span_count * 4, link_row);
    COLUMN(batch, batch->span_count * 4, attribute_key);
    COLUMN(batch, batch->span_count * 4, attribute_type);
    COLUMN(batch, batch->span_count * 4, attribute_value);
}

static void make_tables(struct arena *arena, struct batch *batch, struct id_generator *g, uint32_t operations)
{
    batch->resource_count = 3;
    COLUMN(batch, 3, resource_key);
    COLUMN(batch, 3, resource_value);
    batch->operation_count = operations;
    COLUMN(batch, operations, operation_type);
    COLUMN(batch, operations, operation_system);
    COLUMN(batch, operations, operation_text);
    batch->site_count = 3;
    COLUMN(batch, 3, site_file);
    COLUMN(batch, 3, site_function);
    COLUMN(batch, 3, site_line);
    batch->trace_ids = arena_alloc(arena, (size_t)batch->trace_count * 16);
    for (uint32_t i = 0; i < batch->trace_count * 2; i++) {
        uint64_t id = id_next(g);
        memcpy(batch->trace_ids + i * 8, &id, 8);
    }
}

static void name_tables(struct arena *arena, struct batch *batch, struct strings *strings,
                        const char *service, const char *version)
{
    batch->resource_key[0] = intern(strings, str_of("service.name"));
    batch->resource_value[0] = intern(strings, str_of(service));
    batch->resource_key[1] = intern(strings, str_of("service.version"));
    batch->resource_value[1] = intern(strings, str_of(version));
    batch->resource_key[2] = intern(strings, str_of("host.name"));
    batch->resource_value[2] = intern(strings, str_of("a \"host\"\\\n"));
    for (uint32_t i = 0; i < batch->site_count; i++) {
        batch->site_file[i] = intern(strings, str_of("dashboard.c"));
        batch->site_function[i] = intern(strings, arena_printf(arena, "function_%u", i));
        batch->site_line[i] = 100 + i;
    }
}

static uint64_t below(struct id_generator *g, uint64_t limit) { return id_next(g) % limit; }

static void make_attribute(struct batch *batch, struct strings *strings, struct id_generator *g, uint32_t at)
{
    static const char *const keys[] = {"db.namespace", "http.response.status_code", "shop.products", "ratio"};
    uint32_t type = 1 + (uint32_t)below(g, 4);
    batch->attribute_key[at] = intern(strings, str_of(keys[type - 1]));
    batch->attribute_type[at] = type;
    batch->attribute_value[at] = (int64_t)id_next(g);
    if (type == ATTRIBUTE_STRING) batch->attribute_value[at] = intern(strings, str_of(keys[below(g, 4)]));
    if (type == ATTRIBUTE_BOOL) batch->attribute_value[at] = (int64_t)below(g, 2);
}

static void make_span(struct batch *batch, struct strings *strings, struct id_generator *g,
                      const struct batch_shape *shape, uint32_t i)
{
    batch->span_trace[i] = i < shape->traces ? i : (uint32_t)below(g, shape->traces);
    batch->span_id[i] = id_next(g);
    batch->parent_span_id[i] = i ? batch->span_id[below(g, i)] : 0;
    batch->span_kind[i] = (uint32_t)below(g, 6);
    batch->span_operation[i] = (uint32_t)below(g, shape->operations);
    batch->span_site[i] = (uint32_t)below(g, batch->site_count + 1);
    batch->start_delta_ns[i] = (int64_t)below(g, 1000000) - 100000;
    batch->duration_ns[i] = below(g, shape->wide && below(g, 4) == 0 ? (uint64_t)1 << 50 : 1000000);
    batch->status[i] = shape->errors ? (uint32_t)below(g, 3) : 0;
    batch->flags[i] = (uint32_t)below(g, 2);
    batch->rows_plus_1[i] = below(g, 3) ? below(g, shape->wide ? (uint64_t)1 << 33 : 1000) : 0;
    batch->connection[i] = (uint32_t)below(g, 4);
    batch->input_hash[i] = shape->hashes ? id_next(g) : 0;
    batch->answer_hash[i] = shape->hashes ? id_next(g) : 0;
    batch->input_count[i] = (uint32_t)below(g, 3);
    if (shape->links && i) {
        batch->unread_count[i] = (uint32_t)below(g, 3);
        batch->link_count[i] = (uint32_t)below(g, 3);
    }
    for (uint32_t k = 0; k < batch->unread_count[i]; k++) {
        batch->unread_span_id[batch->unread_total++] = batch->span_id[below(g, i)];
    }
    for (uint32_t k = 0; k < batch->link_count[i]; k++) {
        uint32_t at = batch->link_total++;
        batch->link_span_id[at] = batch->span_id[below(g, i)];
        batch->link_kind[at] = 1 + (uint32_t)below(g, 3);
        batch->link_column[at] = (uint32_t)below(g, 10);
        batch->link_row[at] = (uint32_t)below(g, 1000);
    }
    batch->attribute_count[i] = shape->attributes ? (uint32_t)below(g, 4) : 0;
    for (uint32_t k = 0; k < batch->attribute_count[i]; k++) {
        make_attribute(batch, strings, g, batch->attribute_total++);
    }
}

struct batch *test_batch(struct arena *arena, struct id_generator *g, const struct batch_shape *shape)
{
    struct batch batch = {.version = BATCH_VERSION, .producer = id_next(g), .sequence = 1 + below(g, 1000)};
    struct strings strings = strings_begin(arena);
    batch.created = below(g, 100000);
    batch.acknowledged = below(g, 100000);
    for (int i = 0; i < DROP_REASON_COUNT; i++) batch.dropped[i] = below(g, 100);
    batch.trace_count = shape->traces;
    batch.span_count = shape->spans;
    batch.base_time_unix_ns = TEST_NOW_NS - 5 * NS_PER_S;
    make_columns(arena, &batch);
    make_tables(arena, &batch, g, shape->operations);
    name_tables(arena, &batch, &strings, "shop", "1.0");
    for (uint32_t i = 0; i < shape->operations; i++) {
        batch.operation_type[i] = i % OPERATION_TYPE_COUNT;
        batch.operation_system[i] = intern(&strings, str_of(i % 2 ? "postgresql" : ""));
        batch.operation_text[i] = intern(&strings, arena_printf(arena, "SELECT * FROM t%u WHERE id = ?", i));
    }
    for (uint32_t i = 0; i < shape->spans; i++) make_span(&batch, &strings, g, shape, i);
    strings_end(&strings, &batch);
    return test_repack(arena, &batch);
}

struct batch *test_request(struct arena *arena, struct id_generator *g, const char *service,
                           const char *version, const char *endpoint, int64_t start_ns, int64_t duration_ns,
                           uint32_t calls)
{
    struct batch batch = {.version = BATCH_VERSION, .producer = id_next(g), .sequence = 1};
    struct strings strings = strings_begin(arena);
    batch.trace_count = 1;
    batch.span_count = 1 + calls;
    batch.base_time_unix_ns = (uint64_t)start_ns;
    make_columns(arena, &batch);
    make_tables(arena, &batch, g, 2);
    name_tables(arena, &batch, &strings, service, version);
    batch.operation_type[0] = OPERATION_ENDPOINT;
    batch.operation_text[0] = intern(&strings, str_of(endpoint));
    batch.operation_type[1] = OPERATION_DB;
    batch.operation_system[1] = intern(&strings, str_of("postgresql"));
    batch.operation_text[1] = intern(&strings, str_of("SELECT * FROM reviews WHERE product_id = ?"));
    batch.span_id[0] = id_next(g);
    batch.span_kind[0] = SPAN_KIND_SERVER;
    batch.duration_ns[0] = (uint64_t)duration_ns;
    uint64_t each_ns = (uint64_t)duration_ns / (calls + 1);
    for (uint32_t i = 1; i <= calls; i++) {
        batch.span_id[i] = id_next(g);
        batch.parent_span_id[i] = batch.span_id[0];
        batch.span_kind[i] = SPAN_KIND_CLIENT;
        batch.span_operation[i] = 1;
        batch.span_site[i] = 1;
        batch.start_delta_ns[i] = (int64_t)each_ns;
        batch.duration_ns[i] = each_ns * 9 / 10;
        batch.rows_plus_1[i] = 4;
        batch.connection[i] = 1;
        batch.input_count[i] = 1;
        batch.input_hash[i] = id_next(g);
        batch.answer_hash[i] = id_next(g);
    }
    strings_end(&strings, &batch);
    return test_repack(arena, &batch);
}
