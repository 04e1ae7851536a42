/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/viewer/samples.h"

#define MS           1000000LL
#define PRODUCTS     200
#define CUSTOMERS    3000
#define STOCKED      50
#define COUNT(array) (sizeof(array) / sizeof *(array))

struct view sample_view(unsigned width, bool ascii, bool colour)
{
    struct view view = {.width = width, .colour = colour, .ascii = ascii, .now_ns = SAMPLE_NOW_NS};
    return view;
}

/* --- findings --- */

static const struct finding dashboard_findings[] = {
    {
        .kind = FINDING_n_plus_one_query,
        .service = STR("dashboard"),
        .service_version = STR("before"),
        .endpoint = STR("GET /api/dashboard/{merchant_id}"),
        .operation_count = 1,
        .operations = {{OPERATION_DB, STR("orders by customer"), STR("postgresql"),
                        STR("SELECT id, total, created_at FROM orders WHERE customer_id = $1"), CUSTOMERS,
                        1210 * MS}},
        .source = {OPERATION_DB, STR("customers by merchant"), STR("postgresql"),
                   STR("SELECT id, name FROM customers WHERE merchant_id = $1"), 1, 21 * MS},
        .has_source = true,
        .count = CUSTOMERS,
        .requests = 5,
        .requests_seen = 5,
        .request_ns = 2134 * MS,
        .cost_ns = 1210 * MS,
        .repaired_ns = 25 * MS,
        .saving_ns = 1185 * MS,
        .confidence = CONFIDENCE_PROVEN,
        .evidence_count = 3,
        .evidence = {{EVIDENCE_same_operation, 15000, 15000},
                     {EVIDENCE_inputs_differ, 15000, 15000},
                     {EVIDENCE_walks_rows, 160, 160}},
        .advice = STR("join, or WHERE customer_id = ANY($1)"),
        .site = {STR("examples/dashboard/dashboard.c"), STR("load_customers"), 212},
        .trace_count = 2,
        .trace_ids = {{0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e,
                       0x47, 0x36},
                      {0x01}},
    },
    {
        .kind = FINDING_n_plus_one_query,
        .service = STR("dashboard"),
        .service_version = STR("before"),
        .endpoint = STR("GET /api/dashboard/{merchant_id}"),
        .operation_count = 1,
        .operations = {{OPERATION_DB, STR("reviews by product"), STR("postgresql"),
                        STR("SELECT rating FROM reviews WHERE product_id = $1"), PRODUCTS, 266 * MS}},
        .source = {OPERATION_DB, STR("products by merchant"), STR("postgresql"),
                   STR("SELECT id, name, stock FROM products WHERE merchant_id = $1"), 1, 9 * MS},
        .has_source = true,
        .count = PRODUCTS,
        .requests = 5,
        .requests_seen = 5,
        .request_ns = 2134 * MS,
        .cost_ns = 266 * MS,
        .repaired_ns = 8 * MS,
        .saving_ns = 258 * MS,
        .confidence = CONFIDENCE_PROVEN,
        .evidence_count = 1,
        .evidence = {{EVIDENCE_same_operation, 1000, 1000}},
        .advice = STR("join, or WHERE product_id = ANY($1)"),
        .site = {STR("examples/dashboard/dashboard.c"), STR("load_reviews"), 148},
        .trace_count = 1,
        .trace_ids = {{0x02}},
    },
    {
        .kind = FINDING_repeated_call,
        .service = STR("dashboard"),
        .service_version = STR("before"),
        .endpoint = STR("GET /api/dashboard/{merchant_id}"),
        .operation_count = 1,
        .operations = {{OPERATION_DB, STR("merchants by id"), STR("postgresql"),
                        STR("SELECT id, name FROM merchants WHERE id = $1"), 2, 1 * MS}},
        .count = 2,
        .requests = 4,
        .requests_seen = 5,
        .request_ns = 2134 * MS,
        .cost_ns = 900000,
        .repaired_ns = 450000,
        .saving_ns = 450000,
        .confidence = CONFIDENCE_LIKELY,
        .evidence_count = 2,
        .evidence = {{EVIDENCE_same_input, 4, 4}, {EVIDENCE_same_answer, 3, 4}},
        .advice = STR("keep the first answer for the length of the request"),
        .trace_count = 1,
        .trace_ids = {{0x03}},
    },
};

