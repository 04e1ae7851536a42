/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/export/output.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define REGISTERED_MAX 8

static const struct weir_output *const built_in[] = {&sp_output, &file_output, &stderr_output};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const struct weir_output *registered[REGISTERED_MAX];
static uint32_t registered_count;

bool weir_output_register(const struct weir_output *output)
{
    if (!output || output->version != WEIR_OUTPUT_VERSION) return false;
    pthread_mutex_lock(&mutex);
    bool fits = registered_count < REGISTERED_MAX;
    for (uint32_t i = 0; i < registered_count; i++)
        if (registered[i] == output) {
            for (; i + 1 < registered_count; i++) registered[i] = registered[i + 1];
            registered_count--;
            fits = true;
        }
    if (fits) registered[registered_count++] = output;
    pthread_mutex_unlock(&mutex);
    return fits;
}

/* ---- libweir-otlp ---- */

#define OTLP_LIBRARY "libweir-otlp.so." WEIR_SOVERSION

/* A program that is linked to it registers it itself (weir_otlp_use). Never unloaded: it is linked so. */
static bool load_otlp(void)
{
    void *library = dlopen(OTLP_LIBRARY, RTLD_NOW | RTLD_LOCAL),
         *symbol = library ? dlsym(library, "weir_otlp") : NULL;
    const struct weir_output *(*get)(void);
    if (!symbol) return false;
    memcpy(&get, &symbol, sizeof get); /* ISO C has no cast for it */
    return weir_output_register(get());
}

/* ---- choosing ---- */

static bool has_scheme(const struct weir_output *output, struct str scheme)
{
    for (const char *at = output->schemes; *at;) {
        size_t len = strcspn(at, " ");
        if (str_equal(str_view(at, len), scheme)) return true;
        at += len + strspn(at + len, " ");
    }
    return false;
}

/* The newest one wins, so that a program may bring its own for any scheme. */
static const struct weir_output *find(struct str scheme)
{
    const struct weir_output *found = NULL;
    pthread_mutex_lock(&mutex);
    for (uint32_t i = registered_count; i-- > 0 && !found;)
        if (has_scheme(registered[i], scheme)) found = registered[i];
    pthread_mutex_unlock(&mutex);
    for (size_t i = 0; i < sizeof built_in / sizeof built_in[0] && !found; i++)
        if (has_scheme(built_in[i], scheme)) found = built_in[i];
    return found;
}

enum weir_status output_choose(const struct settings *settings, const struct weir_output **output)
{
    bool is_otlp = str_is(settings->scheme, "http") || str_is(settings->scheme, "https");
    *output = find(settings->scheme);
    if (!*output && is_otlp && !load_otlp()) return WEIR_NO_OTLP;
    if (!*output) *output = find(settings->scheme);
    if (!*output) return WEIR_BAD_ENDPOINT;
    bool accepted = !(*output)->accepts || (*output)->accepts(settings->target.data);
    return accepted ? WEIR_OK : WEIR_BAD_ENDPOINT;
}

/* ---- for outputs ---- */

const char *output_setting(const struct settings *settings, const char *name)
{
    return settings_text(settings, name);
}

void output_say(const struct output_host *host, const char *format, va_list arguments)
{
    if (!host->settings->debug) return;
    char line[512];
    vsnprintf(line, sizeof line, format, arguments);
    dprintf(STDERR_FILENO, "weir: %s\n", line); /* no lock that a fork could leave behind */
}
