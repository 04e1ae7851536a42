/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host that knows nothing of weir, loads a traced plugin, and unloads it: with weir at work, with a thread that ends
 * later, with a fork later. The arguments are the mode and the plugin's path.
 */
#include "tests/sdk/hosts/plugin.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPANS 3

static pthread_barrier_t together;
static const struct plugin *plugin;

static void check(bool fine, const char *what)
{
    if (fine) return;
    fprintf(stderr, "loading: %s: %s\n", what, dlerror());
    _exit(99);
}

static void make_spans(void)
{
    for (int i = 0; i < SPANS; i++) plugin->span();
}

static void *works(void *unused)
{
    make_spans();
    pthread_barrier_wait(&together); /* it may be unloaded */
    pthread_barrier_wait(&together); /* it is */
    return unused;                   /* the thread's destructors are weir's */
}

int main(int argc, char **argv)
{
    check(argc == 3, "mode and path are needed");
    bool ends_first = strcmp(argv[1], "end") == 0, forks = strcmp(argv[1], "fork") == 0;
    void *object = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
    check(object, "dlopen");
    plugin = dlsym(object, "traced_plugin");
    check(plugin, "dlsym");
    struct plugin functions = *plugin; /* the host keeps no pointer into it, but the test does */
    pthread_t thread;
    pthread_barrier_init(&together, NULL, 2);
    functions.begin();
    check(pthread_create(&thread, NULL, works, NULL) == 0, "pthread_create");
    pthread_barrier_wait(&together);
    make_spans();
    if (ends_first) functions.end();
    check(dlclose(object) == 0, "dlclose");
    pthread_barrier_wait(&together);
    pthread_join(thread, NULL);
    if (forks) {
        int status;
        pid_t child = fork();
        if (child == 0) exit(0);
        check(waitpid(child, &status, 0) == child && status == 0, "the child failed");
    }
    return 0; /* exit delivers */
}
