/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster with the database "weir" in it, made beside its place and moved there when it is whole: a
 * collector that is killed in between leaves nothing that a later one would take for a cluster. Called by the
 * thread that starts the server.
 */
#ifndef WEIR_COLLECTOR_POSTGRES_CLUSTER_H
#define WEIR_COLLECTOR_POSTGRES_CLUSTER_H

#include "collector/postgres/place.h"

#define CLUSTER_USER     "weir"
#define CLUSTER_DATABASE "weir"

/* The major version that made it; 0: there is none. */
int cluster_version(const struct place *place);
/* Removes what starts that were killed left. */
void cluster_remove_left_over(const struct place *place);
/* binaries: the folder of initdb and postgres. */
bool cluster_make(struct place *place, const char *binaries, char *error, size_t error_bytes);

#endif
