/* SPDX-License-Identifier: Apache-2.0 */
/* <weir/hiredis.h> against a real Redis (WEIR_TEST_REDIS, a socket; tests/support/redis.py starts one). */
#include "tests/support/cmocka.h"

#include "tests/examples/request.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/hiredis.h>

#define SECRET "thyme-and-borage"

static redisContext *context;

static const struct seen_span *call_of(const struct seen_span *request, size_t nth)
{
    return request_call(request, OPERATION_CACHE, nth);
}

static void assert_text(struct str text, const char *expected)
{
    char copy[512] = {0};
    memcpy(copy, text.data, text.len < sizeof(copy) ? text.len : sizeof(copy) - 1);
    assert_string_equal(copy, expected);
}

static void assert_attribute(const struct seen_span *seen, const char *key, const char *expected)
{
    char room[64];
    assert_string_equal(seen_attribute(seen, key, room), expected);
}

/* Sends a command whose reply does not matter. */
__attribute__((format(printf, 1, 2))) static void command(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    redisReply *reply = (redisvCommand)(context, format, arguments);
    va_end(arguments);
    assert_non_null(reply);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
}

static void a_command_is_a_call(void **state)
{
    (void)state;
    command("SET price:17:eur %s", SECRET);
    struct weir_span request = begin_request("/command");
    const unsigned line = __LINE__ + 1;
    redisReply *reply = redisCommand(context, "GET price:%d:%s", 17, "eur");
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    assert_string_equal(reply->str, SECRET);
    freeReplyObject(reply);
    reply = redisCommand(context, "SET name:%b %s EX %d", "ann", (size_t)3, SECRET, 60);
    assert_int_equal(reply->type, REDIS_REPLY_STATUS);
    freeReplyObject(reply);
    const struct seen_span *seen = end_request(request, "GET /command");

    const struct span *get = &call_of(seen, 0)->span;
    assert_text(get->operation->text, "GET price:{}:eur");
    assert_text(get->operation->system, "redis");
    assert_int_equal(get->kind, SPAN_KIND_CLIENT);
    assert_int_equal(get->status, SPAN_STATUS_UNSET);
    assert_int_equal(get->site.line, line);
    assert_text(get->site.function, __func__);
    assert_int_equal(get->input_count, 1);
    assert_int_equal(get->rows, 1);
    assert_int_not_equal(get->connection, 0);
    assert_int_not_equal(get->answer_hash, 0);
    assert_true(get->duration_ns > 0);
    const struct span *set = &call_of(seen, 1)->span;
    assert_text(set->operation->text, "SET name:ann");
    assert_int_equal(set->input_count, 3);
    assert_int_equal(set->connection, get->connection);
    assert_attribute(call_of(seen, 1), "weir.cache.hit", "");
    assert_false(receiver_has_bytes(receiver, SECRET));
}