static const struct finding products_findings[] = {
    {
        .kind = FINDING_n_plus_one_http,
        .service = STR("products"),
        .service_version = STR("before"),
        .endpoint = STR("GET /api/products"),
        .operation_count = 1,
        .operations = {{OPERATION_HTTP, STR("GET inventory /stock/{id}"), STR("inventory"),
                        STR("GET /stock/{id}"), STOCKED, 2030 * MS}},
        .source = {OPERATION_DB, STR("products"), STR("postgresql"),
                   STR("SELECT id, name FROM products LIMIT $1"), 1, 62 * MS},
        .has_source = true,
        .count = STOCKED,
        .requests = 25,
        .requests_seen = 25,
        .request_ns = 3010 * MS,
        .cost_ns = 2030 * MS,
        .repaired_ns = 41 * MS,
        .saving_ns = 1989 * MS,
        .confidence = CONFIDENCE_PROVEN,
        .evidence_count = 1,
        .evidence = {{EVIDENCE_same_operation, 1250, 1250}},
        .advice = STR("ask for all of them in one call (a bulk endpoint)"),
        .site = {STR("examples/products/products.c"), STR("load_stock"), 96},
        .trace_count = 1,
        .trace_ids = {{0x04}},
    },
    {
        .kind = FINDING_sequential_independent,
        .service = STR("products"),
        .service_version = STR("before"),
        .endpoint = STR("GET /api/products"),
        .operation_count = 2,
        .operations = {{OPERATION_HTTP, STR("GET inventory /stock/{id}"), STR("inventory"),
                        STR("GET /stock/{id}"), STOCKED, 2030 * MS},
                       {OPERATION_HTTP, STR("POST pricing /prices"), STR("pricing"), STR("POST /prices"), 1,
                        852 * MS}},
        .source = {OPERATION_DB, STR("products"), STR("postgresql"),
                   STR("SELECT id, name FROM products LIMIT $1"), 1, 62 * MS},
        .has_source = true,
        .count = 2,
        .requests = 25,
        .requests_seen = 25,
        .request_ns = 3010 * MS,
        .cost_ns = 2882 * MS,
        .repaired_ns = 2030 * MS,
        .saving_ns = 852 * MS,
        .confidence = CONFIDENCE_LIKELY,
        .evidence_count = 2,
        .evidence = {{EVIDENCE_no_value_passed, 25, 25}, {EVIDENCE_inputs_from_source, 25, 25}},
        .advice = STR("send both, then wait for both (curl_multi, or a thread each)"),
        .site = {STR("examples/products/products.c"), STR("load_prices"), 131},
        .trace_count = 1,
        .trace_ids = {{0x05}},
    },
};

