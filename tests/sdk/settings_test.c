/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cmocka.h"

#include "sdk/core/settings.h"

#include <stdlib.h>

static const char *const variables[] = {
#define X(name, variable, otherwise, standard, what) variable, otherwise,
    SETTING_TEXTS(X)
#undef X
#define X(field, variable, otherwise, standard, least, most, what) variable, otherwise,
        SETTING_NUMBERS(X)
#undef X
};

static struct settings_warnings warnings;

static int clear_environment(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        if (*variables[i]) unsetenv(variables[i]);
    return 0;
}

/* What the environment gives, which must be something. */
static struct settings *read_with(const struct weir_config *config)
{
    struct settings *settings;
    assert_int_equal(settings_new(config, &warnings, &settings), WEIR_OK);
    assert_non_null(settings);
    return settings;
}

static struct settings *read_environment(void) { return read_with(NULL); }

static void expect_no_warning(void) { assert_string_equal(warnings.text, ""); }

static void expect_warning(const char *words)
{
    if (!strstr(warnings.text, words)) fail_msg("no warning of %s in: %s", words, warnings.text);
}

static const char *resource(const struct settings *settings, const char *key)
{
    static char text[256];
    for (uint32_t i = 0; i < settings->resource_count; i++)
        if (str_is(settings->resource[i].key, key)) {
            struct str value = settings->resource[i].value;
            memcpy(text, value.data, value.len);
            text[value.len] = 0;
            return text;
        }
    return "(none)";
}

static void defaults(void **state)
{
    (void)state;
    struct settings *settings;
    assert_int_equal(settings_new(NULL, &warnings, &settings), WEIR_OK);
    assert_int_equal(settings->export_interval_ms, 100);
    assert_int_equal(settings->ring_bytes, 1 << 20);
    assert_int_equal(settings->shutdown_timeout_ms, 2000);
    assert_string_equal(settings->endpoints[0].host.data, "127.0.0.1");
    assert_string_equal(settings->endpoints[0].port.data, "5140");
    assert_string_equal(resource(settings, "service.name"), "unknown_service:sdk_settings_test");
    assert_true(settings->evidence);
    assert_false(settings->disabled || settings->debug);
    settings_free(settings);
}

static void environment_then_argument(void **state)
{
    (void)state;
    struct settings *settings;
    setenv("WEIR_EXPORT_INTERVAL", "250", 1);
    setenv("WEIR_RING_BYTES", "100000", 1);
    setenv("WEIR_SHUTDOWN_TIMEOUT", "3000", 1);
    setenv("WEIR_EVIDENCE", "off", 1);
    setenv("WEIR_ENDPOINT", "tcp://collector.example:7000", 1);
    setenv("OTEL_SDK_DISABLED", "TRUE", 1);
    struct weir_config config = {.export_interval_ms = 20, .endpoint = "tcp://[::1]:9"};
    assert_int_equal(settings_new(NULL, &warnings, &settings), WEIR_OK);
    assert_int_equal(settings->export_interval_ms, 250);
    assert_int_equal(settings->ring_bytes, 131072); /* up to a power of two */
    assert_int_equal(settings->shutdown_timeout_ms, 3000);
    expect_no_warning();
    assert_string_equal(settings->endpoints[0].host.data, "collector.example");
    assert_true(settings->disabled && !settings->evidence);
    settings_free(settings);
    assert_int_equal(settings_new(&config, &warnings, &settings), WEIR_OK);
    assert_int_equal(settings->export_interval_ms, 20);
    assert_string_equal(settings->endpoints[0].host.data, "::1");
    settings_free(settings);
}

static void empty_and_wrong_numbers_count_as_unset(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",   "ten", "-5",   "10ms", "99999999999999999999999",
                                        " 7", "0",   "60001"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct settings *settings;
        setenv("WEIR_EXPORT_INTERVAL", wrong[i], 1);
        setenv("WEIR_ENDPOINT", "", 1);
        setenv("OTEL_SERVICE_NAME", "", 1);
        setenv("OTEL_SDK_DISABLED", "", 1);
        assert_int_equal(settings_new(NULL, &warnings, &settings), WEIR_OK);
        assert_int_equal(settings->export_interval_ms, 100);
        assert_false(settings->disabled);
        if (*wrong[i])
            expect_warning("WEIR_EXPORT_INTERVAL=");
        else
            expect_no_warning();
        settings_free(settings);
    }
}