static void look_ups_hit_or_miss(void **state)
{
    (void)state;
    static const struct {
        const char *command, *text, *hit, *hits, *misses;
    } cases[] = {
        {"GET stock:1", "GET stock:{}", "true", "", ""},
        {"get stock:404", "GET stock:{}", "false", "", ""},
        {"MGET stock:1 stock:2 stock:404", "MGET stock:{}", "", "2", "1"},
        {"MGET stock:404", "MGET stock:{}", "", "0", "1"},
        {"EXISTS stock:1", "EXISTS stock:{}", "true", "", ""},
        {"EXISTS stock:404", "EXISTS stock:{}", "false", "", ""},
        {"EXISTS stock:1 stock:2 stock:404", "EXISTS stock:{}", "", "2", "1"},
        {"HGET cart:1 apples", "HGET cart:{}", "true", "", ""},
        {"HGET cart:1 plums", "HGET cart:{}", "false", "", ""},
        {"HMGET cart:1 apples plums", "HMGET cart:{}", "", "1", "1"},
        {"HEXISTS cart:1 plums", "HEXISTS cart:{}", "false", "", ""},
        {"HGETALL cart:1", "HGETALL cart:{}", "true", "", ""},
        {"HGETALL cart:404", "HGETALL cart:{}", "false", "", ""},
        {"SMISMEMBER tags red blue", "SMISMEMBER tags", "", "1", "1"},
        {"LRANGE list:1 0 -1", "LRANGE list:{}", "false", "", ""},
        {"DEL stock:404 stock:405", "DEL stock:{}", "", "", ""},
        {"STRLEN stock:1", "STRLEN stock:{}", "", "", ""},
        {"MSET a:1 x b:2 y", "MSET a:{} b:{}", "", "", ""},
        {"EVAL return{KEYS[1],ARGV[1]} 1 stock:1 5", "EVAL stock:{}", "", "", ""},
        {"OBJECT ENCODING stock:1", "OBJECT stock:{}", "", "", ""},
        {"PING 17", "PING", "", "", ""},
    };
    const size_t count = sizeof(cases) / sizeof(cases[0]);
    command("MSET stock:1 7 stock:2 8");
    command("HSET cart:1 apples 3");
    command("SADD tags red");
    struct weir_span request = begin_request("/look-ups");
    for (size_t i = 0; i < count; i++) freeReplyObject(redisCommand(context, cases[i].command));
    const struct seen_span *seen = end_request(request, "GET /look-ups");
    for (size_t i = 0; i < count; i++) {
        const struct seen_span *call = call_of(seen, i);
        assert_text(call->span.operation->text, cases[i].text);
        assert_int_equal(call->span.status, SPAN_STATUS_UNSET);
        assert_attribute(call, "weir.cache.hit", cases[i].hit);
        assert_attribute(call, "weir.cache.hits", cases[i].hits);
        assert_attribute(call, "weir.cache.misses", cases[i].misses);
    }
    assert_int_equal(call_of(seen, 2)->span.rows, 3);
    assert_int_equal(call_of(seen, 11)->span.rows, 1); /* one pair */
}

static void errors_have_names(void **state)
{
    (void)state;
    command("SET text a");
    struct weir_span request = begin_request("/errors");
    redisReply *reply = redisCommand(context, "LPUSH text b");
    assert_int_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    freeReplyObject(redisCommand(context, "NONSENSE"));
    freeReplyObject(redisCommand(context, "HGET text field"));
    redisContext *other = redisConnectUnix(getenv("WEIR_TEST_REDIS"));
    freeReplyObject((redisCommand)(other, "CLIENT SETNAME doomed"));
    command("CLIENT KILL TYPE normal SKIPME yes");
    assert_null(redisCommand(other, "GET text"));
    assert_int_equal(other->err, REDIS_ERR_IO);
    redisFree(other);
    const struct seen_span *seen = end_request(request, "GET /errors");

    static const char *const names[] = {"WRONGTYPE", "ERR", "WRONGTYPE", "REDIS_ERR_IO"};
    for (size_t i = 0; i < 4; i++) {
        assert_attribute(call_of(seen, i), "error.type", names[i]);
        assert_int_equal(call_of(seen, i)->span.status, SPAN_STATUS_ERROR);
    }
    assert_attribute(call_of(seen, 2), "weir.cache.hit", ""); /* neither hit nor miss */
}

static void arguments_may_hold_any_bytes(void **state)
{
    (void)state;
    const char *words[] = {"SET", "a\r\nb:\0c", "x\r\n$3\r\ny"};
    const size_t lengths[] = {3, 7, 9};
    struct weir_span request = begin_request("/bytes");
    freeReplyObject(redisCommandArgv(context, 3, words, lengths));
    words[0] = "GET";
    redisReply *reply = redisCommandArgv(context, 2, words, lengths);
    assert_int_equal(reply->len, 9);
    assert_memory_equal(reply->str, words[2], 9);
    freeReplyObject(reply);
    const char *plain[] = {"GET", "price:404"};
    reply = redisCommandArgv(context, 2, plain, NULL);
    assert_int_equal(reply->type, REDIS_REPLY_NIL);
    freeReplyObject(reply);
    const struct seen_span *seen = end_request(request, "GET /bytes");
    assert_text(call_of(seen, 0)->span.operation->text, "SET {}:{}");
    assert_text(call_of(seen, 1)->span.operation->text, "GET {}:{}");
    assert_text(call_of(seen, 2)->span.operation->text, "GET price:{}");
}

