/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/otlp/call_text.h"

#include <strings.h>

#define WORDS_MAX 512 /* of a cache command; a longer one's other keys are not looked at */

static bool word_is(struct str word, const char *name)
{
    return word.len == strlen(name) && strncasecmp(word.data, name, word.len) == 0;
}

static bool is_one_of(struct str word, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (word_is(word, names[i])) return true;
    return false;
}

#define IS_ONE_OF(word, names) is_one_of((word), (names), sizeof(names) / sizeof *(names))

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/* Cuts the next word off the front; empty at the end. */
static struct str next_word(struct str *rest)
{
    size_t from = 0;
    while (from < rest->len && is_blank(rest->data[from])) from++;
    size_t to = from;
    while (to < rest->len && !is_blank(rest->data[to])) to++;
    struct str word = str_view(rest->data + from, to - from);
    *rest = str_view(rest->data + to, rest->len - to);
    return word;
}

/* ---- inputs ---- */

struct inputs {
    const struct hash_key *key;
    uint64_t hash;
    uint32_t count;
};

static void add_value(void *context, struct str value)
{
    struct inputs *inputs = context;
    inputs->hash = hash_combine(inputs->hash, hash_keyed(inputs->key, value.data, value.len));
    inputs->count++;
}

static uint64_t operation_hash(const struct hash_key *key, const struct operation *operation)
{
    uint64_t hash = hash_keyed(key, operation->text.data, operation->text.len);
    hash = hash_combine(hash, hash_keyed(key, operation->system.data, operation->system.len));
    return hash_combine(hash, operation->type);
}

static void set_input(struct call_text *to, const struct inputs *inputs)
{
    uint64_t hash = hash_combine(inputs->hash, operation_hash(inputs->key, &to->operation));
    to->input_hash = hash ? hash : 1;
    to->input_count = inputs->count;
}

void call_parameters_add(struct call_parameters *parameters, const struct hash_key *key, struct str name,
                         struct str value)
{
    parameters->hash = hash_combine(parameters->hash, hash_keyed(key, name.data, name.len));
    parameters->hash = hash_combine(parameters->hash, hash_keyed(key, value.data, value.len));
    parameters->count++;
}

/* ---- SQL ---- */

/* Behind what may stand in front of a statement. */
static struct str skip_comments(struct str text)
{
    for (;;) {
        while (text.len && (is_blank(*text.data) || *text.data == '(' || *text.data == ';'))
            text = str_view(text.data + 1, text.len - 1);
        const char *end;
        if (str_starts(text, "--"))
            end = memchr(text.data, '\n', text.len);
        else if (str_starts(text, "/*"))
            end = memmem(text.data + 2, text.len - 2, "*/", 2);
        else
            return text;
        if (!end) return str_view("", 0);
        size_t behind = (size_t)(end - text.data) + (*end == '\n' ? 1 : 2);
        text = str_view(text.data + behind, text.len - behind);
    }
}

bool call_text_is_sql(struct str text)
{
    static const char *const verbs[] = {
        "SELECT",  "INSERT",  "UPDATE",     "DELETE",  "WITH",     "MERGE",     "REPLACE",  "UPSERT",
        "VALUES",  "BEGIN",   "START",      "COMMIT",  "ROLLBACK", "SAVEPOINT", "RELEASE",  "END",
        "ABORT",   "CREATE",  "ALTER",      "DROP",    "TRUNCATE", "GRANT",     "REVOKE",   "COMMENT",
        "CALL",    "EXEC",    "EXECUTE",    "EXPLAIN", "ANALYZE",  "VACUUM",    "SHOW",     "SET",
        "RESET",   "USE",     "DECLARE",    "FETCH",   "CLOSE",    "COPY",      "LISTEN",   "NOTIFY",
        "LOCK",    "PREPARE", "DEALLOCATE", "DISCARD", "PRAGMA",   "TABLE",     "DESCRIBE", "REFRESH",
        "REINDEX", "CLUSTER", "DO"};
    struct str rest = skip_comments(text);
    size_t len = 0;
    while (len < rest.len && ((rest.data[len] | 0x20) >= 'a' && (rest.data[len] | 0x20) <= 'z')) len++;
    return IS_ONE_OF(str_view(rest.data, len), verbs);
}

/* Behind the quoted piece that begins at `at`; a quote within is doubled, or follows a backslash. */
static size_t skip_quoted(struct str sql, size_t at)
{
    char quote = sql.data[at++];
    for (; at < sql.len; at++) {
        if (sql.data[at] == '\\')
            at++;
        else if (sql.data[at] == quote)
            return at + 1;
    }
    return sql.len;
}

