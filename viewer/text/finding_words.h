/* SPDX-License-Identifier: Apache-2.0 */
/* A finding in words: what it is, what it costs and would cost, how sure it is. The same words in every
 * report. */
#ifndef WEIR_TEXT_FINDING_WORDS_H
#define WEIR_TEXT_FINDING_WORDS_H

#include "viewer/text/words.h"

/* Whether its count says how many times one call is made (a loop, a repetition), as ×3,000 in front of it. */
bool finding_words_counts(const struct finding *finding);

/* orders by customer: one query for each row of “customers by merchant” */
void finding_words_what(struct words *words, const struct finding *finding);

/* The calls it is about: orders by customer */
void finding_words_calls(struct words *words, const struct finding *finding);

/* In a sentence for someone who knows no terms: it asks the database for “orders by customer” 3,000 times in
 * one request, once for each row of “customers by merchant”, where once for all of them would do. */
void finding_words_plain(struct words *words, const struct finding *finding);

/* Repaired, a request takes about 950 ms instead of 2.13 s. */
void finding_words_effect(struct words *words, const struct finding *finding);

/* 1.21 s of 2.13 s; as one query about 25 ms, the request then about 950 ms */
void finding_words_gain(struct words *words, const struct finding *finding);

/* 5 of 5 requests, proven */
/* in about 48 of 200 requests (12 recorded) */
void finding_words_requests(struct words *words, const struct finding *finding);
void finding_words_seen(struct words *words, const struct finding *finding);

/* proven: these calls were counted */
void finding_words_confidence(struct words *words, const struct finding *finding);

/* dashboard.c:212 (the last part of the path) or src/dashboard.c:212 in load_customers */
void finding_words_site(struct words *words, const struct call_site *site, bool whole);

/* 4bf92f3577b34da6a3ce929d0e0e4736 */
void finding_words_trace_id(struct words *words, const unsigned char id[16]);

#endif
