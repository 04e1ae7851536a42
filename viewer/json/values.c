/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/json/values.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <stdio.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static void clean(struct buffer *to, struct str name)
{
    while (name.len) {
        size_t bytes = utf8_char_bytes(name); /* 0 for NUL, too */
        if (bytes)
            buffer_add(to, name.data, bytes);
        else
            buffer_add_text(to, REPLACEMENT);
        bytes += bytes == 0;
        name = str_view(name.data + bytes, name.len - bytes);
    }
}

json_t *json_name(struct str name)
{
    if (utf8_valid(name)) return json_stringn_nocheck(name.data ? name.data : "", name.len);
    struct buffer bytes;
    buffer_init(&bytes);
    clean(&bytes, name);
    json_t *value = bytes.failed ? NULL : json_stringn_nocheck(bytes.data, bytes.len);
    buffer_fini(&bytes);
    return value;
}

void json_set_named(json_t *object, struct str key, json_t *value)
{
    struct buffer bytes;
    buffer_init(&bytes);
    clean(&bytes, key);
    json_object_setn_new_nocheck(object, bytes.data ? bytes.data : "", bytes.len, value);
    buffer_fini(&bytes);
}

json_t *json_ms(int64_t ns) { return json_real((double)ns / 1e6); }

json_t *json_count(uint64_t count) { return json_integer(count > INT64_MAX ? INT64_MAX : (json_int_t)count); }

json_t *json_span_id(uint64_t id)
{
    char text[17];
    if (id == 0) return json_null();
    snprintf(text, sizeof text, "%016" PRIx64, id);
    return json_string(text);
}

json_t *json_trace_id(const unsigned char id[16])
{
    char text[33];
    for (unsigned i = 0; i < 16; i++) snprintf(text + 2 * i, 3, "%02x", id[i]);
    return json_string(text);
}

json_t *json_call_site(const struct call_site *site)
{
    if (site->file.len == 0) return json_null();
    json_t *object = json_object();
    json_object_set_new(object, "file", json_name(site->file));
    json_object_set_new(object, "line", site->line ? json_integer(site->line) : json_null());
    json_object_set_new(object, "function", site->function.len ? json_name(site->function) : json_null());
    return object;
}

static int write_part(const char *bytes, size_t len, void *buffer)
{
    buffer_add(buffer, bytes, len);
    return ((struct buffer *)buffer)->failed ? -1 : 0;
}

void json_add(struct buffer *out, json_t *value)
{
    if (!value || json_dump_callback(value, write_part, out,
                                     JSON_COMPACT | JSON_REAL_PRECISION(15) | JSON_ENCODE_ANY) != 0)
        out->failed = true;
    json_decref(value);
}

void json_write(struct buffer *out, json_t *document)
{
    json_add(out, document);
    buffer_add_char(out, '\n', 1);
}
