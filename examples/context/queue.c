/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs that outlive the request that asked for them, done in batches by another thread: each is a child of its request, and
 * the batch is linked to all of them.
 */
#include <pthread.h>
#include <stdio.h>

#include <weir/context.h>

#define JOBS 6

/* doc: queue */
struct job {
    struct weir_context context; /* of the request that wants it done */
    int number;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct job jobs[JOBS];
    int count, done;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void want(int number)
{
    WEIR_SERVER_SPAN(request, "POST", "/jobs", NULL);
    pthread_mutex_lock(&queue.lock);
    struct job *job = &queue.jobs[queue.count++];
    job->number = number;
    weir_context_capture(&job->context, NULL);
    pthread_cond_signal(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
    weir_server_response(request, 202);
}

static void do_jobs(const struct job *jobs, int count)
{
    WEIR_SPAN_AS(batch, "do jobs"); /* a trace of its own, that has to do with several */
    for (int i = 0; i < count; i++) {
        weir_span_link(batch, &jobs[i].context, WEIR_NO_ATTRIBUTES);
        WEIR_ATTACH(&jobs[i].context, NULL);
        WEIR_SPAN("do a job"); /* in the trace of its request */
        weir_int("job.number", jobs[i].number);
    }
}
/* doc: end */

/* Takes what is there, does it outside of the lock, until all is done. */
static void *worker(void *argument)
{
    (void)argument;
    pthread_mutex_lock(&queue.lock);
    while (queue.done < JOBS) {
        while (queue.done == queue.count) pthread_cond_wait(&queue.changed, &queue.lock);
        int from = queue.done, to = queue.count;
        pthread_mutex_unlock(&queue.lock);
        do_jobs(queue.jobs + from, to - from);
        pthread_mutex_lock(&queue.lock);
        queue.done = to;
    }
    pthread_mutex_unlock(&queue.lock);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    weir_init(NULL);
    if (pthread_create(&thread, NULL, worker, NULL) != 0) return 1;
    for (int i = 1; i <= JOBS; i++) want(i);
    pthread_join(thread, NULL);
    printf("%d\n", queue.done);
    weir_shutdown(2000);
    return 0;
}
