/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/otlp/span_mapping.h"

#include "base/utf8.h"
#include "collector/otlp/call_text.h"
#include "collector/otlp/known_attributes.h"
#include "collector/otlp/trace_state.h"
#include "collector/otlp/value_text.h"
#include "model/span.h"

#define KEY_BYTES_MAX     256
#define NAME_BYTES_MAX    1024
#define STATE_BYTES_MAX   1024
#define MESSAGE_BYTES_MAX 4096
#define WEIR_SCOPE_NAME   "weir" /* as sdk/otlp/mapping.h has it */

/* One span on its way. */
struct span_state {
    struct span_mapping *mapping;
    const struct otlp_span *span;
    struct known_attributes known;
    struct call_text call;
    bool is_call;
    uint32_t index; /* of the row */
    size_t text_left;
    uint32_t dropped; /* attributes that there is no room for */
};

static struct str cut(struct str text, size_t most)
{
    return text.len > most ? str_view(text.data, utf8_cut(text, most)) : text;
}

/* ---- resource and scope ---- */

void map_resource(struct span_mapping *mapping, const struct otlp_attributes *resource)
{
    bool named = false;
    for (size_t i = 0; i < resource->count; i++) {
        const struct otlp_attribute *item = &resource->items[i];
        arena_reset(mapping->scratch);
        struct str value = value_as_text(&item->value, mapping->scratch);
        if (item->key.len == 0 || value.len == 0) continue;
        named = named || str_is(item->key, "service.name");
        builder_resource(mapping->builder, cut(item->key, KEY_BYTES_MAX), cut(value, MESSAGE_BYTES_MAX));
    }
    if (!named) builder_resource(mapping->builder, str_of("service.name"), str_of("unknown_service"));
}

uint32_t map_scope(struct span_mapping *mapping, const struct otlp_scope *scope)
{
    if (str_is(scope->name, WEIR_SCOPE_NAME)) return 0;
    return builder_scope(mapping->builder, cut(scope->name, KEY_BYTES_MAX),
                         cut(scope->version, KEY_BYTES_MAX));
}

/* ---- operations ---- */

static struct str text_of(const struct span_state *state, enum known_attribute which)
{
    return known_text(&state->known, which);
}

/* Its text, and then it is not stored as an attribute: the operation says it. */
static struct str use(struct span_state *state, enum known_attribute which)
{
    state->known.used[which] = true;
    return text_of(state, which);
}

static struct str http_method(struct span_state *state)
{
    struct str method = use(state, KNOWN_HTTP_METHOD), original = use(state, KNOWN_HTTP_METHOD_ORIGINAL);
    if (str_is(method, "_OTHER") && original.len) method = original;
    if (method.len > 32) method.len = 32;
    char *to = arena_alloc(state->mapping->scratch, method.len + 1);
    if (!to) return str_view("", 0);
    for (size_t i = 0; i < method.len; i++) {
        char c = method.data[i];
        to[i] = (char)(c >= 'a' && c <= 'z' ? c - 0x20 : c > ' ' && c < 0x7f ? c : '_');
    }
    return str_view(to, method.len);
}

/* "inventory:8081"; a port that the scheme has anyway goes. */
static struct str server_of(struct span_state *state)
{
    struct arena *scratch = state->mapping->scratch;
    struct str address = use(state, KNOWN_SERVER_ADDRESS), scheme = text_of(state, KNOWN_URL_SCHEME);
    int64_t port = 0;
    state->known.used[KNOWN_SERVER_PORT] = true;
    if (address.len == 0) return address;
    bool is_bare = memchr(address.data, ':', address.len) && address.data[0] != '[' &&
                   memrchr(address.data, ':', address.len) != memchr(address.data, ':', address.len);
    if (is_bare) address = arena_printf(scratch, "[%.*s]", STR_ARG(address));
    if (!known_number(&state->known, KNOWN_SERVER_PORT, &port) || port == 0 || port > 65535) return address;
    bool usual = (port == 80 && !str_is(scheme, "https")) || (port == 443 && !str_is(scheme, "http"));
    bool has_port = address.data[address.len - 1] != ']' && memchr(address.data, ':', address.len);
    return usual || has_port ? address : arena_printf(scratch, "%.*s:%d", STR_ARG(address), (int)port);
}

