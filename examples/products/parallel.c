/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stock and prices at once, by libcurl's multi interface: neither service needs the other's answer, so the
 * request waits for the slower one only.
 */
#include "examples/products/client.h"
#include "examples/products/products.h"

#include <stdlib.h>

#include <weir/libcurl.h>

#define POLL_MS 1000 /* libcurl wakes earlier for whatever happens */

/* One of the two requests on its way. */
struct transfer {
    CURL *handle;
    CURLcode result;
    struct client_answer answer;
};

static bool run_until_done(CURLM *multi)
{
    int running = 0;
    do {
        if (curl_multi_perform(multi, &running) != CURLM_OK) return false;
        if (running && curl_multi_poll(multi, NULL, 0, POLL_MS, NULL) != CURLM_OK) return false;
    } while (running);
    return true;
}

static void take_results(CURLM *multi, struct transfer transfers[CLIENT_SLOTS])
{
    int left;
    for (const CURLMsg *message; (message = curl_multi_info_read(multi, &left));) {
        if (message->msg != CURLMSG_DONE) continue;
        for (size_t i = 0; i < CLIENT_SLOTS; i++)
            if (transfers[i].handle == message->easy_handle) transfers[i].result = message->data.result;
    }
}

/* A transfer that could not be started or ended keeps the result that it came with. */
static void perform(CURLM *multi, struct transfer transfers[CLIENT_SLOTS])
{
    size_t added = 0;
    while (added < CLIENT_SLOTS && curl_multi_add_handle(multi, transfers[added].handle) == CURLM_OK) added++;
    if (added == CLIENT_SLOTS && run_until_done(multi)) take_results(multi, transfers);
    for (size_t i = 0; i < added; i++) curl_multi_remove_handle(multi, transfers[i].handle);
}

/* The answers of both: each NULL when that service did not answer as it should. */
static void ask_both(const struct product_sources *sources, const char *stock_ids, const char *price_ids,
                     json_t *answers[CLIENT_SLOTS])
{
    struct transfer transfers[CLIENT_SLOTS] = {{.result = CURLE_FAILED_INIT}, {.result = CURLE_FAILED_INIT}};
    struct transfer *stock = &transfers[CLIENT_STOCK], *prices = &transfers[CLIENT_PRICES];
    stock->handle =
        client_request(CLIENT_STOCK, &stock->answer, sources->inventory, "/stock/bulk", stock_ids);
    prices->handle = client_request(CLIENT_PRICES, &prices->answer, sources->pricing, "/prices", price_ids);
    CURLM *multi = client_multi();
    if (!multi || !stock->handle || !prices->handle) return;
    perform(multi, transfers);
    for (size_t i = 0; i < CLIENT_SLOTS; i++)
        answers[i] = client_json(transfers[i].handle, transfers[i].result, &transfers[i].answer);
}

bool stock_and_prices_load(const struct product_sources *sources, struct product_page *products)
{
    WEIR_SPAN("load stock and prices");
    char *stock_ids = stock_body(products), *price_ids = prices_body(products);
    json_t *answers[CLIENT_SLOTS] = {NULL};
    if (stock_ids && price_ids) ask_both(sources, stock_ids, price_ids, answers);
    free(stock_ids);
    free(price_ids);
    bool ok = stock_take(answers[CLIENT_STOCK], products);
    ok = prices_take(answers[CLIENT_PRICES], products) && ok;
    for (size_t i = 0; i < CLIENT_SLOTS; i++) json_decref(answers[i]);
    return ok;
}
