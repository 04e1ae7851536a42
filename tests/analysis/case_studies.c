/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/analysis/case_studies.h"

#define PRODUCTS  200
#define CUSTOMERS 3000

static struct span *answered(struct span *call, int64_t rows)
{
    call->rows = rows;
    call->answer_hash = call->id * 2654435761u + 1;
    return call;
}

/* Reviews and order items of each product, one after the other; both walk the products. Ids of products begin at 1, as
 * those of customers do, so that single values match all over the place. */
static void walk_products(struct build *build, const struct span *parent, const struct span *products)
{
    for (uint32_t k = 0; k < PRODUCTS; k++) {
        struct span *reviews =
            call_db(build, parent, "SELECT rating, comment FROM reviews WHERE product_id = ?",
                    2300 + k % 7 * 3, k + 1);
        if (k < 32) link_to(build, reviews, products, LINK_SEQUENCE, 0, k);
        answered(reviews, 40 + k % 7);
        build->now_us += 30;
        struct span *items =
            call_db(build, parent, "SELECT quantity, price_cents FROM order_items WHERE product_id = ?",
                    2200 + k % 5 * 2, k + 1);
        if (k < 32) link_to(build, items, products, LINK_SEQUENCE, 0, k);
        answered(items, 225 + k % 5);
        build->now_us += 50;
    }
}

static void walk_customers(struct build *build, const struct span *parent, const struct span *products,
                           const struct span *customers)
{
    for (uint32_t k = 0; k < CUSTOMERS; k++) {
        struct span *orders =
            call_db(build, parent, "SELECT id, total_cents FROM orders WHERE customer_id = ?",
                    110 + k % 4 * 10, k + 1);
        if (k < 32) {
            link_to(build, orders, customers, LINK_SEQUENCE, 0, k);
            link_to(build, orders, products, LINK_SEQUENCE, 0, k); /* ids that happen to be the same */
        }
        answered(orders, 5 + k % 4);
        build->now_us += 8;
    }
}

static void walk_stock(struct build *build, const struct span *parent, const struct span *products,
                       const struct span *customers)
{
    for (uint32_t k = 0; k < PRODUCTS; k++) {
        struct span *stock = call_db(
            build, parent, "SELECT quantity, reorder_level FROM stock WHERE product_id = ?", 120, k + 1);
        if (k < 32) {
            link_to(build, stock, customers, LINK_SEQUENCE, 0, k);
            link_to(build, stock, products, LINK_SEQUENCE, 0, k);
        }
        answered(stock, 1);
        build->now_us += 5;
    }
}

static struct span *open_dashboard(struct build *build, uint64_t merchant)
{
    build_service(build, "dashboard");
    build->connection = 1;
    struct span *request = open_server(build, NULL, "GET /api/dashboard/{merchant_id}");
    answered(call_db(build, request, "SELECT id, name FROM merchants WHERE id = ?", 300, merchant), 1);
    return request;
}

struct span *case_dashboard_before(struct build *build, uint64_t merchant)
{
    struct span *request = open_dashboard(build, merchant);
    struct span *part = open_span(build, request, "load orders");
    answered(call_db(build, part, "SELECT id, placed_on, total_cents FROM orders WHERE merchant_id = ?",
                     240000, merchant),
             15000);
    build->now_us += 40000;
    span_close(build, part);

    part = open_span(build, request, "load products");
    struct span *products = answered(
        call_db(build, part, "SELECT id, name, price_cents FROM products WHERE merchant_id = ? ORDER BY id",
                4000, merchant),
        PRODUCTS);
    walk_products(build, part, products);
    span_close(build, part);

    part = open_span(build, request, "load customers");
    struct span *customers = answered(
        call_db(build, part, "SELECT id, name FROM customers WHERE merchant_id = ?", 12000, merchant),
        CUSTOMERS);
    walk_customers(build, part, products, customers);
    span_close(build, part);

    part = open_span(build, request, "check stock");
    walk_stock(build, part, products, customers);
    span_close(build, part);
    span_close(build, request);
    build->connection = 0;
    return request;
}

