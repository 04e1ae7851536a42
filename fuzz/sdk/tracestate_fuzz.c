/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever callers send as tracestate, a line of input a header line: what is read is well-formed (reading it again changes
 * nothing), fits, and our own member goes in front of the others, which stay in order. */
#include "sdk/core/tracestate.h"

#include <stdlib.h>
#include <string.h>

#define LINES 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check(bool good)
{
    if (!good) abort();
}

static size_t count_of(const char *text, char c)
{
    size_t count = 0;
    for (; *text; text++) count += *text == c;
    return count;
}

/* Room for it taken into account: what is left of the others is a front of them, or lacks long ones. */
static void set_ours(char *text, size_t length)
{
    static const struct str key = STR("ot"), value = STR("th:8");
    char before[WEIR_TRACESTATE_BYTES];
    memcpy(before, text, length + 1);
    bool is_same = str_equal(tracestate_get(str_view(text, length), key), value);
    size_t longer = tracestate_set(text, length, key, value);
    check(longer == strlen(text) && longer < WEIR_TRACESTATE_BYTES);
    check(str_equal(tracestate_get(str_view(text, longer), key), value));
    check(is_same ? strcmp(text, before) == 0 : memcmp(text, "ot=th:8", 7) == 0);
    longer = tracestate_set(text, longer, key, str_view("", 0));
    check(longer == strlen(text) && !tracestate_get(str_view(text, longer), key).data);
    check(count_of(text, '=') <= count_of(before, '='));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    char *input = malloc(bytes + 1), text[WEIR_TRACESTATE_BYTES], again[WEIR_TRACESTATE_BYTES];
    const char *lines[LINES] = {input};
    size_t count = 1;
    if (bytes) memcpy(input, data, bytes);
    input[bytes] = 0;
    for (size_t i = 0; i < bytes && count < LINES; i++)
        if (input[i] == '\n') {
            input[i] = 0;
            lines[count++] = input + i + 1;
        }
    size_t length = tracestate_read(text, lines, count);
    check(length == strlen(text) && length < WEIR_TRACESTATE_BYTES);
    check(count_of(text, '=') <= TRACESTATE_MEMBERS);
    check(tracestate_read(again, &(const char *){text}, 1) == length && strcmp(text, again) == 0);
    set_ours(text, length);
    free(input);
    return 0;
}
