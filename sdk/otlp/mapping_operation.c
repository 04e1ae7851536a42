/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/otlp/mapping_operation.h"

#include "sdk/otlp/values.h"

/* ---- attributes ---- */

static void add(struct mapping_operation *to, const char *key, struct otlp_value value)
{
    to->attributes[to->count++] = (struct otlp_attribute){str_of(key), value};
}

/* ---- HTTP ---- */

/* What a method may be called in a name and in http.request.method: other words are of any number. */
static bool is_method(struct str word)
{
    static const char *const methods[] = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                          "CONNECT", "OPTIONS", "TRACE", "PATCH"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (str_is(word, methods[i])) return true;
    return false;
}

static struct str first_word(struct str text, struct str *rest)
{
    const char *blank = text.len ? memchr(text.data, ' ', text.len) : NULL;
    size_t len = blank ? (size_t)(blank - text.data) : text.len;
    *rest = str_view(text.data + len + (blank != NULL), text.len - len - (blank != NULL));
    return str_view(text.data, len);
}

static void add_method(struct arena *arena, struct mapping_operation *to, struct str method, struct str rest)
{
    bool known = is_method(method);
    add(to, "http.request.method", text_value(known ? method : str_of("_OTHER")));
    if (known) return;
    add(to, "http.request.method_original", text_value(method));
    to->name = arena_printf(arena, "HTTP%s%.*s", rest.len ? " " : "", STR_ARG(rest));
}

/* "inventory:8081", "[::1]:80", "inventory" */
static void add_server(struct mapping_operation *to, struct str host)
{
    size_t len = host.len;
    while (len && host.data[len - 1] >= '0' && host.data[len - 1] <= '9') len--;
    int64_t port = -1;
    if (len > 1 && host.data[len - 1] == ':' && (!memchr(host.data, ':', len - 1) || host.data[0] == '['))
        port = number_of(str_view(host.data + len, host.len - len), 65535);
    struct str address = port < 0 ? host : str_view(host.data, len - 1);
    if (address.len > 2 && address.data[0] == '[' && address.data[address.len - 1] == ']')
        address = str_view(address.data + 1, address.len - 2);
    if (address.len) add(to, "server.address", text_value(address));
    if (port >= 0) add(to, "server.port", int_value(port));
}

static void map_http(struct arena *arena, const struct operation *from, struct mapping_operation *to)
{
    struct str template, method = first_word(from->text, &template);
    add_method(arena, to, method, template);
    if (template.len) add(to, "url.template", text_value(template));
    add_server(to, from->system);
}

/* "GET /items/{id}"; a server span without a method, or without a route, has one of them alone. */
static void map_endpoint(struct arena *arena, const struct operation *from, struct mapping_operation *to)
{
    struct str route, method = first_word(from->text, &route);
    if (route.len == 0 && !is_method(method)) return;
    add_method(arena, to, method, route);
    if (route.len) add(to, "http.route", text_value(route));
}

/* ---- databases and caches ---- */

static void add_system(const struct operation *from, struct mapping_operation *to)
{
    if (from->system.len) add(to, "db.system.name", text_value(from->system));
}

static void map_db(struct arena *arena, const struct operation *from, struct mapping_operation *to)
{
    struct str summary = operation_summary(from, arena);
    add_system(from, to);
    add(to, "db.query.text", text_value(from->text));
    if (summary.len) add(to, "db.query.summary", text_value(summary));
    to->name = summary.len ? summary : from->system.len ? from->system : str_of("query");
    to->reads_rows = !operation_is_write(from) && !operation_is_transaction(from);
}

static void map_cache(const struct operation *from, struct mapping_operation *to)
{
    struct str rest, command = first_word(from->text, &rest);
    add_system(from, to);
    if (command.len) add(to, "db.operation.name", text_value(command));
    add(to, "db.query.text", text_value(from->text));
}

/* ---- all of them ---- */

static void add_type(const struct operation *from, struct mapping_operation *to)
{
    static const char *const types[] = {
#define X(name, word) word,
        OPERATION_TYPES(X)
#undef X
    };
    if (operation_is_call(from->type) || from->type == OPERATION_CONNECT)
        add(to, "weir.operation.type", text_value(str_of(types[from->type])));
}

void mapping_operation(struct arena *arena, const struct operation *from, struct mapping_operation *to)
{
    to->name = from->text;
    add_type(from, to);
    switch (from->type) {
    case OPERATION_ENDPOINT:
        map_endpoint(arena, from, to);
        break;
    case OPERATION_DB:
        map_db(arena, from, to);
        break;
    case OPERATION_HTTP:
        map_http(arena, from, to);
        break;
    case OPERATION_CACHE:
        map_cache(from, to);
        break;
    case OPERATION_CONNECT:
        add_system(from, to);
        to->name = operation_label(from, arena);
        break;
    case OPERATION_SPAN:
    case OPERATION_TYPE_COUNT:
        break;
    }
    if (to->name.len == 0) to->name = str_of("span");
}