static void resources(void **state)
{
    (void)state;
    struct settings *settings;
    setenv("OTEL_RESOURCE_ATTRIBUTES",
           "service.name=from-list,service.version=1.2%2C3, deployment.environment.name = prod ,,"
           "service.instance.id=i%201,empty=,service.version=4,",
           1);
    settings = read_environment();
    expect_no_warning();
    assert_string_equal(resource(settings, "service.name"), "from-list");
    assert_string_equal(resource(settings, "service.version"), "4"); /* the later one */
    assert_string_equal(resource(settings, "deployment.environment.name"), "prod");
    assert_string_equal(resource(settings, "service.instance.id"), "i 1");
    assert_string_equal(resource(settings, "empty"), "");
    settings_free(settings);

    setenv("OTEL_SERVICE_NAME", "from-name", 1);
    assert_int_equal(settings_new(NULL, &warnings, &settings), WEIR_OK);
    assert_string_equal(resource(settings, "service.name"), "from-name");
    settings_free(settings);

    struct weir_config config = {.service_name = "from-code", .service_version = "9"};
    assert_int_equal(settings_new(&config, &warnings, &settings), WEIR_OK);
    assert_string_equal(resource(settings, "service.name"), "from-code");
    assert_string_equal(resource(settings, "service.version"), "9");
    settings_free(settings);
}

#define THIRTY_BYTES "/a/folder/of/exactly/30/bytes/"
#define TOO_LONG_PATH                                                                                        \
    "ipc://" THIRTY_BYTES THIRTY_BYTES THIRTY_BYTES THIRTY_BYTES /* a socket's path has 107 */

static void a_mistake_discards_all_resource_attributes(void **state)
{
    (void)state;
    static const char *const wrong[] = {"a=b,broken", "a=b,=x",    "a=b,c=100%",
                                        "a=b,c=%4",   "a=b,c=%gg", "a=b,c=%00"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        setenv("OTEL_RESOURCE_ATTRIBUTES", wrong[i], 1);
        struct settings *settings = read_environment();
        expect_warning("OTEL_RESOURCE_ATTRIBUTES: ");
        assert_string_equal(resource(settings, "a"), "(none)");
        settings_free(settings);
    }
}

static void the_program_wins_key_by_key(void **state)
{
    (void)state;
    setenv("OTEL_RESOURCE_ATTRIBUTES", "a=environment,b=environment,service.name=x", 1);
    setenv("OTEL_SERVICE_NAME", "environment", 1);
    struct settings *settings =
        read_with(&(struct weir_config){.resource_attributes = "b=program,service.name=program"});
    assert_string_equal(resource(settings, "a"), "environment");
    assert_string_equal(resource(settings, "b"), "program");
    assert_string_equal(resource(settings, "service.name"), "program");
    settings_free(settings);
}

static void only_true_is_true(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool disabled, warned;
    } cases[] = {{"true", true, false},   {"TRUE", true, false}, {"True", true, false},
                 {"false", false, false}, {"", false, false},    {"FALSE", false, false},
                 {"1", false, true},      {"yes", false, true},  {"on", false, true},
                 {"true ", false, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        setenv("OTEL_SDK_DISABLED", cases[i].text, 1);
        struct settings *settings = read_environment();
        assert_int_equal(settings->disabled, cases[i].disabled);
        if (cases[i].warned)
            expect_warning("OTEL_SDK_DISABLED=");
        else
            expect_no_warning();
        settings_free(settings);
    }
    setenv("OTEL_SDK_DISABLED", "true", 1);
    struct settings *settings = read_with(&(struct weir_config){.disabled = WEIR_SWITCH_OFF});
    assert_false(settings->disabled);
    settings_free(settings);
}

