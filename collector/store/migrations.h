/* SPDX-License-Identifier: Apache-2.0 */
/* The SQL files of migrations/, embedded when the program is built (embed_migrations.cmake). */
#ifndef WEIR_STORE_MIGRATIONS_H
#define WEIR_STORE_MIGRATIONS_H

#include <stddef.h>

struct migration {
    int number;       /* 1, 2, … without gaps */
    const char *name; /* "0001_schema" */
    const char *sql;
};

extern const struct migration migrations[];
extern const size_t migration_count;

#endif