static const struct endpoint_summary endpoints[] = {
    {.service = STR("products"),
     .service_version = STR("before"),
     .endpoint = STR("GET /api/products"),
     .count = 25,
     .p50_ns = 3010 * MS,
     .p95_ns = 3080 * MS,
     .p99_ns = 3120 * MS,
     .max_ns = 3120 * MS,
     .db_calls = 3,
     .http_calls = 51,
     .calls_min = 54,
     .calls_max = 54,
     .db_ns = 101 * MS,
     .last_start_ns = SCENE_START_NS + 30000 * MS,
     .finding_count = COUNT(products_findings),
     .findings = products_findings,
     .saving_ns = 1989 * MS,
     .saving_total_ns = 25 * 1989 * MS},
    {.service = STR("dashboard"),
     .service_version = STR("before"),
     .endpoint = STR("GET /api/dashboard/{merchant_id}"),
     .count = 5,
     .errors = 1,
     .p50_ns = 2134 * MS,
     .p95_ns = 2410 * MS,
     .p99_ns = 2410 * MS,
     .max_ns = 2410 * MS,
     .db_calls = 3604,
     .calls_min = 3404,
     .calls_max = 3604,
     .db_ns = 2010 * MS,
     .last_start_ns = SCENE_START_NS,
     .finding_count = COUNT(dashboard_findings),
     .findings = dashboard_findings,
     .saving_ns = 1185 * MS,
     .saving_total_ns = 5 * 1185 * MS},
    {.service = STR("inventory"),
     .endpoint = STR("GET /health"),
     .name_is_shared = true,
     .count = 1,
     .p50_ns = 40 * MS,
     .p95_ns = 40 * MS,
     .p99_ns = 40 * MS,
     .max_ns = 40 * MS,
     .last_start_ns = SCENE_START_NS},
    {.service = STR("pricing"),
     .endpoint = STR("GET /health"),
     .name_is_shared = true,
     .count = 1250,
     .p50_ns = 412300,
     .p95_ns = 612000,
     .p99_ns = 900000,
     .max_ns = 2 * MS,
     .cache_calls = 2,
     .calls_min = 2,
     .calls_max = 2,
     .last_start_ns = SCENE_START_NS,
     .cache = {[CACHE_ALL_HIT] = {1000, 390000, 0, 0, 2}, [CACHE_ALL_MISSED] = {250, 810000, 1, 0, 2}}},
};

const struct endpoint_summary *sample_endpoints(uint32_t *count)
{
    *count = COUNT(endpoints);
    return endpoints;
}

/* --- profiles --- */

static const struct operation profiled[] = {
    {OPERATION_DB, STR("postgresql"), STR("SELECT id, total FROM orders WHERE customer_id = ?")},
    {OPERATION_DB, STR("postgresql"), STR("SELECT id, total, created_at FROM orders WHERE merchant_id = ?")},
    {OPERATION_ENDPOINT, STR(""), STR("GET /api/dashboard/{merchant_id}")},
    {OPERATION_SPAN, STR(""), STR("load customers")},
    {OPERATION_CACHE, STR("redis"), STR("GET dashboard:{}")},
    {OPERATION_SPAN, STR(""), STR("send \x1b[31mreceipt")},
};

static const struct profile_operation profile_operations[] = {
    {&profiled[0], STR("orders by customer"), false, 15000, 6050 * MS, 6050 * MS, 398000, 890000, 12 * MS,
     75000},
    {&profiled[1], STR("orders by merchant"), false, 5, 445 * MS, 445 * MS, 88 * MS, 97 * MS, 97 * MS, 75000},
    {&profiled[2], STR("GET /api/dashboard/{merchant_id}"), true, 5, 10670 * MS, 301 * MS, 2134 * MS,
     2410 * MS, 2410 * MS, -1},
    {&profiled[3], STR("load customers"), false, 5, 6120 * MS, 70 * MS, 1224 * MS, 1290 * MS, 1290 * MS, -1},
    {&profiled[4], STR("GET dashboard:{}"), false, 3, 2 * MS, 2 * MS, 700000, 800000, 800000, -1},
    {&profiled[5], STR("send \x1b[31mreceipt"), false, 1, 90, 90, 90, 90, 90, -1},
};

static const struct profile_component profile_components[] = {
    {STR("load customers"), false, 15000, 0, 0, 6050 * MS},
    {STR("GET /api/dashboard/{merchant_id}"), true, 5, 0, 3, 447 * MS},
};

static const struct profile profiles[] = {
    {.service = STR("dashboard"),
     .service_version = STR("cached"),
     .endpoint = STR("GET /api/dashboard/{merchant_id}"),
     .requests = 5,
     .requests_seen = 1250,
     .total_ns = 10670 * MS,
     .p50_ns = 2134 * MS,
     .p95_ns = 2410 * MS,
     .max_ns = 2410 * MS,
     .db_calls = 15005,
     .cache_calls = 3,
     .operation_count = COUNT(profile_operations),
     .component_count = COUNT(profile_components),
     .operations = profile_operations,
     .components = profile_components,
     .cache = {{1, 3 * MS, 0, 0, 1}, {1, 40 * MS, 2, 0, 2}, {1, 78 * MS, 5, 0, 2}}},
    {.service = STR("dashboard"),
     .service_version = STR("parallel"),
     .endpoint = STR("GET /api/dashboard/{merchant_id}"),
     .requests = 1,
     .requests_seen = 1,
     .total_ns = 5000 * MS,
     .p50_ns = 5000 * MS,
     .p95_ns = 5000 * MS,
     .max_ns = 5000 * MS,
     .operation_count = 1,
     .operations = profile_operations},
};

