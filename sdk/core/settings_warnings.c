/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/settings_warnings.h"

#include <stdarg.h>
#include <stdio.h>

static const char and_more[] = "and more\n";

void settings_warn(struct settings_warnings *warnings, const char *format, ...)
{
    if (warnings->is_full) return;
    char *at = warnings->text + warnings->bytes;
    size_t room = sizeof warnings->text - warnings->bytes - sizeof and_more;
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(at, room, format, arguments);
    va_end(arguments);
    warnings->is_full = len < 0 || (size_t)len + 2 > room;
    memcpy(warnings->is_full ? at : at + len, warnings->is_full ? and_more : "\n",
           warnings->is_full ? sizeof and_more : 2);
    warnings->bytes += strlen(at);
}

const char *settings_show(struct str value, char to[SETTINGS_SHOWN_BYTES])
{
    size_t len = 0;
    for (; len < value.len && len < SETTINGS_SHOWN_BYTES - 4; len++)
        to[len] = value.data[len] >= ' ' && value.data[len] <= '~' ? value.data[len] : '?';
    memcpy(to + len, "...", 4);
    if (len == value.len) to[len] = 0;
    return to;
}
