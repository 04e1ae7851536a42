/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/instrument/hiredis/cache_call.h"

#include <weir/call.h>

struct weir_span cache_call_begin(const struct weir_site *site, const char *text, size_t text_bytes,
                                  uint64_t connection_number)
{
    struct weir_call call = {.site = site,
                             .type = WEIR_CALL_CACHE,
                             .system = "redis",
                             .text = text,
                             .text_bytes = text_bytes,
                             .connection = connection_number};
    return weir_call_begin(&call);
}

void cache_call_inputs(struct weir_span call, const struct command *command)
{
    struct argument argument;
    if (command->keys == KEYS_SECRET) return;
    for (struct command_walk walk = command_walk(command); command_next(&walk, &argument);)
        if (!argument.is_key) weir_call_input(call, argument.data, argument.bytes);
}
