/* SPDX-License-Identifier: Apache-2.0 */
#include "model/sql_outline.h"

#include "model/words.h"

#define DEPTH_MAX 32 /* deeper parentheses are skipped */
#define CTES_MAX  8

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_VALUE, TOKEN_SYMBOL };

struct token {
    enum token_kind kind;
    struct str text; /* a word without its quotes */
    size_t end;      /* offset behind it */
    bool is_quoted;  /* never a keyword: FROM "order" */
};

enum clause { CLAUSE_OTHER, CLAUSE_LIST, CLAUSE_FROM, CLAUSE_CONDITION };

struct level {
    enum clause clause;
    bool begins;         /* no word of it yet */
    bool is_query;       /* begins with SELECT and the like: its FROM names tables */
    bool table_expected; /* next word */
};

struct reader {
    struct sql_outline *outline;
    struct str text;
    size_t at;
    struct token token, before; /* the current one, and the one before it */
    unsigned depth;
    struct level levels[DEPTH_MAX];
    unsigned table_depths[OUTLINE_TABLES_MAX];
    uint32_t cte_count;
    struct str ctes[CTES_MAX];
    struct str column;   /* the last name seen in a condition; empty: none */
    bool value_compared; /* "? =" stands before */
};

static const char *const read_verbs[] = {"SELECT", "SHOW", "EXPLAIN", "VALUES",     "TABLE",  "DESCRIBE",
                                         "DESC",   "WITH", "PREPARE", "DEALLOCATE", "DECLARE"};
static const char *const transaction_verbs[] = {"BEGIN",    "START", "COMMIT",    "END",
                                                "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"};
static const char *const data_writes[] = {"INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE"};
static const char *const writing_functions[] = {"NEXTVAL",
                                                "SETVAL",
                                                "SET_CONFIG",
                                                "PG_NOTIFY",
                                                "PG_ADVISORY_LOCK",
                                                "PG_ADVISORY_UNLOCK",
                                                "PG_ADVISORY_XACT_LOCK",
                                                "PG_TRY_ADVISORY_LOCK",
                                                "PG_TRY_ADVISORY_XACT_LOCK"};
static const char *const main_verbs[] = {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "VALUES", "TABLE"};
static const char *const aggregates[] = {
    "COUNT",      "SUM",          "AVG",      "MIN",     "MAX",   "ARRAY_AGG", "JSON_AGG",       "JSONB_AGG",
    "STRING_AGG", "GROUP_CONCAT", "BOOL_AND", "BOOL_OR", "EVERY", "STDDEV",    "PERCENTILE_CONT"};
static const char *const table_prefixes[] = {"ONLY", "LATERAL", "TABLE", "IGNORE", "LOW_PRIORITY"};
static const char *const no_columns[] = {"AND",  "OR",   "NOT",   "IS",       "NULL", "TRUE",      "FALSE",
                                         "CASE", "WHEN", "THEN",  "ELSE",     "END",  "EXISTS",    "ANY",
                                         "ALL",  "SOME", "ARRAY", "INTERVAL", "DATE", "TIMESTAMP", "ESCAPE"};
static const char *const range_words[] = {"LIKE", "ILIKE", "BETWEEN", "SIMILAR", "REGEXP", "RLIKE"};

/* ---- tokens ---- */

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || c == '#' || (unsigned char)c >= 0x80;
}

static char closing_quote(char c) { return c == '"' || c == '`' ? c : c == '[' ? ']' : 0; }

