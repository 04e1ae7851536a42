/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/descriptors.h"

#include <sys/resource.h>

#define CLIENTS_MIN 16

uint64_t descriptors_ask_for(uint64_t wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted) return limit.rlim_cur;
    struct rlimit more = limit;
    more.rlim_cur = limit.rlim_max == RLIM_INFINITY || limit.rlim_max > wanted ? wanted : limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &more) == 0 ? more.rlim_cur : limit.rlim_cur;
}

uint64_t descriptors_clients(uint64_t available, uint64_t others, uint64_t wanted)
{
    uint64_t room = available > others ? available - others : 0;
    uint64_t clients = room < wanted ? room : wanted;
    uint64_t least = wanted < CLIENTS_MIN ? wanted : CLIENTS_MIN;
    return clients > least ? clients : least;
}
