/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The span path allocates nothing, takes no lock and makes no system call, once the thread's state is made and its ring's
 * memory touched. Each case runs in a child process of its own: a filter of seccomp there traps every system call of the
 * thread, and the allocator's and pthread's functions are counted on their way through here.
 */
#include "tests/support/cmocka.h"

#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <weir/call.h>

/* ---- what is counted ---- */

static _Thread_local volatile bool counts; /* in the thread that is tested, while it is */
static volatile int allocations, locks, system_calls, last_system_call;

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *memory);

static void count(volatile int *what)
{
    if (counts) ++*what;
}

void *malloc(size_t bytes)
{
    count(&allocations);
    return __libc_malloc(bytes);
}

void *calloc(size_t number, size_t bytes)
{
    count(&allocations);
    return __libc_calloc(number, bytes);
}

void *realloc(void *memory, size_t bytes)
{
    count(&allocations);
    return __libc_realloc(memory, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    count(&allocations);
    return __libc_memalign(alignment, bytes);
}

void free(void *memory)
{
    count(&allocations);
    __libc_free(memory);
}

/* Makes a function of pthread count and then do what it does. */
#define COUNTED(function, type)                                                                              \
    int function(type *lock)                                                                                 \
    {                                                                                                        \
        static int (*next)(type *);                                                                          \
        if (!next) *(void **)&next = dlsym(RTLD_NEXT, #function);                                            \
        count(&locks);                                                                                       \
        return next(lock);                                                                                   \
    }
COUNTED(pthread_mutex_lock, pthread_mutex_t)
COUNTED(pthread_mutex_trylock, pthread_mutex_t)
COUNTED(pthread_rwlock_rdlock, pthread_rwlock_t)
COUNTED(pthread_rwlock_wrlock, pthread_rwlock_t)

static void trapped(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    last_system_call = info->si_syscall;
    count(&system_calls);
}

/* From here on all but the return from a handler and the process' end traps. */
static void trap_system_calls(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
    struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO};
    sigaction(SIGSYS, &action, NULL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(100);
}

/* ---- the cases ---- */

static const char *header(const void *from, const char *name)
{
    return strcmp(name, "traceparent") ? NULL : from;
}

static const char *cell(const void *from, size_t row, size_t column, size_t *bytes)
{
    (void)row, (void)column;
    *bytes = 4;
    return from;
}

static void spans(void)
{
    WEIR_SPAN("outer");
    {
        WEIR_SPAN("inner");
        weir_int("int", 1);
        weir_double("double", 0.5);
        weir_bool("bool", true);
        weir_string("string", "a text of some length, to be copied");
        weir_error("timeout");
    }
    char text[WEIR_TRACEPARENT_BYTES];
    weir_traceparent(weir_span_current(), text);
}

static void requests(void)
{
    static const char parent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    WEIR_SERVER_SPAN(request, "GET", "/items/{id}", (&(struct weir_headers){.get = header, .from = parent}));
    weir_server_target(request, "/items/17?full=1");
    spans();
    weir_server_response(request, 500);
}

static void unsampled_requests(void)
{
    static const char parent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    WEIR_SERVER_SPAN(request, "GET", "/items/{id}", (&(struct weir_headers){.get = header, .from = parent}));
    spans();
}

static void calls(void)
{
    static const char sql[] = "SELECT name FROM items WHERE id = $1 AND kind = 'plain'";
    WEIR_SERVER_SPAN(request, "GET", "/items/{id}", NULL);
    for (int i = 0; i < 3; i++) {
        struct weir_span call = weir_call_begin(
            &(struct weir_call){WEIR_SITE("q"), WEIR_CALL_DB, "postgresql", NULL, sql, sizeof sql - 1, 1});
        weir_call_input(call, "1742", 4);
        weir_call_send(call);
        weir_call_answered(call);
        weir_call_table(call, 3, 2, cell, "1742");
        weir_call_unread(call, sql);
        weir_answer_read(sql);
        weir_call_end(call);
    }
}

static void too_deep(void)
{
    struct weir_span deep[80];
    for (int i = 0; i < 80; i++) deep[i] = weir_span_begin(WEIR_SITE("deep"));
    for (int i = 79; i >= 0; i--) weir_span_end(deep[i]);
}

/* More than the ring holds: the rest is dropped, as quietly. */
static void too_many(void)
{
    for (int i = 0; i < 20000; i++) {
        WEIR_SPAN("many");
    }
}

static void attributes_that_do_not_fit(void)
{
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    WEIR_SPAN("full");
    for (int i = 0; i < 200; i++) weir_int("int", i);
    for (int i = 0; i < 10; i++) weir_string("string", text);
}

/* ---- the test ---- */

struct counted {
    bool done;
    int allocations, locks, system_calls, last_system_call;
};

/* The exporter looks rarely, and finds nobody: the ring keeps what it got. */
static void child(void (*path)(void), struct counted *counted)
{
    struct weir_config config = {.endpoint = "tcp://127.0.0.1:1", .export_interval_ms = 60000};
    if (weir_init(&config) != WEIR_OK) _exit(101);
    for (int i = 0; i < 20; i++) path(); /* warm */
    trap_system_calls();
    counts = true;
    for (int i = 0; i < 20; i++) path();
    counts = false;
    *counted = (struct counted){true, allocations, locks, system_calls, last_system_call};
    _exit(0);
}

static void expect_quiet(void (*path)(void))
{
    int status;
    struct counted *counted =
        mmap(NULL, sizeof *counted, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(counted, MAP_FAILED);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) child(path, counted);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(counted->done);
    if (counted->system_calls) fail_msg("made system call %d", counted->last_system_call);
    assert_int_equal(counted->allocations, 0);
    assert_int_equal(counted->locks, 0);
    munmap(counted, sizeof *counted);
}

#define CASE(path)                                                                                           \
    static void path##_are_quiet(void **state)                                                               \
    {                                                                                                        \
        (void)state;                                                                                         \
        expect_quiet(path);                                                                                  \
    }
CASE(spans)
CASE(requests)
CASE(unsampled_requests)
CASE(calls)
CASE(too_deep)
CASE(too_many)
CASE(attributes_that_do_not_fit)

static void noisy(void)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    getppid();
    void *volatile memory = malloc(1);
    free(memory);
}

/* The test itself would see what it looks for. */
static void noise_is_heard(void **state)
{
    (void)state;
    int status;
    struct counted *counted =
        mmap(NULL, sizeof *counted, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid = fork();
    if (pid == 0) child(noisy, counted);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(counted->system_calls, 20);
    assert_int_equal(counted->last_system_call, SYS_getppid);
    assert_int_equal(counted->locks, 20);
    assert_int_equal(counted->allocations, 40);
    munmap(counted, sizeof *counted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(noise_is_heard),     cmocka_unit_test(spans_are_quiet),
        cmocka_unit_test(requests_are_quiet), cmocka_unit_test(unsampled_requests_are_quiet),
        cmocka_unit_test(calls_are_quiet),    cmocka_unit_test(too_deep_are_quiet),
        cmocka_unit_test(too_many_are_quiet), cmocka_unit_test(attributes_that_do_not_fit_are_quiet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