static struct token token_at(struct str text, size_t at)
{
    struct token token = {.kind = TOKEN_END, .end = text.len};
    while (at < text.len && text.data[at] == ' ') at++;
    if (at >= text.len) return token;
    size_t end = at + 1;
    char quote = closing_quote(text.data[at]);
    const char *close = quote ? memchr(text.data + end, quote, text.len - end) : NULL;
    bool quoted =
        close && (quote != ']' || (text.data[end] != '?' && (at == 0 || !is_word_char(text.data[at - 1]))));
    if (quoted) {
        end = (size_t)(close - text.data) + 1;
        token = (struct token){TOKEN_WORD, str_view(text.data + at + 1, end - at - 2), end, true};
    } else if (is_word_char(text.data[at])) {
        while (end < text.len && is_word_char(text.data[end])) end++;
        token = (struct token){TOKEN_WORD, str_view(text.data + at, end - at), end, false};
    } else {
        token = (struct token){text.data[at] == '?' ? TOKEN_VALUE : TOKEN_SYMBOL, str_view(text.data + at, 1),
                               end, false};
    }
    return token;
}

static struct token peek(const struct reader *r) { return token_at(r->text, r->token.end); }
static bool is_symbol(struct token token, char c)
{
    return token.kind == TOKEN_SYMBOL && token.text.data[0] == c;
}
static bool token_is(struct token token, const char *upper)
{
    return token.kind == TOKEN_WORD && !token.is_quoted && word_is(token.text, upper);
}

static bool token_in(struct token token, const char *const *table, size_t count)
{
    return token.kind == TOKEN_WORD && !token.is_quoted && words_have(table, count, token.text);
}

#define TOKEN_IN(token, table) token_in(token, table, WORDS_COUNT(table))

/* Goes on to the last part of a.b.c. */
static void skip_qualifiers(struct reader *r)
{
    for (struct token dot = peek(r); is_symbol(dot, '.'); dot = peek(r)) {
        struct token part = token_at(r->text, dot.end);
        if (part.kind != TOKEN_WORD) return;
        r->token = part;
    }
}

/* ---- what is found ---- */

static bool is_cte(const struct reader *r, struct str name)
{
    for (uint32_t i = 0; i < r->cte_count; i++)
        if (str_equal(r->ctes[i], name)) return true;
    return false;
}

/* The table of the outermost FROM comes first, whatever subqueries stand in front of it. */
static void add_table(struct reader *r, struct str name)
{
    struct sql_outline *o = r->outline;
    if (is_cte(r, name)) return;
    for (uint32_t i = 0; i < o->table_count; i++)
        if (str_equal(o->tables[i], name)) return;
    if (o->table_count == OUTLINE_TABLES_MAX) return;
    uint32_t at = o->table_count;
    if (at > 0 && r->depth < r->table_depths[0]) {
        memmove(o->tables + 1, o->tables, at * sizeof *o->tables);
        memmove(r->table_depths + 1, r->table_depths, at * sizeof *r->table_depths);
        at = 0;
    }
    o->tables[at] = name;
    r->table_depths[at] = r->depth;
    o->table_count++;
}

static void add_column(struct reader *r, struct str name, bool is_list)
{
    struct sql_outline *o = r->outline;
    r->column = str_view("", 0);
    for (uint32_t i = 0; i < o->column_count; i++)
        if (str_equal(o->columns[i].name, name)) return;
    if (name.len == 0 || o->column_count == OUTLINE_COLUMNS_MAX) return;
    o->columns[o->column_count++] = (struct outline_column){name, is_list};
}

static void add_aggregate(struct reader *r)
{
    struct sql_outline *o = r->outline;
    for (uint32_t i = 0; i < o->aggregate_count; i++)
        if (str_equal(o->aggregates[i], r->token.text)) return;
    if (o->aggregate_count < OUTLINE_AGGREGATES_MAX) o->aggregates[o->aggregate_count++] = r->token.text;
}

/* ---- reading ---- */

static struct level *level(struct reader *r)
{
    return &r->levels[r->depth < DEPTH_MAX ? r->depth : DEPTH_MAX - 1];
}

static void read_open(struct reader *r)
{
    struct level outer = *level(r);
    bool is_from = outer.table_expected;
    enum clause inner = is_from ? CLAUSE_FROM : outer.clause == CLAUSE_FROM ? CLAUSE_OTHER : outer.clause;
    level(r)->table_expected = level(r)->begins = false;
    r->depth++;
    *level(r) =
        (struct level){.clause = inner, .begins = true, .is_query = is_from, .table_expected = is_from};
}

