/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/doctor.h"
#include "viewer/cli/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ENDPOINT_DEFAULT "tcp://127.0.0.1:5140" /* libweir's, without WEIR_ENDPOINT */
#define ADDRESSES_MAX    16

/* Calls `use` for each item of "a,b"; blanks around them do not count. */
static void each_address(struct doctor *doctor, const char *list,
                         void (*use)(struct doctor *doctor, const char *url))
{
    for (const char *at = list; *at;) {
        char url[512];
        at += strspn(at, " ,");
        size_t len = strcspn(at, ","), shown = len;
        while (shown && at[shown - 1] == ' ') shown--;
        snprintf(url, sizeof url, "%.*s", (int)(shown < sizeof url ? shown : sizeof url - 1), at);
        if (shown) use(doctor, url);
        at += len;
    }
}

/* ---- the collector's own addresses ---- */

/* Host and port of an http URL. */
static bool read_http(struct address *address, const char *http)
{
    char url[512];
    const char *at = strstr(http, "://");
    at = at ? at + 3 : http;
    int len = (int)strcspn(at, "/");
    bool has_port = len > 0 && strspn(at + len - 1, "0123456789") > 0 && memchr(at, ':', (size_t)len);
    snprintf(url, sizeof url, "tcp://%.*s%s", len < 400 ? len : 400, at, has_port ? "" : ":80");
    return address_read(address, url);
}

/* The machine that the collector is on, as we call it: the host of its URL. */
static void collector_host(const struct doctor *doctor, struct address *host)
{
    if (!read_http(host, doctor->source.base.data)) *host = (struct address){.host = "localhost"};
}

struct doctor_endpoint doctor_endpoint(const struct doctor *doctor)
{
    struct doctor_endpoint endpoint = {""};
    struct address address, host;
    const char *listen = doctor_text(doctor->status, "listen");
    snprintf(endpoint.url, sizeof endpoint.url, "%.*s", (int)strcspn(listen, ","), listen);
    if (!address_read(&address, endpoint.url) || !address_is_any(&address)) return endpoint;
    collector_host(doctor, &host);
    bool bracketed = strchr(host.host, ':') != NULL;
    snprintf(endpoint.url, sizeof endpoint.url, "tcp://%s%s%s:%s", bracketed ? "[" : "", host.host,
             bracketed ? "]" : "", address.port);
    return endpoint;
}

static void check_address(struct doctor *doctor, const char *url)
{
    struct address address, host;
    char error[PROBE_ERROR_BYTES];
    if (!address_read(&address, url)) return;
    collector_host(doctor, &host);
    bool is_remote = !address_is_local(&host);
    if (is_remote && address_is_local(&address)) {
        doctor_problem(doctor, "address", "%s takes spans from its own machine only", url);
        doctor_remedy(doctor, "for services elsewhere, give weir-collector --listen tcp://0.0.0.0:%s",
                      address.is_ipc ? "5140" : address.port);
        return;
    }
    if (address_is_any(&address)) memcpy(address.host, host.host, sizeof address.host);
    if (probe(&address, error)) {
        doctor_fine(doctor, "address", "%s takes spans", url);
        return;
    }
    doctor_problem(doctor, "address", "%s takes no spans: %s", url, error);
    doctor_remedy(doctor, "a firewall, a container, or another machine is between here and the collector");
}

void doctor_addresses(struct doctor *doctor)
{
    each_address(doctor, doctor_text(doctor->status, "listen"), check_address);
}

bool doctor_speaks_sp(const char *url)
{
    struct address address;
    char tcp[512], error[PROBE_ERROR_BYTES];
    const char *at = strstr(url, "://");
    snprintf(tcp, sizeof tcp, "tcp://%.500s", at ? at + 3 : url);
    return address_read(&address, tcp) && probe(&address, error);
}

/* ---- the environment ---- */

/* Empty counts as unset, as for libweir. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* A URL for others' eyes: what comes before the @ of its host may be a password. */
struct shown_url {
    char text[256];
};

static struct shown_url shown_url(const char *url)
{
    struct shown_url shown;
    const char *host = strstr(url, "://");
    host = host ? host + strlen("://") : url;
    size_t authority = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', authority);
    if (at)
        snprintf(shown.text, sizeof shown.text, "%.*s...%s", (int)(host - url), url, at);
    else
        snprintf(shown.text, sizeof shown.text, "%s", url);
    return shown;
}

/* What keeps a service silent that is started from here. */
static void check_silent(struct doctor *doctor)
{
    static const struct {
        const char *name, *value, *so;
    } silent[] = {
        {"OTEL_SDK_DISABLED", "true", "makes no spans"},
        {"OTEL_TRACES_SAMPLER", "always_off", "records nothing"},
        {"OTEL_TRACES_SAMPLER", "parentbased_always_off", "records only what its callers do"},
    };
    for (size_t i = 0; i < sizeof silent / sizeof silent[0]; i++) {
        const char *value = variable(silent[i].name);
        if (!value || strcasecmp(value, silent[i].value) != 0) continue;
        doctor_problem(doctor, "environment", "%s=%s: a service started from here %s", silent[i].name,
                       silent[i].value, silent[i].so);
        doctor_remedy(doctor, "unset %s", silent[i].name);
    }
}

