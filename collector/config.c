/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/config.h"

#include "base/hash.h"
#include "base/manual.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_LISTEN    "tcp://127.0.0.1:5140"
#define DEFAULT_HTTP      "127.0.0.1:4318"
#define ENVIRONMENT       "WEIR_COLLECTOR_"
#define NUMBER_MAX        INT64_MAX /* settings may be signed */
#define OPTION_NAME_BYTES 64

enum option_kind { OPTION_TEXT, OPTION_LIST, OPTION_NUMBER, OPTION_HELP, OPTION_MAN, OPTION_VERSION };

struct option {
    const char *name; /* as a C name; with - for _ outside */
    const char *argument;
    enum option_kind kind;
    size_t offset; /* in struct config */
    uint64_t standard;
    const char *meaning;
};

#define TEXT(name, argument, meaning)                                                                        \
    {#name, argument, OPTION_TEXT, offsetof(struct config, name), 0, meaning},
#define NUMBER(member, name, standard, meaning)                                                              \
    {#name, "N", OPTION_NUMBER, offsetof(struct config, member), standard, meaning},

static const struct option options[] = {
    {"listen", "URL", OPTION_LIST, offsetof(struct config, listen), 0,
     "where services send to: tcp://HOST:PORT (port 0: a free one), tls+tcp://HOST:PORT or ipc://PATH; may "
     "be given several times "
     "[" DEFAULT_LISTEN "]"},
    /* clang-format off */
    TEXT(http, "ADDR:PORT", "where reports are served [" DEFAULT_HTTP "]")
    TEXT(postgres, "DSN", "keep data in this Postgres")
    TEXT(data_dir, "DIR", "keep data in a private Postgres in this directory "
                          "[$XDG_STATE_HOME/weir or ~/.local/state/weir, as root /var/lib/weir]")
    TEXT(spool_dir, "DIR", "keep here what Postgres does not take while it is away or slow [DATA-DIR/spool; with "
                           "--postgres a directory for each DSN in $XDG_STATE_HOME/weir/spool, ~/.local/state/weir/spool, "
                           "as root /var/lib/weir/spool]")
    TEXT(tls_cert, "FILE", "the certificate for tls+tcp, PEM, followed by its chain")
    TEXT(tls_key, "FILE", "its key, PEM, not encrypted")
    TEXT(log_format, "FORMAT", "of the lines on stderr: text, logfmt or json [text]")
    TEXT(config, "FILE", "read options from a file, a line each: name = value")
    NUMBER(quiet_ms, quiet_ms, 1000, "a trace is analysed when no span of it has come for so long")
    NUMBER(quiet_without_root_ms, quiet_without_root_ms, 30000, "the same while a parent is missing")
    NUMBER(http_threads, http_threads, 2, "threads that serve reports")
#define X(name, standard, meaning) NUMBER(ingest.name, name, standard, meaning)
    INGEST_LIMITS(X)
#undef X
#define X(name, standard, meaning) NUMBER(serve.name, name, standard, meaning)
    SERVE_LIMITS(X)
#undef X
#define X(name, standard, meaning) NUMBER(forget.name, name, standard, meaning)
    FORGET_SETTINGS(X)
#undef X
#define X(name, standard, meaning) NUMBER(limits.name, name, standard, meaning)
    STORE_LIMITS(X)
#undef X
#define X(name, standard, meaning) NUMBER(receiver.name, name, standard, meaning)
    RECEIVER_LIMITS(X)
#undef X
#define X(name, standard, meaning) NUMBER(analysis.name, name, standard, meaning)
    ANALYSIS_SETTINGS(X)
#undef X
    /* clang-format on */
    {"version", NULL, OPTION_VERSION, 0, 0, "print the version and end"},
    {"man", NULL, OPTION_MAN, 0, 0, "print the manual page weir-collector(8), for man -l -, and end"},
    {"help", NULL, OPTION_HELP, 0, 0, "print this and end"},
};

#define OPTION_COUNT (sizeof options / sizeof *options)

/* Where a value came from, for errors: "--http", "WEIR_COLLECTOR_HTTP", "weir.conf:3". A higher source beats
 * a lower. */
struct source {
    int rank;
    const char *where;
};

struct reading {
    struct config *config;
    int rank[OPTION_COUNT]; /* of the source that each option has its value from; 0: default */
    char *error;
};

static bool wrong(struct reading *reading, const char *where, const char *format, const char *value)
{
    int bytes = snprintf(reading->error, CONFIG_ERROR_BYTES, "%s: ", where);
    if (bytes > 0 && bytes < CONFIG_ERROR_BYTES)
        snprintf(reading->error + bytes, (size_t)(CONFIG_ERROR_BYTES - bytes), format, value);
    return false;
}

/* "quiet-ms" and "quiet_ms" are one name. */
static const struct option *find_option(const char *name, size_t bytes)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const char *own = options[i].name;
        size_t at = 0;
        while (at < bytes && own[at] && (own[at] == name[at] || (own[at] == '_' && name[at] == '-'))) at++;
        if (at == bytes && own[at] == 0) return &options[i];
    }
    return NULL;
}