static void a_format_that_is_none_fails_as_it_did(void **state)
{
    (void)state;
    redisContext *mine = redisConnectUnix(getenv("WEIR_TEST_REDIS"));
    redisContext *theirs = (redisConnectUnix)(getenv("WEIR_TEST_REDIS"));
    const char *format = "GET %y";
    assert_null(redisCommand(mine, format));
    assert_null((redisCommand)(theirs, format));
    assert_int_equal(mine->err, theirs->err);
    assert_string_equal(mine->errstr, theirs->errstr);
    redisFree(mine);
    redisFree(theirs);
}

static void many_keys_are_one_operation(void **state)
{
    (void)state;
    enum { KEYS = 2000 };
    static char keys[KEYS][16];
    static const char *words[1 + KEYS] = {"MGET"};
    for (int i = 0; i < KEYS; i++) {
        snprintf(keys[i], sizeof(keys[i]), "absent:%d", i);
        words[1 + i] = keys[i];
    }
    struct weir_span request = begin_request("/many");
    redisReply *reply = redisCommandArgv(context, 1 + KEYS, words, NULL);
    assert_int_equal(reply->elements, KEYS);
    freeReplyObject(reply);
    const struct seen_span *call = call_of(end_request(request, "GET /many"), 0);
    assert_text(call->span.operation->text, "MGET absent:{}");
    assert_int_equal(call->span.rows, KEYS);
    assert_int_equal(call->span.input_count, KEYS);
    assert_attribute(call, "weir.cache.misses", "2000");
}

static const struct link *link_to(const struct seen_span *call, const struct seen_span *from,
                                  enum link_kind kind)
{
    for (uint32_t i = 0; i < call->span.link_count; i++)
        if (call->span.links[i].kind == kind && call->span.links[i].span_id == from->span.id)
            return &call->span.links[i];
    return NULL;
}

static void answers_are_evidence(void **state)
{
    (void)state;
    command("DEL ids");
    command("RPUSH ids 101 102 103 104 105 106");
    command("SET token:17 {\"session\":\"9f8a7b6c5d4e3f2a1b0c\"}");
    struct weir_span request = begin_request("/evidence");
    redisReply *ids = redisCommand(context, "LRANGE ids 0 -1");
    for (size_t i = 0; i < ids->elements; i++)
        freeReplyObject(redisCommand(context, "GET item:%s", ids->element[i]->str));
    freeReplyObject(redisCommand(context, "MGET x:%s x:%s x:%s x:%s x:%s x:%s", ids->element[0]->str,
                                 ids->element[1]->str, ids->element[2]->str, ids->element[3]->str,
                                 ids->element[4]->str, ids->element[5]->str));
    freeReplyObject(ids);
    freeReplyObject(redisCommand(context, "GET token:17"));
    freeReplyObject(redisCommand(context, "GET session:%s", "9f8a7b6c5d4e3f2a1b0c"));
    const struct seen_span *seen = end_request(request, "GET /evidence");

    const struct seen_span *source = call_of(seen, 0);
    for (size_t i = 1; i <= 6; i++) {
        assert_non_null(link_to(call_of(seen, i), source, LINK_SEQUENCE));
        assert_int_equal(link_to(call_of(seen, i), source, LINK_SEQUENCE)->row, i - 1);
    }
    assert_non_null(link_to(call_of(seen, 7), source, LINK_LIST));
    assert_non_null(link_to(call_of(seen, 9), call_of(seen, 8), LINK_VALUE));
}

