/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as a service makes them, told to the evidence alone: answers as tables of numbers, calls with an input. */
#include "tests/support/cmocka.h"

#include "sdk/core/evidence.h"

#include <stdio.h>
#include <stdlib.h>

static struct hash_key key;
static struct evidence *evidence;
static struct link links[EVIDENCE_LINKS];
static uint32_t link_count;

static int set_up(void **state)
{
    (void)state;
    hash_key_random(&key);
    evidence = calloc(1, sizeof *evidence);
    evidence_request_begin(evidence);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(evidence);
    return 0;
}

static uint64_t hash(long number)
{
    char text[32];
    return value_hash(&key, str_view(text, (size_t)snprintf(text, sizeof text, "%ld", number)));
}

/* A call with these inputs, as texts, ended by NULL; its inputs stay for the answer. */
static struct inputs inputs;

static void send_texts(const char *operation, const char *const *texts)
{
    inputs_reset(&inputs, &key, 1);
    for (; *texts; texts++) inputs_add(&inputs, *texts, strlen(*texts));
    link_count = evidence_send(evidence, operation, &inputs, links);
}

static void send_number(const char *operation, long number)
{
    char text[32];
    snprintf(text, sizeof text, "%ld", number);
    send_texts(operation, (const char *const[]){text, NULL});
}

/* Its answer: column c, row r is first[c] + r × step[c]. */
struct column {
    long first, step;
};

static void answer(const char *operation, uint64_t span_id, uint32_t rows, uint32_t columns,
                   const struct column *column)
{
    struct evidence_slot *slot = evidence_answer(evidence, operation, span_id);
    slot->column_count = columns;
    for (uint32_t c = 0; c < columns; c++) {
        slot->columns[c].count = 0;
        for (uint32_t r = 0; r < rows; r++)
            evidence_column_add(&slot->columns[c], hash(column[c].first + r * column[c].step));
    }
    evidence_answer_end(slot, &inputs);
}

static bool has_link(uint64_t span_id, enum link_kind kind, uint32_t column, uint32_t row)
{
    for (uint32_t i = 0; i < link_count; i++)
        if (links[i].span_id == span_id && links[i].kind == kind && links[i].column == column &&
            links[i].row == row)
            return true;
    return false;
}

static const char *const products = "products", *const customers = "customers", *const reviews = "reviews",
                         *const items = "items", *const orders = "orders";

/* The dashboard's beginning: 200 products (id 1…, merchant 7, price). */
static void load_products(uint64_t span_id, uint32_t rows)
{
    send_number(products, 7);
    answer(products, span_id, rows, 3, (struct column[]){{1, 1}, {7, 0}, {1000, 13}});
}

static void a_loop_walks_the_rows_of_its_source(void **state)
{
    (void)state;
    load_products(11, 200);
    for (uint32_t k = 0; k < 200; k++) {
        send_number(reviews, 1 + k);
        assert_int_equal(has_link(11, LINK_SEQUENCE, 0, k), k < EVIDENCE_ROWS);
        if (k >= EVIDENCE_ROWS) assert_int_equal(link_count, 0);
        answer(reviews, 100 + k, 3, 1, (struct column[]){{5000 + k, 7}});
    }
}

static void interleaved_loops_walk_the_same_source(void **state)
{
    (void)state;
    load_products(11, 200);
    for (uint32_t k = 0; k < 200; k++) {
        send_number(reviews, 1 + k);
        assert_int_equal(has_link(11, LINK_SEQUENCE, 0, k), k < EVIDENCE_ROWS);
        answer(reviews, 1000 + k, 2, 2, (struct column[]){{90000 + k, 3}, {1 + k, 0}});
        send_number(items, 1 + k);
        assert_int_equal(has_link(11, LINK_SEQUENCE, 0, k), k < EVIDENCE_ROWS);
        answer(items, 2000 + k, 2, 1, (struct column[]){{70000 + k, 3}});
    }
}

/* Customers and products both begin 1, 2, 3, …: both stay candidates, whoever reads decides by the number of rows. */
static void two_sources_with_the_same_first_ids(void **state)
{
    (void)state;
    load_products(11, 200);
    send_number(customers, 7);
    answer(customers, 12, 3000, 2, (struct column[]){{1, 1}, {7, 0}});
    for (uint32_t k = 0; k < 3000; k++) {
        send_number(orders, 1 + k);
        if (k < EVIDENCE_ROWS) {
            assert_true(has_link(11, LINK_SEQUENCE, 0, k));
            assert_true(has_link(12, LINK_SEQUENCE, 0, k));
        }
        answer(orders, 100 + k, 4, 2, (struct column[]){{80000 + k, 1}, {1 + k, 0}});
    }
    for (uint32_t k = 0; k < 32; k++) { /* 3,000 answers have not pushed out products */
        send_number(items, 1 + k);
        assert_true(has_link(11, LINK_SEQUENCE, 0, k));
    }
}

