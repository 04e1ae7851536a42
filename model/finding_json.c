/* SPDX-License-Identifier: Apache-2.0 */
#include "model/finding_json.h"

#include "base/utf8.h"

#include <jansson.h>

/* Beside each public *_ms, a number for readers, goes the same as *_ns, from which it is decoded exactly. */
#define FINDING_TIMES(X)                                                                                     \
    X(request)                                                                                               \
    X(cost)                                                                                                  \
    X(repaired)                                                                                              \
    X(saving)

#define FINDING_COUNTS(X)                                                                                    \
    X(count)                                                                                                 \
    X(requests)                                                                                              \
    X(requests_seen)

/* ---- encoding; a value that could not be made is NULL, and jansson's setters then fail for the whole ----
 */

static json_t *encode_str(struct str text)
{
    if (text.len == 0) return json_string("");
    if (utf8_valid(text)) return json_stringn(text.data, text.len);
    char *copy = malloc(text.len);
    if (!copy) return NULL;
    memcpy(copy, text.data, text.len);
    utf8_repair(copy, text.len);
    json_t *value = json_stringn(copy, text.len);
    free(copy);
    return value;
}

static bool set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}
static json_t *encode_ms(int64_t ns) { return json_real((double)ns / 1e6); }

static json_t *encode_operation(const struct finding_operation *operation)
{
    static const char *const types[] = {
#define X(name, word) word,
        OPERATION_TYPES(X)
#undef X
    };
    json_t *o = json_object();
    bool done =
        set(o, "type", json_string(types[operation->type])) &&
        set(o, "label", encode_str(operation->label)) && set(o, "system", encode_str(operation->system)) &&
        set(o, "text", encode_str(operation->text)) && set(o, "count", json_integer(operation->count)) &&
        set(o, "cost_ms", encode_ms(operation->cost_ns)) &&
        set(o, "cost_ns", json_integer(operation->cost_ns));
    if (done) return o;
    json_decref(o);
    return NULL;
}

static json_t *encode_operations(const struct finding *f)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < f->operation_count; i++)
        if (json_array_append_new(array, encode_operation(&f->operations[i])) != 0) goto failed;
    return array;
failed:
    json_decref(array);
    return NULL;
}

static json_t *encode_evidence(const struct finding *f)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < f->evidence_count; i++) {
        const struct evidence *e = &f->evidence[i];
        json_t *one = json_pack("{s:s, s:I, s:I}", "fact", evidence_name(e->fact), "seen",
                                (json_int_t)e->seen, "of", (json_int_t)e->of);
        if (json_array_append_new(array, one) != 0) goto failed;
    }
    return array;
failed:
    json_decref(array);
    return NULL;
}

static json_t *encode_site(const struct call_site *site)
{
    if (site->line == 0 && site->file.len == 0 && site->function.len == 0) return json_null();
    json_t *o = json_object();
    if (set(o, "file", encode_str(site->file)) && set(o, "line", json_integer(site->line)) &&
        set(o, "function", encode_str(site->function)))
        return o;
    json_decref(o);
    return NULL;
}

static json_t *encode_traces(const struct finding *f)
{
    static const char digits[] = "0123456789abcdef";
    json_t *array = json_array();
    for (uint32_t i = 0; i < f->trace_count; i++) {
        char hex[32];
        for (size_t b = 0; b < 16; b++) {
            hex[2 * b] = digits[f->trace_ids[i][b] >> 4];
            hex[2 * b + 1] = digits[f->trace_ids[i][b] & 15];
        }
        if (json_array_append_new(array, json_stringn(hex, sizeof hex)) != 0) goto failed;
    }
    return array;
failed:
    json_decref(array);
    return NULL;
}

