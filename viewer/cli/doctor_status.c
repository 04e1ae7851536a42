/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/doctor.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_MAX  6                 /* of each list */
#define RECENT_NS  (3600 * NS_PER_S) /* who was seen last before that is history */
#define BEHIND_NS  (120 * NS_PER_S)  /* well over the 30 s that a trace without its root waits */
#define DISK_LEAST ((int64_t)1 << 30)

/* Words in a fixed space, the rest counted: "a, b and 3 more". */
struct list {
    char text[512];
    size_t len, shown, more;
};

static void list_add(struct list *list, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void list_add(struct list *list, const char *format, ...)
{
    char item[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(item, sizeof item, format, arguments);
    va_end(arguments);
    size_t len = strlen(item);
    if (list->shown == SHOWN_MAX || list->len + len + 32 > sizeof list->text) {
        list->more++;
        snprintf(list->text + list->len, sizeof list->text - list->len, " and %zu more", list->more);
        return;
    }
    list->len += (size_t)snprintf(list->text + list->len, sizeof list->text - list->len, "%s%s",
                                  list->shown ? ", " : "", item);
    list->shown++;
}

static const json_t *producers(const struct doctor *doctor)
{
    return json_object_get(doctor->status, "producers");
}

static int64_t age_ns(const struct doctor *doctor, const json_t *producer)
{
    return doctor->now_ns - doctor_number(producer, "last_seen_ns");
}

/* ---- services ---- */

/* Producers come last seen first, so the first of each service is its latest. */
static bool is_first_of_service(const json_t *array, size_t at)
{
    const char *service = doctor_text(json_array_get(array, at), "service");
    for (size_t i = 0; i < at; i++) {
        if (strcmp(doctor_text(json_array_get(array, i), "service"), service) == 0) return false;
    }
    return true;
}

static bool was_seen(const json_t *array, const char *service)
{
    size_t i;
    json_t *producer;
    json_array_foreach(array, i, producer)
    {
        if (strcmp(doctor_text(producer, "service"), service) == 0) return true;
    }
    return false;
}

void doctor_services(struct doctor *doctor)
{
    const json_t *array = producers(doctor);
    struct list seen = {0};
    size_t i;
    json_t *producer;
    json_array_foreach(array, i, producer)
    {
        if (is_first_of_service(array, i))
            list_add(&seen, "%.60s %s ago", doctor_text(producer, "service"),
                     doctor_age(age_ns(doctor, producer)).text);
    }
    if (doctor->service && !was_seen(array, doctor->service)) {
        doctor_problem(doctor, "services", "%.100s has never sent anything; seen were: %s", doctor->service,
                       seen.shown ? seen.text : "none");
        doctor_remedy(doctor,
                      "does it call weir_init, is OTEL_SERVICE_NAME that name, does WEIR_ENDPOINT in its "
                      "environment name this collector? WEIR_LOG=debug makes it say");
    } else if (!seen.shown) {
        doctor_problem(doctor, "services", "none has ever sent anything");
        doctor_remedy(doctor,
                      "call weir_init in the service and start it with WEIR_ENDPOINT=%s; WEIR_LOG=debug "
                      "makes it say what it does",
                      doctor_endpoint(doctor).url);
    } else {
        doctor_fine(doctor, "services", "last seen: %s", seen.text);
    }
    if (seen.shown && doctor_number(doctor->status, "spans") == 0) {
        doctor_problem(doctor, "spans", "services connect, but no span has come");
        doctor_remedy(doctor,
                      "open WEIR_SERVER_SPAN where a request begins; a request whose traceparent ends in "
                      "00 was sampled away by its caller and is not recorded");
    }
}

/* ---- refused ---- */

static const struct {
    const char *counter, *says, *remedy;
} refusals[] = {
    {"batches_refused_version", "batches of a newer version",
     "update the collector: its services' libweir is newer"},
    {"batches_refused_malformed", "batches that could not be decoded",
     "see that what sends them keeps to docs/wire-format.md"},
    {"batches_refused_store", "batches that the database cannot hold",
     "the collector's log has each of them"},
    {"frames_refused_length", "frames longer than a batch may be", "send smaller batches"},
    {"frames_refused_header", "frames without a request header",
     "send from an nng req0 socket, not another protocol"},
    {"connections_refused_greeting", "connections that did not greet as req0",
     "something else connects to the address for spans: a health check, or OTLP"},
    {"connections_refused_limit", "connections beyond the limit", "raise weir-collector --connections-max"},
    {"connections_timed_out", "connections that were too slow",
     "look for a stalled network or a stopped process"},
    {"spans_refused_late", "spans of days that are no longer kept",
     "check their service's clock, or raise weir-collector --keep-spans-days or --keep-spans-bytes-max"},
    {"operations_folded", "names of operations beyond the limit, shown as (other operations)",
     "give spans names without ids in them, or raise weir-collector --operations-max"},
    {"instances_folded", "instances of services beyond the limit, shown as (other instances)",
     "give resources attributes that do not differ by process, or raise weir-collector --instances-max"},
    {"endpoints_folded", "endpoints beyond the limit, shown as (other endpoints)",
     "name server spans by route (GET /users/{id}), or raise weir-collector --endpoints-max"},
    {"sites_folded", "call sites beyond the limit, shown as (other call sites)",
     "raise weir-collector --sites-max"},
};

void doctor_refused(struct doctor *doctor)
{
    const json_t *counters = json_object_get(doctor->status, "counters");
    const json_t *last = json_object_get(doctor->status, "last_refusal");
    bool any = false;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        int64_t count = doctor_number(counters, refusals[i].counter);
        if (count == 0) continue;
        any = true;
        doctor_problem(doctor, "refused", "%s: %" PRId64, refusals[i].says, count);
        doctor_remedy(doctor, "%s", refusals[i].remedy);
    }
    if (json_is_object(last)) {
        doctor_problem(doctor, "refused", "the last batch %s ago, because: %.300s",
                       doctor_age(doctor->now_ns - doctor_number(last, "at_ns")).text,
                       doctor_text(last, "reason"));
        doctor_remedy(doctor, "the service counts its spans as dropped: refused");
    } else if (!any) {
        doctor_fine(doctor, "refused", "nothing since the collector started");
    }
}

/* ---- dropped ---- */

static const struct {
    const char *reason, *remedy;
} drops[] = {
    {"ring_full", "give the service a larger WEIR_RING_BYTES, or see why the collector was away"},
    {"too_deep", "more than 64 spans open at once in one thread: open fewer"},
    {"refused", "see the line “refused”"},
    {"shutdown", "give weir_shutdown or WEIR_SHUTDOWN_TIMEOUT more time"},
    {"no_memory", "the service was out of memory"},
    {"forked", "spans that were open at a fork are lost in the child"},
};

/* Sum over all that were seen lately, by reason. */
static int64_t counted_for(const struct doctor *doctor, const char *counters, const char *reason,
                           struct list *by)
{
    int64_t sum = 0;
    size_t i;
    json_t *producer;
    json_array_foreach(producers(doctor), i, producer)
    {
        int64_t count = doctor_number(json_object_get(producer, counters), reason);
        if (count == 0 || age_ns(doctor, producer) > RECENT_NS) continue;
        sum += count;
        list_add(by, "%.60s %" PRId64, doctor_text(producer, "service"), count);
    }
    return sum;
}

void doctor_dropped(struct doctor *doctor)
{
    bool any = false;
    for (size_t i = 0; i < sizeof drops / sizeof *drops; i++) {
        struct list by = {0};
        int64_t sum = counted_for(doctor, "dropped", drops[i].reason, &by);
        if (sum == 0) continue;
        any = true;
        doctor_problem(doctor, "dropped", "%" PRId64 " spans by services, %s: %s", sum, drops[i].reason,
                       by.text);
        doctor_remedy(doctor, "%s", drops[i].remedy);
    }
    if (!any) doctor_fine(doctor, "dropped", "nothing by the services of the last hour");
}

/* ---- sampled away ---- */

static const struct {
    const char *by, *words, *remedy;
} samplers[] = {
    {"by_caller", "by their caller",
     "the caller's traceparent ends in 00: have it sample more, or set OTEL_TRACES_SAMPLER=always_on"},
    {"by_sampler", "by the service's sampler",
     "raise OTEL_TRACES_SAMPLER_ARG, or leave OTEL_TRACES_SAMPLER unset"},
    {"by_rate_limit", "by the service's rate limit", "raise WEIR_SAMPLE_RATE_LIMIT"},
};

/* It is meant so, as a rule; it is a problem only where nothing at all is left. */
void doctor_sampled(struct doctor *doctor)
{
    bool any = false, is_empty = doctor_number(doctor->status, "spans") == 0;
    for (size_t i = 0; i < sizeof samplers / sizeof *samplers; i++) {
        struct list by = {0};
        int64_t sum = counted_for(doctor, "sampled_away", samplers[i].by, &by);
        if (sum == 0) continue;
        any = true;
        if (is_empty) {
            doctor_problem(doctor, "sampled",
                           "%" PRId64 " requests were sampled away %s, and no span has come: %s", sum,
                           samplers[i].words, by.text);
            doctor_remedy(doctor, "%s", samplers[i].remedy);
        } else {
            doctor_fine(doctor, "sampled",
                        "%" PRId64 " requests sampled away %s; reports estimate the whole: %s", sum,
                        samplers[i].words, by.text);
        }
    }
    if (!any) doctor_fine(doctor, "sampled", "the services of the last hour recorded every request");
}

/* ---- analysis ---- */

void doctor_analysis(struct doctor *doctor)
{
    const json_t *counters = json_object_get(doctor->status, "counters");
    int64_t pending = doctor_number(doctor->status, "traces_pending");
    int64_t oldest_ns = doctor_number(doctor->status, "oldest_pending_ns");
    int64_t failed = doctor_number(counters, "traces_failed");
    int64_t waits_ns = oldest_ns ? doctor->now_ns - oldest_ns : 0;
    if (failed) {
        doctor_problem(doctor, "analysis", "%" PRId64 " traces could not be analysed", failed);
        doctor_remedy(doctor,
                      "SELECT failure FROM weir.contribution WHERE failure IS NOT NULL, in the collector's "
                      "database, says why");
    }
    if (waits_ns > BEHIND_NS) {
        doctor_problem(doctor, "analysis", "is behind: %" PRId64 " traces wait, the oldest for %s", pending,
                       doctor_age(waits_ns).text);
        doctor_remedy(doctor,
                      "traces that still grow wait until they are quiet; else give the collector more CPU, "
                      "or start a second one on the same database");
    } else if (!failed) {
        doctor_fine(doctor, "analysis", "%" PRId64 " requests analysed, %" PRId64 " %s",
                    doctor_number(doctor->status, "requests"), pending,
                    pending == 1 ? "trace waits" : "traces wait");
    }
}

/* ---- clocks ---- */

static int64_t count_clocks(const struct doctor *doctor, const char *word, struct list *list)
{
    int64_t count = 0;
    size_t i;
    json_t *producer;
    json_array_foreach(producers(doctor), i, producer)
    {
        if (strcmp(doctor_text(producer, "clock"), word) != 0 || age_ns(doctor, producer) > RECENT_NS)
            continue;
        int64_t ahead_ns = doctor_number(producer, "clock_ahead_ns");
        list_add(list, "%.60s %.40s by %s", doctor_text(producer, "service"),
                 doctor_text(producer, "instance"), doctor_age(ahead_ns < 0 ? -ahead_ns : ahead_ns).text);
        count++;
    }
    return count;
}

void doctor_clocks(struct doctor *doctor)
{
    struct list ahead = {0}, late = {0}, fine = {0};
    if (count_clocks(doctor, "ahead", &ahead)) {
        doctor_problem(doctor, "clock", "ahead of the collector's: %s", ahead.text);
        doctor_remedy(doctor,
                      "set the clock (NTP); until then --since and waterfalls across services are off");
    }
    if (count_clocks(doctor, "late", &late)) {
        doctor_problem(doctor, "clock", "spans were old when they came: %s", late.text);
        doctor_remedy(doctor, "set the service's clock, unless the batch had waited for a collector");
    }
    if (!ahead.shown && !late.shown && count_clocks(doctor, "fine", &fine))
        doctor_fine(doctor, "clock", "services and collector agree");
}

/* ---- disk ---- */

void doctor_disk(struct doctor *doctor)
{
    const json_t *free_bytes = json_object_get(doctor->status, "disk_free_bytes");
    if (!json_is_integer(free_bytes)) return;
    double gib = (double)json_integer_value(free_bytes) / (double)DISK_LEAST;
    if (json_integer_value(free_bytes) >= DISK_LEAST) {
        doctor_fine(doctor, "disk", "%.1f GiB free", gib);
        return;
    }
    doctor_problem(doctor, "disk", "only %.2f GiB free where the data lies", gib);
    doctor_remedy(doctor, "make room, or give weir-collector another --data-dir or a --postgres");
}
