/* SPDX-License-Identifier: Apache-2.0 */
/* The service `dashboard`: options, the route, and the merchant that every stage begins with. */
#include "examples/common/database.h"
#include "examples/common/service.h"
#include "examples/dashboard/dashboard.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/libpq.h>

static const struct {
    const char *name;
    dashboard_load load;
} stages[] = {
    {"before", dashboard_load_before},
    {"joined", dashboard_load_joined},
};

#define STAGE_COUNT (sizeof(stages) / sizeof(stages[0]))

struct settings {
    const char *stage, *dsn;
    dashboard_load load;
    unsigned long port;
    bool setup;
};

static const char usage[] =
    "usage: dashboard --stage before|joined --db DSN [--port N] [--setup]\n"
    "\n"
    "  --stage NAME   which stage of the repair to run\n"
    "  --db DSN       a Postgres connection string\n"
    "  --port N       on 127.0.0.1; 0, the default, takes a free one and prints it\n"
    "  --setup        create the schema \"dashboard\" and its data first, if it is not there\n";

/* 200, 404 or 500 */
static unsigned load_merchant(PGconn *database, const char *merchant_id, json_t *answer)
{
    WEIR_SPAN("load merchant");
    PGresult *rows = PQexecParams(database, "SELECT id, name, joined_on FROM merchants WHERE id = $1", 1,
                                  NULL, &merchant_id, NULL, NULL, 0);
    unsigned status = 500;
    if (database_ok(rows)) status = PQntuples(rows) == 1 ? 200 : 404;
    if (status == 200)
        json_object_set_new(answer, "merchant",
                            json_pack("{s:I, s:s, s:s}", "id", dashboard_number(rows, 0, 0), "name",
                                      PQgetvalue(rows, 0, 1), "joined_on", PQgetvalue(rows, 0, 2)));
    PQclear(rows);
    return status;
}

static unsigned load_dashboard(PGconn *database, const struct settings *settings, const char *merchant_id,
                               json_t *answer)
{
    unsigned status = load_merchant(database, merchant_id, answer);
    if (status != 200) return status;
    json_object_set_new(answer, "products", json_array());
    json_object_set_new(answer, "low_stock", json_array());
    return settings->load(database, merchant_id, answer) ? 200 : 500;
}

static unsigned get_dashboard(const struct service_request *request, json_t **answer)
{
    const struct settings *settings = request->context;
    unsigned long merchant_id;
    if (!service_number(request->argument, INT_MAX, &merchant_id)) return 404;
    PGconn *database = database_connection(settings->dsn, DASHBOARD_SCHEMA);
    if (!database) return 503;

    json_t *found = json_object();
    unsigned status = load_dashboard(database, settings, request->argument, found);
    if (status == 200) *answer = json_incref(found);
    json_decref(found);
    return status;
}

static const struct service_route routes[] = {
    {"GET", "/api/dashboard/", true, "/api/dashboard/{merchant_id}", get_dashboard},
    {0},
};

static bool choose_stage(struct settings *settings, const char *name)
{
    for (size_t i = 0; i < STAGE_COUNT; i++) {
        if (strcmp(stages[i].name, name) != 0) continue;
        settings->stage = stages[i].name;
        settings->load = stages[i].load;
        return true;
    }
    fprintf(stderr, "dashboard: no stage %s\n", name);
    return false;
}

static bool parse_options(int argc, char **argv, struct settings *settings)
{
    static const struct option options[] = {{"stage", required_argument, NULL, 's'},
                                            {"db", required_argument, NULL, 'd'},
                                            {"port", required_argument, NULL, 'p'},
                                            {"setup", no_argument, NULL, 'S'},
                                            {0}};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 's' && choose_stage(settings, optarg)) continue;
        if (option == 'p' && service_number(optarg, 65535, &settings->port)) continue;
        if (option == 'd')
            settings->dsn = optarg;
        else if (option == 'S')
            settings->setup = true;
        else
            return false;
    }
    return optind == argc && settings->stage && settings->dsn;
}

int main(int argc, char **argv)
{
    struct settings settings = {0};
    if (!parse_options(argc, argv, &settings)) {
        fputs(usage, stderr);
        return 2;
    }
    if (settings.setup && !database_setup(settings.dsn, DASHBOARD_SCHEMA, dashboard_setup_sql))
        return EXIT_FAILURE;

    struct service service = {.name = "dashboard",
                              .version = settings.stage,
                              .port = (unsigned)settings.port,
                              .routes = routes,
                              .context = &settings};
    return service_run(&service);
}
