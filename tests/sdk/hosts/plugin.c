/* SPDX-License-Identifier: Apache-2.0 */
/* A shared object that is traced, and unloaded by its host: built on libweir.so, and with libweir.a inside. */
#include "tests/sdk/hosts/plugin.h"

#include <weir/weir.h>

static void begin(void) { weir_init(NULL); }

static void span(void)
{
    WEIR_SPAN("of a plugin");
    weir_int("some.number", 1);
}

static void end(void) { weir_shutdown(60000); }

const struct plugin traced_plugin = {begin, span, end};
