/* SPDX-License-Identifier: Apache-2.0 */
#include "viewer/cli/demo.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK           "weir-demo" /* this file says that the directory is a demo's, to be emptied by the next */
#define COLLECTOR_LOCK "lock"      /* held by a collector that runs on the directory */
#define DEPTH_MAX      64

/* ---- which directory ---- */

static bool choose(struct demo *demo, const char *data_dir)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int len;
    if (data_dir) {
        len = snprintf(demo->data_dir, PATH_MAX, "%s", data_dir);
    } else if (state && state[0] == '/') {
        len = snprintf(demo->data_dir, PATH_MAX, "%s/weir-demo", state);
    } else if (geteuid() == 0) {
        len = snprintf(demo->data_dir, PATH_MAX,
                       "/var/lib/weir-demo"); /* where the user that runs Postgres can reach it */
    } else if (home && home[0] == '/') {
        len = snprintf(demo->data_dir, PATH_MAX, "%s/.local/state/weir-demo", home);
    } else {
        return demo_fail(demo, NULL, "where to keep the data? there is no HOME; give --data-dir DIR");
    }
    return len < PATH_MAX - 64 || demo_fail(demo, NULL, "the data directory's name is too long");
}

/* The user that runs Postgres must pass through what root makes. */
static bool make_folder(const char *path)
{
    mode_t mode = geteuid() == 0 ? 0755 : 0700;
    if (mkdir(path, mode) != 0) return errno == EEXIST;
    return chmod(path, mode) == 0; /* whatever the umask says */
}

static bool make_folders(struct demo *demo)
{
    char part[PATH_MAX];
    snprintf(part, sizeof part, "%s", demo->data_dir);
    bool made = true;
    for (char *slash = strchr(part + 1, '/'); slash && made; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        made = make_folder(part);
        *slash = '/';
    }
    if (made && make_folder(part)) return true;
    return demo_fail(demo, NULL, "cannot make %.900s: %s", part, strerror(errno));
}

/* ---- emptying it ---- */

/* Takes the descriptor. Goes by descriptors and never through a link, whoever else may write here. */
static bool remove_inside(int folder_fd, const char *keep, unsigned depth);

static bool remove_entry(int folder_fd, const char *name, unsigned depth)
{
    if (unlinkat(folder_fd, name, 0) == 0) return true;
    if (errno != EISDIR && errno != EPERM) return false;
    int fd = openat(folder_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd >= 0 && depth < DEPTH_MAX && remove_inside(fd, NULL, depth + 1) &&
           unlinkat(folder_fd, name, AT_REMOVEDIR) == 0;
}

static bool remove_inside(int folder_fd, const char *keep, unsigned depth)
{
    DIR *folder = fdopendir(folder_fd);
    if (!folder) {
        close(folder_fd);
        return false;
    }
    bool removed = true;
    for (struct dirent *entry; removed && (entry = readdir(folder));) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || (keep && strcmp(name, keep) == 0)) continue;
        removed = remove_entry(dirfd(folder), name, depth);
    }
    int cause = errno;
    closedir(folder);
    errno = cause;
    return removed;
}

static bool is_empty(int folder_fd)
{
    DIR *folder = fdopendir(dup(folder_fd));
    if (!folder) return false;
    bool empty = true;
    for (struct dirent *entry; empty && (entry = readdir(folder));) {
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    }
    closedir(folder);
    return empty;
}

/* ---- the mark ---- */

static bool take_mark(struct demo *demo, int folder_fd)
{
    static const char text[] = "weir demo made this directory and empties it when it runs again.\n";
    demo->lock_fd = openat(folder_fd, MARK, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (demo->lock_fd < 0 && errno == ENOENT && is_empty(folder_fd)) {
        demo->lock_fd = openat(folder_fd, MARK, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (demo->lock_fd >= 0 && write(demo->lock_fd, text, sizeof text - 1) < 0) {
            return demo_fail(demo, NULL, "cannot write to %.900s: %s", demo->data_dir, strerror(errno));
        }
    } else if (demo->lock_fd < 0 && errno == ENOENT) {
        return demo_fail(
            demo, NULL,
            "%.900s is not empty and no earlier demo's: its data would be lost; give another --data-dir",
            demo->data_dir);
    }
    if (demo->lock_fd < 0)
        return demo_fail(demo, NULL, "cannot write to %.900s: %s", demo->data_dir, strerror(errno));
    if (flock(demo->lock_fd, LOCK_EX | LOCK_NB) == 0) return true;
    return demo_fail(demo, NULL, "another demo runs on %.900s", demo->data_dir);
}

/* A collector may be showing the last demo's data. */
static bool nothing_runs(struct demo *demo, int folder_fd)
{
    int fd = openat(folder_fd, COLLECTOR_LOCK, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    bool is_free = fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0;
    if (fd >= 0) close(fd);
    return is_free || demo_fail(demo, NULL, "a collector runs on %.900s: stop it first", demo->data_dir);
}

static bool begin_anew(struct demo *demo, int folder_fd)
{
    if (!take_mark(demo, folder_fd) || !nothing_runs(demo, folder_fd)) return false;
    int inside_fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool emptied = inside_fd >= 0 && remove_inside(inside_fd, MARK, 0);
    if (emptied && mkdirat(folder_fd, "log", 0755) == 0) return true;
    return demo_fail(demo, NULL, "cannot empty %.900s: %s", demo->data_dir, strerror(errno));
}

bool demo_data_open(struct demo *demo, const char *data_dir)
{
    if (!choose(demo, data_dir) || !make_folders(demo)) return false;
    char full[PATH_MAX];
    if (realpath(demo->data_dir, full)) memcpy(demo->data_dir, full, sizeof full);
    int folder_fd = open(demo->data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd < 0)
        return demo_fail(demo, NULL, "cannot open %.900s: %s", demo->data_dir, strerror(errno));
    bool begun = begin_anew(demo, folder_fd);
    close(folder_fd);
    return begun;
}

void demo_data_close(struct demo *demo)
{
    if (demo->lock_fd >= 0) close(demo->lock_fd);
    demo->lock_fd = -1;
}
