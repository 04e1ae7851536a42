/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/serve/answer.h"

#include <stdarg.h>
#include <stdio.h>

#define ERROR_TEXT_BYTES 1024

void answer_init(struct answer *answer)
{
    *answer = (struct answer){.status = 200};
    buffer_init(&answer->body);
}

void answer_fini(struct answer *answer) { buffer_fini(&answer->body); }

/* Line ends become spaces (libpq's messages have them), everything else that is not printable ASCII \xNN. */
static void add_printable(struct buffer *out, const char *text, bool json)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (*at == '\n' || *at == '\r') {
            if (at[1]) buffer_add_char(out, ' ', 1);
        } else if (*at < 0x20 || *at > 0x7e) {
            buffer_printf(out, json ? "\\\\x%02x" : "\\x%02x", *at);
        } else {
            if (json && (*at == '"' || *at == '\\')) buffer_add_char(out, '\\', 1);
            buffer_add_char(out, (char)*at, 1);
        }
    }
}

void answer_error(struct answer *answer, unsigned status, const char *format, ...)
{
    char text[ERROR_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);

    answer->status = status;
    answer->type = NULL;
    answer->retry = status == 503;
    buffer_clear(&answer->body);
    if (answer->json) buffer_add_text(&answer->body, "{\"error\":\"");
    add_printable(&answer->body, text, answer->json);
    buffer_add_text(&answer->body, answer->json ? "\"}\n" : "\n");
}
