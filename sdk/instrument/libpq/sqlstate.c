/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/instrument/libpq/sqlstate.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#define STATE_CHARS 5
#define OTHER       "_OTHER"

/* A slot is 0 until one compare-and-exchange makes it the text itself: five characters and zeros, in memory's
 * order. */
static _Atomic uint64_t slots[SQLSTATE_MAX];

_Static_assert(sizeof(_Atomic uint64_t) == sizeof(uint64_t), "an atomic's bytes are read as text");

/* 0 for what is not five printable characters. */
static uint64_t text_bits(const char *sqlstate)
{
    char text[sizeof(uint64_t)] = {0};
    for (size_t i = 0; i < STATE_CHARS; i++) {
        if (sqlstate[i] <= ' ' || sqlstate[i] > '~') return 0;
        text[i] = sqlstate[i];
    }
    uint64_t bits;
    memcpy(&bits, text, sizeof(bits));
    return sqlstate[STATE_CHARS] == 0 ? bits : 0;
}

const char *sqlstate_keep(const char *sqlstate)
{
    uint64_t bits = sqlstate ? text_bits(sqlstate) : 0;
    for (size_t i = 0; bits && i < SQLSTATE_MAX; i++) {
        _Atomic uint64_t *slot = &slots[(bits + i) % SQLSTATE_MAX];
        uint64_t found = 0;
        if (atomic_compare_exchange_strong(slot, &found, bits) || found == bits) return (const char *)slot;
    }
    return OTHER;
}