struct span *case_dashboard_joined(struct build *build, uint64_t merchant)
{
    static const char *const queries[] = {
        "SELECT count(*), sum(total_cents) FROM orders WHERE merchant_id = ?",
        "SELECT p.id, r.reviews FROM products p JOIN reviews r ON r.product_id = p.id WHERE merchant_id = ?",
        "SELECT c.id, o.spent FROM customers c JOIN orders o ON o.customer_id = c.id WHERE merchant_id = ?",
        "SELECT p.id, s.quantity FROM products p JOIN stock s ON s.product_id = p.id WHERE merchant_id = ?",
    };
    struct span *request = open_dashboard(build, merchant);
    for (int i = 0; i < 4; i++) {
        answered(call_db(build, request, queries[i], 45000, merchant), 100);
        build->now_us += 2000;
    }
    span_close(build, request);
    build->connection = 0;
    return request;
}

static void ask_in_list(struct build *build, struct span *call, const struct span *from, uint32_t column)
{
    link_to(build, call, from, LINK_LIST, column, 50);
    link_to(build, call, from, LINK_SEQUENCE, column, 0);
    call->input_count = 50;
}

static struct span *load_catalogue(struct build *build, const struct span *request, uint64_t page)
{
    struct span *part = open_span(build, request, "load catalogue");
    build->connection = 1;
    struct span *products = answered(
        call_db(build, part, "SELECT id, name, category_id FROM products ORDER BY id LIMIT ? OFFSET ?", 40000,
                page),
        50);
    struct span *reviews = answered(call_db(build, part,
                                            "SELECT product_id, count(*), sum(rating) FROM reviews WHERE "
                                            "product_id = ANY(?) GROUP BY product_id",
                                            35000, page + 1000),
                                    50);
    ask_in_list(build, reviews, products, 0);
    struct span *categories = answered(
        call_db(build, part, "SELECT id, name FROM categories WHERE id = ANY(?)", 25000, page + 2000), 8);
    ask_in_list(build, categories, products, 2);
    build->connection = 0;
    span_close(build, part);
    return products;
}

static void load_prices(struct build *build, const struct span *request, const struct span *products,
                        uint64_t page)
{
    struct span *part = open_span(build, request, "load prices");
    build->connection = 2;
    struct span *prices =
        answered(call_http(build, part, "pricing:8082", "POST /prices", 850000, page + 1000), -1);
    ask_in_list(build, prices, products, 0);
    build->connection = 0;
    span_close(build, part);
}

struct span *case_products_before(struct build *build, uint64_t page)
{
    build_service(build, "products");
    struct span *request = open_server(build, NULL, "GET /api/products");
    const struct span *products = load_catalogue(build, request, page);
    struct span *part = open_span(build, request, "load stock");
    build->connection = 3;
    loop_http(build, part, "inventory:8081", "GET /stock/{id}", 40500, 50, products, 0, page * 50);
    build->connection = 0;
    span_close(build, part);
    load_prices(build, request, products, page);
    span_close(build, request);
    return request;
}

struct span *case_products_bulk(struct build *build, uint64_t page)
{
    build_service(build, "products");
    struct span *request = open_server(build, NULL, "GET /api/products");
    const struct span *products = load_catalogue(build, request, page);
    struct span *part = open_span(build, request, "load stock");
    build->connection = 3;
    struct span *stock =
        answered(call_http(build, part, "inventory:8081", "POST /stock/bulk", 250000, page + 1000), -1);
    ask_in_list(build, stock, products, 0);
    build->connection = 0;
    span_close(build, part);
    load_prices(build, request, products, page);
    span_close(build, request);
    return request;
}

struct span *case_small(struct build *build, uint64_t user)
{
    build_service(build, "accounts");
    struct span *request = open_server(build, NULL, "GET /users/{id}");
    call_cache(build, request, "GET session:{}", 300, user);
    answered(call_db(build, request, "SELECT id, name FROM users WHERE id = ?", 1200, user), 1);
    struct span *part = open_span(build, request, "load orders");
    answered(call_db(build, part, "SELECT id, total FROM orders WHERE user_id = ?", 2300, user), 12);
    answered(call_db(build, part, "SELECT id, street FROM addresses WHERE user_id = ?", 900, user), 2);
    span_close(build, part);
    call_http(build, request, "mail:80", "GET /unread/{id}", 4000, user);
    span_close(build, open_span(build, request, "render"));
    span_close(build, request);
    return request;
}
