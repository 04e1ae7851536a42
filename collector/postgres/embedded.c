/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/postgres/embedded.h"

#include "collector/postgres/binaries.h"
#include "collector/postgres/cluster.h"
#include "collector/postgres/keeper.h"
#include "collector/postgres/place.h"

#include <stdio.h>
#include <stdlib.h>

struct embedded_postgres {
    struct place place;
    struct keeper *keeper;
    char dsn[SOCKET_DIRECTORY_BYTES + 64];
};

static bool start(struct embedded_postgres *postgres, char error[EMBEDDED_ERROR_BYTES])
{
    struct place *place = &postgres->place;
    char binaries[PATH_MAX];
    int version = cluster_version(place);
    if (!postgres_binaries_find(binaries, version, error, EMBEDDED_ERROR_BYTES)) return false;
    cluster_remove_left_over(place);
    if (version == 0 && !cluster_make(place, binaries, error, EMBEDDED_ERROR_BYTES)) return false;
    postgres->keeper = keeper_start(place, binaries, error, EMBEDDED_ERROR_BYTES);
    snprintf(postgres->dsn, sizeof postgres->dsn,
             "host=%s port=5432 user=" CLUSTER_USER " dbname=" CLUSTER_DATABASE, place->socket);
    return postgres->keeper != NULL;
}

struct embedded_postgres *embedded_postgres_start(const char *data_dir, char error[EMBEDDED_ERROR_BYTES])
{
    struct embedded_postgres *postgres = calloc(1, sizeof *postgres);
    if (!postgres) {
        snprintf(error, EMBEDDED_ERROR_BYTES, "out of memory");
        return NULL;
    }
    if (place_open(&postgres->place, data_dir, error, EMBEDDED_ERROR_BYTES)) {
        if (start(postgres, error)) return postgres;
        place_close(&postgres->place);
    }
    free(postgres);
    return NULL;
}

const char *embedded_postgres_dsn(const struct embedded_postgres *postgres) { return postgres->dsn; }

void embedded_postgres_stop(struct embedded_postgres *postgres)
{
    if (!postgres) return;
    keeper_stop(postgres->keeper);
    place_close(&postgres->place);
    free(postgres);
}