/* The first word of a statement or of a parenthesis. */
static void read_beginning(struct reader *r)
{
    struct sql_outline *o = r->outline;
    struct level *here = level(r);
    here->begins = false;
    here->is_query =
        here->is_query || r->depth == 0 || TOKEN_IN(r->token, main_verbs) || token_is(r->token, "WITH");
    if (TOKEN_IN(r->token, data_writes) && here->is_query) o->writes = true;
    if (r->depth > 0) {
        if (TOKEN_IN(r->token, main_verbs) && o->verb.len == 0)
            o->verb = r->token.text; /* (SELECT …) UNION … */
        return;
    }
    bool set = token_is(r->token, "SET") || token_is(r->token, "PREPARE");
    bool transaction = (TOKEN_IN(r->token, transaction_verbs) && !token_is(r->token, "START")) ||
                       ((set || token_is(r->token, "START")) && token_is(peek(r), "TRANSACTION"));
    if (transaction && o->verb.len == 0) o->is_transaction = true;
    if (!transaction && !TOKEN_IN(r->token, read_verbs)) o->writes = true;
}

/* Words that end a list of tables or conditions and begin something else; false: not one of them. */
static bool read_clause(struct reader *r)
{
    struct level *here = level(r);
    struct token next = peek(r);
    struct token w = r->token;
    bool names_table = false;
    if (token_is(w, "SELECT") || token_is(w, "RETURNING"))
        here->clause = CLAUSE_LIST;
    else if (token_is(w, "FROM"))
        names_table = here->is_query && !token_is(r->before, "DISTINCT");
    else if (token_is(w, "JOIN") || token_is(w, "INTO"))
        names_table = true;
    else if (token_is(w, "USING"))
        names_table = !is_symbol(next, '(');
    else if (token_is(w, "WHERE") || token_is(w, "ON"))
        here->clause =
            here->is_query && !token_is(next, "CONFLICT") ? CLAUSE_CONDITION : CLAUSE_OTHER; /* FILTER */
    else if (token_is(w, "SET") || token_is(w, "GROUP") || token_is(w, "ORDER") || token_is(w, "LIMIT") ||
             token_is(w, "OFFSET") || token_is(w, "VALUES") || token_is(w, "HAVING") ||
             token_is(w, "WINDOW") || token_is(w, "FOR") || token_is(w, "UNION"))
        here->clause = CLAUSE_OTHER;
    else
        return false;
    here->table_expected = names_table;
    if (names_table) {
        if (token_is(w, "INTO") && word_is(r->outline->verb, "SELECT") && next.kind == TOKEN_WORD)
            r->outline->writes = true;
        here->clause = CLAUSE_FROM;
    }
    r->column = str_view("", 0);
    return true;
}

static void read_table(struct reader *r)
{
    struct level *here = level(r);
    if (TOKEN_IN(r->token, table_prefixes)) return;
    skip_qualifiers(r);
    here->table_expected = false;
    bool into = !token_is(r->before, "FROM") && !token_is(r->before, "JOIN");
    if (!is_symbol(peek(r), '(') || (into && word_is(r->outline->verb, "INSERT")))
        add_table(r, r->token.text);
}

/* A name in a condition, and what it is compared with. */
static void read_condition_word(struct reader *r)
{
    struct token next;
    if (token_is(r->token, "IN")) {
        struct token open = peek(r);
        if (is_symbol(open, '(') && token_at(r->text, open.end).kind != TOKEN_WORD)
            add_column(r, r->column, true);
    } else if (TOKEN_IN(r->token, range_words)) {
        add_column(r, r->column, false);
    } else if (TOKEN_IN(r->token, no_columns)) {
        if (!token_is(r->token, "NOT")) r->column = str_view("", 0);
    } else {
        skip_qualifiers(r);
        next = peek(r);
        if (is_symbol(next, '(')) return; /* a function */
        r->column = r->token.text;
        if (r->value_compared) add_column(r, r->column, false);
    }
}

