#include "tests/scratch.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[256];

const char *scratch_begin(void)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/ggtool-test-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(folder) == NULL)
        abort();
    return folder;
}

static size_t each_entry(bool remove_it)
{
    size_t n = 0;
    DIR *d = opendir(folder);
    if (d == NULL)
        return 0;
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        n++;
        if (remove_it)
            unlink(scratch_path(e->d_name));
    }
    closedir(d);
    return n;
}

void scratch_end(void)
{
    each_entry(true);
    rmdir(folder);
}

size_t scratch_count(void)
{
    return each_entry(false);
}

const char *scratch_path(const char *name)
{
    static _Thread_local char ring[8][600];
    static _Thread_local unsigned next;
    char *p = ring[next++ % 8];
    snprintf(p, sizeof ring[0], "%s/%s", folder, name);
    return p;
}

void scratch_write(const char *name, const void *p, size_t n)
{
    FILE *f = fopen(scratch_path(name), "wb");
    if (f == NULL || fwrite(p, 1, n, f) != n || fclose(f) != 0)
        abort();
}

char *scratch_read(const char *name, size_t *n)
{
    FILE *f = fopen(scratch_path(name), "rb");
    if (f == NULL)
        return NULL;
    fseek(f, 0, SEEK_END);
    long size = ftell(f);
    rewind(f);
    char *p = malloc((size_t)size + 1);
    if (p == NULL || fread(p, 1, (size_t)size, f) != (size_t)size)
        abort();
    p[size] = '\0';
    fclose(f);
    *n = (size_t)size;
    return p;
}
