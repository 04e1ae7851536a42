/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/ingest/decoder.h"

#include "base/clock.h"
#include "collector/ingest/answers.h"

#include <pthread.h>
#include <stdlib.h>

struct decoder {
    struct incoming_queue *queue; /* borrowed */
    pthread_t thread;

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t added;
    struct sp_request *first, **last;
    bool stopping;
};

static bool unpack(struct incoming *incoming, const char **why)
{
    const struct sp_request *request = incoming->request;
    return batch_unpack(&incoming->batch, &incoming->arena, request->body, request->body_bytes, why) &&
           batch_check_complete(&incoming->batch, why);
}

/* False: the queue is closed. */
static bool handle(struct decoder *decoder, struct sp_request *request)
{
    const char *why = "out of memory";
    struct incoming *incoming = incoming_new(decoder->queue);
    if (!incoming) {
        sp_request_drop(request);
        return false;
    }
    incoming->request = request;
    incoming->received_unix_ns = clock_unix_ns();
    incoming->received_monotonic_ns = clock_monotonic_ns();
    if (unpack(incoming, &why)) {
        incoming->index = store_prepare(&incoming->batch, &incoming->arena);
        incoming_add(decoder->queue, incoming);
        return true;
    }
    struct reply reply = answer_undecoded(&incoming->batch, why);
    incoming_end(decoder->queue, incoming, &reply);
    return true;
}

/* The oldest request; NULL when the decoder is to end. */
static struct sp_request *next_request(struct decoder *decoder)
{
    pthread_mutex_lock(&decoder->lock);
    while (!decoder->first && !decoder->stopping) pthread_cond_wait(&decoder->added, &decoder->lock);
    struct sp_request *request = decoder->stopping ? NULL : decoder->first;
    if (request) {
        decoder->first = request->next;
        if (!decoder->first) decoder->last = &decoder->first;
    }
    pthread_mutex_unlock(&decoder->lock);
    return request;
}

static void *decode(void *context)
{
    struct decoder *decoder = context;
    struct sp_request *request = next_request(decoder);
    while (request && handle(decoder, request)) request = next_request(decoder);
    return NULL;
}

void decoder_add(void *context, struct sp_request *request)
{
    struct decoder *decoder = context;
    request->next = NULL;
    pthread_mutex_lock(&decoder->lock);
    *decoder->last = request;
    decoder->last = &request->next;
    pthread_cond_signal(&decoder->added);
    pthread_mutex_unlock(&decoder->lock);
}

static void free_decoder(struct decoder *decoder)
{
    while (decoder->first) {
        struct sp_request *request = decoder->first;
        decoder->first = request->next;
        sp_request_drop(request);
    }
    pthread_cond_destroy(&decoder->added);
    pthread_mutex_destroy(&decoder->lock);
    free(decoder);
}

struct decoder *decoder_start(struct incoming_queue *queue)
{
    struct decoder *decoder = calloc(1, sizeof *decoder);
    if (!decoder) return NULL;
    decoder->queue = queue;
    decoder->last = &decoder->first;
    pthread_mutex_init(&decoder->lock, NULL);
    pthread_cond_init(&decoder->added, NULL);
    if (pthread_create(&decoder->thread, NULL, decode, decoder) == 0) return decoder;
    free_decoder(decoder);
    return NULL;
}

void decoder_stop(struct decoder *decoder)
{
    if (!decoder) return;
    pthread_mutex_lock(&decoder->lock);
    decoder->stopping = true;
    pthread_cond_signal(&decoder->added);
    pthread_mutex_unlock(&decoder->lock);
    pthread_join(decoder->thread, NULL);
    free_decoder(decoder);
}
