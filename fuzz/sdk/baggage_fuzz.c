/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever callers send as baggage, a line of input a header line: what is read is well-formed (reading it again changes
 * nothing), its members can be walked, read, set to what they say, and removed. */
#include "base/utf8.h"
#include "sdk/core/baggage.h"

#include <stdlib.h>
#include <string.h>

#define LINES 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check(bool good)
{
    if (!good) abort();
}

static void is_sound(const struct weir_baggage *baggage)
{
    check(baggage->bytes <= WEIR_BAGGAGE_BYTES && baggage->members <= WEIR_BAGGAGE_MEMBERS);
    check(strlen(baggage->text) == baggage->bytes);
}

/* A value that is set is the value that is got. */
static void set_and_get(struct weir_baggage *baggage, const char *key)
{
    char value[WEIR_BAGGAGE_BYTES * 3 + 1], again[sizeof value];
    long bytes = weir_baggage_get(baggage, key, value, sizeof value);
    check(bytes == (long)strlen(value) && utf8_valid(str_of(value)));
    if (weir_baggage_set(baggage, key, value, NULL)) {
        check(weir_baggage_get(baggage, key, again, sizeof again) == bytes);
        check(strcmp(value, again) == 0);
    }
    is_sound(baggage);
}

static void try_members(struct weir_baggage *baggage)
{
    struct weir_baggage_member member;
    char key[WEIR_BAGGAGE_BYTES + 1];
    size_t at = 0, count = 0;
    while (weir_baggage_next(baggage, &at, &member)) count++;
    check(count == baggage->members);
    for (at = 0; weir_baggage_next(baggage, &at, &member); at = 0) {
        memcpy(key, member.key, member.key_bytes);
        key[member.key_bytes] = 0;
        set_and_get(baggage, key);
        check(weir_baggage_remove(baggage, key));
        is_sound(baggage);
    }
    check(baggage->members == 0 && baggage->bytes == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct weir_baggage baggage, again;
    char *input = malloc(bytes + 1);
    const char *lines[LINES] = {input};
    size_t count = 1;
    if (bytes) memcpy(input, data, bytes);
    input[bytes] = 0;
    for (size_t i = 0; i < bytes && count < LINES; i++)
        if (input[i] == '\n') {
            input[i] = 0;
            lines[count++] = input + i + 1;
        }
    baggage_read(&baggage, lines, count);
    is_sound(&baggage);
    baggage_read(&again, &(const char *){baggage.text}, 1);
    check(again.members == baggage.members && strcmp(again.text, baggage.text) == 0);
    try_members(&baggage);
    free(input);
    return 0;
}
