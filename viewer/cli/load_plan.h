/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which request goes to which id, fixed before the first is sent. Without a hit rate the ids are asked in
 * turn. With one, that share of the requests (to the nearest whole request) goes to ids that stand earlier in
 * the plan, each of these as likely as the other, and the rest to ids of their own, in the order of the URLs;
 * where the fresh ones stand among the others, and which id is asked again, are the seed's. The first is
 * fresh, unless ids are warmed: asked once beforehand. Pure; the same arguments give the same plan on every
 * machine.
 */
#ifndef WEIR_CLI_LOAD_PLAN_H
#define WEIR_CLI_LOAD_PLAN_H

#include "viewer/cli/load_targets.h"

#define LOAD_REQUESTS_MAX 10000000u
#define LOAD_IN_TURN      (-1.0)

struct load_mix {
    size_t requests;
    double hit_rate; /* 0 to 1, or LOAD_IN_TURN */
    size_t warm;     /* ids asked beforehand; 0 without a hit rate */
    uint64_t seed;
};

struct load_request {
    uint32_t id;
    bool is_repeat; /* its id was asked before, by the plan or the warming */
};

struct load_plan {
    size_t count, repeats;
    struct load_request *requests; /* owned */
};

/* False: the targets have too few ids, or memory is out; error says so. */
bool load_plan_make(struct load_plan *plan, const struct load_mix *mix, uint64_t id_count,
                    char error[LOAD_ERROR_BYTES]);
void load_plan_fini(struct load_plan *plan);

#endif