const struct profile *sample_profiles(uint32_t *count)
{
    *count = COUNT(profiles);
    return profiles;
}

/* --- the dashboard's trace --- */

struct dashboard {
    const struct resource *service;
    const struct operation *request, *merchant, *orders, *products, *load_product, *reviews, *items,
        *customers, *customer_orders, *stock;
};

static int64_t call(struct scene *scene, size_t parent, const struct operation *operation,
                    const struct resource *service, int64_t at_us, int64_t us, int64_t rows)
{
    size_t index = scene_add(scene, parent, operation, service, at_us, us);
    scene_span(scene, index)->rows = rows;
    return at_us + us + us / 10;
}

static struct dashboard dashboard_words(struct scene *scene)
{
    const struct {
        const char *text;
    } sql[] = {{"SELECT id, name FROM merchants WHERE id = ?"},
               {"SELECT id, total, created_at FROM orders WHERE merchant_id = ?"},
               {"SELECT id, name, stock FROM products WHERE merchant_id = ?"},
               {"SELECT rating FROM reviews WHERE product_id = ?"},
               {"SELECT quantity, price FROM order_items WHERE product_id = ?"},
               {"SELECT id, name FROM customers WHERE merchant_id = ?"},
               {"SELECT id, total FROM orders WHERE customer_id = ?"},
               {"SELECT stock FROM products WHERE id = ?"}};
    const struct operation *db[COUNT(sql)];
    for (size_t i = 0; i < COUNT(sql); i++)
        db[i] = scene_operation(scene, OPERATION_DB, "postgresql", sql[i].text);
    return (struct dashboard){
        scene_resource(scene, "dashboard", "before"),
        scene_operation(scene, OPERATION_ENDPOINT, "", "GET /api/dashboard/{merchant_id}"),
        db[0],
        db[1],
        db[2],
        scene_operation(scene, OPERATION_SPAN, "", "load product"),
        db[3],
        db[4],
        db[5],
        db[6],
        db[7],
    };
}

static int64_t product_loop(struct scene *scene, size_t root, const struct dashboard *words, int64_t at_us)
{
    for (unsigned i = 0; i < PRODUCTS; i++) {
        size_t wrapper = scene_add(scene, root, words->load_product, words->service, at_us, 2850 + i % 7 * 5);
        int64_t inner_us =
            call(scene, wrapper, words->reviews, words->service, at_us + 20, 1100 + i % 9 * 50, 40);
        call(scene, wrapper, words->items, words->service, inner_us, 1000 + i % 5 * 40, 225);
        at_us += 2900;
    }
    return at_us;
}

static struct request *one_request(struct scene *scene, const char *endpoint, uint32_t db, uint32_t http,
                                   int64_t db_ns)
{
    struct request *request = arena_array(&scene->arena, 1, sizeof *request);
    const struct span *span = scene->trace.roots[0];
    *request = (struct request){.span = span,
                                .service = span->resource->service_name,
                                .service_version = span->resource->service_version,
                                .endpoint = str_of(endpoint),
                                .start_ns = span->start_ns,
                                .duration_ns = span->duration_ns,
                                .db_calls = db,
                                .http_calls = http,
                                .db_ns = db_ns};
    return request;
}

static void view_of(struct scene *scene, struct trace_view *view, struct request *request,
                    const struct finding *findings, uint32_t finding_count)
{
    struct analysis *analysis = arena_array(&scene->arena, 1, sizeof *analysis);
    struct finding *copies = arena_array(&scene->arena, finding_count, sizeof *copies);
    for (uint32_t i = 0; i < finding_count; i++) {
        copies[i] = findings[i];
        copies[i].requests = copies[i].requests_seen = 1;
    }
    *analysis = (struct analysis){1, request, finding_count, copies};
    bool *critical = arena_array(&scene->arena, scene->trace.span_count, sizeof *critical);
    for (size_t i = 0; i < scene->trace.span_count; i++)
        critical[i] = true; /* one after another, all of it */
    *view = (struct trace_view){&scene->trace, analysis, critical, scene->trace.roots[0]};
}

