/* SPDX-License-Identifier: Apache-2.0 */
/* A service with all three kinds of calls, made spans by the headers alone: `shop URL` asks the URL. Its database and its
 * cache are not there, which makes spans with an error. Says where its spans are. */
#include <stdio.h>
#include <weir/hiredis.h>
#include <weir/libcurl.h>
#include <weir/libpq.h>

#define NOWHERE "/nonexistent/weir-example"

static size_t swallow(char *data, size_t size, size_t count, void *to)
{
    (void)data, (void)to;
    return size * count;
}

static void ask(const char *url)
{
    WEIR_SPAN("ask");
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, swallow);
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) fprintf(stderr, "%s: %s\n", url, curl_easy_strerror(code));
    curl_easy_cleanup(curl);
}

static void answer(const char *url)
{
    WEIR_SERVER_SPAN(request, "GET", "/shop/{id}", NULL);
    PQfinish(PQconnectdb("host=" NOWHERE));
    redisFree(redisConnectUnix(NOWHERE));
    ask(url);
    weir_server_response(request, 200);
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    enum weir_status status = weir_init(NULL);
    if (status == WEIR_OK) {
        answer(argv[1]);
        status = weir_shutdown(10000);
    }
    struct weir_stats stats;
    weir_stats(&stats);
    printf("created %d acknowledged %d dropped %d: %s\n", (int)stats.created, (int)stats.acknowledged,
           (int)stats.dropped, weir_status_text(status));
    return status != WEIR_OK;
}
