/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/postgres/binaries.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEBIAN_DIRECTORY "/usr/lib/postgresql"

static bool holds_binaries(const char *directory)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/initdb", directory);
    if (access(path, X_OK) != 0) return false;
    snprintf(path, sizeof path, "%s/postgres", directory);
    return access(path, X_OK) == 0;
}

static bool take_if_good(char directory[PATH_MAX], const char *candidate)
{
    if (candidate[0] != '/' || strlen(candidate) >= PATH_MAX || !holds_binaries(candidate)) return false;
    snprintf(directory, PATH_MAX, "%s", candidate);
    return true;
}

static bool find_by_pg_config(char directory[PATH_MAX])
{
    FILE *output = popen("pg_config --bindir 2>/dev/null", "re");
    if (!output) return false;
    char line[PATH_MAX] = "";
    bool read = fgets(line, sizeof line, output) != NULL;
    pclose(output);
    line[strcspn(line, "\n")] = 0;
    return read && take_if_good(directory, line);
}

/* Debian keeps the versions side by side: the one that the data needs, or the newest. */
static bool find_in_debian_directory(char directory[PATH_MAX], int version)
{
    DIR *versions = opendir(DEBIAN_DIRECTORY);
    if (!versions) return false;
    int best = 0;
    for (struct dirent *entry; (entry = readdir(versions));) {
        int found = atoi(entry->d_name);
        char path[PATH_MAX];
        snprintf(path, sizeof path, DEBIAN_DIRECTORY "/%s/bin", entry->d_name);
        if (found > best && (version == 0 || found == version) && take_if_good(directory, path)) best = found;
    }
    closedir(versions);
    return best > 0;
}

static bool find_in_path(char directory[PATH_MAX])
{
    const char *path = getenv("PATH");
    while (path && *path) {
        size_t bytes = strcspn(path, ":");
        char candidate[PATH_MAX];
        snprintf(candidate, sizeof candidate, "%.*s", (int)bytes, path);
        if (take_if_good(directory, candidate)) return true;
        path += bytes + (path[bytes] == ':');
    }
    return false;
}

bool postgres_binaries_find(char directory[PATH_MAX], int version, char *error, size_t error_bytes)
{
    const char *named = getenv("WEIR_POSTGRES_BIN");
    if (named && *named) {
        if (take_if_good(directory, named)) return true;
        snprintf(error, error_bytes, "no initdb and postgres in %s, which WEIR_POSTGRES_BIN names", named);
        return false;
    }
    if (version != 0 && find_in_debian_directory(directory, version)) return true;
    if (find_by_pg_config(directory) || find_in_debian_directory(directory, 0) || find_in_path(directory))
        return true;
    snprintf(error, error_bytes,
             "no Postgres server found: install Debian's package postgresql, name the folder of initdb in "
             "WEIR_POSTGRES_BIN, or give --postgres DSN");
    return false;
}
