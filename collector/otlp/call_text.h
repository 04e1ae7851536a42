/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operation of a call that another SDK has traced, and what can be known of its input from its text alone: literals of a
 * statement, ids in a URL, keys of a cache. The values themselves end here: the operation has none, and of them only a keyed
 * hash and their number go on.
 *
 * An input is known (input_hash is not 0) when the text or the parameters beside it say all of it. A statement with
 * placeholders and no parameters, a request with a body: two of them may differ where their texts do not.
 */
#ifndef WEIR_COLLECTOR_CALL_TEXT_H
#define WEIR_COLLECTOR_CALL_TEXT_H

#include "base/hash.h"
#include "model/operation.h"

struct call_text {
    struct operation operation; /* points into `text` and `host`, and to what was passed */
    uint64_t input_hash;        /* 0: not known */
    uint32_t input_count;
    char text[OPERATION_TEXT_MAX], host[256];
};

/* Values that came beside the text: bind parameters. */
struct call_parameters {
    uint64_t hash; /* of all, in their order */
    uint32_t count;
};
void call_parameters_add(struct call_parameters *parameters, const struct hash_key *key, struct str name,
                         struct str value);

/* True: it begins as SQL does, so that the SQL normaliser knows its literals. */
bool call_text_is_sql(struct str text);
bool call_system_is_cache(struct str system);
/* "mssql" → "microsoft.sql_server": today's name of a database system. */
struct str call_system_name(struct str system);

void call_of_sql(struct call_text *to, const struct hash_key *key, struct str system, struct str sql,
                 const struct call_parameters *parameters, struct arena *arena);
/* A statement of a language that is not SQL, of which only the whole is known: `name` is the operation. */
void call_of_other_query(struct call_text *to, const struct hash_key *key, struct str system, struct str name,
                         struct str query);
/* A command and its arguments, of which the keys are kept; what else stands there may be a value. */
void call_of_cache(struct call_text *to, const struct hash_key *key, struct str system, struct str command);
/* template: empty, or what the URL is to be called. */
void call_of_http(struct call_text *to, const struct hash_key *key, struct str method, struct str url,
                  struct str url_template);

/* "METHOD path", both as given, cut to fit; returns the view of `text`. */
struct str call_join(char text[OPERATION_TEXT_MAX], struct str method, struct str path);

#endif
