/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/postgres/cluster.h"

#include "collector/postgres/log_tail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CREATE_DATABASE "CREATE DATABASE " CLUSTER_DATABASE "\n"

int cluster_version(const struct place *place)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/PG_VERSION", place->cluster);
    FILE *file = fopen(path, "re");
    int version = 0;
    if (file && fscanf(file, "%d", &version) != 1) version = 0;
    if (file) fclose(file);
    return version;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status, (void)type, (void)where;
    return remove(path);
}

/* One that was killed a moment ago may still be at work there: each start has a folder of its own, so that nobody gets
 * into another's way, and what it leaves after all the next start removes. */
void cluster_remove_left_over(const struct place *place)
{
    DIR *directory = opendir(place->directory);
    if (!directory) return;
    for (struct dirent *entry; (entry = readdir(directory));) {
        char path[PATH_MAX + sizeof entry->d_name];
        if (strncmp(entry->d_name, NEW_CLUSTER, strlen(NEW_CLUSTER)) != 0) continue;
        snprintf(path, sizeof path, "%s/%s", place->directory, entry->d_name);
        nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    }
    closedir(directory);
}

static bool make_empty(struct place *place)
{
    if (!mkdtemp(place->new_cluster)) return false;
    return !place->user.drop || chown(place->new_cluster, place->user.uid, place->user.gid) == 0;
}

static bool run(const struct place *place, const char *const *arguments, int input_fd)
{
    struct process process = {.arguments = arguments,
                              .user = &place->user,
                              .input_fd = input_fd,
                              .output_fd = place->log_fd,
                              .death_signal = SIGTERM};
    pid_t pid = process_start(&process);
    return pid > 0 && process_wait(pid);
}

static bool run_initdb(const struct place *place, const char *binaries)
{
    char initdb[PATH_MAX + 16];
    snprintf(initdb, sizeof initdb, "%s/initdb", binaries);
    const char *const arguments[] = {initdb,
                                     "--pgdata",
                                     place->new_cluster,
                                     "--username=" CLUSTER_USER,
                                     "--auth=trust", /* the socket lies in a folder of mode 0700 */
                                     "--encoding=UTF8",
                                     "--locale=C.UTF-8",
                                     "--no-instructions",
                                     NULL};
    return run(place, arguments, -1);
}

/* A single-user server makes the database before any other can run. */
static bool run_create_database(const struct place *place, const char *binaries)
{
    int input[2];
    if (pipe2(input, O_CLOEXEC) != 0) return false;
    bool written =
        write(input[1], CREATE_DATABASE, strlen(CREATE_DATABASE)) == (ssize_t)strlen(CREATE_DATABASE);
    close(input[1]);
    char postgres[PATH_MAX + 16];
    snprintf(postgres, sizeof postgres, "%s/postgres", binaries);
    const char *const arguments[] = {postgres, "--single",           "-D",       place->new_cluster,
                                     "-c",     "exit_on_error=true", "postgres", NULL};
    bool made = written && run(place, arguments, input[0]);
    close(input[0]);
    return made;
}

static bool move_in_place(const struct place *place)
{
    if (rename(place->new_cluster, place->cluster) != 0) return false;
    int folder = open(place->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return false;
    bool synced = fsync(folder) == 0;
    close(folder);
    return synced;
}

bool cluster_make(struct place *place, const char *binaries, char *error, size_t error_bytes)
{
    if (!make_empty(place)) {
        snprintf(error, error_bytes, "cannot make %s: %s", place->new_cluster, strerror(errno));
        return false;
    }
    off_t before = log_end(place->log_fd);
    if (!run_initdb(place, binaries) || !run_create_database(place, binaries)) {
        char said[256];
        log_complaint(place->log_fd, before, said, sizeof said);
        snprintf(error, error_bytes, "initdb in %s failed: %s (log: %s)", place->new_cluster, said,
                 place->log);
        return false;
    }
    if (move_in_place(place)) return true;
    snprintf(error, error_bytes, "cannot move %s to %s: %s", place->new_cluster, place->cluster,
             strerror(errno));
    return false;
}