static void samplers(void **state)
{
    (void)state;
    static const struct {
        const char *sampler, *argument, *warning;
        enum weir_sampler expected;
        double ratio;
    } cases[] = {
        {"", "", NULL, WEIR_SAMPLER_PARENTBASED_ALWAYS_ON, 1},
        {"always_on", "", NULL, WEIR_SAMPLER_ALWAYS_ON, 1},
        {"Always_Off", "", NULL, WEIR_SAMPLER_ALWAYS_OFF, 1},
        {"traceidratio", "0.25", NULL, WEIR_SAMPLER_TRACEIDRATIO, 0.25},
        {"traceidratio", "", NULL, WEIR_SAMPLER_TRACEIDRATIO, 1},
        {"traceidratio", "0", NULL, WEIR_SAMPLER_TRACEIDRATIO, 0},
        {"traceidratio", "1e-3", NULL, WEIR_SAMPLER_TRACEIDRATIO, 0.001},
        {"traceidratio", ".5", NULL, WEIR_SAMPLER_TRACEIDRATIO, 0.5},
        {"traceidratio", "1.5", "OTEL_TRACES_SAMPLER_ARG=1.5", WEIR_SAMPLER_TRACEIDRATIO, 1},
        {"traceidratio", "-0.5", "OTEL_TRACES_SAMPLER_ARG=-0.5", WEIR_SAMPLER_TRACEIDRATIO, 1},
        {"traceidratio", "nan", "OTEL_TRACES_SAMPLER_ARG=nan", WEIR_SAMPLER_TRACEIDRATIO, 1},
        {"traceidratio", "0x1p-2", "OTEL_TRACES_SAMPLER_ARG=0x1p-2", WEIR_SAMPLER_TRACEIDRATIO, 1},
        {"traceidratio", "0,5", "OTEL_TRACES_SAMPLER_ARG=0,5", WEIR_SAMPLER_TRACEIDRATIO, 1},
        {"parentbased_always_off", "", NULL, WEIR_SAMPLER_PARENTBASED_ALWAYS_OFF, 1},
        {"parentbased_always_on", "", NULL, WEIR_SAMPLER_PARENTBASED_ALWAYS_ON, 1},
        {"parentbased_traceidratio", "0.1", NULL, WEIR_SAMPLER_PARENTBASED_TRACEIDRATIO, 0.1},
        {"jaeger_remote", "",
         "OTEL_TRACES_SAMPLER=jaeger_remote is ignored: it is none of always_on, always_off",
         WEIR_SAMPLER_PARENTBASED_ALWAYS_ON, 1},
        {"", "0.1", "OTEL_TRACES_SAMPLER_ARG is ignored", WEIR_SAMPLER_PARENTBASED_ALWAYS_ON, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        setenv("OTEL_TRACES_SAMPLER", cases[i].sampler, 1);
        setenv("OTEL_TRACES_SAMPLER_ARG", cases[i].argument, 1);
        struct settings *settings = read_environment();
        assert_int_equal(settings->sampler, cases[i].expected);
        assert_true(settings->sample_ratio == cases[i].ratio);
        if (cases[i].warning)
            expect_warning(cases[i].warning);
        else
            expect_no_warning();
        settings_free(settings);
    }
}

static void the_program_chooses_the_sampler(void **state)
{
    (void)state;
    setenv("OTEL_TRACES_SAMPLER", "always_off", 1);
    struct settings *settings = read_with(&(struct weir_config){
        .sampler = WEIR_SAMPLER_TRACEIDRATIO, .sample_ratio = 0.5, .sample_rate_limit = 7});
    expect_no_warning();
    assert_int_equal(settings->sampler, WEIR_SAMPLER_TRACEIDRATIO);
    assert_true(settings->sample_ratio == 0.5);
    assert_int_equal(settings->sample_rate_limit, 7);
    settings_free(settings);
    settings = read_with(&(struct weir_config){.sampler = (enum weir_sampler)99, .sample_ratio = 3});
    expect_warning("99 in weir_config");
    expect_warning("sample_ratio is 3");
    assert_int_equal(settings->sampler, WEIR_SAMPLER_ALWAYS_OFF);
    settings_free(settings);
}

static void propagators(void **state)
{
    (void)state;
    enum { BOTH = PROPAGATE_TRACE_CONTEXT | PROPAGATE_BAGGAGE };
    static const struct {
        const char *text, *warning;
        int expected;
    } cases[] = {{"", NULL, BOTH},
                 {"tracecontext", NULL, PROPAGATE_TRACE_CONTEXT},
                 {"baggage,baggage", NULL, PROPAGATE_BAGGAGE},
                 {" baggage , TraceContext ", NULL, BOTH},
                 {"none", NULL, 0},
                 {"b3,tracecontext", "OTEL_PROPAGATORS=b3", PROPAGATE_TRACE_CONTEXT},
                 {"b3multi", "OTEL_PROPAGATORS=b3multi", BOTH}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        setenv("OTEL_PROPAGATORS", cases[i].text, 1);
        struct settings *settings = read_environment();
        assert_int_equal(settings->propagators, cases[i].expected);
        if (cases[i].warning)
            expect_warning(cases[i].warning);
        else
            expect_no_warning();
        settings_free(settings);
    }
}

static void limits(void **state)
{
    (void)state;
    struct settings *settings = read_environment();
    assert_int_equal(settings->attribute_count_limit, 128);
    assert_int_equal(settings->attribute_value_length_limit, INT32_MAX);
    assert_int_equal(settings->event_count_limit, 128);
    assert_int_equal(settings->link_attribute_count_limit, 128);
    settings_free(settings);
    setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "10", 1);
    setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "5", 1);
    setenv("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "-1", 1); /* as if it were unset */
    setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "0", 1);
    setenv("OTEL_SPAN_LINK_COUNT_LIMIT", "0", 1);
    settings = read_with(&(struct weir_config){.event_count_limit = WEIR_ZERO});
    expect_warning("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT=-1");
    assert_int_equal(settings->attribute_count_limit, 5);
    assert_int_equal(settings->event_attribute_count_limit, 10);
    assert_int_equal(settings->link_attribute_count_limit, 10);
    assert_int_equal(settings->attribute_value_length_limit, 0);
    assert_int_equal(settings->link_count_limit, 0);
    assert_int_equal(settings->event_count_limit, 0);
    settings_free(settings);
}

