/* SPDX-License-Identifier: Apache-2.0 */
/* Values of attributes, as the mapping makes them of texts and numbers. Pure; texts are borrowed. */
#ifndef WEIR_SDK_OTLP_VALUES_H
#define WEIR_SDK_OTLP_VALUES_H

#include "proto/otlp.h"

static inline struct otlp_value text_value(struct str text)
{
    return (struct otlp_value){.type = OTLP_STRING, .text = text};
}

static inline struct otlp_value int_value(int64_t integer)
{
    return (struct otlp_value){.type = OTLP_INT, .integer = integer};
}

/* A whole number from 0 to `most`, else -1. */
static inline int64_t number_of(struct str text, int64_t most)
{
    int64_t number = 0;
    if (text.len == 0 || text.len > 18) return -1;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return -1;
        number = number * 10 + (text.data[i] - '0');
    }
    return number <= most ? number : -1;
}

#endif
