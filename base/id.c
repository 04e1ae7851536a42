/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

#include "base/clock.h"

#include <errno.h>
#include <sys/random.h>
#include <unistd.h>

void id_random_bytes(void *to, size_t bytes)
{
    unsigned char *at = to;
    while (bytes) {
        ssize_t got = getrandom(at, bytes, GRND_NONBLOCK);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        at += got;
        bytes -= (size_t)got;
    }
    /* Early in boot, or under a filter that refuses getrandom: unique still, from time, process and address.
     */
    uint64_t mix = (uint64_t)clock_unix_ns() ^ ((uint64_t)getpid() << 32) ^ (uint64_t)(uintptr_t)&mix;
    for (; bytes; bytes--) {
        mix = mix * 6364136223846793005u + 1442695040888963407u;
        *at++ = (unsigned char)(mix >> 56);
    }
}

void id_generator_seed(struct id_generator *generator)
{
    do id_random_bytes(generator->state, sizeof generator->state);
    while (!(generator->state[0] | generator->state[1] | generator->state[2] | generator->state[3]));
}