/* Many columns that begin with the same value cannot crowd out the one that goes on. */
static void accidents_do_not_crowd_out(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
    load_products(11, 200);
    for (uint32_t i = 0; i < 10; i++) { /* counts of one row each, all 1 */
        send_number(names[i], 40 + i);
        answer(names[i], 50 + i, 1, 4, (struct column[]){{1, 0}, {1, 0}, {1, 0}, {1, 0}});
    }
    for (uint32_t k = 0; k < 32; k++) {
        send_number(reviews, 1 + k);
        assert_true(has_link(11, LINK_SEQUENCE, 0, k));
        if (k > 0) assert_int_equal(link_count, 1);
    }
}

/* For each order its items: the run begins again with each answer. */
static void nested_loops_begin_again(void **state)
{
    (void)state;
    send_number(orders, 7);
    answer(orders, 10, 3, 1, (struct column[]){{300, 1}});
    for (uint32_t o = 0; o < 3; o++) {
        send_number(items, 300 + o);
        assert_true(has_link(10, LINK_SEQUENCE, 0, o));
        answer(items, 20 + o, 50, 1, (struct column[]){{1000 * (o + 1), 1}}); /* more than are walked */
        for (uint32_t k = 0; k < 40; k++) {
            send_number(products, 1000 * (o + 1) + k);
            assert_int_equal(has_link(20 + o, LINK_SEQUENCE, 0, k), k < EVIDENCE_ROWS);
        }
    }
}

/* The same loop twice over the first rows of the same source: two runs. */
static void a_loop_may_run_twice(void **state)
{
    (void)state;
    load_products(11, 50);
    for (int round = 0; round < 2; round++)
        for (uint32_t k = 0; k < 40; k++) {
            send_number(reviews, 1 + k);
            assert_int_equal(has_link(11, LINK_SEQUENCE, 0, k), k < EVIDENCE_ROWS);
        }
}

/* A long run that stopped early does not hide the one over an answer that came later. */
static void a_loop_may_go_on_over_another_answer(void **state)
{
    (void)state;
    load_products(11, 50);
    for (uint32_t k = 0; k < 40; k++) send_number(reviews, 1 + k);
    send_number(customers, 7);
    answer(customers, 12, 50, 1, (struct column[]){{500, 1}});
    for (uint32_t k = 0; k < 40; k++) {
        send_number(reviews, 500 + k);
        assert_int_equal(has_link(12, LINK_SEQUENCE, 0, k), k < EVIDENCE_ROWS);
    }
}

static void another_order_is_no_sequence(void **state)
{
    (void)state;
    load_products(11, 50);
    uint32_t rows_seen = 0;
    for (uint32_t k = 0; k < 50; k++) {
        send_number(reviews, 1 + (k * 7) % 50);
        for (uint32_t i = 0; i < link_count; i++) rows_seen += links[i].row > 0;
    }
    assert_int_equal(rows_seen, 0);
}

/* What an answer only repeats of its question is nothing new: the ids of a bulk answer, for example. */
static void an_echo_is_no_source(void **state)
{
    (void)state;
    send_texts("bulk", (const char *const[]){"{5,6,7,8,9,10}", NULL});
    answer("bulk", 30, 6, 2, (struct column[]){{5, 1}, {100, 5}});
    send_number(reviews, 5);
    assert_int_equal(link_count, 0);
    send_number(reviews, 100);
    assert_true(has_link(30, LINK_SEQUENCE, 1, 0));
}

static void a_list_repeats_a_column(void **state)
{
    (void)state;
    char list[2048] = "{", number[16];
    load_products(11, 200);
    for (int i = 1; i <= 200; i++) {
        snprintf(number, sizeof number, "%s%d", i > 1 ? "," : "", i);
        strcat(list, number);
    }
    send_texts(items, (const char *const[]){"shop", strcat(list, "}"), NULL});
    assert_true(has_link(11, LINK_LIST, 0, 200));
    load_products(12, 199); /* one row less: another list */
    send_texts(items, (const char *const[]){"shop", list, NULL});
    for (uint32_t i = 0; i < link_count; i++) assert_int_not_equal(links[i].kind, LINK_LIST);
}

