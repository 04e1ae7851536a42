/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/load_run.h"

#include "base/clock.h"
#include "viewer/cli/interrupt.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define POLL_MS_MAX 100 /* Ctrl-C is heard within this time */

/* A user: its handle, kept from request to request, and the request it has under way. */
struct user {
    CURL *curl;
    const struct load_request *request; /* NULL: idle */
    int64_t ready_ns;                   /* idle at least until then: its turn to begin, or thinking */
    struct run *run;
};

struct run {
    const struct load_targets *targets;
    const struct load_settings *settings;
    struct load_result *result;
    const struct load_request *requests;
    size_t request_count;
    bool holds_back;   /* repeats wait for the first answer */
    bool *is_sent;     /* by request */
    bool *is_answered; /* by id; only where repeats wait */
    size_t head;       /* all requests before it are sent */
    int64_t start_ns;
    CURLM *multi;
    struct user *users;
    size_t user_count;
};

/* ---- a request ---- */

static size_t count_body(char *data, size_t size, size_t count, void *context)
{
    (void)data;
    const struct user *user = context;
    user->run->result->body_bytes += size * count;
    return size * count;
}

static void set_options(const struct user *user, const char *url)
{
    CURL *curl = user->curl;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1); /* a connection a user */
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, user->run->settings->reconnects ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "weir-load/" WEIR_VERSION);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(user->run->settings->timeout_ns / NS_PER_MS));
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, count_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, user);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, user);
}

static bool send_request(struct user *user, const struct load_request *request)
{
    char url[LOAD_URL_BYTES];
    const struct load_settings *settings = user->run->settings;
    if (!request->is_repeat && settings->before_fresh && !settings->before_fresh(settings->context))
        return false;
    load_targets_write(user->run->targets, request->id, url);
    if (!user->curl) user->curl = curl_easy_init();
    if (!user->curl) return false;
    set_options(user, url);
    if (curl_multi_add_handle(user->run->multi, user->curl) != CURLM_OK) return false;
    user->request = request;
    return true;
}

/* ---- which is next ---- */

static bool may_be_sent(const struct run *run, size_t index)
{
    const struct load_request *request = &run->requests[index];
    if (run->is_sent[index]) return false;
    return !run->holds_back || !request->is_repeat || run->is_answered[request->id];
}

/* The first that may be sent of the next few; NULL: none for now. */
static const struct load_request *take_next(struct run *run)
{
    while (run->head < run->request_count && run->is_sent[run->head]) run->head++;
    for (size_t ahead = 0, at = run->head; at < run->request_count && ahead <= run->settings->concurrency;
         ahead++, at++) {
        if (!may_be_sent(run, at)) continue;
        run->is_sent[at] = true;
        return &run->requests[at];
    }
    return NULL;
}

static bool send_due(struct run *run)
{
    int64_t now_ns = clock_monotonic_ns();
    for (size_t i = 0; i < run->user_count; i++) {
        struct user *user = &run->users[i];
        if (user->request || user->ready_ns > now_ns) continue;
        const struct load_request *request = take_next(run);
        if (!request) return true;
        if (!send_request(user, request)) return false;
    }
    return true;
}

/* ---- what came ---- */

static bool note_answer(struct run *run, const struct user *user)
{
    struct load_result *result = run->result;
    long status = 0;
    curl_off_t time_us = 0;
    curl_easy_getinfo(user->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(user->curl, CURLINFO_TOTAL_TIME_T, &time_us);
    result->statuses[status > 0 && status < LOAD_STATUSES ? status : 0]++;
    if (status >= 400) {
        result->failed++;
        return true;
    }
    return load_times_add(user->request->is_repeat ? &result->repeats : &result->first, time_us * NS_PER_US);
}

static bool note_end(struct run *run, const CURLMsg *message)
{
    struct user *user = NULL;
    struct load_result *result = run->result;
    CURLcode how = message->data.result;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &user);
    result->done++;
    bool noted = true;
    if (how == CURLE_OK) {
        noted = note_answer(run, user);
    } else {
        result->errors[(size_t)how < LOAD_ERROR_KINDS ? (size_t)how : 0]++;
        result->failed++;
    }
    if (run->holds_back) run->is_answered[user->request->id] = true;
    curl_multi_remove_handle(run->multi, user->curl);
    user->request = NULL;
    user->ready_ns = clock_monotonic_ns() + run->settings->think_ns;
    return noted;
}

static bool note_ended(struct run *run)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(run->multi, &left));) {
        if (message->msg == CURLMSG_DONE && !note_end(run, message)) return false;
    }
    return true;
}

/* ---- the loop ---- */

