/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service that calls what it is told to call, so that what weir makes of trace context can be seen from outside:
 *
 *     trace_context_service PORT
 *
 * POST /test with [{"url": "http://…", "arguments": …}, …] posts each `arguments` to its `url` as JSON, one after another,
 * and answers 200 when all have answered: [{"url", "status"}, …]. A url may be the service's own, so that a request goes
 * through it several times. A body that is no such list gets 400, a url that does not answer 424. This is what the test-suite
 * of W3C's trace-context expects of a service (SERVICE_ENDPOINT=http://127.0.0.1:PORT/test).
 *
 * Nothing in it speaks of headers: the server span reads them (<weir/microhttpd.h>), libweir-curl writes them.
 */
#include "examples/common/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/libcurl.h>

#define CALL_TIMEOUT_MS 30000L
#define STATUS_OK       200
#define STATUS_BAD      400
#define STATUS_FAILED   424 /* Failed Dependency */
#define STATUS_ERROR    500

static size_t discard(char *data, size_t size, size_t count, void *to)
{
    (void)data, (void)to;
    return size * count;
}

/* The status that came, 0 for none. */
static long post(CURL *curl, const char *url, const char *body)
{
    long status = 0;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    if (curl_easy_perform(curl) == CURLE_OK) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static CURL *client_new(struct curl_slist *headers)
{
    CURL *curl = curl_easy_init();
    if (!curl) return NULL;
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, discard);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, CALL_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    return curl;
}

static unsigned refuse(struct service_answer *answer, unsigned status, const char *why, const char *url)
{
    answer->json = url ? json_pack("{s:s, s:s}", "error", why, "url", url) : json_pack("{s:s}", "error", why);
    return status;
}

/* What is asked for; NULL: an item is not as it should be. */
static const char *item_url(const json_t *item) { return json_string_value(json_object_get(item, "url")); }

static char *item_body(const json_t *item)
{
    const json_t *arguments = json_object_get(item, "arguments");
    return arguments ? json_dumps(arguments, JSON_COMPACT | JSON_ENCODE_ANY) : strdup("[]");
}

static unsigned call_each(CURL *curl, const json_t *list, struct service_answer *answer)
{
    size_t index;
    json_t *item, *called = json_array();
    json_array_foreach(list, index, item)
    {
        char *body = item_body(item);
        long status = body ? post(curl, item_url(item), body) : 0;
        free(body);
        if (status == 0) {
            json_decref(called);
            return refuse(answer, STATUS_FAILED, "no answer", item_url(item));
        }
        json_array_append_new(called, json_pack("{s:s, s:i}", "url", item_url(item), "status", (int)status));
    }
    answer->json = called;
    return STATUS_OK;
}

static const char *complaint(const json_t *list)
{
    size_t index;
    json_t *item;
    if (!list) return "the body is no JSON";
    if (!json_is_array(list)) return "the body is no list";
    json_array_foreach(list, index, item) if (!item_url(item)) return "an item of the list has no url";
    return NULL;
}

static unsigned test(const struct service_request *request, struct service_answer *answer)
{
    json_t *list = json_loadb(request->body, request->body_bytes, JSON_DECODE_ANY, NULL);
    const char *why = complaint(list);
    if (why) {
        json_decref(list);
        return refuse(answer, STATUS_BAD, why, NULL);
    }
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    CURL *curl = client_new(headers);
    unsigned status =
        curl ? call_each(curl, list, answer) : refuse(answer, STATUS_ERROR, "out of memory", NULL);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    json_decref(list);
    return status;
}

static const struct service_route routes[] = {{"POST", "/test", false, "/test", test}, {0}};

int main(int argc, char **argv)
{
    unsigned long port;
    if (argc != 2 || !service_number(argv[1], 65535, &port)) {
        fprintf(stderr, "usage: trace_context_service PORT (0: a free one)\n");
        return 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const struct service service = {.name = "trace_context_service",
                                    .port = (unsigned)port,
                                    .routes = routes,
                                    .thread_per_connection = true};
    int status = service_run(&service);
    curl_global_cleanup();
    return status;
}
