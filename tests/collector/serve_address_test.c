/* SPDX-License-Identifier: Apache-2.0 */
/* Where the HTTP side listens: real sockets on loopback, and one line for everything that cannot be. */
#include "tests/support/cmocka.h"

#include "collector/serve/address.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char error[256], bound[ADDRESS_TEXT_BYTES];

static void assert_no_address(const char *address, const char *says)
{
    error[0] = 0;
    assert_int_equal(address_listen(address, bound, error, sizeof error), -1);
    assert_non_null(strstr(error, says));
    assert_null(strchr(error, '\n'));
}

static void fills_in_the_port(void **state)
{
    (void)state;
    int fd = address_listen("127.0.0.1:0", bound, error, sizeof error);
    assert_true(fd >= 0);
    unsigned port = 0;
    assert_int_equal(sscanf(bound, "127.0.0.1:%u", &port), 1);
    assert_true(port > 0);
    close(fd);
}

static void refuses_what_is_no_address(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      ":",
                                      ":80",
                                      "4318",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "127.0.0.1:65536",
                                      "127.0.0.1:8o",
                                      "::1:80",
                                      "[]:80",
                                      "[::1]",
                                      "127.0.0.1:-1",
                                      "127.0.0.1:000080"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_no_address(bad[i], "HOST:PORT");
    char long_host[400];
    memset(long_host, 'a', sizeof long_host);
    memcpy(long_host + sizeof long_host - 4, ":80", 4);
    assert_no_address(long_host, "HOST:PORT");
}

static void says_that_a_port_is_in_use(void **state)
{
    (void)state;
    char taken[ADDRESS_TEXT_BYTES];
    int fd = address_listen("127.0.0.1:0", taken, error, sizeof error);
    assert_true(fd >= 0);
    assert_no_address(taken, "in use");
    assert_non_null(strstr(error, taken));
    assert_non_null(strstr(error, "--http"));
    close(fd);
}

static void says_that_the_machine_has_no_such_address(void **state)
{
    (void)state;
    assert_no_address("192.0.2.1:0", "no such address"); /* TEST-NET-1 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fills_in_the_port),
        cmocka_unit_test(refuses_what_is_no_address),
        cmocka_unit_test(says_that_a_port_is_in_use),
        cmocka_unit_test(says_that_the_machine_has_no_such_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