void sample_dashboard(struct scene *scene, struct trace_view *view)
{
    scene_init(scene, 4000);
    struct dashboard words = dashboard_words(scene);
    size_t root = scene_add(scene, NO_PARENT, words.request, words.service, 0, 0);
    int64_t at = call(scene, root, words.merchant, words.service, 400, 450, 1);
    at =
        call(scene, root, words.orders, words.service, at, 89000, 15000) + 60000; /* adds them up by itself */
    at = call(scene, root, words.products, words.service, at, 9000, PRODUCTS);
    at = product_loop(scene, root, &words, at);
    at = call(scene, root, words.customers, words.service, at, 21000, CUSTOMERS);
    for (unsigned i = 0; i < CUSTOMERS; i++)
        at = call(scene, root, words.customer_orders, words.service, at,
                  i == 1234 ? 12100 : 330 + i % 11 * 12, 5);
    for (unsigned i = 0; i < PRODUCTS; i++)
        at = call(scene, root, words.stock, words.service, at, 250 + i % 3 * 9, 1);
    scene_span(scene, root)->duration_ns = (at + 900) * 1000;
    scene_finish(scene);
    view_of(scene, view, one_request(scene, "GET /api/dashboard/{merchant_id}", 3604, 0, 2010 * MS),
            dashboard_findings, 2);
}

/* --- the product listing's trace --- */

void sample_products(struct scene *scene, struct trace_view *view)
{
    scene_init(scene, 200);
    const struct resource *products = scene_resource(scene, "products", "before");
    const struct resource *inventory = scene_resource(scene, "inventory", "");
    const struct resource *pricing = scene_resource(scene, "pricing", "");
    const struct operation *get_stock =
        scene_operation(scene, OPERATION_HTTP, "inventory:8081", "GET /stock/{id}");
    const struct operation *serve_stock = scene_operation(scene, OPERATION_ENDPOINT, "", "GET /stock/{id}");
    static const char *const sql[] = {"SELECT id, name FROM products LIMIT ?",
                                      "SELECT product_id, avg(rating) FROM reviews GROUP BY product_id",
                                      "SELECT id, name FROM categories"};
    size_t root =
        scene_add(scene, NO_PARENT, scene_operation(scene, OPERATION_ENDPOINT, "", "GET /api/products"),
                  products, 0, 0);
    int64_t at = 300;
    for (unsigned i = 0; i < COUNT(sql); i++)
        at = call(scene, root, scene_operation(scene, OPERATION_DB, "postgresql", sql[i]), products, at,
                  33000 - i * 100, i == 0 ? STOCKED : 12);
    for (unsigned i = 0; i < STOCKED; i++) {
        size_t client = scene_add(scene, root, get_stock, products, at, 40600 + i % 4 * 100);
        scene_add(scene, client, serve_stock, inventory, at + 210, 40050);
        at += 41000;
    }
    size_t price =
        scene_add(scene, root, scene_operation(scene, OPERATION_HTTP, "pricing:8082", "POST /prices"),
                  products, at, 952000);
    size_t serve = scene_add(scene, price, scene_operation(scene, OPERATION_ENDPOINT, "", "POST /prices"),
                             pricing, at + 100000, 850500);
    scene_add(scene, serve, scene_operation(scene, OPERATION_SPAN, "", "compute prices"), pricing,
              at + 100300, 850000);
    scene_span(scene, root)->duration_ns = (at + 953000) * 1000;
    scene_finish(scene);
    view_of(scene, view, one_request(scene, "GET /api/products", 3, 51, 98 * MS), products_findings, 2);
}

/* --- trouble --- */

