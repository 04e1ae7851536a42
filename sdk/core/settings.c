/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/core/settings.h"

#include "sdk/core/settings_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

enum text_setting {
#define X(name, variable, otherwise, standard, what) TEXT_##name,
    SETTING_TEXTS(X)
#undef X
};

static const struct {
    const char *variable, *otherwise, *standard;
} texts[] = {
#define X(name, variable, otherwise, standard, what) {variable, otherwise, standard},
    SETTING_TEXTS(X)
#undef X
};

#define VARIABLE(name)         texts[TEXT_##name].variable
#define STANDARD(name)         texts[TEXT_##name].standard
#define FROM_ENVIRONMENT(name) reader_environment(VARIABLE(name))

/* The text of a setting with two variables, and the name of the one it has it from. */
static const char *either_variable(enum text_setting which, const char **name)
{
    return reader_text(texts[which].variable, texts[which].otherwise, name);
}

static bool is_set(const char *configured) { return configured && *configured; }

static const char *either(const char *configured, const char *environment)
{
    return is_set(configured) ? configured : environment;
}

static struct str keep(struct settings *settings, const char *text)
{
    return arena_str(&settings->arena, str_of(text));
}

/* ---- numbers ---- */

#define QUEUE_SPAN_BYTES 200 /* OpenTelemetry's queue counts spans; our rings have bytes */

static uint32_t power_of_two(uint32_t value)
{
    uint32_t power = 1;
    while (power < value) power *= 2;
    return power;
}

static void read_queue(struct reader *reader)
{
    struct settings *settings = reader->settings;
    uint32_t spans = 0;
    if (!reader_number(reader, VARIABLE(queue_spans), 1, INT32_MAX, &spans)) return;
    if (settings->batch_span_limit > spans && reader_environment("OTEL_BSP_MAX_EXPORT_BATCH_SIZE"))
        settings_warn(reader->warnings, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE=%u is more than %s=%u",
                      settings->batch_span_limit, VARIABLE(queue_spans), spans);
    if (settings->batch_span_limit > spans) settings->batch_span_limit = spans;
    if (reader->config->ring_bytes || reader_environment("WEIR_RING_BYTES")) return;
    uint64_t bytes = (uint64_t)spans * QUEUE_SPAN_BYTES;
    settings->ring_bytes = bytes < RING_LEAST ? RING_LEAST : bytes > RING_MOST ? RING_MOST : (uint32_t)bytes;
}

