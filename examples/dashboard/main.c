/* SPDX-License-Identifier: Apache-2.0 */
/* The service `dashboard`: options, the route, and the merchant that every stage begins with. */
#include "examples/common/database.h"
#include "examples/common/options.h"
#include "examples/common/service.h"
#include "examples/dashboard/cached.h"
#include "examples/dashboard/dashboard.h"
#include "examples/dashboard/indexes.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <weir/libpq.h>

struct stage {
    dashboard_load load;
    bool has_indexes, has_cache;
};

static const char *const stage_names[] = {"before", "batched", "joined", "indexed", "cached", NULL};
static const struct stage stages[] = {
    {dashboard_load_before, false, false}, {dashboard_load_batched, false, false},
    {dashboard_load_joined, false, false}, {dashboard_load_joined, true, false},
    {dashboard_load_joined, true, true},
};

struct settings {
    const struct stage *stage;
    struct study_options options;
    bool setup;
};

static const char usage[] =
    "usage: dashboard --stage NAME --db DSN [--redis WHERE] [--cache-ttl S] [--port N] [--setup]\n"
    "\n"
    "  --stage NAME    which stage of the repair to run: before, batched, joined, indexed, cached\n"
    "  --db DSN        a Postgres connection string\n"
    "  --redis WHERE   HOST:PORT or the path of a unix socket; the stage cached needs it\n"
    "  --cache-ttl S   how many seconds the stage cached keeps an answer; 120 by default\n"
    "  --port N        on 127.0.0.1; 0, the default, takes a free one and prints it\n"
    "  --setup         first create the schema \"dashboard\" and its data, if it is not there, and make\n"
    "                  the six indexes if the stage has them or drop them if it has not; refused while\n"
    "                  a stage runs on the database that needs them otherwise\n";

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
    return settings->stage->load(database, merchant_id, answer) ? 200 : 500;
}

/* From the database; the answer as text as well when it is to be kept. */
static unsigned get_loaded(const struct settings *settings, unsigned long merchant_id,
                           struct service_answer *answer)
{
    PGconn *database = database_connection(settings->options.dsn, DASHBOARD_SCHEMA);
    if (!database) return 503;
    char id[24];
    snprintf(id, sizeof(id), "%lu", merchant_id);
    json_t *found = json_object();
    unsigned status = load_dashboard(database, settings, id, found);
    if (status == 200) answer->json = json_incref(found);
    json_decref(found);
    return status;
}

static unsigned get_cached(const struct settings *settings, unsigned long merchant_id,
                           struct service_answer *answer)
{
    answer->text = cached_answer(&settings->options.redis, merchant_id);
    if (answer->text) return 200;
    unsigned status = get_loaded(settings, merchant_id, answer);
    if (status != 200) return status;
    answer->text = service_text(answer->json);
    if (answer->text)
        cached_keep(&settings->options.redis, merchant_id, answer->text, settings->options.ttl_s);
    return status;
}

static unsigned get_dashboard(const struct service_request *request, struct service_answer *answer)
{
    const struct settings *settings = request->context;
    unsigned long merchant_id;
    if (!service_number(request->argument, INT_MAX, &merchant_id)) return 404;
    return settings->stage->has_cache ? get_cached(settings, merchant_id, answer)
                                      : get_loaded(settings, merchant_id, answer);
}

static const struct service_route routes[] = {
    {"GET", "/api/dashboard/", true, "/api/dashboard/{merchant_id}", get_dashboard},
    {0},
};

static bool parse_options(int argc, char **argv, struct settings *settings)
{
    const struct study_option further[] = {{"setup", NULL, &settings->setup}, {0}};
    struct study_options *options = &settings->options;
    if (!study_options_parse(options, "dashboard", stage_names, further, argc, argv)) return false;
    settings->stage = &stages[options->stage];
    return options->redis.host[0] || !settings->stage->has_cache;
}

static bool set_up(const struct settings *settings)
{
    return database_setup(settings->options.dsn, DASHBOARD_SCHEMA, dashboard_setup_sql) &&
           indexes_prepare(settings->options.dsn, settings->stage->has_indexes);
}

int main(int argc, char **argv)
{
    struct settings settings = {.options.ttl_s = DASHBOARD_TTL_S};
    if (!parse_options(argc, argv, &settings)) {
        fputs(usage, stderr);
        return 2;
    }
    if (settings.setup && !set_up(&settings)) return EXIT_FAILURE;

    struct service service = {.name = "dashboard",
                              .version = stage_names[settings.options.stage],
                              .port = (unsigned)settings.options.port,
                              .routes = routes,
                              .context = &settings};
    return service_run(&service);
}
