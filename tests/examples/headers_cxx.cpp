// SPDX-License-Identifier: Apache-2.0
// The public headers in a C++ program, with all warnings that its build would turn on: it compiles, links and runs.
#include <weir/hiredis.h>
#include <weir/libcurl.h>
#include <weir/libpq.h>
#include <weir/microhttpd.h>

#include <cstdlib>

namespace
{

bool queries()
{
    PGconn *connection = PQconnectdb("host=/nonexistent");
    const char *values[] = {"1"};
    PGresult *result = ::PQexecParams(connection, "SELECT $1", 1, nullptr, values, nullptr, nullptr, 0);
    bool failed = PQresultStatus(result) == PGRES_FATAL_ERROR && PQntuples(result) == 0;
    PQclear(result);
    PQfinish(connection);
    return failed;
}

bool transfers()
{
    CURL *handle = curl_easy_init();
    curl_easy_setopt(handle, CURLOPT_URL, "http://127.0.0.1:1/");
    bool failed = curl_easy_perform(handle) == CURLE_COULDNT_CONNECT;
    curl_easy_cleanup(handle);
    return failed;
}

bool look_ups()
{
    redisContext *context = ::redisConnectUnix("/nonexistent");
    void *reply = redisCommand(context, "GET price:%d", 17);
    bool failed = context->err == REDIS_ERR_IO && reply == nullptr;
    redisFree(context);
    return failed;
}

} // namespace

int main()
{
    WEIR_SPAN("main");
    struct weir_headers headers = weir_mhd_headers(nullptr);
    return headers.from == nullptr && queries() && transfers() && look_ups() ? EXIT_SUCCESS : EXIT_FAILURE;
}
