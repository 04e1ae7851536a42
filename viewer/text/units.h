/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as people read them: three digits and a unit of the right size, thousands apart, ages in the
 * largest whole unit. The space between number and unit is WORDS_SPACE (words.h), so that no line breaks
 * there. Results are values: no memory, any thread.
 */
#ifndef WEIR_TEXT_UNITS_H
#define WEIR_TEXT_UNITS_H

#include <stdint.h>

struct unit_text {
    char text[40];
};

struct unit_text units_duration(int64_t ns);  /* "2.13 s", "40.0 ms", "412 µs", "3 min 20 s" */
struct unit_text units_estimate(int64_t ns);  /* two digits, for what is only computed: "25 ms" */
struct unit_text units_count(uint64_t count); /* "3,604" */
struct unit_text units_mean(double count);    /* "3,604", "2.4" */
struct unit_text units_share(double share);   /* of 1: "57 %", "2.1 %", "<0.1 %" */
struct unit_text units_bytes(uint64_t bytes); /* "12.3 MiB" */
struct unit_text units_ago(int64_t now_ns, int64_t then_ns); /* "3 min ago" */
struct unit_text units_age(int64_t now_ns, int64_t then_ns); /* "3 min" */
struct unit_text units_time(int64_t unix_ns);                /* "2026-11-22 07:52:03.123 UTC" */

#endif
