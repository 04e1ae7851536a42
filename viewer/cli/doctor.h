/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir doctor's parts: doctor.c runs the checks in the order in which data flows and prints them,
 * doctor_place.c looks at addresses and at the caller's environment, doctor_status.c at what /status tells.
 * One struct, one thread. A check leaves one line: all is well, or what is not and what to do about it. What
 * comes from the collector may hold hostile names; they are escaped when printed.
 */
#ifndef WEIR_CLI_DOCTOR_H
#define WEIR_CLI_DOCTOR_H

#include "viewer/cli/source.h"

#include <jansson.h>

#define DOCTOR_LINES_MAX 48

struct doctor_line {
    const char *check;
    bool is_problem;
    char says[768];
    char remedy[512]; /* of a problem */
};

struct doctor {
    struct source source;
    const char *service; /* --service; NULL: any */
    json_t *status;      /* the document of /status; NULL: the collector could not be asked */
    int64_t now_ns;      /* unix */
    struct doctor_line lines[DOCTOR_LINES_MAX];
    size_t line_count;
};

void doctor_fine(struct doctor *doctor, const char *check, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The remedy is added by doctor_remedy, right after it. */
void doctor_problem(struct doctor *doctor, const char *check, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void doctor_remedy(struct doctor *doctor, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A member of /status as text, "" if it is none; as a number, 0 if it is none. */
const char *doctor_text(const json_t *object, const char *name);
int64_t doctor_number(const json_t *object, const char *name);

/* "3 min"; of what is not long ago "5 s". */
struct doctor_age {
    char text[32];
};
struct doctor_age doctor_age(int64_t ns);

/* ---- doctor_place.c ---- */

void doctor_addresses(struct doctor *doctor); /* is where spans go to reachable */
void doctor_environment(
    struct doctor *doctor); /* would a service started from here be traced, and send there */
/* What WEIR_ENDPOINT should be to reach the collector from here: the first of its addresses, a name of the collector's
 * machine in place of 0.0.0.0. "": not known. */
struct doctor_endpoint {
    char url[600];
};
struct doctor_endpoint doctor_endpoint(const struct doctor *doctor);
/* Whether what stands at the URL is the address for spans, taken for the one of reports. */
bool doctor_speaks_sp(const char *url);

/* ---- doctor_status.c ---- */

void doctor_services(struct doctor *doctor); /* who was seen, and when last */
void doctor_refused(struct doctor *doctor);  /* by the collector, and why */
void doctor_dropped(struct doctor *doctor);  /* by services, and why */
void doctor_sampled(struct doctor *doctor);  /* by services and their callers: what is estimated */
void doctor_analysis(struct doctor *doctor); /* does it keep up */
void doctor_clocks(struct doctor *doctor);
void doctor_disk(struct doctor *doctor);

#endif