static void passwords_are_not_looked_at(void **state)
{
    (void)state;
    struct weir_span request = begin_request("/auth");
    freeReplyObject(redisCommand(context, "AUTH %s", SECRET));
    freeReplyObject(redisCommand(context, "CONFIG GET requirepass"));
    const struct seen_span *seen = end_request(request, "GET /auth");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(call_of(seen, i)->span.input_count, 0);
        assert_int_equal(call_of(seen, i)->span.answer_hash, 0);
    }
    assert_text(call_of(seen, 0)->span.operation->text, "AUTH");
}

static void connecting_is_shown(void **state)
{
    (void)state;
    struct timeval second = {1, 0};
    struct weir_span request = begin_request("/connect");
    redisContext *mine = redisConnectUnixWithTimeout(getenv("WEIR_TEST_REDIS"), second);
    assert_int_equal(mine->err, 0);
    freeReplyObject(redisCommand(mine, "PING"));
    assert_int_equal(redisReconnect(mine), REDIS_OK);
    freeReplyObject(redisCommand(mine, "PING"));
    redisFree(mine);
    mine = redisConnect("127.0.0.1", 1);
    assert_int_equal(mine->err, REDIS_ERR_IO);
    redisFree(mine);
    mine = redisConnectWithTimeout("127.0.0.1", 1, second);
    redisFree(mine);
    redisFree(NULL);
    const struct seen_span *seen = end_request(request, "GET /connect");

    const struct seen_span *opened = receiver_span(receiver, seen->trace_id, OPERATION_CONNECT, 0);
    assert_text(opened->span.operation->system, "redis");
    assert_int_equal(opened->span.status, SPAN_STATUS_UNSET);
    assert_attribute(opened, "server.address", getenv("WEIR_TEST_REDIS"));
    assert_int_equal(opened->span.connection, call_of(seen, 0)->span.connection);
    const struct seen_span *again = receiver_span(receiver, seen->trace_id, OPERATION_CONNECT, 1);
    assert_int_equal(again->span.connection, call_of(seen, 1)->span.connection);
    assert_int_not_equal(again->span.connection, opened->span.connection);
    const struct seen_span *refused = receiver_span(receiver, seen->trace_id, OPERATION_CONNECT, 2);
    assert_attribute(refused, "error.type", "REDIS_ERR_IO");
    assert_attribute(refused, "server.port", "1");
    assert_non_null(receiver_span(receiver, seen->trace_id, OPERATION_CONNECT, 3));
}

/* ---- pipelines ---- */

static redisReply *fetch(redisContext *from)
{
    redisReply *reply = NULL;
    assert_int_equal(redisGetReply(from, (void **)&reply), REDIS_OK);
    assert_non_null(reply);
    return reply;
}

static void fetch_text(redisContext *from, const char *expected)
{
    redisReply *reply = fetch(from);
    assert_int_equal(reply->type, expected ? REDIS_REPLY_STRING : REDIS_REPLY_NIL);
    if (expected) assert_string_equal(reply->str, expected);
    freeReplyObject(reply);
}