static json_t *encode_finding(const struct finding *f)
{
    json_t *o = json_object();
    bool done = set(o, "kind", json_string(finding_kind_name(f->kind))) &&
                set(o, "endpoint", encode_str(f->endpoint)) && set(o, "service", encode_str(f->service)) &&
                set(o, "version", encode_str(f->service_version)) &&
                set(o, "operations", encode_operations(f)) &&
                set(o, "source", f->has_source ? encode_operation(&f->source) : json_null()) &&
#define X(name) set(o, #name, json_integer((json_int_t)f->name)) &&
                FINDING_COUNTS(X)
#undef X
#define X(name)                                                                                              \
    set(o, #name "_ms", encode_ms(f->name##_ns)) && set(o, #name "_ns", json_integer(f->name##_ns)) &&
                    FINDING_TIMES(X)
#undef X
                        set(o, "confidence", json_string(confidence_name(f->confidence))) &&
                set(o, "evidence", encode_evidence(f)) && set(o, "advice", encode_str(f->advice)) &&
                set(o, "call_site", encode_site(&f->site)) && set(o, "trace_ids", encode_traces(f)) &&
                (f->input_hash == 0 || set(o, "input_hash", json_integer((json_int_t)f->input_hash))) &&
                (f->sampling_threshold == 0 ||
                 set(o, "sampling_threshold", json_integer((json_int_t)f->sampling_threshold)));
    if (done) return o;
    json_decref(o);
    return NULL;
}

static int dump_to_buffer(const char *data, size_t bytes, void *buffer)
{
    buffer_add(buffer, data, bytes);
    return ((struct buffer *)buffer)->failed ? -1 : 0;
}

/* One finding after the other, so that memory holds the text and one tree. */
void finding_json_encode(struct buffer *out, const struct finding *findings, uint32_t count)
{
    buffer_add_text(out, "[");
    for (uint32_t i = 0; i < count; i++) {
        json_t *one = encode_finding(&findings[i]);
        if (i) buffer_add_text(out, ",");
        if (!one || json_dump_callback(one, dump_to_buffer, out, JSON_COMPACT | JSON_REAL_PRECISION(15)) != 0)
            out->failed = true;
        json_decref(one);
    }
    buffer_add_text(out, "]");
}

/* ---- decoding ---- */

struct decoder {
    struct arena *arena;
    bool failed;
};

static struct str decode_str(struct decoder *d, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value)) {
        d->failed = true;
        return str_view("", 0);
    }
    struct str text = arena_str(d->arena, str_view(json_string_value(value), json_string_length(value)));
    if (!text.data) d->failed = true;
    return text;
}

static int64_t decode_int(struct decoder *d, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value)) d->failed = true;
    return json_integer_value(value);
}

static uint32_t decode_u32(struct decoder *d, const json_t *object, const char *key)
{
    int64_t value = decode_int(d, object, key);
    if (value < 0 || value > UINT32_MAX) d->failed = true;
    return (uint32_t)value;
}

/* A name's place in its table. */
static uint32_t decode_name(struct decoder *d, const json_t *object, const char *key,
                            const char *const *names, uint32_t count)
{
    const char *name = json_string_value(json_object_get(object, key));
    for (uint32_t i = 0; name && i < count; i++)
        if (strcmp(names[i], name) == 0) return i;
    d->failed = true;
    return 0;
}

static void decode_operation(struct decoder *d, const json_t *json, struct finding_operation *operation)
{
    static const char *const types[] = {
#define X(name, word) word,
        OPERATION_TYPES(X)
#undef X
    };
    operation->type = (enum operation_type)decode_name(d, json, "type", types, OPERATION_TYPE_COUNT);
    operation->label = decode_str(d, json, "label");
    operation->system = decode_str(d, json, "system");
    operation->text = decode_str(d, json, "text");
    operation->count = decode_u32(d, json, "count");
    operation->cost_ns = decode_int(d, json, "cost_ns");
}

/* An array of at most max elements; 0 and failed when it is not one. */
static uint32_t array_size(struct decoder *d, const json_t *array, size_t max)
{
    if (!json_is_array(array) || json_array_size(array) > max) {
        d->failed = true;
        return 0;
    }
    return (uint32_t)json_array_size(array);
}

static void decode_operations(struct decoder *d, const json_t *json, struct finding *f)
{
    const json_t *array = json_object_get(json, "operations");
    const json_t *source = json_object_get(json, "source");
    f->operation_count = array_size(d, array, FINDING_OPERATIONS_MAX);
    for (uint32_t i = 0; i < f->operation_count; i++)
        decode_operation(d, json_array_get(array, i), &f->operations[i]);
    f->has_source = json_is_object(source);
    if (f->has_source) decode_operation(d, source, &f->source);
}