static void read_numbers(struct reader *reader)
{
    struct settings *settings = reader->settings;
#define X(field, variable, otherwise, standard, least, most, what)                                           \
    settings->field = standard;                                                                              \
    if (!reader_configured(reader, #field, reader->config->field, least, most, &settings->field) &&          \
        !reader_number(reader, variable, least, most, &settings->field))                                     \
        reader_number(reader, otherwise, least, most, &settings->field);
    SETTING_NUMBERS(X)
#undef X
    read_queue(reader);
    if (settings->batch_span_limit > BATCH_SPANS_MOST) settings->batch_span_limit = BATCH_SPANS_MOST;
    settings->ring_bytes = power_of_two(settings->ring_bytes);
}

/* ---- words ---- */

static const struct reader_word on_off[] = {{"on", WEIR_SWITCH_ON}, {"off", WEIR_SWITCH_OFF}, {0}};
static const struct reader_word logs[] = {
    {"none", WEIR_LOG_NONE}, {"warn", WEIR_LOG_WARN}, {"debug", WEIR_LOG_DEBUG}, {0}};
static const struct reader_word clocks[] = {{"auto", WEIR_CLOCK_AUTO}, {"system", WEIR_CLOCK_SYSTEM}, {0}};
static const struct reader_word samplers[] = {
#define X(name, number, text) {text, number},
    WEIR_SAMPLERS(X)
#undef X
        {0}};

/* A field of struct weir_config that is an enum, else the variable's word, else the default. */
static int choose(struct reader *reader, int configured, const char *variable,
                  const struct reader_word *words, int standard)
{
    const struct reader_word *word = words;
    while (word->word && word->number != configured) word++;
    if (word->word) return configured;
    if (configured)
        settings_warn(reader->warnings, "%d in weir_config is ignored: %s has no such value", configured,
                      variable);
    reader_word(reader, variable, reader_environment(variable), words, &standard);
    return standard;
}

/* Only "true" is true, in any case; anything but that and "false" is warned of. */
static bool read_disabled(struct reader *reader)
{
    static const struct reader_word booleans[] = {{"true", true}, {"false", false}, {0}};
    int disabled = false;
    if (reader->config->disabled) return reader->config->disabled == WEIR_SWITCH_ON;
    reader_word(reader, VARIABLE(disabled), FROM_ENVIRONMENT(disabled), booleans, &disabled);
    return disabled;
}

static void read_words(struct reader *reader)
{
    struct settings *settings = reader->settings;
    const struct weir_config *config = reader->config;
    settings->disabled = read_disabled(reader);
    settings->evidence =
        choose(reader, (int)config->evidence, VARIABLE(evidence), on_off, WEIR_SWITCH_ON) == WEIR_SWITCH_ON;
    int log = choose(reader, (int)config->log, VARIABLE(log), logs, WEIR_LOG_NONE);
    settings->debug = log == WEIR_LOG_DEBUG;
    reader->warnings->are_wanted = log != WEIR_LOG_NONE;
    settings->clock =
        (enum weir_clock)choose(reader, (int)config->clock, VARIABLE(clock), clocks, WEIR_CLOCK_AUTO);
    settings->hash_key = keep(settings, either(config->hash_key, FROM_ENVIRONMENT(hash_key)));
}

/* ---- sampler ---- */

static bool is_ratio(enum weir_sampler sampler)
{
    return sampler == WEIR_SAMPLER_TRACEIDRATIO || sampler == WEIR_SAMPLER_PARENTBASED_TRACEIDRATIO;
}

/* A ratio from the program, brought into range; false: none. */
static bool configured_ratio(struct reader *reader, double *ratio)
{
    double value = reader->config->sample_ratio;
    if (value == 0) return false;
    *ratio = value > 0 ? value < 1 ? value : 1 : 0;
    if (!(value > 0 && value <= 1))
        settings_warn(reader->warnings, "weir_config.sample_ratio is %g, not within 0 and 1: %g is taken",
                      value, *ratio);
    return true;
}

static void read_sampler(struct reader *reader)
{
    struct settings *settings = reader->settings;
    settings->sample_ratio = 1;
    settings->sampler = (enum weir_sampler)choose(reader, (int)reader->config->sampler, VARIABLE(sampler),
                                                  samplers, WEIR_SAMPLER_PARENTBASED_ALWAYS_ON);
    bool takes_ratio = is_ratio(settings->sampler);
    if (configured_ratio(reader, &settings->sample_ratio)) {
        if (!takes_ratio)
            settings_warn(reader->warnings, "weir_config.sample_ratio is ignored: the sampler has none");
    } else if (takes_ratio) {
        reader_decimal(reader, VARIABLE(sampler_arg), 0, 1, &settings->sample_ratio);
    } else if (FROM_ENVIRONMENT(sampler_arg)) {
        settings_warn(reader->warnings, "%s is ignored: the sampler has no argument", VARIABLE(sampler_arg));
    }
}

/* ---- propagators ---- */

static void read_propagators(struct reader *reader)
{
    static const struct reader_word words[] = {
        {"tracecontext", PROPAGATE_TRACE_CONTEXT}, {"baggage", PROPAGATE_BAGGAGE}, {"none", 0}, {0}};
    const char *configured = reader->config->propagators,
               *text = either(configured, FROM_ENVIRONMENT(propagators)),
               *name = is_set(configured) ? "weir_config.propagators" : VARIABLE(propagators);
    bool understood = false;
    int propagators = 0;
    for (struct str rest = str_of(text); rest.len;) {
        struct str part = setting_next(&rest);
        struct str word = arena_str(&reader->settings->arena, part);
        int number = 0;
        if (part.len == 0 || !word.data) continue;
        if (!reader_word(reader, name, word.data, words, &number)) continue;
        understood = true;
        propagators |= number;
    }
    reader->settings->propagators =
        (uint8_t)(understood ? propagators : PROPAGATE_TRACE_CONTEXT | PROPAGATE_BAGGAGE);
}

/* ---- resource ---- */

static void read_pairs(struct reader *reader, struct setting_pairs *pairs, const char *name, const char *text)
{
    const char *wrong = text ? setting_pairs_read(pairs, &reader->settings->arena, str_of(text)) : NULL;
    if (wrong) settings_warn(reader->warnings, "%s: %s", name, wrong);
}

static void set_text(struct setting_pairs *pairs, struct settings *settings, const char *key,
                     const char *value)
{
    if (value && *value) setting_pairs_set(pairs, str_of(key), keep(settings, value));
}

/* From what says least of this program to what says most. */
static void read_resource(struct reader *reader)
{
    struct settings *settings = reader->settings;
    const struct weir_config *config = reader->config;
    struct setting_pairs pairs = {settings->resource, 0, SETTINGS_RESOURCE_MAX};
    struct str fallback = arena_printf(&settings->arena, "unknown_service:%s", program_invocation_short_name);
    setting_pairs_set(&pairs, str_of("service.name"), fallback);
    read_pairs(reader, &pairs, VARIABLE(resource_attributes), FROM_ENVIRONMENT(resource_attributes));
    set_text(&pairs, settings, "service.name", FROM_ENVIRONMENT(service_name));
    read_pairs(reader, &pairs, "weir_config.resource_attributes", config->resource_attributes);
    set_text(&pairs, settings, "service.name", config->service_name);
    set_text(&pairs, settings, "service.version", config->service_version);
    if (settings->resource[0].value.len == 0) settings->resource[0].value = fallback;
    settings->resource_count = pairs.count;
}

/* ---- where to ---- */

static enum weir_status read_list(struct settings *settings, struct str list)
{
    settings->scheme = arena_str(&settings->arena, endpoint_scheme(list));
    bool has_more;
    do {
        has_more = memchr(list.data, ',', list.len) != NULL;
        struct str part = setting_next(&list);
        struct endpoint *endpoint = &settings->endpoints[settings->endpoint_count];
        if (settings->endpoint_count++ == ENDPOINTS_MAX || !endpoint_parse(part, endpoint))
            return WEIR_BAD_ENDPOINT;
        endpoint->host = arena_str(&settings->arena, endpoint->host);
        endpoint->port = arena_str(&settings->arena, endpoint->port);
    } while (has_more);
    return WEIR_OK;
}

/* The URL with v1/traces behind it, unless it names a path of its own and may. */
static struct str traces_url(struct settings *settings, struct str url, bool keep_path)
{
    size_t host = str_starts(url, "https://") ? 8 : 7;
    const char *path = memchr(url.data + host, '/', url.len - host);
    bool has_path = path && path + 1 < url.data + url.len;
    if (has_path && keep_path) return arena_str(&settings->arena, url);
    bool has_slash = url.data[url.len - 1] == '/';
    return arena_printf(&settings->arena, "%.*s%sv1/traces", STR_ARG(url), has_slash ? "" : "/");
}

/* WEIR_ENDPOINT, or what weir_init was given. A list is one of tcp and ipc; all else is an output's to read. */
static enum weir_status read_endpoint(struct settings *settings, const char *text)
{
    struct str whole = setting_trim(str_of(text)), scheme = endpoint_scheme(whole);
    if (scheme.len == 0) return WEIR_BAD_ENDPOINT;
    if (str_is(scheme, "tcp") || str_is(scheme, "ipc")) return read_list(settings, whole);
    bool is_web = str_is(scheme, "http") || str_is(scheme, "https");
    if (is_web && !endpoint_is_http(whole)) return WEIR_BAD_ENDPOINT;
    settings->target = is_web ? traces_url(settings, whole, true) : arena_str(&settings->arena, whole);
    settings->scheme = arena_str(&settings->arena, scheme);
    return WEIR_OK;
}

/* A URL from the environment, if it is one. */
static bool otlp_url(struct reader *reader, const char *variable, struct str *url)
{
    char shown[SETTINGS_SHOWN_BYTES];
    *url = setting_trim(str_of(reader_environment(variable)));
    if (url->len == 0 || endpoint_is_http(*url)) return url->len > 0;
    settings_warn(reader->warnings, "%s=%s is ignored: it is no http:// or https:// URL", variable,
                  settings_show(*url, shown));
    return false;
}

/* OpenTelemetry's own variables for where to. False: none of them says anything. */
static bool read_otlp_endpoint(struct reader *reader, struct str *target)
{
    struct str url;
    bool special = otlp_url(reader, VARIABLE(otlp_traces_endpoint), &url);
    if (special) *target = arena_str(&reader->settings->arena, url); /* as it is */
    if (special) return true;
    if (!otlp_url(reader, VARIABLE(otlp_endpoint), &url)) return false;
    *target = traces_url(reader->settings, url, false);
    return true;
}

enum exporter_word { EXPORTER_UNSET, EXPORTER_WEIR, EXPORTER_OTLP, EXPORTER_CONSOLE, EXPORTER_NONE };

/* What the environment says where WEIR_ENDPOINT is unset. */
static enum weir_status read_exporter(struct reader *reader)
{
    static const struct reader_word words[] = {{"weir", EXPORTER_WEIR},
                                               {"otlp", EXPORTER_OTLP},
                                               {"console", EXPORTER_CONSOLE},
                                               {"none", EXPORTER_NONE},
                                               {0}};
    struct settings *settings = reader->settings;
    struct str target = traces_url(settings, str_of(STANDARD(otlp_endpoint)), false);
    int word = EXPORTER_UNSET;
    reader_word(reader, VARIABLE(traces_exporter), FROM_ENVIRONMENT(traces_exporter), words, &word);
    bool has_otlp = (word == EXPORTER_UNSET || word == EXPORTER_OTLP) && read_otlp_endpoint(reader, &target);
    if (word == EXPORTER_NONE) settings->disabled = true;
    if (word == EXPORTER_CONSOLE) return read_endpoint(settings, "stderr:");
    if (word != EXPORTER_OTLP && !has_otlp) return read_endpoint(settings, STANDARD(endpoint));
    settings->target = target;
    settings->scheme = arena_str(&settings->arena, endpoint_scheme(target));
    return WEIR_OK;
}

/* ---- OTLP ---- */

/* RFC 9110: a token, and text without control characters; else somebody could write headers of their own. */
static bool is_header(const struct setting_pair *pair)
{
    for (size_t i = 0; i < pair->key.len; i++)
        if (pair->key.data[i] <= ' ' || pair->key.data[i] > '~' ||
            strchr("\"(),/:;<=>?@[\\]{}", pair->key.data[i]))
            return false;
    for (size_t i = 0; i < pair->value.len; i++)
        if ((unsigned char)pair->value.data[i] < ' ' || pair->value.data[i] == 0x7f) return false;
    return true;
}

#define HEADERS_MAX 32

/* Values may be secrets: no warning shows them. */
static void read_headers(struct reader *reader)
{
    struct settings *settings = reader->settings;
    struct setting_pair headers[HEADERS_MAX];
    struct setting_pairs pairs = {headers, 0, HEADERS_MAX};
    const char *name, *text = either_variable(TEXT_otlp_headers, &name);
    if (is_set(reader->config->otlp_headers)) name = "weir_config.otlp_headers";
    read_pairs(reader, &pairs, name, either(reader->config->otlp_headers, text));
    for (uint32_t i = 0; i < pairs.count; i++) {
        if (!is_header(&headers[i]))
            settings_warn(reader->warnings, "%s: element %u is no HTTP header and is left out", name, i + 1);
        else
            settings->otlp_headers =
                arena_printf(&settings->arena, "%.*s%.*s: %.*s\n", STR_ARG(settings->otlp_headers),
                             STR_ARG(headers[i].key), STR_ARG(headers[i].value));
    }
}

static void read_otlp(struct reader *reader)
{
    static const struct reader_word compressions[] = {
        {"none", WEIR_SWITCH_OFF}, {"gzip", WEIR_SWITCH_ON}, {0}};
    static const struct reader_word protocols[] = {{"http/protobuf", 0}, {0}};
    struct settings *settings = reader->settings;
    const struct weir_config *config = reader->config;
    const char *name, *text = either_variable(TEXT_otlp_compression, &name);
    int gzip = WEIR_SWITCH_OFF, protocol;
    reader_word(reader, name, text, compressions, &gzip);
    if (config->otlp_gzip) gzip = (int)config->otlp_gzip;
    text = either_variable(TEXT_otlp_protocol, &name);
    reader_word(reader, name, text, protocols, &protocol);
    read_headers(reader);
    settings->otlp_compression = str_of(gzip == WEIR_SWITCH_ON ? "gzip" : "none");
    settings->otlp_timeout = arena_printf(&settings->arena, "%u", settings->otlp_timeout_ms);
#define FILE_OF(field)                                                                                       \
    settings->field = keep(settings, either(config->field, either_variable(TEXT_##field, &name)))
    FILE_OF(otlp_certificate);
    FILE_OF(otlp_client_certificate);
    FILE_OF(otlp_client_key);
#undef FILE_OF
}

/* ---- the whole ---- */

/* A program built against a newer header has set something that this libweir does not know. */
static void check_reserved(struct reader *reader)
{
    const struct weir_config *config = reader->config;
    bool unknown = config->reserved_alignment != 0;
    for (size_t i = 0; i < sizeof config->reserved / sizeof config->reserved[0]; i++)
        unknown |= config->reserved[i] != 0;
    if (unknown)
        settings_warn(reader->warnings,
                      "struct weir_config has a field set that this libweir does not know: it is older than "
                      "the program's weir.h, or the struct was not zeroed");
}

static enum weir_status settings_read(struct reader *reader)
{
    struct settings *settings = reader->settings;
    *settings = (struct settings){0};
    arena_init(&settings->arena, SETTINGS_BYTES_MAX);
    check_reserved(reader);
    read_numbers(reader);
    read_words(reader);
    read_sampler(reader);
    read_propagators(reader);
    read_resource(reader);
    const char *endpoint = either(reader->config->endpoint, FROM_ENVIRONMENT(endpoint));
    enum weir_status status = endpoint ? read_endpoint(settings, endpoint) : read_exporter(reader);
    if (str_is(settings->scheme, "http") || str_is(settings->scheme, "https")) read_otlp(reader);
    return arena_exhausted(&settings->arena) ? WEIR_NO_MEMORY : status;
}

enum weir_status settings_new(const struct weir_config *config, struct settings_warnings *warnings,
                              struct settings **settings)
{
    static const struct weir_config nothing;
    struct reader reader = {malloc(sizeof *reader.settings), config ? config : &nothing, warnings};
    *warnings = (struct settings_warnings){0};
    *settings = NULL;
    if (!reader.settings) return WEIR_NO_MEMORY;
    enum weir_status status = settings_read(&reader);
    if (status == WEIR_OK)
        *settings = reader.settings;
    else
        settings_free(reader.settings);
    return status;
}

void settings_free(struct settings *settings)
{
    if (!settings) return;
    arena_fini(&settings->arena);
    free(settings);
}

const char *settings_text(const struct settings *settings, const char *name)
{
    struct str text = strcmp(name, "endpoint") == 0 ? settings->target : str_view(NULL, 0);
#define X(field)                                                                                             \
    if (strcmp(name, #field) == 0) text = settings->field;
    SETTING_OUTPUT_TEXTS(X)
#undef X
    return text.len ? text.data : NULL;
}