static void the_batch_processor(void **state)
{
    (void)state;
    struct settings *settings = read_environment();
    assert_int_equal(settings->batch_span_limit, 8192);
    assert_int_equal(settings->export_timeout_ms, 5000);
    settings_free(settings);
    setenv("OTEL_BSP_SCHEDULE_DELAY", "5000", 1);
    setenv("OTEL_BSP_EXPORT_TIMEOUT", "30000", 1);
    setenv("OTEL_BSP_MAX_QUEUE_SIZE", "2048", 1);
    setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "512", 1);
    settings = read_environment();
    expect_no_warning();
    assert_int_equal(settings->export_interval_ms, 5000);
    assert_int_equal(settings->export_timeout_ms, 30000);
    assert_int_equal(settings->ring_bytes, 524288); /* 409,600, up to a power of two */
    assert_int_equal(settings->batch_span_limit, 512);
    settings_free(settings);
    setenv("WEIR_EXPORT_INTERVAL", "50", 1);
    setenv("WEIR_RING_BYTES", "65536", 1);
    setenv("OTEL_BSP_MAX_QUEUE_SIZE", "100", 1);
    settings = read_environment();
    expect_warning("OTEL_BSP_MAX_EXPORT_BATCH_SIZE=512 is more than OTEL_BSP_MAX_QUEUE_SIZE=100");
    assert_int_equal(settings->export_interval_ms, 50);
    assert_int_equal(settings->ring_bytes, 65536);
    assert_int_equal(settings->batch_span_limit, 100);
    settings_free(settings);
}