static void *member(struct config *config, const struct option *option)
{
    return (char *)config + option->offset;
}

static bool set_text(struct reading *reading, const struct option *option, const char *where,
                     const char *value)
{
    char **text = member(reading->config, option);
    if (!*value) return wrong(reading, where, "a value is missing%s", "");
    free(*text);
    *text = strdup(value);
    return *text || wrong(reading, where, "out of memory%s", "");
}

static bool set_number(struct reading *reading, const struct option *option, const char *where,
                       const char *value)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (!isdigit((unsigned char)*value) || *end || errno || number > NUMBER_MAX)
        return wrong(reading, where, "\"%.100s\" is not a whole number", value);
    *(uint64_t *)member(reading->config, option) = number;
    return true;
}

static void clear_listen(struct config *config)
{
    while (config->listen_count) free(config->listen[--config->listen_count]);
}

/* Several in one value are separated by commas; a higher source replaces what a lower one gave. */
static bool add_listen(struct reading *reading, const char *where, const char *value)
{
    struct config *config = reading->config;
    while (true) {
        size_t bytes = strcspn(value, ",");
        if (bytes == 0) return wrong(reading, where, "a value is missing%s", "");
        if (config->listen_count == CONFIG_LISTEN_MAX)
            return wrong(reading, where, "too many addresses%s", "");
        char *url = strndup(value, bytes);
        if (!url) return wrong(reading, where, "out of memory%s", "");
        config->listen[config->listen_count++] = url;
        if (!value[bytes]) return true;
        value += bytes + 1;
    }
}

static bool set(struct reading *reading, const struct option *option, struct source source, const char *value)
{
    int *rank = &reading->rank[option - options];
    if (*rank > source.rank) return true;
    if (option->kind == OPTION_LIST && *rank < source.rank) clear_listen(reading->config);
    *rank = source.rank;
    switch (option->kind) {
    case OPTION_TEXT:
        return set_text(reading, option, source.where, value);
    case OPTION_LIST:
        return add_listen(reading, source.where, value);
    case OPTION_NUMBER:
        return set_number(reading, option, source.where, value);
    case OPTION_HELP:
    case OPTION_MAN:
    case OPTION_VERSION:
        break;
    }
    return wrong(reading, source.where, "only on the command line%s", "");
}

/* ---- the sources ---- */

enum { FROM_FILE = 1, FROM_ENVIRONMENT, FROM_COMMAND_LINE };

/* What is done instead of running, and has no place in the environment or a file. */
static bool is_command(const struct option *option, enum config_result *result)
{
    switch (option->kind) {
    case OPTION_HELP:
        *result = CONFIG_HELP;
        return true;
    case OPTION_MAN:
        *result = CONFIG_MAN;
        return true;
    case OPTION_VERSION:
        *result = CONFIG_VERSION;
        return true;
    case OPTION_TEXT:
    case OPTION_LIST:
    case OPTION_NUMBER:
        break;
    }
    return false;
}

