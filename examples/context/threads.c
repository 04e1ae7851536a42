/* SPDX-License-Identifier: Apache-2.0 */
/* A request that has two threads work for it at once: what they do is part of it. */
#include <pthread.h>
#include <stdio.h>

#include <weir/context.h>

struct part {
    struct weir_context context;
    int number, sum;
};

/* doc: threads */
static void *work(void *argument)
{
    struct part *part = argument;
    WEIR_ATTACH(&part->context, NULL); /* to the end of the function */
    WEIR_SPAN("add up a part");
    for (int i = part->number; i < 1000; i += 2) part->sum += i;
    return NULL;
}

static int add_up(void)
{
    WEIR_SERVER_SPAN(request, "GET", "/sum", NULL);
    struct part parts[2] = {{.number = 0}, {.number = 1}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        weir_context_capture(&parts[i].context, NULL);
        pthread_create(&threads[i], NULL, work, &parts[i]);
    }
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    return parts[0].sum + parts[1].sum;
}
/* doc: end */

int main(void)
{
    weir_init(NULL);
    printf("%d\n", add_up());
    weir_shutdown(2000);
    return 0;
}
