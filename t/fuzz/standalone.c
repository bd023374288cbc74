/* SPDX-License-Identifier: Apache-2.0
 * The main of a fuzz target without a fuzzer: runs the files of the folder CORPUS through it once. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1024 * 1024)

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static int replay(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    unsigned char *data = malloc(INPUT_MAX);
    size_t size = file ? fread(data, 1, INPUT_MAX, file) : 0;
    /* An exact copy, so that a sanitizer sees a read beyond its end. */
    unsigned char *exact = malloc(size ? size : 1);
    memcpy(exact, data, size);
    free(data);
    if (file) {
        fclose(file);
        LLVMFuzzerTestOneInput(exact, size);
    }
    free(exact);
    return file != NULL;
}

int main(void)
{
    DIR *folder = opendir(CORPUS);
    int count = 0;
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        if (entry->d_name[0] != '.') {
            count += replay(CORPUS, entry->d_name);
        }
    }
    if (folder) {
        closedir(folder);
    }
    printf("%d inputs from %s\n", count, CORPUS);
    return count == 0;
}