/* Until the next user is ready; one that waits for somebody else's answer is woken by that. */
static int poll_ms(const struct run *run)
{
    int64_t now_ns = clock_monotonic_ns(), next_ns = now_ns + POLL_MS_MAX * NS_PER_MS;
    for (size_t i = 0; i < run->user_count; i++) {
        const struct user *user = &run->users[i];
        if (!user->request && user->ready_ns > now_ns && user->ready_ns < next_ns) next_ns = user->ready_ns;
    }
    return (int)((next_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS);
}

static bool work(struct run *run)
{
    int running;
    while (run->result->done < run->request_count && !interrupted()) {
        if (!send_due(run)) return false;
        if (curl_multi_perform(run->multi, &running) != CURLM_OK) return false;
        size_t done = run->result->done;
        if (!note_ended(run)) return false;
        if (run->settings->progress)
            run->settings->progress(run->settings->context, run->result->done, run->request_count,
                                    run->result->failed);
        if (run->result->done == done && curl_multi_poll(run->multi, NULL, 0, poll_ms(run), NULL) != CURLM_OK)
            return false;
    }
    return true;
}

/* Room for a descriptor a user, as far as the hard limit allows. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static bool run_init(struct run *run, size_t id_count)
{
    run->user_count = run->settings->concurrency;
    run->users = calloc(run->user_count, sizeof *run->users);
    run->is_sent = calloc(run->request_count + 1, sizeof *run->is_sent);
    if (!run->is_answered) run->is_answered = calloc(id_count + 1, sizeof *run->is_answered);
    run->multi = curl_multi_init();
    if (!run->users || !run->is_sent || !run->is_answered || !run->multi) return false;
    for (size_t i = 0; i < run->user_count; i++) {
        int64_t turn_ns = (int64_t)((double)run->settings->ramp_up_ns * (double)i / (double)run->user_count);
        run->users[i] = (struct user){.run = run, .ready_ns = run->start_ns + turn_ns};
    }
    curl_multi_setopt(run->multi, CURLMOPT_MAXCONNECTS, (long)run->user_count);
    raise_descriptor_limit();
    return true;
}

static void run_fini(struct run *run)
{
    for (size_t i = 0; run->users && i < run->user_count; i++) {
        if (run->users[i].request) curl_multi_remove_handle(run->multi, run->users[i].curl);
        curl_easy_cleanup(run->users[i].curl);
    }
    curl_multi_cleanup(run->multi);
    free(run->users);
    free(run->is_sent);
}

/* All of these requests; elapsed time is theirs. is_answered goes from one such phase to the next. */
static bool run_phase(struct run *run, const struct load_request *requests, size_t count, size_t id_count)
{
    run->requests = requests;
    run->request_count = count;
    run->head = 0;
    run->start_ns = clock_monotonic_ns();
    bool worked = run_init(run, id_count) && work(run);
    run->result->elapsed_ns = clock_monotonic_ns() - run->start_ns;
    run_fini(run);
    return worked;
}

/* ---- warming and measuring ---- */

static bool warm(struct run *run, size_t id_count, char error[LOAD_ERROR_BYTES])
{
    size_t count = run->settings->mix.warm;
    struct load_result unmeasured = {0}, *measured = run->result;
    struct load_request *requests = calloc(count, sizeof *requests);
    for (size_t i = 0; requests && i < count; i++) requests[i].id = (uint32_t)i;
    run->result = &unmeasured;
    bool worked = requests && run_phase(run, requests, count, id_count);
    run->result = measured;
    measured->is_interrupted = interrupted();
    if (!worked) {
        snprintf(error, LOAD_ERROR_BYTES, "out of memory or descriptors");
    } else if (unmeasured.failed) {
        snprintf(error, LOAD_ERROR_BYTES, "%zu of the %zu requests to warm ids failed", unmeasured.failed,
                 count);
        worked = false;
    }
    load_result_fini(&unmeasured);
    free(requests);
    return worked;
}

bool load_run(const struct load_targets *targets, const struct load_settings *settings,
              struct load_result *result, char error[LOAD_ERROR_BYTES])
{
    struct load_plan plan = {0};
    *result = (struct load_result){0};
    struct run run = {.targets = targets,
                      .settings = settings,
                      .result = result,
                      .holds_back = settings->mix.hit_rate >= 0};
    size_t id_count = run.holds_back ? settings->mix.warm + settings->mix.requests : 0;
    bool is_ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    if (!is_ready) snprintf(error, LOAD_ERROR_BYTES, "libcurl cannot start");
    bool done = is_ready && load_plan_make(&plan, &settings->mix, targets->count, error) &&
                (settings->mix.warm == 0 || warm(&run, id_count, error));
    if (done && !interrupted()) {
        done = run_phase(&run, plan.requests, plan.count, id_count);
        if (!done) snprintf(error, LOAD_ERROR_BYTES, "given up for lack of memory or descriptors");
    }
    result->is_interrupted = interrupted();
    free(run.is_answered);
    load_plan_fini(&plan);
    if (is_ready) curl_global_cleanup();
    return done;
}

void load_result_fini(struct load_result *result)
{
    load_times_fini(&result->first);
    load_times_fini(&result->repeats);
}

const char *load_error_words(size_t kind) { return curl_easy_strerror((CURLcode)kind); }
