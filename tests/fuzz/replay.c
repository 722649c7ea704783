/* Runs a fuzz target over files and folders of them: the corpus as an ordinary test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static size_t n_done;

static void replay_file(const char *path, size_t n)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(n > 0 ? n : 1); /* no byte more: a sanitizer sees reads past the end */
    if (f == NULL || data == NULL || fread(data, 1, n, f) != n) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    fclose(f);
    LLVMFuzzerTestOneInput(data, n);
    free(data);
    n_done++;
}

static void replay(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return; /* a target without a corpus of its own */
    if (!S_ISDIR(st.st_mode)) {
        replay_file(path, (size_t)st.st_size);
        return;
    }
    DIR *d = opendir(path);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        char sub[4096];
        if (e->d_name[0] == '.')
            continue;
        snprintf(sub, sizeof sub, "%s/%s", path, e->d_name);
        replay(sub);
    }
    if (d != NULL)
        closedir(d);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    printf("%s: %zu inputs\n", argv[0], n_done);
    return n_done > 0 ? 0 : 1;
}