static bool is_name_character(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

/* ?, $1, %s, %(name)s, :name, @name: what stands there is not known from the text. An operator that looks like one makes an
 * input unknown that is known, which does no harm. */
static bool is_placeholder(struct str sql, size_t at)
{
    char c = sql.data[at], next = at + 1 < sql.len ? sql.data[at + 1] : 0;
    char before = at ? sql.data[at - 1] : ' ';
    if (c == '?') return true;
    if (c == '$') return next >= '0' && next <= '9';
    if (c == '%') return next == 's' || next == '(';
    if (c == ':') return before != ':' && is_name_character(next);
    return c == '@' && before != '@' && is_name_character(next);
}

static bool has_placeholders(struct str sql)
{
    for (size_t at = 0; at < sql.len; at++) {
        char c = sql.data[at];
        if (c == '\'' || c == '"' || c == '`') {
            at = skip_quoted(sql, at) - 1;
        } else if (is_placeholder(sql, at)) {
            return true;
        }
    }
    return false;
}

/* MySQL's "…" is a string where others have a name: written as '…', which every dialect takes for one. */
static struct str single_quoted(struct str sql, struct str system, struct arena *arena)
{
    if (!str_is(system, "mysql") && !str_is(system, "mariadb")) return sql;
    char *to = memchr(sql.data, '"', sql.len) ? arena_alloc(arena, 2 * sql.len) : NULL;
    if (!to) return sql;
    size_t len = 0;
    char inside = 0; /* the quote that is open */
    for (size_t at = 0; at < sql.len; at++) {
        char c = sql.data[at];
        if (inside && c == '\\' && at + 1 < sql.len) {
            to[len++] = c;
            to[len++] = sql.data[++at];
            continue;
        }
        bool is_quote = c == '"' || c == '\'' || c == '`';
        if (is_quote && !inside)
            inside = c;
        else if (c == inside)
            inside = 0;
        else if (inside == '"' && c == '\'')
            to[len++] = '\'';
        bool in_backticks = inside == '`' || c == '`';
        to[len++] = c == '"' && inside != '\'' && !in_backticks ? '\'' : c;
    }
    return str_view(to, len);
}

void call_of_sql(struct call_text *to, const struct hash_key *key, struct str system, struct str sql,
                 const struct call_parameters *parameters, struct arena *arena)
{
    struct inputs inputs = {.key = key};
    struct str read = single_quoted(sql, system, arena);
    size_t len = normalise_sql(read, to->text, add_value, &inputs);
    to->operation = (struct operation){OPERATION_DB, system, {to->text, len}};
    if (parameters->count == 0 && has_placeholders(sql)) return;
    inputs.hash = hash_combine(inputs.hash, parameters->hash);
    inputs.count += parameters->count;
    set_input(to, &inputs);
}

void call_of_other_query(struct call_text *to, const struct hash_key *key, struct str system, struct str name,
                         struct str query)
{
    struct inputs inputs = {.key = key};
    to->operation = (struct operation){OPERATION_DB, system, call_join(to->text, name, str_view("", 0))};
    if (query.len == 0 || memchr(query.data, '?', query.len))
        return; /* the sender has taken its values out */
    add_value(&inputs, query);
    set_input(to, &inputs);
}

struct str call_system_name(struct str system)
{
    static const char *const names[][2] = {{"mssql", "microsoft.sql_server"},
                                           {"oracle", "oracle.db"},
                                           {"db2", "ibm.db2"},
                                           {"dynamodb", "aws.dynamodb"},
                                           {"spanner", "gcp.spanner"},
                                           {"cosmosdb", "azure.cosmosdb"},
                                           {"hanadb", "sap.hana"},
                                           {"redshift", "aws.redshift"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_is(system, names[i][0])) return str_of(names[i][1]);
    return system;
}

/* ---- caches ---- */

bool call_system_is_cache(struct str system)
{
    static const char *const systems[] = {"redis", "memcached", "valkey", "keydb", "dragonfly"};
    return IS_ONE_OF(system, systems);
}

/* Where a command's keys stand. One that is in no row: its first argument; so they all were in Redis's beginning. */
enum keys { FIRST_KEY, ALL_KEYS, EVERY_OTHER_KEY, SECOND_KEY, NO_KEYS };

static enum keys keys_of(struct str verb)
{
    static const char *const all[] = {"MGET",    "EXISTS",  "DEL",         "UNLINK",      "TOUCH",
                                      "WATCH",   "RENAME",  "RENAMENX",    "RPOPLPUSH",   "SINTER",
                                      "SUNION",  "SDIFF",   "SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE",
                                      "PFCOUNT", "PFMERGE", "GETS"};
    static const char *const every_other[] = {"MSET", "MSETNX"};
    static const char *const second[] = {"OBJECT", "MEMORY", "XINFO", "XGROUP", "BITOP"};
    static const char *const none[] = {
        "EVAL",    "EVAL_RO",   "EVALSHA",  "EVALSHA_RO", "FCALL",   "FCALL_RO", "AUTH",
        "HELLO",   "ACL",       "CONFIG",   "MIGRATE",    "CLIENT",  "CLUSTER",  "COMMAND",
        "DEBUG",   "ECHO",      "FUNCTION", "INFO",       "LATENCY", "PING",     "SCAN",
        "SCRIPT",  "SELECT",    "SLOWLOG",  "SWAPDB",     "WAIT",    "XREAD",    "XREADGROUP",
        "PUBLISH", "REPLICAOF", "SHUTDOWN", "MULTI",      "EXEC",    "PIPELINE", "QUIT"};
    if (IS_ONE_OF(verb, all)) return ALL_KEYS;
    if (IS_ONE_OF(verb, every_other)) return EVERY_OTHER_KEY;
    if (IS_ONE_OF(verb, second)) return SECOND_KEY;
    return IS_ONE_OF(verb, none) ? NO_KEYS : FIRST_KEY;
}

static bool is_key(enum keys keys, size_t argument)
{
    switch (keys) {
    case FIRST_KEY:
        return argument == 0;
    case ALL_KEYS:
        return true;
    case EVERY_OTHER_KEY:
        return argument % 2 == 0;
    case SECOND_KEY:
        return argument == 1;
    case NO_KEYS:
        break;
    }
    return false;
}

/* Trailing ':' as some SDKs write it behind the verb goes. */
static struct str verb_of(struct str *rest)
{
    struct str verb = next_word(rest);
    if (verb.len && verb.data[verb.len - 1] == ':') verb.len--;
    return verb;
}

struct command {
    char text[OPERATION_TEXT_MAX];
    size_t len;
    bool sanitised; /* a key has been taken out by the sender */
};

static void add_word(struct command *command, struct str word)
{
    if (word.len + 1 > sizeof command->text - command->len) return;
    if (command->len) command->text[command->len++] = ' ';
    memcpy(command->text + command->len, word.data, word.len);
    command->len += word.len;
}

/* The verb and its keys. */
static void read_command(struct command *command, struct str text)
{
    struct str rest = text, verb = verb_of(&rest), word;
    enum keys keys = keys_of(verb);
    add_word(command, verb);
    for (size_t i = 0; i < WORDS_MAX && (word = next_word(&rest)).len; i++) {
        if (!is_key(keys, i)) continue;
        bool hidden = str_is(word, "?") || str_is(word, "{}") || str_is(word, "***");
        command->sanitised = command->sanitised || hidden;
        add_word(command, hidden ? str_of("{}") : word);
    }
}

void call_of_cache(struct call_text *to, const struct hash_key *key, struct str system, struct str text)
{
    struct command command = {.len = 0};
    struct inputs inputs = {.key = key};
    bool is_several = text.len && memchr(text.data, '\n', text.len);
    if (is_several)
        add_word(&command, str_of("PIPELINE"));
    else
        read_command(&command, text);
    size_t len = normalise_key(str_view(command.text, command.len), to->text, add_value, &inputs);
    to->operation = (struct operation){OPERATION_CACHE, system, {to->text, len}};
    bool names_key = memchr(command.text, ' ', command.len);
    if (!names_key || command.sanitised) return;
    add_value(&inputs, text); /* what is written there, too */
    inputs.count--;
    set_input(to, &inputs);
}

/* ---- HTTP ---- */

struct str call_join(char text[OPERATION_TEXT_MAX], struct str method, struct str path)
{
    size_t len = method.len < OPERATION_TEXT_MAX ? method.len : OPERATION_TEXT_MAX;
    if (len) memcpy(text, method.data, len);
    if (path.len == 0 || len + 1 >= OPERATION_TEXT_MAX) return str_view(text, len);
    if (len) text[len++] = ' ';
    size_t more = path.len < OPERATION_TEXT_MAX - len ? path.len : OPERATION_TEXT_MAX - len;
    memcpy(text + len, path.data, more);
    return str_view(text, len + more);
}

static bool has_no_body(struct str method)
{
    static const char *const methods[] = {"GET", "HEAD", "OPTIONS", "DELETE", "TRACE"};
    return IS_ONE_OF(method, methods);
}

void call_of_http(struct call_text *to, const struct hash_key *key, struct str method, struct str url,
                  struct str url_template)
{
    char path[OPERATION_TEXT_MAX];
    struct inputs inputs = {.key = key};
    size_t host_len = 0, len = 0;
    if (url.len) len = normalise_url(url, path, to->host, sizeof to->host, &host_len, add_value, &inputs);
    struct str shown = url_template.len ? url_template : str_view(path, len);
    to->operation =
        (struct operation){OPERATION_HTTP, {to->host, host_len}, call_join(to->text, method, shown)};
    if (url.len && has_no_body(method)) set_input(to, &inputs);
}
