/* SPDX-License-Identifier: Apache-2.0 */
/* How many descriptors this process may have open: what bounds the number of its clients in the end. */
#ifndef WEIR_COLLECTOR_DESCRIPTORS_H
#define WEIR_COLLECTOR_DESCRIPTORS_H

#include <stdint.h>

/* Raises the soft limit (RLIMIT_NOFILE) to `wanted` as far as the hard one lets it. Returns what may be open now. */
uint64_t descriptors_ask_for(uint64_t wanted);

/* How many of `wanted` clients there is room for when so many descriptors are needed otherwise; never fewer than 16. */
uint64_t descriptors_clients(uint64_t available, uint64_t others, uint64_t wanted);

#endif