/* Which of the variables says where spans go. */
static void where_to(void **state)
{
    (void)state;
    static const struct {
        const char *weir, *exporter, *otlp, *traces; /* the endpoints' variables */
        const char *scheme, *target, *warning;
    } cases[] = {
        {"", "", "", "", "tcp", "", NULL},
        {"", "weir", "http://x:1", "", "tcp", "", NULL},
        {"", "otlp", "", "", "http", "http://localhost:4318/v1/traces", NULL},
        {"", "", "https://x:1", "", "https", "https://x:1/v1/traces", NULL},
        {"", "", "http://x:1/base/", "", "http", "http://x:1/base/v1/traces", NULL},
        {"", "", "http://x:1/base", "http://y/as/it/is", "http", "http://y/as/it/is", NULL},
        {"", "otlp", "", "http://y", "http", "http://y", NULL},
        {"", "console", "http://x:1", "", "stderr", "stderr:", NULL},
        {"", "zipkin", "", "", "tcp", "", "OTEL_TRACES_EXPORTER=zipkin"},
        {"", "", "x:1", "", "tcp", "", "OTEL_EXPORTER_OTLP_ENDPOINT=x:1"},
        {"", "", "http://", "", "tcp", "", "OTEL_EXPORTER_OTLP_ENDPOINT=http://"},
        {"ipc:///run/weir", "otlp", "http://x:1", "", "ipc", "", NULL},
        {"http://z:4318", "", "", "", "http", "http://z:4318/v1/traces", NULL},
        {"http://z:4318/", "", "", "", "http", "http://z:4318/v1/traces", NULL},
        {"http://z:4318/mine", "", "", "", "http", "http://z:4318/mine", NULL},
        {"file:/tmp/x", "none", "", "", "file", "file:/tmp/x", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        setenv("WEIR_ENDPOINT", cases[i].weir, 1);
        setenv("OTEL_TRACES_EXPORTER", cases[i].exporter, 1);
        setenv("OTEL_EXPORTER_OTLP_ENDPOINT", cases[i].otlp, 1);
        setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", cases[i].traces, 1);
        struct settings *settings = read_environment();
        assert_string_equal(settings->scheme.data, cases[i].scheme);
        assert_string_equal(settings->target.len ? settings->target.data : "", cases[i].target);
        assert_false(settings->disabled);
        if (cases[i].warning)
            expect_warning(cases[i].warning);
        else
            expect_no_warning();
        settings_free(settings);
    }
}

static void an_exporter_that_is_none_disables(void **state)
{
    (void)state;
    setenv("OTEL_TRACES_EXPORTER", "none", 1);
    struct settings *settings = read_environment();
    assert_true(settings->disabled);
    settings_free(settings);
}

static void otlp(void **state)
{
    (void)state;
    setenv("WEIR_ENDPOINT", "https://h", 1);
    struct settings *settings = read_environment();
    assert_string_equal(settings_text(settings, "endpoint"), "https://h/v1/traces");
    assert_string_equal(settings_text(settings, "otlp_compression"), "none");
    assert_string_equal(settings_text(settings, "otlp_timeout"), "10000");
    assert_null(settings_text(settings, "otlp_headers"));
    assert_null(settings_text(settings, "otlp_certificate"));
    assert_null(settings_text(settings, "no such name"));
    settings_free(settings);
    setenv("OTEL_EXPORTER_OTLP_HEADERS", "general=1", 1);
    setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "api-key=s%20e%2Ccret, x-b = 2", 1);
    setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "GZIP", 1);
    setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "700", 1);
    setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", 1);
    setenv("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "/ca.pem", 1);
    settings = read_with(&(struct weir_config){.otlp_client_key = "/key.pem"});
    expect_warning("OTEL_EXPORTER_OTLP_PROTOCOL=grpc");
    assert_string_equal(settings_text(settings, "otlp_headers"), "api-key: s e,cret\nx-b: 2\n");
    assert_string_equal(settings_text(settings, "otlp_compression"), "gzip");
    assert_string_equal(settings_text(settings, "otlp_timeout"), "700");
    assert_string_equal(settings_text(settings, "otlp_certificate"), "/ca.pem");
    assert_string_equal(settings_text(settings, "otlp_client_key"), "/key.pem");
    settings_free(settings);
}

static void headers_are_neither_smuggled_nor_shown(void **state)
{
    (void)state;
    setenv("WEIR_ENDPOINT", "https://h", 1);
    setenv("OTEL_EXPORTER_OTLP_HEADERS", "good=1,evil=a%0D%0Ax: y,na me=1,c%3Ad=1,secret=%", 1);
    struct settings *settings = read_environment();
    expect_warning("OTEL_EXPORTER_OTLP_HEADERS: a percent sign");
    assert_null(strstr(warnings.text, "secret"));
    assert_null(settings_text(settings, "otlp_headers"));
    settings_free(settings);
    setenv("OTEL_EXPORTER_OTLP_HEADERS", "good=1,evil=a%0D%0Ax: y,na me=1,c%3Ad=1", 1);
    settings = read_environment();
    expect_warning("element 2 is no HTTP header");
    expect_warning("element 3 is no HTTP header");
    expect_warning("element 4 is no HTTP header");
    assert_string_equal(settings_text(settings, "otlp_headers"), "good: 1\n");
    settings_free(settings);
    settings = read_with(&(struct weir_config){.otlp_headers = "na me=1", .propagators = "b3"});
    expect_warning("weir_config.otlp_headers: element 1 is no HTTP header");
    expect_warning("weir_config.propagators=b3 is ignored");
    settings_free(settings);
}

/* Hostile and endless values end in sentences of printable characters, and there is an end to those. */
static void warnings_are_harmless(void **state)
{
    (void)state;
    char endless[1001];
    memset(endless, 'x', 1000);
    endless[1000] = 0;
    setenv("OTEL_TRACES_SAMPLER", "\x1b[2J\n\xff", 1);
    setenv("OTEL_TRACES_EXPORTER", endless, 1);
    settings_free(read_environment());
    expect_warning("OTEL_TRACES_SAMPLER=?[2J?? is ignored");
    expect_warning("xxx... is ignored");
    assert_true(warnings.bytes < 600);
    for (uint32_t i = 0; i < 1000; i++) settings_warn(&warnings, "%u: %s", i, endless);
    assert_int_equal(warnings.bytes, strlen(warnings.text));
    assert_true(warnings.bytes < sizeof warnings.text);
    assert_string_equal(warnings.text + warnings.bytes - 9, "and more\n");
}