void sample_troubled(struct scene *scene, struct trace_view *view)
{
    scene_init(scene, 100);
    const struct resource *shop = scene_resource(scene, "shop", "2.1");
    const struct resource *bank = scene_resource(scene, "bank", "");
    const struct operation *pay = scene_operation(scene, OPERATION_HTTP, "bank:443", "POST /payments");
    const struct operation *insert =
        scene_operation(scene, OPERATION_DB, "postgresql", "INSERT INTO payments (id, amount) VALUES (?)");
    size_t root = scene_add(scene, NO_PARENT,
                            scene_operation(scene, OPERATION_ENDPOINT, "", "POST /checkout"), shop, 0, 60000);
    scene_span(scene, root)->parent_id = 0x00f067aa0ba902b7;
    scene_span(scene, root)->remote_parent = true;
    scene_span(scene, root)->status = SPAN_STATUS_ERROR;
    size_t paying = scene_add(scene, root, pay, shop, 1000, 30000);
    scene_add(scene, paying, scene_operation(scene, OPERATION_ENDPOINT, "", "POST /payments"), bank, -2500,
              25000);
    for (unsigned i = 0; i < 6; i++) {
        size_t failed = scene_add(scene, root, insert, shop, 32000 + i * 2000, 1500);
        if (i % 2) continue;
        scene_span(scene, failed)->status = SPAN_STATUS_ERROR;
        scene_attribute(scene, failed, "error.type", "40001");
    }
    scene_add(scene, root, scene_operation(scene, OPERATION_SPAN, "", "send receipt"), shop, 55000, 20000);
    scene_add(scene, root,
              scene_operation(scene, OPERATION_SPAN, "",
                              "render \x1b[2J\xe2\x80\xae"
                              "evil\n\xff"),
              shop, 45000, 9000);
    size_t orphan = scene_add(scene, NO_PARENT, insert, shop, 46000, 3000);
    scene_span(scene, orphan)->parent_id = 0xdeadbeef;
    scene_finish(scene);
    scene->trace.complete = false;
    *view = (struct trace_view){&scene->trace, NULL, NULL, NULL};
}

/* --- events and links --- */

static void add_failures(struct scene *scene, size_t paying)
{
    const struct attribute retry[] = {{STR("attempt"), 3, STR(""), 2, 0},
                                      {STR("backoff_s"), 4, STR(""), 0, 0.05},
                                      {STR("final"), 2, STR(""), 0, 0}};
    const struct attribute exception[] = {
        {STR("exception.type"), 1, STR("ConnectionReset"), 0, 0},
        {STR("exception.message"), 1, STR("the bank said \x1b[2J no"), 0, 0},
        {STR("exception.tried"), 6, STR("[\"10.0.0.1\",\"10.0.0.2\"]"), 0, 0}};
    scene_event(scene, paying, "retry", 13000, retry, 3);
    scene_event(scene, paying, "exception", 31000, exception, 3);
    scene_span(scene, paying)->status = SPAN_STATUS_ERROR;
    scene_span(scene, paying)->status_message = str_of("the bank does not answer");
    scene_attribute(scene, paying, "error.type", "ConnectionReset");
}

void sample_events(struct scene *scene, struct trace_view *view)
{
    scene_init(scene, 100);
    const struct resource *shop = scene_resource(scene, "shop", "2.1");
    const struct operation *pay = scene_operation(scene, OPERATION_HTTP, "bank:443", "POST /payments");
    const struct operation *send = scene_operation(scene, OPERATION_SPAN, "", "send receipt");
    size_t root = scene_add(scene, NO_PARENT,
                            scene_operation(scene, OPERATION_ENDPOINT, "", "POST /checkout"), shop, 0, 60000);
    const struct span_link cart = {.trace_id = {0xca, 0x27}, .span_id = 0x00f067aa0ba902b7};
    static const struct attribute why = {STR("why"), 1, STR("the cart was saved there"), 0, 0};
    struct span_link order = cart;
    order.attributes = &why;
    order.attribute_count = 1;
    scene_link(scene, root, &cart);
    scene_link(scene, root, &order);
    scene_link(scene, root, &(struct span_link){.dropped_attributes = 2});
    scene_event(scene, root, "", -10, NULL, 0);
    scene_span(scene, root)->dropped_events = 1;
    scene_span(scene, root)->dropped_attributes = 1204;
    scene_span(scene, root)->sampling_threshold = 0xc0000000000000;
    size_t paying = scene_add(scene, root, pay, shop, 1000, 30000);
    add_failures(scene, paying);
    for (unsigned i = 0; i < 6; i++) {
        size_t sending = scene_add(scene, root, send, shop, 32000 + i * 2000, 1500);
        scene_event(scene, sending, "queued", 32500 + i * 2000, NULL, 0);
        if (i % 2) scene_event(scene, sending, "late\n", 32600 + i * 2000, NULL, 0);
        scene_link(scene, sending, &cart);
    }
    scene_finish(scene);
    *view = (struct trace_view){&scene->trace, NULL, NULL, NULL};
}

