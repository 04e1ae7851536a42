/* SPDX-License-Identifier: Apache-2.0 */
/* What a command and a pipeline of them have in common: beginning the call, and its inputs. */
#ifndef WEIR_HIREDIS_CACHE_CALL_H
#define WEIR_HIREDIS_CACHE_CALL_H

#include "sdk/instrument/hiredis/command.h"

#include <stdint.h>
#include <weir/weir.h>

struct weir_span cache_call_begin(const struct weir_site *site, const char *text, size_t text_bytes,
                                  uint64_t connection_number);

/* The arguments that are no keys, and no passwords. */
void cache_call_inputs(struct weir_span call, const struct command *command);

#endif
