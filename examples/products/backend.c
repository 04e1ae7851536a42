/* SPDX-License-Identifier: Apache-2.0 */
#include "examples/products/backend.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include <weir/weir.h>

int backend_main(int argc, char **argv, const char *name, const struct service_route *routes)
{
    static const struct option options[] = {{"port", required_argument, NULL, 'p'}, {0}};
    unsigned long port = 0;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (option != 'p' || !service_number(optarg, 65535, &port)) break;
    if (option != -1 || optind != argc) {
        fprintf(stderr,
                "usage: %s [--port N]\n\n"
                "  --port N   on 127.0.0.1; 0, the default, takes a free one and prints it\n",
                name);
        return 2;
    }
    struct service service = {.name = name, .port = (unsigned)port, .routes = routes};
    return service_run(&service);
}

void backend_wait_ms(long ms)
{
    WEIR_SPAN("look up");
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static json_t *entries(const json_t *ids, backend_entry entry)
{
    json_t *list = json_array(), *id;
    size_t i;
    json_array_foreach(ids, i, id) json_array_append_new(list, entry(json_integer_value(id)));
    return list;
}

unsigned backend_bulk(const struct service_request *request, const char *key, backend_entry entry,
                      struct service_answer *answer)
{
    json_t *body = json_loadb(request->body, request->body_bytes, 0, NULL);
    const json_t *ids = json_object_get(body, "ids");
    unsigned status = json_is_array(ids) ? 200 : 400;
    if (status == 200) answer->json = json_pack("{s:o}", key, entries(ids, entry));
    json_decref(body);
    return status;
}
