/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as statement, URL, cache key, and findings. Texts stay in their room, values stay inside what was given, and normalising is
 * a fixed point where the text was not cut: a text normalised again has no literal left.
 */
#include "model/finding_json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void value_is_inside(void *context, struct str value)
{
    const struct str *whole = context;
    if (value.data < whole->data || value.len > whole->len) abort();
    if ((size_t)(value.data - whole->data) > whole->len - value.len) abort();
}

static void no_value(void *context, struct str value)
{
    (void)context;
    (void)value;
    abort();
}

static void label(enum operation_type type, struct str system, struct str text)
{
    struct arena arena;
    struct operation operation = {type, system, text};
    arena_init(&arena, (size_t)1 << 20);
    struct str shown = operation_label(&operation, &arena);
    if (shown.len == 0 || shown.len > 60 * 4) abort();
    operation_summary(&operation, &arena);
    operation_is_write(&operation);
    operation_is_transaction(&operation);
    arena_fini(&arena);
}

static void statement(struct str sql)
{
    char text[OPERATION_TEXT_MAX];
    size_t len = normalise_sql(sql, text, value_is_inside, &sql);
    if (len > sizeof text) abort();
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20) abort();
    label(OPERATION_DB, str_view("", 0), str_view(text, len));
}

static void url(struct str address)
{
    char text[OPERATION_TEXT_MAX], host[64];
    size_t host_len;
    size_t len = normalise_url(address, text, host, sizeof host, &host_len, value_is_inside, &address);
    if (len > sizeof text || host_len > sizeof host) abort();
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] <= 0x20) abort();
    for (size_t i = 0; i < host_len; i++)
        if ((unsigned char)host[i] <= 0x20 || (unsigned char)host[i] >= 0x7f) abort();
    label(OPERATION_HTTP, str_view(host, host_len), str_view(text, len));
}

static void cache_command(struct str command)
{
    char text[OPERATION_TEXT_MAX], again[OPERATION_TEXT_MAX];
    size_t len = normalise_key(command, text, value_is_inside, &command);
    if (len > sizeof text) abort();
    bool is_cut = len >= 3 && memcmp(text + len - 3, "…", 3) == 0;
    for (size_t i = 0; i < len - (is_cut ? 3 : 0); i++)
        if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] >= 0x7f) abort();
    label(OPERATION_CACHE, str_view("", 0), str_view(text, len));
    if (is_cut) return;
    struct str once = str_view(text, len);
    if (!str_equal(once, str_view(again, normalise_key(once, again, no_value, NULL)))) abort();
}

static void findings(struct str json)
{
    struct arena arena;
    struct finding *found;
    uint32_t count;
    arena_init(&arena, (size_t)1 << 20);
    if (finding_json_decode(&arena, json, &found, &count)) {
        struct buffer again;
        buffer_init(&again);
        finding_json_encode(&again, found, count);
        if (again.failed || !finding_json_decode(&arena, buffer_str(&again), &found, &count)) {
            if (!arena_exhausted(&arena)) abort();
        }
        buffer_fini(&again);
    }
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct str text = str_view(bytes ? (const char *)data : "", bytes);
    statement(text);
    url(text);
    cache_command(text);
    label(OPERATION_DB, text, text);
    label(OPERATION_HTTP, text, text);
    label(OPERATION_CACHE, text, text);
    findings(text);
    return 0;
}
