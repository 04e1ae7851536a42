/* SPDX-License-Identifier: Apache-2.0 */
/* The private Postgres alone, for postgres_test.py: postgres_host DIR prints its address and waits for
 * SIGTERM. */
#include "collector/postgres/embedded.h"

#include <signal.h>
#include <stdio.h>

int main(int argument_count, char **arguments)
{
    char error[EMBEDDED_ERROR_BYTES];
    sigset_t stop;
    int number;
    if (argument_count != 2) return 2;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    struct embedded_postgres *postgres = embedded_postgres_start(arguments[1], error);
    if (!postgres) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    printf("ready: %s\n", embedded_postgres_dsn(postgres));
    fflush(stdout);
    sigwait(&stop, &number);
    embedded_postgres_stop(postgres);
    return 0;
}
