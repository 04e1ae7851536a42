/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/un.h>

static const struct {
    const char *variable, *standard;
} texts[] = {
#define X(name, variable, standard, what) {variable, standard},
    SETTING_TEXTS(X)
#undef X
};

enum text_setting {
#define X(name, variable, standard, what) TEXT_##name,
    SETTING_TEXTS(X)
#undef X
};

/* Empty counts as unset. */
static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static const char *setting_text(enum text_setting which) { return environment(texts[which].variable); }

static bool text_is(enum text_setting which, const char *word)
{
    const char *value = setting_text(which);
    return value && strcasecmp(value, word) == 0;
}

/* ---- numbers ---- */

static uint32_t clamp(uint64_t value, uint32_t least, uint32_t most)
{
    return value < least ? least : value > most ? most : (uint32_t)value;
}

static uint32_t number(uint32_t configured, const char *variable, uint32_t otherwise, uint32_t least,
                       uint32_t most)
{
    if (configured) return clamp(configured, least, most);
    const char *text = environment(variable);
    if (!text || *text < '0' || *text > '9') return otherwise;
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    return *end || errno ? otherwise : clamp(value, least, most);
}

static uint32_t power_of_two(uint32_t value)
{
    uint32_t power = 1;
    while (power < value) power *= 2;
    return power;
}

/* ---- endpoint ---- */

static bool is_port(struct str text)
{
    uint32_t value = 0;
    if (text.len == 0 || text.len > 5) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        value = value * 10 + (uint32_t)(text.data[i] - '0');
    }
    return value > 0 && value < 65536;
}

static bool is_host(struct str text)
{
    if (text.len == 0 || text.len > 255) return false;
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] <= ' ' || strchr(",/[]@?#", text.data[i])) return false;
    return true;
}

static bool is_path(struct str text)
{
    return text.len > 0 && text.len < sizeof((struct sockaddr_un *)NULL)->sun_path &&
           !memchr(text.data, 0, text.len);
}

static bool tcp_endpoint(struct str text, struct endpoint *endpoint)
{
    const char *colon = text.len ? memrchr(text.data, ':', text.len) : NULL;
    if (!colon) return false;
    struct str host = str_view(text.data, (size_t)(colon - text.data));
    struct str port = str_view(colon + 1, (size_t)(text.data + text.len - colon - 1));
    bool bracketed = host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']';
    if (bracketed) host = str_view(host.data + 1, host.len - 2);
    *endpoint = (struct endpoint){false, host, port};
    return is_host(host) && is_port(port) && (bracketed || !memchr(host.data, ':', host.len));
}

bool settings_endpoint(struct str text, struct endpoint *endpoint)
{
    bool is_ipc = str_starts(text, "ipc://");
    if (!is_ipc && !str_starts(text, "tcp://")) return false;
    text = str_view(text.data + 6, text.len - 6); /* both schemes have so many characters */
    if (!is_ipc) return tcp_endpoint(text, endpoint);
    *endpoint = (struct endpoint){true, text, str_view("", 0)};
    return is_path(text);
}

static bool add_endpoint(struct settings *settings, struct str text)
{
    if (settings->endpoint_count == ENDPOINTS_MAX) return false;
    struct endpoint *endpoint = &settings->endpoints[settings->endpoint_count++];
    if (!settings_endpoint(text, endpoint)) return false;
    endpoint->host = arena_str(&settings->arena, endpoint->host);
    endpoint->port = arena_str(&settings->arena, endpoint->port);
    return true;
}

/* A list separated by commas, blanks around them; every one must be good. */
static enum weir_status read_list(struct settings *settings, const char *at)
{
    settings->scheme = arena_str(&settings->arena, str_view(at, 3));
    for (;; at++) {
        at += strspn(at, " ");
        size_t len = strcspn(at, ","), shown = len;
        while (shown && at[shown - 1] == ' ') shown--;
        if (!add_endpoint(settings, str_view(at, shown))) return WEIR_BAD_ENDPOINT;
        at += len;
        if (*at == 0) return WEIR_OK;
    }
}

/* What stands before the first colon; empty when that is no scheme (RFC 3986, 3.1, in lower case). */
static struct str scheme_of(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+.-");
    return str_view(text, text[len] == ':' && *text >= 'a' ? len : 0);
}

/* Whatever is no list of tcp:// and ipc:// is one endpoint, and its output reads it. */
static enum weir_status read_endpoints(struct settings *settings, const char *configured)
{
    const char *text = configured && *configured ? configured : setting_text(TEXT_endpoint);
    if (!text) text = texts[TEXT_endpoint].standard;
    text += strspn(text, " ");
    struct str scheme = scheme_of(text);
    if (str_is(scheme, "tcp") || str_is(scheme, "ipc")) return read_list(settings, text);
    if (scheme.len == 0) return WEIR_BAD_ENDPOINT;
    settings->target = arena_str(&settings->arena, str_of(text));
    settings->scheme = str_view(settings->target.data, scheme.len);
    return WEIR_OK;
}