/* The whole URL, or put together from its parts; empty when there are none. */
static struct str url_of(struct span_state *state)
{
    struct arena *scratch = state->mapping->scratch;
    struct str url = text_of(state, KNOWN_URL_FULL), path = text_of(state, KNOWN_URL_PATH);
    struct str query = text_of(state, KNOWN_URL_QUERY), target = text_of(state, KNOWN_HTTP_TARGET);
    if (url.len) return url;
    struct str scheme = text_of(state, KNOWN_URL_SCHEME), server = server_of(state);
    if (scheme.len == 0) scheme = str_of("http");
    if (path.len == 0 && target.len == 0) return str_view("", 0);
    if (path.len == 0)
        return arena_printf(scratch, "%.*s://%.*s%.*s", STR_ARG(scheme), STR_ARG(server), STR_ARG(target));
    if (query.len && query.data[0] == '?') query = str_view(query.data + 1, query.len - 1);
    return arena_printf(scratch, "%.*s://%.*s%.*s%s%.*s", STR_ARG(scheme), STR_ARG(server), STR_ARG(path),
                        query.len ? "?" : "", STR_ARG(query));
}

static void map_http_call(struct span_state *state)
{
    struct str url = url_of(state), template = use(state, KNOWN_URL_TEMPLATE);
    struct str server = server_of(state);
    call_of_http(&state->call, state->mapping->key, http_method(state), url, template);
    if (state->call.operation.system.len == 0) state->call.operation.system = cut(server, 255);
}

/* Of a server's path only the template, without its query. */
static struct str path_template(struct span_state *state)
{
    struct str url = url_of(state);
    size_t host_len;
    state->known.used[KNOWN_SERVER_ADDRESS] = state->known.used[KNOWN_SERVER_PORT] = false;
    if (url.len == 0) return url;
    char *to = arena_alloc(state->mapping->scratch, OPERATION_TEXT_MAX);
    if (!to) return str_view("", 0);
    size_t len = normalise_url(url, to, state->call.host, sizeof state->call.host, &host_len, NULL, NULL);
    const char *query = memchr(to, '?', len);
    return str_view(to, query ? (size_t)(query - to) : len);
}

static void map_endpoint(struct span_state *state)
{
    struct str route = use(state, KNOWN_HTTP_ROUTE), method = http_method(state);
    if (route.len == 0) route = path_template(state);
    struct str text = call_join(state->call.text, method, route);
    if (route.len == 0) text = cut(state->span->name, NAME_BYTES_MAX);
    state->call.operation = (struct operation){OPERATION_ENDPOINT, STR(""), text};
}

static void map_plain(struct span_state *state, enum operation_type type)
{
    state->call.operation = (struct operation){type, STR(""), cut(state->span->name, NAME_BYTES_MAX)};
}

static struct call_parameters parameters_of(struct span_state *state)
{
    struct call_parameters parameters = {0};
    const struct otlp_attributes *attributes = &state->span->attributes;
    for (size_t i = 0; i < attributes->count; i++) {
        struct str key = attributes->items[i].key;
        bool is_parameter = str_starts(key, KNOWN_PARAMETER_PREFIX) ||
                            str_starts(key, KNOWN_PARAMETER_PREFIX_2) ||
                            str_is(key, "db.statement.parameters");
        if (is_parameter)
            call_parameters_add(&parameters, state->mapping->key, key,
                                value_as_text(&attributes->items[i].value, state->mapping->scratch));
    }
    return parameters;
}

/* "find users": what there is to say of a statement that is no SQL, or of none. */
static struct str query_name(struct span_state *state)
{
    struct str summary = text_of(state, KNOWN_DB_SUMMARY), operation = use(state, KNOWN_DB_OPERATION);
    struct str collection = text_of(state, KNOWN_DB_COLLECTION);
    if (summary.len) return cut(summary, NAME_BYTES_MAX);
    if (operation.len == 0) return cut(state->span->name, NAME_BYTES_MAX);
    return arena_printf(state->mapping->scratch, "%.*s%s%.*s", STR_ARG(cut(operation, NAME_BYTES_MAX)),
                        collection.len ? " " : "", STR_ARG(cut(collection, NAME_BYTES_MAX)));
}