static void short_lists_prove_nothing(void **state)
{
    (void)state;
    load_products(11, 4);
    send_texts(items, (const char *const[]){"{1,2,3,4}", NULL});
    for (uint32_t i = 0; i < link_count; i++) assert_int_not_equal(links[i].kind, LINK_LIST);
}

/* SELECT … WHERE merchant = 7 AND id IN (1, …, 6) LIMIT 10 */
static void a_list_stands_among_literals(void **state)
{
    (void)state;
    load_products(11, 6);
    inputs_reset(&inputs, &key, 1);
    static const long literals[] = {7, 1, 2, 3, 4, 5, 6, 10};
    for (size_t i = 0; i < 8; i++) inputs_add_literal(&inputs, hash(literals[i]), false);
    link_count = evidence_send(evidence, items, &inputs, links);
    assert_true(has_link(11, LINK_LIST, 0, 6));
}

#define TOKEN "6ba7b810-9dad-11d1-80b4-00c04fd430c8"

static void answer_token(const char *operation, uint64_t span_id)
{
    struct evidence_slot *slot = evidence_answer(evidence, operation, span_id);
    slot->column_count = 1;
    slot->columns[0].count = 0;
    evidence_column_add(&slot->columns[0], hash(1));
    evidence_column_add(&slot->columns[0], value_hash(&key, str_of(TOKEN)));
    evidence_answer_end(slot, &inputs);
}

static void a_token_is_no_accident(void **state)
{
    (void)state;
    send_number("session", 5);
    answer_token("session", 40);
    send_texts("user", (const char *const[]){"x", TOKEN, NULL});
    assert_true(has_link(40, LINK_VALUE, 0, 1));
    send_texts("user", (const char *const[]){"1", NULL}); /* too weak alone */
    for (uint32_t i = 0; i < link_count; i++) assert_int_not_equal(links[i].kind, LINK_VALUE);
}

static void what_came_in_is_no_evidence(void **state)
{
    (void)state;
    evidence_target(evidence, value_hash(&key, str_of(TOKEN)));
    send_number("session", 5);
    answer_token("session", 40);
    send_texts("user", (const char *const[]){TOKEN, NULL});
    assert_int_equal(link_count, 0);
}

static void what_the_source_was_asked_is_no_evidence(void **state)
{
    (void)state;
    send_texts("session", (const char *const[]){TOKEN, NULL});
    answer_token("session", 40);
    send_texts("user", (const char *const[]){TOKEN, NULL});
    assert_int_equal(link_count, 0);
}

static void a_new_request_knows_nothing(void **state)
{
    (void)state;
    struct evidence_frame outer = evidence->frame;
    load_products(11, 50);
    evidence_request_end(evidence, outer);
    evidence_request_begin(evidence);
    send_number(reviews, 1);
    assert_int_equal(link_count, 0);
}

static void an_inner_request_leaves_the_outer_one_alone(void **state)
{
    (void)state;
    load_products(11, 50);
    struct evidence_frame outer = evidence_request_begin(evidence);
    send_number(reviews, 1);
    assert_int_equal(link_count, 0);
    load_products(99, 50);
    evidence_request_end(evidence, outer);
    send_number(reviews, 1);
    assert_true(has_link(11, LINK_SEQUENCE, 0, 0));
    assert_int_equal(link_count, 1);
}

/* More operations than slots: the one longest unused goes. */
static void many_operations(void **state)
{
    (void)state;
    static char names[200][8];
    load_products(11, 50);
    for (int i = 0; i < 200; i++) {
        send_number(names[i], 100000 + i);
        answer(names[i], 500 + (uint64_t)i, 1, 1, (struct column[]){{-5, 0}});
        send_number(products, 7); /* kept fresh */
    }
    send_number(reviews, 1);
    assert_true(has_link(11, LINK_SEQUENCE, 0, 0));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_loop_walks_the_rows_of_its_source),
        TEST(interleaved_loops_walk_the_same_source),
        TEST(two_sources_with_the_same_first_ids),
        TEST(accidents_do_not_crowd_out),
        TEST(nested_loops_begin_again),
        TEST(a_loop_may_run_twice),
        TEST(a_loop_may_go_on_over_another_answer),
        TEST(another_order_is_no_sequence),
        TEST(an_echo_is_no_source),
        TEST(a_list_repeats_a_column),
        TEST(short_lists_prove_nothing),
        TEST(a_list_stands_among_literals),
        TEST(a_token_is_no_accident),
        TEST(what_came_in_is_no_evidence),
        TEST(what_the_source_was_asked_is_no_evidence),
        TEST(a_new_request_knows_nothing),
        TEST(an_inner_request_leaves_the_outer_one_alone),
        TEST(many_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