/* = ? and = ANY(?); any other comparison counts whatever it is with. */
static void read_comparison(struct reader *r)
{
    char c = r->token.text.data[0];
    struct token next = peek(r);
    if (c == '=' && r->before.kind == TOKEN_VALUE && next.kind == TOKEN_WORD) {
        r->value_compared = true;
        return;
    }
    if (r->column.len == 0) return;
    if (c == '=' && next.kind == TOKEN_VALUE) {
        add_column(r, r->column, false);
    } else if (c == '=' && (token_is(next, "ANY") || token_is(next, "SOME"))) {
        struct token inner = token_at(r->text, token_at(r->text, next.end).end);
        if (inner.kind == TOKEN_VALUE || token_is(inner, "ARRAY")) add_column(r, r->column, true);
    } else if (c == '<' || c == '>' || c == '!' || c == '~' || c == '@') {
        add_column(r, r->column, false);
    }
}

static void read_symbol(struct reader *r)
{
    char c = r->token.text.data[0];
    if (c == '(') {
        read_open(r);
    } else if (c == ')') {
        if (r->depth) r->depth--;
    } else if (c == ',') {
        if (level(r)->clause == CLAUSE_FROM) level(r)->table_expected = true;
    } else if (c == ';' && r->depth == 0) {
        *level(r) = (struct level){.begins = true};
    } else if (c == ':' && is_symbol(r->before, ':')) {
        struct token type = peek(r); /* a cast's type is no column */
        if (type.kind == TOKEN_WORD) r->token = type;
    } else if (level(r)->clause == CLAUSE_CONDITION) {
        read_comparison(r);
    }
}

static void read_cte(struct reader *r)
{
    struct token next = peek(r);
    struct token then = token_at(r->text, next.end);
    if (token_is(next, "AS") &&
        (is_symbol(then, '(') || token_is(then, "MATERIALIZED") || token_is(then, "NOT")) &&
        r->cte_count < CTES_MAX)
        r->ctes[r->cte_count++] = r->token.text;
}

static void read_verb(struct reader *r)
{
    struct sql_outline *o = r->outline;
    bool behind_with = word_is(o->verb, "WITH");
    if (behind_with && !TOKEN_IN(r->token, main_verbs)) {
        read_cte(r);
        return;
    }
    if (behind_with && TOKEN_IN(r->token, data_writes)) o->writes = true;
    o->verb = r->token.text;
    if (token_is(r->token, "UPDATE")) level(r)->table_expected = true;
    if (token_is(r->token, "SELECT")) level(r)->clause = CLAUSE_LIST;
}

static void read_word(struct reader *r)
{
    struct sql_outline *o = r->outline;
    bool calls = is_symbol(peek(r), '(');
    if (level(r)->begins) read_beginning(r);
    if (calls && TOKEN_IN(r->token, writing_functions)) o->writes = true;
    if (r->depth == 0 && (o->verb.len == 0 || word_is(o->verb, "WITH")))
        read_verb(r);
    else if (read_clause(r))
        return;
    else if (level(r)->table_expected)
        read_table(r);
    else if (level(r)->clause == CLAUSE_CONDITION)
        read_condition_word(r);
    else if (level(r)->clause == CLAUSE_LIST && calls && TOKEN_IN(r->token, aggregates))
        add_aggregate(r);
}

void sql_outline_read(struct sql_outline *outline, struct str normalised)
{
    struct reader r;
    memset(outline, 0, sizeof *outline);
    memset(&r, 0, sizeof r);
    r.outline = outline;
    r.text = normalised;
    r.levels[0] = (struct level){.begins = true, .is_query = true};
    for (r.token = token_at(normalised, 0); r.token.kind != TOKEN_END;) {
        struct token now = r.token;
        bool compared = r.value_compared;
        if (now.kind == TOKEN_WORD)
            read_word(&r);
        else if (now.kind == TOKEN_SYMBOL)
            read_symbol(&r);
        if (compared) r.value_compared = false;
        r.before = now;
        r.token = token_at(normalised, r.token.end);
    }
}