static void map_query(struct span_state *state, struct str system)
{
    struct span_mapping *mapping = state->mapping;
    struct str text = text_of(state, KNOWN_DB_TEXT);
    struct call_parameters parameters = parameters_of(state);
    if (call_text_is_sql(text)) {
        use(state, KNOWN_DB_SUMMARY);
        use(state, KNOWN_DB_OPERATION);
        call_of_sql(&state->call, mapping->key, system, text, &parameters, mapping->scratch);
    } else {
        call_of_other_query(&state->call, mapping->key, system, query_name(state), text);
    }
}

static void map_cache(struct span_state *state, struct str system)
{
    struct str text = text_of(state, KNOWN_DB_TEXT), operation = use(state, KNOWN_DB_OPERATION);
    if (text.len == 0) text = operation.len ? operation : state->span->name;
    call_of_cache(&state->call, state->mapping->key, system, text);
}

/* A driver's span for opening a connection: a system, no statement, and a name that says so. */
static bool is_connect(const struct span_state *state)
{
    struct str name = state->span->name;
    struct str operation = text_of(state, KNOWN_DB_OPERATION);
    if (text_of(state, KNOWN_DB_TEXT).len) return false;
    return str_is(operation, "connect") || (operation.len == 0 && memmem(name.data, name.len, "connect", 7));
}

static void map_database(struct span_state *state)
{
    struct str system = cut(call_system_name(use(state, KNOWN_DB_SYSTEM)), KEY_BYTES_MAX);
    state->is_call = true;
    if (is_connect(state))
        state->call.operation = (struct operation){OPERATION_CONNECT, system, STR("connect")};
    else if (call_system_is_cache(system))
        map_cache(state, system);
    else
        map_query(state, system);
}

/* ---- what libweir says of its own calls ---- */

static bool word_to_type(struct str word, enum operation_type *type)
{
    static const char *const words[] = {
#define X(name, word) word,
        OPERATION_TYPES(X)
#undef X
    };
    for (unsigned i = OPERATION_DB; i < OPERATION_TYPE_COUNT; i++) {
        if (!str_is(word, words[i])) continue;
        *type = (enum operation_type)i;
        return true;
    }
    return false;
}

static bool hex_of(struct str text, uint64_t *number)
{
    *number = 0;
    if (text.len == 0 || text.len > 16) return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
        if (digit > 15) return false;
        *number = *number << 4 | digit;
    }
    return true;
}

/* The operation as it was: its text has no literals. */
static void restore_operation(struct span_state *state, enum operation_type type)
{
    struct operation *operation = &state->call.operation;
    struct str system = use(state, KNOWN_DB_SYSTEM), text = use(state, KNOWN_DB_TEXT);
    use(state, KNOWN_DB_SUMMARY);
    use(state, KNOWN_DB_OPERATION);
    use(state, KNOWN_URL_TEMPLATE);
    state->is_call = true;
    if (type == OPERATION_HTTP) {
        struct str template = text_of(state, KNOWN_URL_TEMPLATE);
        system = server_of(state);
        text = call_join(state->call.text, http_method(state), template);
    } else if (type == OPERATION_CONNECT) {
        text = str_of("connect");
    }
    *operation = (struct operation){type, cut(system, KEY_BYTES_MAX), cut(text, OPERATION_TEXT_MAX)};
    hex_of(text_of(state, KNOWN_WEIR_INPUT_HASH), &state->call.input_hash);
}