static void a_pipeline_is_one_call(void **state)
{
    (void)state;
    command("MSET stock:1 7 stock:2 8");
    const char *words[] = {"get", "cart:404"};
    struct weir_span request = begin_request("/pipeline");
    const unsigned line = __LINE__ + 1;
    assert_int_equal(redisAppendCommand(context, "GET stock:%d", 1), REDIS_OK);
    redisAppendCommand(context, "SET name:%s %s", "ann", SECRET);
    redisAppendCommandArgv(context, 2, words, NULL);
    redisAppendFormattedCommand(context, "*1\r\n$4\r\nPING\r\n", 14);
    fetch_text(context, "7");
    for (int i = 1; i <= 50; i++) redisAppendCommand(context, i % 2 ? "GET stock:%d" : "GET price:%d", i);
    freeReplyObject(fetch(context));
    fetch_text(context, NULL);
    freeReplyObject(fetch(context));
    for (int i = 1; i <= 50; i++) freeReplyObject(fetch(context));
    freeReplyObject(redisCommand(context, "PING"));
    const struct seen_span *seen = end_request(request, "GET /pipeline");

    const struct seen_span *first = call_of(seen, 0), *second = call_of(seen, 1);
    assert_text(first->span.operation->text, "PIPELINE GET stock:{} SET name:ann cart:{} PING");
    assert_int_equal(first->span.site.line, line);
    assert_int_equal(first->span.rows, 4);
    assert_int_equal(first->span.input_count, 3);
    assert_int_not_equal(first->span.answer_hash, 0);
    assert_int_not_equal(first->span.connection, 0);
    assert_attribute(first, "db.operation.batch.size", "4");
    assert_attribute(first, "weir.cache.hits", "1");
    assert_attribute(first, "weir.cache.misses", "1");
    assert_text(second->span.operation->text, "PIPELINE GET stock:{} price:{}");
    assert_int_equal(second->span.rows, 50);
    assert_int_equal(second->span.input_count, 50);
    assert_attribute(second, "weir.cache.hits", "1");
    assert_attribute(second, "weir.cache.misses", "49");
    assert_true(second->span.start_ns >= first->span.start_ns + first->span.duration_ns);
    assert_text(call_of(seen, 2)->span.operation->text, "PING");
    assert_false(receiver_has_bytes(receiver, SECRET));
}

static void a_command_behind_a_pipeline_is_of_it(void **state)
{
    (void)state;
    struct weir_span request = begin_request("/behind");
    redisAppendCommand(context, "GET stock:1");
    redisReply *reply = redisCommand(context, "GET stock:2"); /* hiredis gives the oldest reply */
    assert_string_equal(reply->str, "7");
    freeReplyObject(reply);
    fetch_text(context, "8");
    const struct seen_span *seen = end_request(request, "GET /behind");
    assert_attribute(call_of(seen, 0), "db.operation.batch.size", "2");
    assert_attribute(call_of(seen, 0), "weir.cache.hits", "2");
    assert_null(receiver_span(receiver, seen->trace_id, OPERATION_CACHE, 1));
}

static void pipelines_that_fail_are_errors(void **state)
{
    (void)state;
    command("SET text a");
    struct weir_span request = begin_request("/broken");
    redisAppendCommand(context, "GET stock:1");
    redisAppendCommand(context, "LPUSH text b");
    redisAppendCommand(context, "NONSENSE");
    fetch_text(context, "7");
    freeReplyObject(fetch(context));
    freeReplyObject(fetch(context));

    redisContext *left = redisConnectUnix(getenv("WEIR_TEST_REDIS"));
    redisAppendCommand(left, "GET stock:1");
    redisAppendCommand(left, "GET stock:2");
    fetch_text(left, "7");
    redisFree(left);

    redisContext *killed = redisConnectUnix(getenv("WEIR_TEST_REDIS"));
    freeReplyObject((redisCommand)(killed, "PING"));
    command("CLIENT KILL TYPE normal SKIPME yes");
    void *reply;
    redisAppendCommand(killed, "GET stock:1");
    redisAppendCommand(killed, "GET stock:1");
    assert_int_equal(redisGetReply(killed, &reply), REDIS_ERR);
    assert_int_equal(redisGetReply(killed, &reply), REDIS_ERR);
    redisFree(killed);
    const struct seen_span *seen = end_request(request, "GET /broken");
    assert_attribute(call_of(seen, 0), "error.type", "WRONGTYPE");
    assert_int_equal(call_of(seen, 0)->span.attribute_count, 4); /* one error, and size, hits, misses */
    assert_attribute(call_of(seen, 1), "error.type", "abandoned");
    assert_int_equal(call_of(seen, 1)->span.rows, 1);
    assert_attribute(call_of(seen, 2), "error.type", "REDIS_ERR_IO");
    assert_null(receiver_span(receiver, seen->trace_id, OPERATION_CACHE, 3));
}