/* Whether one of the collector's addresses is meant. Without a collector to ask: whether one answers there. */
static bool is_ours(const struct doctor *doctor, const struct address *address)
{
    char list[2048], *rest = list;
    snprintf(list, sizeof list, "%s", doctor_text(doctor->status, "listen"));
    for (char *url = strtok_r(list, ",", &rest); url; url = strtok_r(NULL, ",", &rest)) {
        struct address listen;
        if (address_read(&listen, url) && address_matches(address, &listen)) return true;
    }
    return false;
}

static void complain_of_endpoint(struct doctor *doctor, const char *url, const char *why)
{
    bool is_default = !variable("WEIR_ENDPOINT");
    struct doctor_endpoint right = doctor_endpoint(doctor);
    doctor_problem(doctor, "environment", "a service started from here sends to %s (%s), %s", url,
                   is_default ? "libweir's default" : "WEIR_ENDPOINT", why);
    if (*right.url)
        doctor_remedy(doctor, "export WEIR_ENDPOINT=%s", right.url);
    else
        doctor_remedy(doctor, "start weir-collector --listen %s, or set WEIR_ENDPOINT to where one listens",
                      url);
}

static void check_endpoint(struct doctor *doctor, const char *url)
{
    struct address address;
    char error[PROBE_ERROR_BYTES], why[PROBE_ERROR_BYTES + 32];
    if (!address_read(&address, url)) {
        doctor_problem(doctor, "environment", "WEIR_ENDPOINT has %s, which is no address of a weir-collector",
                       shown_url(url).text);
        doctor_remedy(doctor, "tcp://HOST:PORT or ipc://PATH, to send to one");
    } else if (doctor->status && is_ours(doctor, &address)) {
        doctor_fine(doctor, "environment", "a service started from here sends to %s", url);
    } else if (!probe(&address, error)) {
        snprintf(why, sizeof why, "where no spans are taken: %s", error);
        complain_of_endpoint(doctor, url, why);
    } else if (doctor->status) {
        complain_of_endpoint(doctor, url, "which is another collector than the one asked here");
    } else {
        doctor_fine(doctor, "environment", "a service started from here sends to %s, where spans are taken",
                    url);
    }
}

/* The variable that sends a service's spans elsewhere where WEIR_ENDPOINT is unset, or NULL; so libweir reads them, too. */
static const char *elsewhere(void)
{
    static const char *const otlp[] = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"};
    static const char *const exporters[] = {"otlp", "console", "none"};
    const char *exporter = variable("OTEL_TRACES_EXPORTER");
    for (size_t i = 0; exporter && i < sizeof exporters / sizeof *exporters; i++)
        if (strcasecmp(exporter, exporters[i]) == 0) return "OTEL_TRACES_EXPORTER";
    if (exporter && strcasecmp(exporter, "weir") == 0) return NULL;
    for (size_t i = 0; i < sizeof otlp / sizeof *otlp; i++)
        if (variable(otlp[i])) return otlp[i];
    return NULL;
}

/* The collector that is asked takes OTLP where it serves reports, /v1/traces included. */
static bool is_otlp_to_us(const struct doctor *doctor, const char *name)
{
    struct address to, ours;
    const char *special = variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    const char *url = special ? special : variable("OTEL_EXPORTER_OTLP_ENDPOINT");
    bool is_exporter = strcmp(name, "OTEL_TRACES_EXPORTER") == 0;
    if (is_exporter && strcasecmp(variable(name), "otlp") != 0) return false;
    if (!url) url = "http://localhost:4318"; /* OpenTelemetry's default */
    return doctor->status && read_http(&to, url) && read_http(&ours, doctor->source.base.data) &&
           address_matches(&to, &ours);
}

static void complain_of_elsewhere(struct doctor *doctor, const char *name)
{
    struct doctor_endpoint right = doctor_endpoint(doctor);
    const char *value = variable(name);
    bool is_none = strcasecmp(value, "none") == 0;
    doctor_problem(
        doctor, "environment", "%s=%s: a service started from here %s, since WEIR_ENDPOINT is unset", name,
        shown_url(value).text, is_none ? "makes no spans" : "sends its spans there, not to weir-collector");
    doctor_remedy(doctor, "export WEIR_ENDPOINT=%s", *right.url ? right.url : ENDPOINT_DEFAULT);
}

void doctor_environment(struct doctor *doctor)
{
    const char *endpoint = variable("WEIR_ENDPOINT");
    const char *other = endpoint ? NULL : elsewhere();
    check_silent(doctor);
    if (other && is_otlp_to_us(doctor, other))
        doctor_fine(doctor, "environment", "a service started from here sends to this collector by OTLP");
    else if (other)
        complain_of_elsewhere(doctor, other);
    else
        each_address(doctor, endpoint ? endpoint : ENDPOINT_DEFAULT, check_endpoint);
}