static void map_operation(struct span_state *state)
{
    enum operation_type type;
    struct known_attributes *known = &state->known;
    uint32_t kind = state->span->kind;
    bool has_method = text_of(state, KNOWN_HTTP_METHOD).len;
    bool has_database = known->found[KNOWN_DB_SYSTEM] || known->found[KNOWN_DB_TEXT];
    bool is_served = kind == SPAN_KIND_SERVER || kind == SPAN_KIND_CONSUMER || kind == SPAN_KIND_PRODUCER;
    if (word_to_type(use(state, KNOWN_WEIR_TYPE), &type)) {
        restore_operation(state, type);
    } else if (kind == SPAN_KIND_SERVER) {
        map_endpoint(state);
    } else if (has_database && !is_served) {
        map_database(state);
    } else if (kind == SPAN_KIND_CLIENT && (has_method || known->found[KNOWN_URL_FULL])) {
        state->is_call = true;
        map_http_call(state);
    } else {
        map_plain(state, OPERATION_SPAN);
    }
    if (state->call.operation.text.len == 0) map_plain(state, state->call.operation.type);
    if (state->call.operation.text.len == 0) state->call.operation.text = str_of("span");
}

/* ---- attributes ---- */

/* False: no room, or nothing to keep. */
static bool value_of(struct span_state *state, const struct otlp_value *from, uint32_t *type, int64_t *value)
{
    struct str text;
    switch (from->type) {
    case OTLP_NONE:
        return false;
    case OTLP_BOOL:
        *type = ATTRIBUTE_BOOL;
        *value = from->integer != 0;
        return true;
    case OTLP_INT:
        *type = ATTRIBUTE_INT;
        *value = from->integer;
        return true;
    case OTLP_DOUBLE:
        *type = ATTRIBUTE_DOUBLE;
        memcpy(value, &from->real, sizeof *value);
        return true;
    case OTLP_STRING:
        *type = ATTRIBUTE_STRING;
        text = from->text;
        break;
    case OTLP_BYTES:
        *type = ATTRIBUTE_BYTES;
        text = value_as_text(from, state->mapping->scratch);
        break;
    case OTLP_ARRAY:
    case OTLP_MAP:
        *type = ATTRIBUTE_JSON;
        text = value_as_text(from, state->mapping->scratch);
        break;
    }
    bool is_lost = text.len == 0 && *type != ATTRIBUTE_STRING && (from->text.len || from->type != OTLP_BYTES);
    text = cut(text, MAPPING_VALUE_BYTES_MAX);
    if (is_lost || text.len > state->text_left) return false;
    state->text_left -= text.len;
    *value = builder_string(state->mapping->builder, text);
    return true;
}

static void add_attribute(struct span_state *state, enum builder_list list, struct str key,
                          const struct otlp_value *from)
{
    uint32_t type;
    int64_t value;
    if (key.len == 0 || !value_of(state, from, &type, &value)) {
        state->dropped++;
        return;
    }
    builder_attribute(state->mapping->builder, list, cut(key, KEY_BYTES_MAX), type, value);
}

static bool is_parameter(struct str key)
{
    return str_starts(key, KNOWN_PARAMETER_PREFIX) || str_starts(key, KNOWN_PARAMETER_PREFIX_2);
}

/* An HTTP status may come as text. */
static void add_known(struct span_state *state, enum known_attribute which, const struct otlp_attribute *item)
{
    struct otlp_value value = item->value;
    if (which == KNOWN_HTTP_STATUS && known_number(&state->known, which, &value.integer))
        value.type = OTLP_INT;
    add_attribute(state, BUILDER_OF_SPAN, known_name(which), &value);
}

static void add_attributes(struct span_state *state)
{
    const struct otlp_attributes *attributes = &state->span->attributes;
    for (size_t i = 0; i < attributes->count; i++) {
        const struct otlp_attribute *item = &attributes->items[i];
        unsigned rank;
        enum known_attribute which = known_attribute(item->key, &rank);
        if (is_parameter(item->key)) continue;
        if (which == KNOWN_COUNT)
            add_attribute(state, BUILDER_OF_SPAN, item->key, &item->value);
        else if (known_fate(which) == FATE_KEEP && !state->known.used[which] &&
                 state->known.found[which] == item)
            add_known(state, which, item);
    }
}

static uint32_t sum(uint32_t a, uint32_t b) { return b > UINT32_MAX - a ? UINT32_MAX : a + b; }

