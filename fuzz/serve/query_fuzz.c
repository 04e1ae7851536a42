/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any query string, name=value pairs separated by &, through the reader of query parameters: what it takes is within its
 * limits, what it refuses gets one line, and no byte outside of the value is read (each value is a copy of its own).
 */
#include "collector/serve/query.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define NOW_NS 1800000000000000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void expect(bool holds)
{
    if (!holds) abort();
}

static void check(const struct query *query)
{
    expect(query->width >= WIDTH_MIN && query->width <= WIDTH_MAX);
    expect(query->since_ns >= 0 && query->until_ns >= 0);
    expect(query->endpoint.len <= PARAMETER_VALUE_MAX && query->service.len <= PARAMETER_VALUE_MAX);
    expect(!memchr(query->service.len ? query->service.data : "-", 0,
                   query->service.len ? query->service.len : 1));
}

static void read_pair(struct query *query, const char *pair, size_t len)
{
    char error[QUERY_ERROR_BYTES];
    const char *equals = memchr(pair, '=', len);
    size_t name_len = equals ? (size_t)(equals - pair) : len;
    size_t value_len = equals ? len - name_len - 1 : 0;
    char *name = malloc(name_len + 1), *value = malloc(value_len + 1);
    if (!name || !value) abort();
    memcpy(name, pair, name_len);
    name[name_len] = 0; /* the HTTP library terminates names */
    if (value_len) memcpy(value, equals + 1, value_len);
    struct query before = *query;
    if (query_read(query, ~0u, str_view(name, name_len), str_view(value, value_len), NOW_NS, error)) {
        check(query);
    } else {
        expect(strlen(error) > 0 &&
               !memchr(error, '\n', strlen(error)) == !memchr(name, '\n', strnlen(name, 60)));
    }
    unsigned given = query->given;
    *query = before; /* whose texts live longer than this pair's */
    query->given = given;
    free(name);
    free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct query query;
    query_init(&query);
    const char *at = (const char *)data, *end = at + bytes;
    while (at < end) {
        const char *next = memchr(at, '&', (size_t)(end - at));
        if (!next) next = end;
        read_pair(&query, at, (size_t)(next - at));
        at = next + 1;
    }
    return 0;
}
