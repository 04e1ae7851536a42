/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/serve/upload.h"

#include "collector/serve/clients.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASS_OVER_BYTES_MAX                                                                                  \
    ((uint64_t)64 << 20) /* of a body that is refused: then the connection is closed */

struct upload {
    struct MHD_Connection *connection;
    struct post *post;
    uint64_t passed_over_bytes;
    bool finished; /* its body; the connection's thread's */

    pthread_mutex_t lock; /* for all below */
    bool suspended, resumed, abandoned;
};

static bool is_otlp(const char *url) { return strcmp(url, "/v1/traces") == 0; }
bool upload_is_for(const char *url) { return is_otlp(url) || strcmp(url, "/api/v2/spans") == 0; }

/* ---- answers ---- */

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (value) MHD_add_response_header(response, name, value);
}

static enum MHD_Result queue_answer(struct upload *upload, struct post_answer *answer, bool closes)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(answer->body.len, answer->body.data, MHD_RESPMEM_MUST_COPY);
    char seconds[16];
    if (!response) return MHD_NO;
    snprintf(seconds, sizeof seconds, "%u", answer->retry_after_s);
    add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type);
    add_header(response, MHD_HTTP_HEADER_SERVER, "weir-collector/" WEIR_VERSION);
    add_header(response, MHD_HTTP_HEADER_ACCEPT_ENCODING, answer->accept_encoding);
    add_header(response, MHD_HTTP_HEADER_RETRY_AFTER, answer->retry_after_s ? seconds : NULL);
    add_header(response, MHD_HTTP_HEADER_CONNECTION, closes ? "close" : NULL);
    client_enter(upload->connection, CLIENT_READING);
    enum MHD_Result result = MHD_queue_response(upload->connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- suspended ---- */

/* A post_answered. */
static void resume(void *context)
{
    struct upload *upload = context;
    pthread_mutex_lock(&upload->lock);
    bool due = upload->suspended && !upload->resumed;
    upload->resumed = upload->resumed || due;
    pthread_mutex_unlock(&upload->lock);
    if (due) MHD_resume_connection(upload->connection);
}

static enum MHD_Result finish_body(struct upload *upload)
{
    upload->finished = true;
    struct post_answer *answer = post_answer(upload->post);
    if (answer) return queue_answer(upload, answer, false);
    client_enter(upload->connection, CLIENT_SERVED);
    pthread_mutex_lock(&upload->lock);
    bool abandoned = upload->abandoned;
    upload->suspended = !abandoned;
    if (!abandoned) MHD_suspend_connection(upload->connection);
    pthread_mutex_unlock(&upload->lock);
    if (abandoned) return MHD_NO;
    post_finish(upload->post, resume, upload);
    return MHD_YES;
}

void upload_abandon(struct upload *upload)
{
    pthread_mutex_lock(&upload->lock);
    upload->abandoned = true;
    pthread_mutex_unlock(&upload->lock);
    resume(upload);
}

/* ---- the library's calls ---- */

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static struct post_headers headers_of(struct MHD_Connection *connection, const char *url)
{
    const char *length = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return (struct post_headers){
        .is_zipkin = !is_otlp(url),
        .content_type = header(connection, MHD_HTTP_HEADER_CONTENT_TYPE),
        .content_encoding = header(connection, MHD_HTTP_HEADER_CONTENT_ENCODING),
        .has_length = length != NULL,
        .length = length ? strtoull(length, NULL, 10) : 0,
    };
}

struct upload *upload_begin(struct receiver *receiver, struct MHD_Connection *connection, const char *url,
                            bool *answered)
{
    struct upload *upload = calloc(1, sizeof *upload);
    const struct post_headers headers = headers_of(connection, url);
    if (upload) upload->post = post_begin(receiver, &headers);
    if (!upload || !upload->post) {
        free(upload);
        return NULL;
    }
    upload->connection = connection;
    pthread_mutex_init(&upload->lock, NULL);
    struct post_answer *answer = post_answer(upload->post);
    *answered = answer && queue_answer(upload, answer, true) == MHD_YES;
    return upload;
}

/* What comes behind a refusal is read past, so that the sender, which may be sending still, gets to its answer. */
static enum MHD_Result take_piece(struct upload *upload, const char *data, size_t *bytes)
{
    size_t came = *bytes;
    *bytes = 0;
    if (post_add(upload->post, data, came)) return MHD_YES;
    upload->passed_over_bytes += came;
    return upload->passed_over_bytes > PASS_OVER_BYTES_MAX ? MHD_NO : MHD_YES;
}

enum MHD_Result upload_continue(struct upload *upload, const char *data, size_t *bytes)
{
    if (*bytes) return take_piece(upload, data, bytes);
    if (!upload->finished) return finish_body(upload);
    struct post_answer *answer = post_answer(upload->post);
    return answer ? queue_answer(upload, answer, false) : MHD_NO;
}

void upload_free(struct upload *upload)
{
    if (!upload) return;
    post_free(upload->post);
    pthread_mutex_destroy(&upload->lock);
    free(upload);
}