/* Those of an event or a link; how many were dropped is known when the list is begun. */
static void add_list(struct span_state *state, enum builder_list list,
                     const struct otlp_attributes *attributes)
{
    for (size_t i = 0; i < attributes->count; i++)
        add_attribute(state, list, attributes->items[i].key, &attributes->items[i].value);
}

/* ---- columns ---- */

static uint64_t id_of(struct str id)
{
    uint64_t value = 0;
    for (size_t i = 0; i < id.len && i < 8; i++) value = value << 8 | (unsigned char)id.data[i];
    return id.len == 8 ? value : 0;
}

static bool is_zero(struct str id)
{
    for (size_t i = 0; i < id.len; i++)
        if (id.data[i]) return false;
    return true;
}

static const char *what_is_wrong(const struct otlp_span *span)
{
    if (span->trace_id.len != 16) return "a trace id is not 16 bytes long";
    if (is_zero(span->trace_id)) return "a trace id is zero";
    if (span->span_id.len != 8) return "a span id is not 8 bytes long";
    if (is_zero(span->span_id)) return "a span id is zero";
    if (span->parent_span_id.len != 0 && span->parent_span_id.len != 8)
        return "a parent's span id is not 8 bytes long";
    if (span->start_unix_ns == 0) return "a span has no start time";
    if (span->start_unix_ns > INT64_MAX || span->end_unix_ns > INT64_MAX)
        return "a span's time lies beyond the year 2262";
    return NULL;
}

static void set_rows(struct span_state *state, struct batch *batch)
{
    int64_t rows;
    enum known_attribute which = state->known.found[KNOWN_WEIR_ROWS] ? KNOWN_WEIR_ROWS : KNOWN_DB_ROWS;
    if (!known_number(&state->known, which, &rows)) return;
    batch->rows_plus_1[state->index] = (uint64_t)rows + 1;
    state->known.used[which] = true;
}

static void set_site(struct span_state *state, struct batch *batch)
{
    struct str file = use(state, KNOWN_CODE_FILE), function = use(state, KNOWN_CODE_FUNCTION);
    int64_t line = 0;
    known_number(&state->known, KNOWN_CODE_LINE, &line);
    batch->span_site[state->index] =
        builder_site(state->mapping->builder, cut(file, NAME_BYTES_MAX), cut(function, NAME_BYTES_MAX),
                     line <= UINT32_MAX ? (uint32_t)line : 0);
    if (batch->span_site[state->index]) state->known.used[KNOWN_CODE_LINE] = true;
    if (file.len == 0) state->known.used[KNOWN_CODE_FILE] = false;
    if (function.len == 0) state->known.used[KNOWN_CODE_FUNCTION] = false;
}

/* weir.unread: an array of span ids in hex. */
static void set_unread(struct span_state *state)
{
    const struct otlp_attribute *found = state->known.found[KNOWN_WEIR_UNREAD];
    if (!found || found->value.type != OTLP_ARRAY) return;
    state->known.used[KNOWN_WEIR_UNREAD] = true;
    for (size_t i = 0; i < found->value.count && i < BATCH_UNREAD_MAX; i++) {
        uint64_t id;
        if (hex_of(found->value.values[i].text, &id) && id) builder_unread(state->mapping->builder, id);
    }
}

static uint32_t small_number(struct span_state *state, enum known_attribute which)
{
    int64_t number = 0;
    if (!known_number(&state->known, which, &number) || number > UINT32_MAX) return 0;
    state->known.used[which] = true;
    return (uint32_t)number;
}

/* Of another SDK's call no answer was ever compared with its input. */
static uint32_t evidence_flag(struct span_state *state)
{
    bool is_ours = state->known.found[KNOWN_WEIR_TYPE];
    bool partial = !is_ours || (state->known.found[KNOWN_WEIR_PARTIAL] &&
                                state->known.found[KNOWN_WEIR_PARTIAL]->value.integer);
    state->known.used[KNOWN_WEIR_PARTIAL] = is_ours;
    return state->is_call && partial ? SPAN_FLAG_PARTIAL_EVIDENCE : 0;
}