static bool read_arguments(struct reading *reading, int count, char **arguments, enum config_result *result)
{
    for (int i = 1; i < count; i++) {
        const char *argument = arguments[i];
        size_t bytes = strcspn(argument, "=");
        const struct option *option =
            strncmp(argument, "--", 2) == 0 ? find_option(argument + 2, bytes - 2) : NULL;
        if (!option) return wrong(reading, "unknown option", "%.100s (see --help)", argument);
        if (is_command(option, result)) return true;
        const char *value = argument[bytes] ? argument + bytes + 1 : i + 1 < count ? arguments[++i] : "";
        char where[OPTION_NAME_BYTES];
        snprintf(where, sizeof where, "%.*s", (int)bytes, argument);
        if (!set(reading, option, (struct source){FROM_COMMAND_LINE, where}, value)) return false;
    }
    return true;
}

static bool read_environment(struct reading *reading)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char name[sizeof ENVIRONMENT + OPTION_NAME_BYTES];
        enum config_result ignored;
        if (is_command(&options[i], &ignored)) continue;
        snprintf(name, sizeof name, ENVIRONMENT "%s", options[i].name);
        for (char *c = name; *c; c++) *c = (char)toupper((unsigned char)*c);
        const char *value = getenv(name);
        if (value && *value && !set(reading, &options[i], (struct source){FROM_ENVIRONMENT, name}, value))
            return false;
    }
    return true;
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text)) text++;
    size_t bytes = strlen(text);
    while (bytes && isspace((unsigned char)text[bytes - 1])) text[--bytes] = 0;
    return text;
}

static bool read_line(struct reading *reading, const char *where, char *line)
{
    char *name = trim(line);
    if (!*name || *name == '#') return true;
    char *equals = strchr(name, '=');
    if (!equals) return wrong(reading, where, "\"%.100s\" is not name = value", name);
    *equals = 0;
    name = trim(name);
    const struct option *option = find_option(name, strlen(name));
    if (!option || option->offset == offsetof(struct config, config))
        return wrong(reading, where, "unknown setting %.100s", name);
    return set(reading, option, (struct source){FROM_FILE, where}, trim(equals + 1));
}

static bool read_file(struct reading *reading)
{
    const char *path = reading->config->config;
    if (!path) return true;
    FILE *file = fopen(path, "re");
    if (!file) return wrong(reading, path, "%s", strerror(errno));
    char *line = NULL;
    size_t room = 0;
    bool good = true;
    for (int number = 1; good && getline(&line, &room, file) >= 0; number++) {
        char where[256];
        snprintf(where, sizeof where, "%.200s:%d", path, number);
        good = read_line(reading, where, line);
    }
    if (good && ferror(file)) good = wrong(reading, path, "%s", strerror(errno));
    free(line);
    fclose(file);
    return good;
}

/* ---- defaults ---- */

static bool default_text(char **text, const char *standard)
{
    if (!*text) *text = strdup(standard);
    return *text != NULL;
}

/* Where this user keeps what programs leave; NULL with errno 0: nowhere. */
static char *state_dir(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char *dir = NULL;
    int bytes = 0;
    errno = 0;
    if (geteuid() == 0)
        dir = strdup("/var/lib/weir");
    else if (state && *state == '/')
        bytes = asprintf(&dir, "%s/weir", state);
    else if (home && *home == '/')
        bytes = asprintf(&dir, "%s/.local/state/weir", home);
    return bytes < 0 ? NULL : dir;
}

static bool default_data_dir(struct reading *reading)
{
    char *dir = state_dir();
    reading->config->data_dir = dir;
    if (!dir && errno == 0) return wrong(reading, "no HOME", "give --data-dir or --postgres%s", "");
    return dir || wrong(reading, "defaults", "out of memory%s", "");
}

/* What is spooled belongs to a database: another one has another directory. */
static bool default_spool_dir(struct reading *reading)
{
    struct config *config = reading->config;
    if (config->spool_dir) return true;
    config->spool_dir_is_default = true;
    char *state = config->data_dir ? NULL : state_dir();
    int bytes = 0;
    if (config->data_dir)
        bytes = asprintf(&config->spool_dir, "%s/spool", config->data_dir);
    else if (state)
        bytes = asprintf(&config->spool_dir, "%s/spool/%016llx", state,
                         (unsigned long long)hash_bytes(config->postgres, strlen(config->postgres)));
    free(state);
    if (bytes < 0) config->spool_dir = NULL;
    return bytes >= 0 || wrong(reading, "defaults", "out of memory%s", "");
}