static void decode_evidence(struct decoder *d, const json_t *json, struct finding *f)
{
    static const char *const facts[] = {
#define X(name, words) #name,
        EVIDENCE_FACTS(X)
#undef X
    };
    const json_t *array = json_object_get(json, "evidence");
    f->evidence_count = array_size(d, array, FINDING_EVIDENCE_MAX);
    for (uint32_t i = 0; i < f->evidence_count; i++) {
        const json_t *one = json_array_get(array, i);
        f->evidence[i].fact = (enum evidence_fact)decode_name(d, one, "fact", facts, EVIDENCE_FACT_COUNT);
        f->evidence[i].seen = (uint64_t)decode_int(d, one, "seen");
        f->evidence[i].of = (uint64_t)decode_int(d, one, "of");
    }
}

static void decode_site(struct decoder *d, const json_t *json, struct call_site *site)
{
    const json_t *value = json_object_get(json, "call_site");
    if (!json_is_object(value)) return;
    site->file = decode_str(d, value, "file");
    site->function = decode_str(d, value, "function");
    site->line = decode_u32(d, value, "line");
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void decode_traces(struct decoder *d, const json_t *json, struct finding *f)
{
    const json_t *array = json_object_get(json, "trace_ids");
    f->trace_count = array_size(d, array, FINDING_TRACES_MAX);
    for (uint32_t i = 0; i < f->trace_count; i++) {
        const json_t *one = json_array_get(array, i);
        const char *hex = json_string_length(one) == 32 ? json_string_value(one) : NULL;
        for (size_t b = 0; hex && b < 16; b++) {
            int high = hex_digit(hex[2 * b]), low = hex_digit(hex[2 * b + 1]);
            if (high < 0 || low < 0)
                d->failed = true;
            else
                f->trace_ids[i][b] = (unsigned char)(high << 4 | low);
        }
        if (!hex) d->failed = true;
    }
}

static void decode_finding(struct decoder *d, const json_t *json, struct finding *f)
{
    static const char *const kinds[] = {
#define X(name, title) #name,
        FINDING_KINDS(X)
#undef X
    };
    static const char *const confidences[] = {"possible", "likely", "proven"};
    f->kind = (enum finding_kind)decode_name(d, json, "kind", kinds, FINDING_KIND_COUNT);
    f->confidence = (enum confidence)decode_name(d, json, "confidence", confidences, 3);
    f->endpoint = decode_str(d, json, "endpoint");
    f->service = decode_str(d, json, "service");
    f->service_version = decode_str(d, json, "version");
    f->advice = decode_str(d, json, "advice");
#define X(name) f->name = decode_u32(d, json, #name);
    FINDING_COUNTS(X)
#undef X
#define X(name) f->name##_ns = decode_int(d, json, #name "_ns");
    FINDING_TIMES(X)
#undef X
    decode_operations(d, json, f);
    decode_evidence(d, json, f);
    decode_site(d, json, &f->site);
    decode_traces(d, json, f);
    f->input_hash = (uint64_t)json_integer_value(json_object_get(json, "input_hash")); /* 0: not there */
    f->sampling_threshold = (uint64_t)json_integer_value(json_object_get(json, "sampling_threshold"));
    if (f->sampling_threshold >> 56) d->failed = true;
}

bool finding_json_decode(struct arena *arena, struct str json, struct finding **findings, uint32_t *count)
{
    struct decoder d = {arena, false};
    json_t *array = json_loadb(json.data ? json.data : "", json.len, 0, NULL);
    *count = array_size(&d, array, UINT32_MAX);
    *findings = d.failed ? NULL : arena_array(arena, *count, sizeof **findings);
    if (!*findings) d.failed = true;
    for (uint32_t i = 0; !d.failed && i < *count; i++)
        decode_finding(&d, json_array_get(array, i), &(*findings)[i]);
    json_decref(array);
    if (d.failed) *count = 0;
    return !d.failed;
}