static void set_evidence(struct span_state *state, struct batch *batch)
{
    uint32_t i = state->index;
    bool is_ours = state->known.found[KNOWN_WEIR_TYPE];
    if (!state->is_call) return;
    batch->input_hash[i] = state->call.input_hash;
    batch->input_count[i] = state->call.input_count;
    if (!is_ours) return;
    batch->input_count[i] = small_number(state, KNOWN_WEIR_INPUT_COUNT);
    batch->connection[i] = small_number(state, KNOWN_WEIR_CONNECTION);
    hex_of(use(state, KNOWN_WEIR_ANSWER_HASH), &batch->answer_hash[i]);
    use(state, KNOWN_WEIR_INPUT_HASH);
    set_unread(state);
}

/* Where the sender does not say it, a server's parent is elsewhere. */
static bool has_remote_parent(const struct otlp_span *span)
{
    if (span->flags & OTLP_FLAG_REMOTE_KNOWN) return span->flags & OTLP_FLAG_REMOTE;
    return id_of(span->parent_span_id) &&
           (span->kind == SPAN_KIND_SERVER || span->kind == SPAN_KIND_CONSUMER);
}

static void set_columns(struct span_state *state, struct batch *batch, uint32_t scope)
{
    const struct otlp_span *span = state->span;
    struct batch_builder *builder = state->mapping->builder;
    uint32_t i = state->index;
    unsigned char trace_id[16];
    memcpy(trace_id, span->trace_id.data, sizeof trace_id);
    batch->span_trace[i] = builder_trace(builder, trace_id);
    batch->span_id[i] = id_of(span->span_id);
    batch->parent_span_id[i] = id_of(span->parent_span_id);
    batch->span_kind[i] = span->kind < BATCH_KINDS ? span->kind : 0;
    batch->span_operation[i] = builder_operation(builder, &state->call.operation);
    batch->duration_ns[i] =
        span->end_unix_ns > span->start_unix_ns ? span->end_unix_ns - span->start_unix_ns : 0;
    batch->status[i] = span->status < BATCH_STATUSES ? span->status : 0;
    batch->status_message[i] = builder_string(builder, cut(span->status_message, MESSAGE_BYTES_MAX));
    batch->flags[i] = (span->flags & 0xff) << SPAN_FLAGS_TRACE_SHIFT | evidence_flag(state) |
                      (has_remote_parent(span) ? (uint32_t)SPAN_FLAG_REMOTE_PARENT : 0);
    batch->span_scope[i] = scope;
    if (span->trace_state.len <= STATE_BYTES_MAX) {
        batch->trace_state[i] = builder_string(builder, span->trace_state);
        batch->span_sampling[i] = builder_threshold(builder, trace_state_threshold(span->trace_state));
    }
    batch->dropped_events[i] = span->dropped_events;
}

/* ---- events and links ---- */

static void add_events(struct span_state *state, struct batch *batch)
{
    const struct otlp_span *span = state->span;
    for (size_t i = 0; i < span->event_count; i++) {
        const struct otlp_event *event = &span->events[i];
        uint32_t before = state->dropped;
        if (event->time_unix_ns > INT64_MAX) {
            batch->dropped_events[state->index] = sum(batch->dropped_events[state->index], 1);
            continue;
        }
        builder_event(state->mapping->builder, (int64_t)event->time_unix_ns - (int64_t)span->start_unix_ns,
                      cut(event->name, NAME_BYTES_MAX), event->attributes.dropped);
        add_list(state, BUILDER_OF_EVENT, &event->attributes);
        if (state->dropped > before && batch->event_total)
            batch->event_dropped_attributes[batch->event_total - 1] =
                sum(event->attributes.dropped, state->dropped - before);
        state->dropped = before;
    }
}

static const struct otlp_attribute *find(const struct otlp_attributes *attributes, const char *key)
{
    for (size_t i = 0; i < attributes->count; i++)
        if (str_is(attributes->items[i].key, key)) return &attributes->items[i];
    return NULL;
}

