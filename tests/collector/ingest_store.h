/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of collector/store/store.h that ingest calls, in memory, so that a protocol test can say
 * what the store answers and when. The real store has tests of its own; the two meet in
 * tests/collector/daemon_test.py.
 */
#ifndef WEIR_TESTS_INGEST_STORE_H
#define WEIR_TESTS_INGEST_STORE_H

#include "collector/store/store.h"

void test_store_answers(enum store_result result); /* from now on */
void test_store_block(void);                       /* calls wait inside from now on */
void test_store_wait_inside(void);                 /* until one waits there */
void test_store_unblock(void);

#endif
