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

int64_t finding_saving_total_ns(const struct finding *finding, uint64_t requests)
{
    if (finding->saving_ns <= 0 || finding->requests_seen == 0) return 0;
    double share = (double)finding->requests / (double)finding->requests_seen;
    double total_ns = (double)finding->saving_ns * (share < 1 ? share : 1) * (double)requests;
    return total_ns < (double)INT64_MAX ? (int64_t)total_ns : INT64_MAX;
}