static uint32_t link_number(const struct otlp_attributes *attributes, const char *key)
{
    const struct otlp_attribute *found = find(attributes, key);
    bool fits = found && found->value.type == OTLP_INT && found->value.integer >= 0 &&
                found->value.integer <= UINT32_MAX;
    return fits ? (uint32_t)found->value.integer : 0;
}

/* A link between an input and an answer, as libweir writes it. */
static bool is_value_link(const struct span_state *state, const struct otlp_link *link, enum link_kind *kind)
{
    const struct otlp_attribute *word = find(&link->attributes, "weir.link.kind");
    if (!word || !str_equal(link->trace_id, state->span->trace_id) || id_of(link->span_id) == 0) return false;
    *kind = str_is(word->value.text, "sequence") ? LINK_SEQUENCE
            : str_is(word->value.text, "list")   ? LINK_LIST
                                                 : LINK_VALUE;
    return word->value.type == OTLP_STRING;
}

static void add_span_link(struct span_state *state, struct batch *batch, const struct otlp_link *link)
{
    unsigned char trace_id[16] = {0};
    uint32_t before = state->dropped;
    if (link->trace_id.len == 16) memcpy(trace_id, link->trace_id.data, 16);
    builder_span_link(state->mapping->builder, trace_id, id_of(link->span_id),
                      link->trace_state.len <= STATE_BYTES_MAX ? link->trace_state : str_view("", 0),
                      link->flags & 0xff, link->attributes.dropped);
    add_list(state, BUILDER_OF_SPAN_LINK, &link->attributes);
    if (state->dropped > before && batch->span_link_total)
        batch->span_link_dropped_attributes[batch->span_link_total - 1] =
            sum(link->attributes.dropped, state->dropped - before);
    state->dropped = before;
}

static void add_links(struct span_state *state, struct batch *batch)
{
    uint32_t values = 0;
    for (size_t i = 0; i < state->span->link_count; i++) {
        const struct otlp_link *link = &state->span->links[i];
        enum link_kind kind;
        if (!state->is_call || !is_value_link(state, link, &kind))
            add_span_link(state, batch, link);
        else if (values++ < BATCH_LINKS_MAX)
            builder_link(state->mapping->builder, id_of(link->span_id), kind,
                         link_number(&link->attributes, "weir.link.column"),
                         link_number(&link->attributes, "weir.link.row"));
    }
    batch->dropped_span_links[state->index] = state->span->dropped_links;
}

/* ---- the whole ---- */

/* A clock that was set back while the span was open: it is kept, without a duration. */
static void note_set_back(struct span_state *state)
{
    const struct otlp_span *span = state->span;
    if (span->end_unix_ns >= span->start_unix_ns || span->end_unix_ns == 0) return;
    const struct otlp_value value = {.type = OTLP_INT,
                                     .integer = (int64_t)(span->start_unix_ns - span->end_unix_ns)};
    if (state->span->attributes.count < BATCH_ATTRIBUTES_MAX)
        add_attribute(state, BUILDER_OF_SPAN, str_of("weir.end_before_start_ns"), &value);
}

bool map_span(struct span_mapping *mapping, const struct otlp_span *span, uint32_t scope, const char **why)
{
    struct span_state state = {.mapping = mapping, .span = span, .text_left = MAPPING_SPAN_BYTES_MAX};
    struct batch *batch = &mapping->builder->batch;
    *why = what_is_wrong(span);
    if (*why) return false;
    arena_reset(mapping->scratch);
    known_attributes_find(&state.known, &span->attributes);
    map_operation(&state);
    if (!builder_span(mapping->builder, (int64_t)span->start_unix_ns, &state.index)) return false;
    set_columns(&state, batch, scope);
    set_rows(&state, batch);
    set_site(&state, batch);
    set_evidence(&state, batch);
    add_attributes(&state);
    note_set_back(&state);
    batch->dropped_attributes[state.index] = sum(span->attributes.dropped, state.dropped);
    state.dropped = 0;
    add_events(&state, batch);
    add_links(&state, batch);
    return !mapping->builder->failed;
}