/* --- status --- */

static struct status_counter drops[] = {
    {"ring_full", "ring full (spans came faster than the exporter sends)", 1200},
    {"too_deep", "too many spans open at once in one thread", 0},
    {"shutdown", "not delivered before the shutdown deadline", 4}};
static struct status_counter sampled[] = {{"by_caller", "by their caller", 300},
                                          {"by_sampler", "by the sampler", 7000},
                                          {"by_rate_limit", "by the rate limit", 0}};
static struct status_producer producers[] = {
    {STR("dashboard"), STR("before"), STR("host-1-4711"), 0x11, 19300, 18096, 18096, 1204, COUNT(drops),
     drops, 0, 0, NULL, SAMPLE_NOW_NS - 2000 * MS, true, -150 * MS},
    {STR("products"), STR("bulk"), STR("host-1-4712"), 0x12, 2660, 2660, 2660, 0, 0, NULL, 7300,
     COUNT(sampled), sampled, SAMPLE_NOW_NS - 400 * MS, true, 185000 * MS},
    {STR("late"), STR(""), STR(""), 0x13, 1, 1, 1, 0, 0, NULL, 0, 0, NULL, SAMPLE_NOW_NS - 900 * MS, true,
     -400000 * MS},
    {STR("silent"), STR(""), STR(""), 0x14, 0, 0, 0, 0, 0, NULL, 0, 0, NULL, SAMPLE_NOW_NS - 900 * MS, false,
     0},
    {STR("elsewhere"), STR(""), STR("by-otlp"), 0x15, 0, 0, 512, 0, 0, NULL, 0, 0, NULL,
     SAMPLE_NOW_NS - 900 * MS, false, 0},
};
static struct status_counter counters[] = {
    {"batches_stored", "batches stored", 187},
    {"batches_refused", "batches refused: they could not be decoded", 3},
    {"retries", "batches answered with: try again later", 0},
};

const struct status_view *sample_status(void)
{
    static const struct status_view status = {STR("0.1.0"),
                                              STR("postgresql:///weir?host=/var/lib/weir/socket"),
                                              STR("tcp://127.0.0.1:5140"),
                                              STR("http://127.0.0.1:4318"),
                                              SCENE_START_NS - 7200000 * MS,
                                              20756,
                                              1281,
                                              2,
                                              12900000,
                                              SAMPLE_NOW_NS - 1500 * MS,
                                              COUNT(counters),
                                              counters,
                                              COUNT(producers),
                                              producers,
                                              92345,
                                              (uint64_t)40 << 30,
                                              SAMPLE_NOW_NS - 64000 * MS,
                                              STR("span 3 names operation 9 of 4 \x1b[2J"),
                                              false,
                                              true,
                                              12,
                                              (uint64_t)3 << 20,
                                              SAMPLE_NOW_NS - 9000 * MS};
    return &status;
}

const struct status_view *sample_status_empty(void)
{
    static const struct status_view status = {.version = STR("0.1.0"),
                                              .postgres = STR("postgresql:///weir?host=/tmp/weir"),
                                              .listen = STR("tcp://127.0.0.1:6140"),
                                              .http = STR("http://127.0.0.1:4318"),
                                              .started_ns = SAMPLE_NOW_NS - 5000 * MS,
                                              .database_bytes = 7400000};
    return &status;
}