static void a_newer_program_is_told(void **state)
{
    (void)state;
    struct weir_config config = {.reserved = {0, 1}};
    settings_free(read_with(&config));
    expect_warning("does not know");
    settings_free(read_with(&(struct weir_config){0}));
    expect_no_warning();
}

static void endpoints(void **state)
{
    (void)state;
    static const char *const good[] = {"tcp://127.0.0.1:5140", "tcp://h:1", "tcp://[fe80::1]:65535",
                                       "ipc:///run/weir", "ipc://relative"};
    static const char *const bad[] = {
        "tcp://h", "tcp://h:",    "tcp://:5140",   "tcp://h:0",           "tcp://h:65536",
        "h:5140",  "http://h:80", "tcp://h:51x0",  "tcp://a:1,tcp://b:2", "tcp://::1:5140",
        "tcp://",  "tcp://u@h:1", "tcp://h:5140/", "tcp://a b:1",         "tcp://[]:1",
        "ipc://",  "unix:///x",   TOO_LONG_PATH};
    struct endpoint endpoint;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!endpoint_parse(str_of(good[i]), &endpoint)) fail_msg("%s is good", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (endpoint_parse(str_of(bad[i]), &endpoint)) fail_msg("%s is bad", bad[i]);
}

static void several_endpoints(void **state)
{
    (void)state;
    struct settings *settings;
    setenv("WEIR_ENDPOINT", "tcp://a:1, ipc:///run/weir ,tcp://[::1]:2", 1);
    assert_int_equal(settings_new(NULL, &warnings, &settings), WEIR_OK);
    assert_int_equal(settings->endpoint_count, 3);
    assert_string_equal(settings->endpoints[0].host.data, "a");
    assert_true(settings->endpoints[1].is_ipc);
    assert_string_equal(settings->endpoints[1].host.data, "/run/weir");
    assert_string_equal(settings->endpoints[2].host.data, "::1");
    assert_string_equal(settings->endpoints[2].port.data, "2");
    settings_free(settings);
    static const char *const bad[] = {
        "tcp://a:1,", ",tcp://a:1", "tcp://a:1,,tcp://b:2", "tcp://a:1;tcp://b:2",
        "tcp://a:1,tcp://b:1,tcp://c:1,tcp://d:1,tcp://e:1,tcp://f:1,tcp://g:1,tcp://h:1,tcp://i:1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        setenv("WEIR_ENDPOINT", bad[i], 1);
        assert_int_equal(settings_new(NULL, &warnings, &settings), WEIR_BAD_ENDPOINT);
        assert_null(settings);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(defaults, clear_environment),
        cmocka_unit_test_setup(environment_then_argument, clear_environment),
        cmocka_unit_test_setup(empty_and_wrong_numbers_count_as_unset, clear_environment),
        cmocka_unit_test_setup(resources, clear_environment),
        cmocka_unit_test_setup(a_mistake_discards_all_resource_attributes, clear_environment),
        cmocka_unit_test_setup(the_program_wins_key_by_key, clear_environment),
        cmocka_unit_test_setup(only_true_is_true, clear_environment),
        cmocka_unit_test_setup(samplers, clear_environment),
        cmocka_unit_test_setup(the_program_chooses_the_sampler, clear_environment),
        cmocka_unit_test_setup(propagators, clear_environment),
        cmocka_unit_test_setup(limits, clear_environment),
        cmocka_unit_test_setup(the_batch_processor, clear_environment),
        cmocka_unit_test_setup(where_to, clear_environment),
        cmocka_unit_test_setup(an_exporter_that_is_none_disables, clear_environment),
        cmocka_unit_test_setup(otlp, clear_environment),
        cmocka_unit_test_setup(headers_are_neither_smuggled_nor_shown, clear_environment),
        cmocka_unit_test_setup(warnings_are_harmless, clear_environment),
        cmocka_unit_test_setup(a_newer_program_is_told, clear_environment),
        cmocka_unit_test_setup(endpoints, clear_environment),
        cmocka_unit_test_setup(several_endpoints, clear_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
