/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/postgres/place.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SOCKET_NAME      "/.s.PGSQL.5432"
#define LOCK_RETRY_NS    (50 * NS_PER_MS)
#define LOCK_DEADLINE_NS (2 * NS_PER_S) /* for a killed collector to be gone */
#define LOG_BYTES_MAX    (8 << 20)      /* a longer log is put aside when a server starts */
#define ELSEWHERE        "/tmp/weir-"
#define PLAIN_CHARACTERS                                                                                     \
    "/._-+@%=:~abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" /* need no quoting anywhere   \
                                                                                */

/* The server's user must pass through every folder that root makes; an ordinary user's folders are his own.
 */
static mode_t folder_mode(void) { return geteuid() == 0 ? 0755 : 0700; }

static bool make_folder(const char *path)
{
    if (mkdir(path, folder_mode()) != 0) return errno == EEXIST;
    return chmod(path, folder_mode()) == 0; /* whatever the umask says */
}

static bool make_folders(const char *path)
{
    char part[PATH_MAX];
    snprintf(part, sizeof part, "%s", path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (!make_folder(part)) return false;
        *slash = '/';
    }
    return make_folder(part);
}

static bool find_directory(struct place *place, const char *data_dir, char *error, size_t error_bytes)
{
    if (strlen(data_dir) >= PATH_MAX - 64 || !*data_dir) {
        snprintf(error, error_bytes, "the data directory's name is empty or too long");
        return false;
    }
    if (make_folders(data_dir) && realpath(data_dir, place->directory) &&
        strlen(place->directory) < PATH_MAX - 64)
        return true;
    snprintf(error, error_bytes, "cannot make the data directory %s: %s", data_dir, strerror(errno));
    return false;
}

static void name_parts(struct place *place)
{
    int bytes = (int)strlen(place->directory);
    snprintf(place->cluster, PATH_MAX, "%.*s/postgres", bytes, place->directory);
    snprintf(place->new_cluster, PATH_MAX, "%.*s/" NEW_CLUSTER "XXXXXX", bytes, place->directory);
    snprintf(place->log, PATH_MAX, "%.*s/postgres.log", bytes, place->directory);
    snprintf(place->socket_link, PATH_MAX, "%.*s/socket", bytes, place->directory);
}

/* A process that was killed a moment ago may still hold it. */
static bool lock_soon(int fd)
{
    const struct timespec pause = {.tv_nsec = LOCK_RETRY_NS};
    int64_t deadline_ns = clock_monotonic_ns() + LOCK_DEADLINE_NS;
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (clock_monotonic_ns() > deadline_ns) return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

static bool take_lock(struct place *place, char *error, size_t error_bytes)
{
    char path[PATH_MAX + 8];
    snprintf(path, sizeof path, "%s/lock", place->directory);
    place->lock_fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0644);
    if (place->lock_fd < 0) {
        snprintf(error, error_bytes, "cannot write to the data directory %s: %s", place->directory,
                 strerror(errno));
        return false;
    }
    if (lock_soon(place->lock_fd)) return true;
    snprintf(error, error_bytes,
             "another collector is running on %s: stop it, or give this one its own --data-dir",
             place->directory);
    return false;
}

