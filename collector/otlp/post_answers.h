/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies of answers, in the format that the post came in. Private to otlp/. */
#ifndef WEIR_COLLECTOR_POST_ANSWERS_H
#define WEIR_COLLECTOR_POST_ANSWERS_H

#include "collector/otlp/receiver.h"

/* Each sets the answer, once. text: borrowed. */
void answer_failure(struct post_answer *answer, enum body_format format, unsigned status, struct str text);
void answer_success(struct post_answer *answer, enum body_format format, uint64_t rejected_spans,
                    struct str why);

#endif
