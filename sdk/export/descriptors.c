/* SPDX-License-Identifier: Apache-2.0 */
#include "sdk/export/descriptors.h"

#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define UNSHARE 2u /* CLOSE_RANGE_UNSHARE, which older headers do not have */

/* The thread sanitizer of a host follows descriptors by their number alone. It would see its host's and ours race. */
extern void __tsan_acquire(void *) __attribute__((weak));

/* The whole table goes: what a thread of ours kept open would never be seen to close by whoever is at its other end. */
static bool leave_table(void)
{
#ifdef SYS_close_range
    return syscall(SYS_close_range, 3u, ~0u, UNSHARE) == 0;
#else
    return false;
#endif
}

bool descriptors_separate(bool keep_stderr)
{
    if (__tsan_acquire || !leave_table()) return false;
    int nowhere = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); /* takes 8 bytes at a time, and tells nobody */
    for (int fd = 0; fd <= (keep_stderr ? STDOUT_FILENO : STDERR_FILENO); fd++) {
        if (nowhere >= 0)
            dup2(nowhere, fd);
        else
            close(fd);
    }
    if (nowhere > STDERR_FILENO) close(nowhere);
    return true;
}
