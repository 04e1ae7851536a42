/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cmocka.h"

#include "sdk/core/settings.h"

#include <stdlib.h>

static const char *const variables[] = {
    "OTEL_SDK_DISABLED", "OTEL_SERVICE_NAME",     "OTEL_RESOURCE_ATTRIBUTES",
    "WEIR_ENDPOINT",     "WEIR_EXPORT_INTERVAL",  "WEIR_RING_BYTES",
    "WEIR_HASH_KEY",     "WEIR_SHUTDOWN_TIMEOUT", "WEIR_EVIDENCE",
    "WEIR_LOG",
};

static int clear_environment(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) unsetenv(variables[i]);
    return 0;
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
    assert_int_equal(settings_new(NULL, &settings), WEIR_OK);
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
    setenv("WEIR_SHUTDOWN_TIMEOUT", "99999999", 1);
    setenv("WEIR_EVIDENCE", "off", 1);
    setenv("WEIR_ENDPOINT", "tcp://collector.example:7000", 1);
    setenv("OTEL_SDK_DISABLED", "TRUE", 1);
    struct weir_config config = {.export_interval_ms = 20, .endpoint = "tcp://[::1]:9"};
    assert_int_equal(settings_new(NULL, &settings), WEIR_OK);
    assert_int_equal(settings->export_interval_ms, 250);
    assert_int_equal(settings->ring_bytes, 131072); /* up to a power of two */
    assert_int_equal(settings->shutdown_timeout_ms, 600000);
    assert_string_equal(settings->endpoints[0].host.data, "collector.example");
    assert_true(settings->disabled && !settings->evidence);
    settings_free(settings);
    assert_int_equal(settings_new(&config, &settings), WEIR_OK);
    assert_int_equal(settings->export_interval_ms, 20);
    assert_string_equal(settings->endpoints[0].host.data, "::1");
    settings_free(settings);
}

static void empty_and_wrong_numbers_count_as_unset(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "ten", "-5", "10ms", "99999999999999999999999", " 7"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct settings *settings;
        setenv("WEIR_EXPORT_INTERVAL", wrong[i], 1);
        setenv("WEIR_ENDPOINT", "", 1);
        setenv("OTEL_SERVICE_NAME", "", 1);
        setenv("OTEL_SDK_DISABLED", "", 1);
        assert_int_equal(settings_new(NULL, &settings), WEIR_OK);
        assert_int_equal(settings->export_interval_ms, 100);
        assert_false(settings->disabled);
        settings_free(settings);
    }
}

static void resources(void **state)
{
    (void)state;
    struct settings *settings;
    setenv("OTEL_RESOURCE_ATTRIBUTES",
           "service.name=from-list,service.version=1.2%2C3, deployment.environment.name = prod ,broken,=x,"
           "odd=100%,service.instance.id=i%201,empty=",
           1);
    assert_int_equal(settings_new(NULL, &settings), WEIR_OK);
    assert_string_equal(resource(settings, "service.name"), "from-list");
    assert_string_equal(resource(settings, "service.version"), "1.2,3");
    assert_string_equal(resource(settings, "deployment.environment.name"), "prod");
    assert_string_equal(resource(settings, "odd"), "100%");
    assert_string_equal(resource(settings, "service.instance.id"), "i 1");
    assert_string_equal(resource(settings, "broken"), "(none)");
    settings_free(settings);

    setenv("OTEL_SERVICE_NAME", "from-name", 1);
    assert_int_equal(settings_new(NULL, &settings), WEIR_OK);
    assert_string_equal(resource(settings, "service.name"), "from-name");
    settings_free(settings);

    struct weir_config config = {.service_name = "from-code", .service_version = "9"};
    assert_int_equal(settings_new(&config, &settings), WEIR_OK);
    assert_string_equal(resource(settings, "service.name"), "from-code");
    assert_string_equal(resource(settings, "service.version"), "9");
    settings_free(settings);
}

#define THIRTY_BYTES "/a/folder/of/exactly/30/bytes/"
#define TOO_LONG_PATH                                                                                        \
    "ipc://" THIRTY_BYTES THIRTY_BYTES THIRTY_BYTES THIRTY_BYTES /* a socket's path has 107 */

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
        if (!settings_endpoint(str_of(good[i]), &endpoint)) fail_msg("%s is good", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (settings_endpoint(str_of(bad[i]), &endpoint)) fail_msg("%s is bad", bad[i]);
}

static void several_endpoints(void **state)
{
    (void)state;
    struct settings *settings;
    setenv("WEIR_ENDPOINT", "tcp://a:1, ipc:///run/weir ,tcp://[::1]:2", 1);
    assert_int_equal(settings_new(NULL, &settings), WEIR_OK);
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
        assert_int_equal(settings_new(NULL, &settings), WEIR_BAD_ENDPOINT);
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
        cmocka_unit_test_setup(endpoints, clear_environment),
        cmocka_unit_test_setup(several_endpoints, clear_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