static int rank_of(const struct reading *reading, size_t offset)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (options[i].offset == offset && options[i].kind == OPTION_TEXT) return reading->rank[i];
    return 0;
}

/* A database of one's own or a private one: the higher source decides, one source may not name both. */
static bool choose_database(struct reading *reading)
{
    struct config *config = reading->config;
    int postgres = rank_of(reading, offsetof(struct config, postgres));
    int data_dir = rank_of(reading, offsetof(struct config, data_dir));
    if (postgres && postgres == data_dir)
        return wrong(reading, "--postgres and --data-dir", "choose one%s", "");
    char **loser = postgres > data_dir ? &config->data_dir : &config->postgres;
    free(*loser);
    *loser = NULL;
    return config->postgres || config->data_dir || default_data_dir(reading);
}

#define DAYS_MAX       36500
#define S_PER_DAY      86400
#define NAME_LIMIT_MAX 1000000000

/* 0 is for ever. */
static uint64_t days_of(uint64_t setting) { return setting ? setting : UINT64_MAX; }

static bool check_keeping(struct reading *reading)
{
    const struct config *config = reading->config;
    const struct forget_settings *forget = &config->forget;
    if (forget->keep_spans_days > DAYS_MAX || forget->keep_reports_days > DAYS_MAX ||
        forget->keep_batches_days > DAYS_MAX)
        return wrong(reading, "--keep-…-days", "at most 36500%s", "");
    if (days_of(forget->keep_reports_days) < days_of(forget->keep_spans_days))
        return wrong(reading, "--keep-reports-days", "at least --keep-spans-days%s", "");
    if (forget->keep_batches_days == 0 ||
        (config->ingest.spool_bytes_max &&
         forget->keep_batches_days * S_PER_DAY <= config->ingest.spool_age_max_s))
        return wrong(reading, "--keep-batches-days", "at least 1, and longer than --spool-age-max-s%s", "");
    if (forget->forget_interval_ms == 0) return wrong(reading, "--forget-interval-ms", "at least 1%s", "");
#define X(name, standard, meaning)                                                                           \
    if (config->limits.name == 0 || config->limits.name > NAME_LIMIT_MAX)                                    \
        return wrong(reading, #name, "1 to 1000000000%s", "");
    STORE_LIMITS(X)
#undef X
    return true;
}

static bool check_numbers(struct reading *reading)
{
    const struct config *config = reading->config;
    if (config->ingest.pipelined_max == 0) return wrong(reading, "--pipelined-max", "at least 1%s", "");
    if (config->ingest.connections_max == 0) return wrong(reading, "--connections-max", "at least 1%s", "");
    if (config->serve.http_connections_max == 0 || config->serve.http_connections_max > 65536)
        return wrong(reading, "--http-connections-max", "1 to 65536%s", "");
    if (config->http_threads == 0 || config->http_threads > 64)
        return wrong(reading, "--http-threads", "1 to 64%s", "");
    return check_keeping(reading);
}

static bool fill_defaults(struct reading *reading)
{
    struct config *config = reading->config;
    if (config->listen_count == 0 && !add_listen(reading, "defaults", DEFAULT_LISTEN)) return false;
    if (!default_text(&config->http, DEFAULT_HTTP) || !default_text(&config->log_format, "text"))
        return wrong(reading, "defaults", "out of memory%s", "");
    return check_numbers(reading) && choose_database(reading) && default_spool_dir(reading);
}

enum config_result config_read(struct config *config, int argument_count, char **arguments,
                               char error[CONFIG_ERROR_BYTES])
{
    struct reading reading = {.config = config, .error = error};
    enum config_result result = CONFIG_RUN;
    memset(config, 0, sizeof *config);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (options[i].kind == OPTION_NUMBER) *(uint64_t *)member(config, &options[i]) = options[i].standard;
    if (!read_arguments(&reading, argument_count, arguments, &result)) return CONFIG_WRONG;
    if (result != CONFIG_RUN) return result;
    bool good = read_environment(&reading) && read_file(&reading) && fill_defaults(&reading);
    return good ? CONFIG_RUN : CONFIG_WRONG;
}

void config_fini(struct config *config)
{
    clear_listen(config);
    free(config->http);
    free(config->postgres);
    free(config->data_dir);
    free(config->spool_dir);
    free(config->log_format);
    free(config->tls_cert);
    free(config->tls_key);
    free(config->config);
    memset(config, 0, sizeof *config);
}

/* ---- help ---- */

static void print_wrapped(FILE *out, const char *text, int indent, int width)
{
    int column = indent;
    while (*text) {
        int bytes = (int)strcspn(text, " ");
        if (column + 1 + bytes > width && column > indent) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        }
        column += fprintf(out, "%s%.*s", column > indent ? " " : "", bytes, text);
        text += bytes;
        while (*text == ' ') text++;
    }
}