static void open_log(struct place *place)
{
    struct stat log;
    if (stat(place->log, &log) == 0 && log.st_size > LOG_BYTES_MAX) {
        char old[PATH_MAX + 8];
        snprintf(old, sizeof old, "%s.old", place->log);
        rename(place->log, old);
    }
    place->log_fd = open(place->log, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

static void use_entry(struct process_user *user, const struct passwd *entry)
{
    user->uid = entry->pw_uid;
    user->gid = entry->pw_gid;
    snprintf(user->name, sizeof user->name, "%s", entry->pw_name);
}

/* Root gives the cluster to the user who has it already, or to postgres, or to nobody. */
static bool choose_user_as_root(struct place *place, const struct stat *cluster, char *error,
                                size_t error_bytes)
{
    const struct passwd *entry = cluster ? getpwuid(cluster->st_uid) : getpwnam("postgres");
    if (!entry && !cluster) entry = getpwnam("nobody");
    place->user.drop = true;
    if (entry && entry->pw_uid != 0) {
        use_entry(&place->user, entry);
        return true;
    }
    if (cluster)
        snprintf(error, error_bytes,
                 "%s belongs to root or to no user, and Postgres does not run as root: chown it",
                 place->cluster);
    else
        snprintf(error, error_bytes,
                 "Postgres does not run as root, and there is neither a user postgres nor nobody");
    return false;
}

static bool choose_user(struct place *place, char *error, size_t error_bytes)
{
    struct stat status;
    const struct stat *cluster = stat(place->cluster, &status) == 0 ? &status : NULL;
    if (geteuid() == 0) return choose_user_as_root(place, cluster, error, error_bytes);
    if (!cluster || cluster->st_uid == geteuid()) return true;
    const struct passwd *owner = getpwuid(cluster->st_uid);
    snprintf(error, error_bytes, "%s belongs to another user (%s): run the collector as that user or as root",
             place->cluster, owner ? owner->pw_name : "unknown");
    return false;
}

static bool check_reach(const struct place *place, char *error, size_t error_bytes)
{
    size_t bytes;
    if (!place->user.drop || process_can_enter(&place->user, place->directory, &bytes)) return true;
    snprintf(error, error_bytes,
             "the user %s, as whom Postgres runs because root may not, cannot enter %.*s: choose a "
             "--data-dir outside of "
             "it, or chmod o+x %.*s",
             place->user.name, (int)bytes, place->directory, (int)bytes, place->directory);
    return false;
}

static void remove_socket_folder(const char *folder)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s" SOCKET_NAME, folder);
    unlink(path);
    snprintf(path, sizeof path, "%s" SOCKET_NAME ".lock", folder);
    unlink(path);
    rmdir(folder);
}

/* What a killed collector left: a folder, or a link to one under /tmp. */
static void remove_old_socket(const struct place *place)
{
    char target[PATH_MAX];
    ssize_t bytes = readlink(place->socket_link, target, sizeof target - 1);
    if (bytes < 0) {
        remove_socket_folder(place->socket_link);
        return;
    }
    target[bytes] = 0;
    if (strncmp(target, ELSEWHERE, strlen(ELSEWHERE)) == 0) remove_socket_folder(target);
    unlink(place->socket_link);
}

static bool fits_socket(const char *folder)
{
    return strlen(folder) + strlen(SOCKET_NAME) < SOCKET_DIRECTORY_BYTES - 1 &&
           folder[strspn(folder, PLAIN_CHARACTERS)] == 0;
}

static bool make_socket_folder(struct place *place)
{
    remove_old_socket(place);
    if (fits_socket(place->socket_link)) {
        snprintf(place->socket, sizeof place->socket, "%.*s", SOCKET_DIRECTORY_BYTES - 1, place->socket_link);
        if (mkdir(place->socket, 0700) != 0) return false;
    } else {
        snprintf(place->socket, sizeof place->socket, ELSEWHERE "XXXXXX");
        if (!mkdtemp(place->socket)) return false;
        place->socket_elsewhere = true;
        if (symlink(place->socket, place->socket_link) != 0) return false;
    }
    return !place->user.drop || chown(place->socket, place->user.uid, place->user.gid) == 0;
}

static bool open_parts(struct place *place, char *error, size_t error_bytes)
{
    if (!take_lock(place, error, error_bytes) || !choose_user(place, error, error_bytes) ||
        !check_reach(place, error, error_bytes))
        return false;
    open_log(place);
    if (place->log_fd >= 0 && make_socket_folder(place)) return true;
    snprintf(error, error_bytes, "cannot write to the data directory %s: %s", place->directory,
             strerror(errno));
    return false;
}

bool place_open(struct place *place, const char *data_dir, char *error, size_t error_bytes)
{
    memset(place, 0, sizeof *place);
    place->lock_fd = place->log_fd = -1;
    if (!find_directory(place, data_dir, error, error_bytes)) return false;
    name_parts(place);
    if (open_parts(place, error, error_bytes)) return true;
    place_close(place);
    return false;
}

void place_close(struct place *place)
{
    if (place->socket_elsewhere) remove_old_socket(place);
    if (place->log_fd >= 0) close(place->log_fd);
    if (place->lock_fd >= 0) close(place->lock_fd); /* gives the lock back */
    place->log_fd = place->lock_fd = -1;
}
