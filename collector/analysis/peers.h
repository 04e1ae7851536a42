/* SPDX-License-Identifier: Apache-2.0 */
/* Gives HTTP calls the name of the service that answered them (peers.c). */
#ifndef WEIR_ANALYSIS_PEERS_H
#define WEIR_ANALYSIS_PEERS_H

#include "base/arena.h"
#include "model/span.h"

/* For a trace whose tree is made. False: out of arena. */
bool name_peers(struct trace *trace, struct arena *arena);

#endif
