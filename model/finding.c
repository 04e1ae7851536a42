/* SPDX-License-Identifier: Apache-2.0 */
#include "model/finding.h"

const char *finding_kind_name(enum finding_kind kind)
{
    static const char *const names[] = {
#define X(name, title) #name,
        FINDING_KINDS(X)
#undef X
    };
    return names[kind];
}

const char *finding_kind_title(enum finding_kind kind)
{
    static const char *const titles[] = {
#define X(name, title) title,
        FINDING_KINDS(X)
#undef X
    };
    return titles[kind];
}

const char *confidence_name(enum confidence confidence)
{
    static const char *const names[] = {"possible", "likely", "proven"};
    return names[confidence];
}

const char *evidence_name(enum evidence_fact fact)
{
    static const char *const names[] = {
#define X(name, words) #name,
        EVIDENCE_FACTS(X)
#undef X
    };
    return names[fact];
}

const char *evidence_words(enum evidence_fact fact)
{
    static const char *const all[] = {
#define X(name, words) words,
        EVIDENCE_FACTS(X)
#undef X
    };
    return all[fact];
}
