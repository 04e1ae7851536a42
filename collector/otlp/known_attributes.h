/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attributes that weir understands, under today's names and those that they had before: one table. A span's attributes are
 * looked through once; of several names of one thing the newest counts. Pure.
 */
#ifndef WEIR_COLLECTOR_KNOWN_ATTRIBUTES_H
#define WEIR_COLLECTOR_KNOWN_ATTRIBUTES_H

#include "proto/otlp.h"

/* What becomes of it when the span's operation has no use for it. */
enum known_fate {
    FATE_KEEP,  /* stored, under today's name */
    FATE_SECRET /* not stored: it holds literals */
};

/*    thing, fate, today's name, then its older and other names, oldest last */
#define KNOWN_ATTRIBUTES(X)                                                                                  \
    X(DB_SYSTEM, KEEP, "db.system.name", "db.system")                                                        \
    X(DB_TEXT, SECRET, "db.query.text", "db.statement", "sql.query")                                         \
    X(DB_SUMMARY, KEEP, "db.query.summary")                                                                  \
    X(DB_OPERATION, KEEP, "db.operation.name", "db.operation")                                               \
    X(DB_COLLECTION, KEEP, "db.collection.name", "db.sql.table", "db.mongodb.collection",                    \
      "db.cassandra.table")                                                                                  \
    X(DB_PARAMETERS, SECRET, "db.statement.parameters")                                                      \
    X(DB_NAMESPACE, KEEP, "db.namespace", "db.name", "db.instance", "db.redis.database_index")               \
    X(DB_CONNECTION_STRING, SECRET, "db.connection_string")                                                  \
    X(DB_STATUS, KEEP, "db.response.status_code", "db.cassandra.status_code")                                \
    X(DB_ROWS, KEEP, "db.response.returned_rows", "db.row_count")                                            \
    X(HTTP_METHOD, KEEP, "http.request.method", "http.method")                                               \
    X(HTTP_METHOD_ORIGINAL, KEEP, "http.request.method_original")                                            \
    X(HTTP_ROUTE, KEEP, "http.route")                                                                        \
    X(HTTP_STATUS, KEEP, "http.response.status_code", "http.status_code")                                    \
    X(URL_FULL, SECRET, "url.full", "http.url")                                                              \
    X(URL_ORIGINAL, SECRET, "url.original")                                                                  \
    X(URL_TEMPLATE, KEEP, "url.template")                                                                    \
    X(URL_PATH, SECRET, "url.path", "http.path")                                                             \
    X(URL_QUERY, SECRET, "url.query")                                                                        \
    X(HTTP_TARGET, SECRET, "http.target")                                                                    \
    X(URL_SCHEME, KEEP, "url.scheme", "http.scheme")                                                         \
    X(SERVER_ADDRESS, KEEP, "server.address", "net.peer.name", "http.host", "net.host.name", "net.peer.ip",  \
      "peer.hostname")                                                                                       \
    X(SERVER_PORT, KEEP, "server.port", "net.peer.port", "net.host.port")                                    \
    X(PEER_ADDRESS, KEEP, "network.peer.address", "net.sock.peer.addr")                                      \
    X(PEER_PORT, KEEP, "network.peer.port", "net.sock.peer.port")                                            \
    X(CLIENT_ADDRESS, KEEP, "client.address", "http.client_ip")                                              \
    X(USER_AGENT, KEEP, "user_agent.original", "http.user_agent")                                            \
    X(PROTOCOL_VERSION, KEEP, "network.protocol.version", "http.flavor")                                     \
    X(TRANSPORT, KEEP, "network.transport", "net.transport")                                                 \
    X(REQUEST_SIZE, KEEP, "http.request.body.size", "http.request_content_length")                           \
    X(RESPONSE_SIZE, KEEP, "http.response.body.size", "http.response_content_length")                        \
    X(MESSAGING_DESTINATION, KEEP, "messaging.destination.name", "messaging.destination")                    \
    X(GRAPHQL, SECRET, "graphql.document", "graphql.source")                                                 \
    X(AUTHORIZATION, SECRET, "http.request.header.authorization")                                            \
    X(COOKIE, SECRET, "http.request.header.cookie")                                                          \
    X(SET_COOKIE, SECRET, "http.response.header.set-cookie")                                                 \
    X(CODE_FUNCTION, KEEP, "code.function.name", "code.function")                                            \
    X(CODE_NAMESPACE, KEEP, "code.namespace")                                                                \
    X(CODE_FILE, KEEP, "code.file.path", "code.filepath")                                                    \
    X(CODE_LINE, KEEP, "code.line.number", "code.lineno")                                                    \
    X(WEIR_TYPE, KEEP, "weir.operation.type")                                                                \
    X(WEIR_ROWS, KEEP, "weir.rows")                                                                          \
    X(WEIR_INPUT_HASH, KEEP, "weir.input.hash")                                                              \
    X(WEIR_INPUT_COUNT, KEEP, "weir.input.count")                                                            \
    X(WEIR_ANSWER_HASH, KEEP, "weir.answer.hash")                                                            \
    X(WEIR_CONNECTION, KEEP, "weir.connection")                                                              \
    X(WEIR_UNREAD, KEEP, "weir.unread")                                                                      \
    X(WEIR_PARTIAL, KEEP, "weir.evidence.partial")

enum known_attribute {
#define X(thing, fate, ...) KNOWN_##thing,
    KNOWN_ATTRIBUTES(X)
#undef X
        KNOWN_COUNT
};

#define KNOWN_PARAMETER_PREFIX   "db.query.parameter."
#define KNOWN_PARAMETER_PREFIX_2 "db.operation.parameter."

/* A span's; NULL: it has none. */
struct known_attributes {
    const struct otlp_attribute *found[KNOWN_COUNT];
    unsigned char rank[KNOWN_COUNT]; /* of the name under which it was found: 0 is today's */
    bool used[KNOWN_COUNT];          /* says what the operation says already */
};

/* KNOWN_COUNT: none of them. */
enum known_attribute known_attribute(struct str key, unsigned *rank);
struct str known_name(enum known_attribute which); /* today's */
enum known_fate known_fate(enum known_attribute which);

void known_attributes_find(struct known_attributes *known, const struct otlp_attributes *attributes);

/* Its text; empty when it is absent or no string. */
static inline struct str known_text(const struct known_attributes *known, enum known_attribute which)
{
    const struct otlp_attribute *found = known->found[which];
    return found && found->value.type == OTLP_STRING ? found->value.text : str_view("", 0);
}

/* Its number, be it sent as one or as text; false: there is none that is not negative. */
bool known_number(const struct known_attributes *known, enum known_attribute which, int64_t *number);

#endif
