/* SPDX-License-Identifier: Apache-2.0 */
/* Plays the files of folders through LLVMFuzzerTestOneInput, so that a corpus is an ordinary test without libFuzzer. */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static int play_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) return 1;
    long bytes = ftell(file);
    rewind(file);
    uint8_t *data = bytes > 0 ? malloc((size_t)bytes)
                              : NULL; /* its exact size, so that the sanitizer sees reads behind it */
    int failed = bytes > 0 && (!data || fread(data, 1, (size_t)bytes, file) != (size_t)bytes);
    fclose(file);
    if (!failed) LLVMFuzzerTestOneInput(data, bytes > 0 ? (size_t)bytes : 0);
    free(data);
    return failed;
}

static int play_folder(const char *path, unsigned *played)
{
    DIR *folder = opendir(path);
    if (!folder) return 1;
    int failed = 0;
    for (const struct dirent *entry; !failed && (entry = readdir(folder)) != NULL;) {
        char file[4096];
        if (entry->d_name[0] == '.') continue;
        snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        failed = play_file(file);
        *played += !failed;
    }
    closedir(folder);
    return failed;
}

int main(int count, char **folders)
{
    unsigned played = 0;
    for (int i = 1; i < count; i++) {
        if (play_folder(folders[i], &played) == 0) continue;
        fprintf(stderr, "%s cannot be read\n", folders[i]);
        return 1;
    }
    printf("%u inputs played\n", played);
    return played == 0; /* an empty corpus tests nothing */
}