/* ---- resource ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decoded copy; a % without two digits stays as it is. */
static struct str decode(struct arena *arena, struct str text)
{
    char *to = arena_alloc(arena, text.len + 1);
    if (!to) return str_view("", 0);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int high = -1, low = -1;
        if (text.data[i] == '%' && i + 2 < text.len) {
            high = hex_digit(text.data[i + 1]);
            low = hex_digit(text.data[i + 2]);
        }
        if (high >= 0 && low >= 0) i += 2;
        to[len++] = high >= 0 && low >= 0 ? (char)(high << 4 | low) : text.data[i];
    }
    return str_view(to, len);
}

static struct str trim(struct str text)
{
    while (text.len && (*text.data == ' ' || *text.data == '\t'))
        text = str_view(text.data + 1, text.len - 1);
    while (text.len && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t')) text.len--;
    return text;
}

/* The later one of a key wins. */
static void resource_set(struct settings *settings, struct str key, struct str value)
{
    for (uint32_t i = 0; i < settings->resource_count; i++)
        if (str_equal(settings->resource[i].key, key)) {
            settings->resource[i].value = value;
            return;
        }
    if (settings->resource_count < SETTINGS_RESOURCE_MAX)
        settings->resource[settings->resource_count++] = (struct setting_pair){key, value};
}

/* "key=value,key=value"; pairs without a key or = are skipped. */
static void read_resource_attributes(struct settings *settings, struct str text)
{
    while (text.len) {
        const char *comma = memchr(text.data, ',', text.len);
        size_t len = comma ? (size_t)(comma - text.data) : text.len;
        const char *equals = memchr(text.data, '=', len);
        if (equals && equals > text.data) {
            struct str key = trim(str_view(text.data, (size_t)(equals - text.data)));
            struct str value = trim(str_view(equals + 1, (size_t)(text.data + len - equals - 1)));
            if (key.len)
                resource_set(settings, decode(&settings->arena, key), decode(&settings->arena, value));
        }
        text = str_view(text.data + len + (comma != NULL), text.len - len - (comma != NULL));
    }
}

static void set_text(struct settings *settings, const char *key, const char *value)
{
    if (value && *value) resource_set(settings, str_of(key), arena_str(&settings->arena, str_of(value)));
}

static void read_resource(struct settings *settings, const struct weir_config *config)
{
    struct str fallback = arena_printf(&settings->arena, "unknown_service:%s", program_invocation_short_name);
    resource_set(settings, str_of("service.name"), fallback);
    read_resource_attributes(settings, str_of(setting_text(TEXT_resource)));
    if (settings->resource[0].value.len == 0) settings->resource[0].value = fallback;
    set_text(settings, "service.name", setting_text(TEXT_service_name));
    set_text(settings, "service.name", config->service_name);
    set_text(settings, "service.version", config->service_version);
}

static enum weir_status settings_read(struct settings *settings, const struct weir_config *config)
{
    static const struct weir_config nothing;
    if (!config) config = &nothing;
    *settings = (struct settings){.disabled = text_is(TEXT_disabled, "true"),
                                  .debug = text_is(TEXT_log, "debug"),
                                  .evidence = !text_is(TEXT_evidence, "off")};
    arena_init(&settings->arena, SETTINGS_BYTES_MAX);
#define X(field, variable, otherwise, least, most, what)                                                     \
    settings->field = number(config->field, variable, otherwise, least, most);
    SETTING_NUMBERS(X)
#undef X
    settings->ring_bytes = power_of_two(settings->ring_bytes);
    settings->hash_key = arena_str(&settings->arena, str_of(setting_text(TEXT_hash_key)));
    read_resource(settings, config);
    enum weir_status status = read_endpoints(settings, config->endpoint);
    return arena_exhausted(&settings->arena) ? WEIR_NO_MEMORY : status;
}

enum weir_status settings_new(const struct weir_config *config, struct settings **settings)
{
    struct settings *read = *settings = malloc(sizeof *read);
    if (!read) return WEIR_NO_MEMORY;
    enum weir_status status = settings_read(read, config);
    if (status != WEIR_OK) {
        settings_free(read);
        *settings = NULL;
    }
    return status;
}

void settings_free(struct settings *settings)
{
    if (!settings) return;
    arena_fini(&settings->arena);
    free(settings);
}