/* "--quiet-ms N", and "…text… [1000]" */
static void describe(const struct option *option, char left[OPTION_NAME_BYTES + 16], char meaning[512])
{
    snprintf(left, OPTION_NAME_BYTES + 16, "--%s %s", option->name, option->argument ? option->argument : "");
    for (char *c = left + 2; *c && *c != ' '; c++)
        if (*c == '_') *c = '-';
    snprintf(meaning, 512, option->kind == OPTION_NUMBER ? "%s [%llu]" : "%s", option->meaning,
             (unsigned long long)option->standard);
}

static void print_option(FILE *out, const struct option *option)
{
    enum { INDENT = 36, WIDTH = 100 };
    char left[OPTION_NAME_BYTES + 16], meaning[512];
    describe(option, left, meaning);
    fprintf(out, "  %-*s", INDENT - 2, left);
    print_wrapped(out, meaning, INDENT, WIDTH);
    fputc('\n', out);
}

static const char what[] =
    "Receives traces from services, stores them in Postgres, analyses and serves them.\n"
    "When it serves it prints one line to stdout: ready: nng URL[,URL]... http http://ADDR:PORT postgres DSN";
static const char sources[] = "Each option is also an environment variable (--quiet-ms is "
                              "WEIR_COLLECTOR_QUIET_MS; several --listen are\n"
                              "separated by commas) and a line of the configuration file (quiet-ms = 1000). "
                              "The command line wins over the\n"
                              "environment, the environment over the file.";
static const char statuses[] = "0 stopped as asked, 1 failure, 2 wrong usage.";
static const char example[] = "weir-collector --listen tcp://0.0.0.0:5140 --postgres 'host=db dbname=weir'";

void config_help(FILE *out)
{
    fprintf(out, "usage: weir-collector [OPTION VALUE]...\n\n%s\n\n", what);
    for (size_t i = 0; i < OPTION_COUNT; i++) print_option(out, &options[i]);
    fprintf(out, "\n%s\n\nExample: %s\n\nExit status: %s\n", sources, example, statuses);
}

void config_man(FILE *out, const char *version)
{
    manual_begin(out, "weir-collector", 8, version, "receives, stores, analyses and serves traces");
    manual_section(out, "SYNOPSIS");
    manual_text(out, "weir-collector [OPTION VALUE]...");
    manual_section(out, "DESCRIPTION");
    manual_text(out, what);
    manual_section(out, "OPTIONS");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char left[OPTION_NAME_BYTES + 16], meaning[512];
        describe(&options[i], left, meaning);
        manual_item(out, left, meaning);
    }
    manual_section(out, "ENVIRONMENT AND FILE");
    manual_text(out, sources);
    manual_section(out, "EXIT STATUS");
    manual_text(out, statuses);
    manual_section(out, "EXAMPLE");
    manual_code(out, example);
    manual_section(out, "SEE ALSO");
    manual_text(out, "weir(1), libweir(7)");
}