/* Where replies cannot be told to belong to commands, nothing is said of them. */
static void pipelines_without_order_are_let_be(void **state)
{
    (void)state;
    struct weir_span request = begin_request("/deaf");
    redisContext *mine = redisConnectUnix(getenv("WEIR_TEST_REDIS"));
    redisAppendCommand(mine, "CLIENT REPLY SKIP");
    redisAppendCommand(mine, "SET stock:1 9");
    redisAppendCommand(mine, "GET stock:1");
    fetch_text(mine, "9");
    redisFree(mine);
    mine = redisConnectUnix(getenv("WEIR_TEST_REDIS"));
    freeReplyObject(redisCommand(mine, "SUBSCRIBE news"));
    redisAppendCommand(mine, "SUBSCRIBE sport weather");
    freeReplyObject(fetch(mine));
    freeReplyObject(fetch(mine));
    redisFree(mine);
    assert_int_equal(redisAppendCommand(context, "GET %y"), (redisAppendCommand)(context, "GET %y"));
    context->err = 0; /* a format that is none is no broken connection */
    const struct seen_span *seen = end_request(request, "GET /deaf");
    assert_text(call_of(seen, 0)->span.operation->text, "SUBSCRIBE news");
    assert_null(receiver_span(receiver, seen->trace_id, OPERATION_CACHE, 1));
}

static void *make_nothing(const redisReadTask *task, long long value)
{
    (void)value;
    return (void *)(uintptr_t)task->type;
}

/* Replies that are not redisReply, and a context that does not wait, are the program's own affair. */
static void other_ways_are_let_be(void **state)
{
    (void)state;
    struct weir_span request = begin_request("/others");
    redisContext *mine = redisConnectUnix(getenv("WEIR_TEST_REDIS"));
    redisReplyObjectFunctions functions = *mine->reader->fn;
    functions.createInteger = make_nothing;
    functions.freeObject = NULL;
    mine->reader->fn = &functions;
    assert_ptr_equal(redisCommand(mine, "EXISTS stock:1"), (void *)REDIS_REPLY_INTEGER);
    redisFree(mine);
    mine = redisConnectUnixNonBlock(getenv("WEIR_TEST_REDIS"));
    assert_null(redisCommand(mine, "GET stock:1"));
    redisFree(mine);
    const struct seen_span *seen = end_request(request, "GET /others");
    assert_text(call_of(seen, 0)->span.operation->text, "EXISTS stock:{}");
    assert_int_equal(call_of(seen, 0)->span.answer_hash, 0);
    assert_null(receiver_span(receiver, seen->trace_id, OPERATION_CACHE, 1));
}

static int start(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN); /* hiredis 0.14 writes to sockets that are closed */
    context = redisConnectUnix(getenv("WEIR_TEST_REDIS")); /* before weir_init */
    if (!context || context->err) return -1;
    freeReplyObject(redisCommand(context, "FLUSHALL"));
    receiver = receiver_start();
    struct weir_config config = {.endpoint = receiver_endpoint(receiver), .service_name = "hiredis_test"};
    return weir_init(&config) == WEIR_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    enum weir_status status = weir_shutdown(5000);
    redisReply *reply = redisCommand(context, "PING"); /* and after weir_shutdown */
    bool works = reply && strcmp(reply->str, "PONG") == 0;
    freeReplyObject(reply);
    redisFree(context);
    receiver_stop(receiver);
    return status == WEIR_OK && works ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_a_call),
        cmocka_unit_test(look_ups_hit_or_miss),
        cmocka_unit_test(errors_have_names),
        cmocka_unit_test(arguments_may_hold_any_bytes),
        cmocka_unit_test(a_format_that_is_none_fails_as_it_did),
        cmocka_unit_test(many_keys_are_one_operation),
        cmocka_unit_test(answers_are_evidence),
        cmocka_unit_test(passwords_are_not_looked_at),
        cmocka_unit_test(connecting_is_shown),
        cmocka_unit_test(a_pipeline_is_one_call),
        cmocka_unit_test(a_command_behind_a_pipeline_is_of_it),
        cmocka_unit_test(pipelines_that_fail_are_errors),
        cmocka_unit_test(pipelines_without_order_are_let_be),
        cmocka_unit_test(other_ways_are_let_be),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
