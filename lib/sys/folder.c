#include "lib/sys/folder.h"

#include "lib/base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The end of the folder name that begins at or behind at; 0: what follows is the file. */
static size_t folder_end(const char *path, size_t at)
{
    at += strspn(path + at, "/");
    const char *slash = strchr(path + at, '/');
    return slash == NULL ? 0 : (size_t)(slash - path);
}

static int make_one(char *path, struct gg_err *err)
{
    struct stat st;
    char shown[512];
    if (mkdir(path, 0777) == 0)
        return GG_OK;
    int sys = errno;
    if (sys == EEXIST && stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
        sys = ENOTDIR;
    return gg_fail_sys(err, sys, "cannot make folder '%s'",
                       gg_text_escape_into(shown, sizeof shown, path, strlen(path)));
}

int gg_folder_make_for(const char *path, size_t *made, struct gg_err *err)
{
    struct stat st;
    char *own = strdup(path);
    int rc = own == NULL ? gg_fail_nomem(err, "a folder") : GG_OK;
    *made = 0;
    for (size_t end = 0; rc == GG_OK && (end = folder_end(path, end)) > 0;) {
        own[end] = '\0';
        if (stat(own, &st) != 0 || !S_ISDIR(st.st_mode)) {
            rc = make_one(own, err);
            if (rc == GG_OK && *made == 0)
                *made = end;
        }
        own[end] = '/';
    }
    free(own);
    if (rc != GG_OK) {
        gg_folder_unmake(path, *made);
        *made = 0;
    }
    return rc;
}

void gg_folder_unmake(const char *path, size_t made)
{
    char *own = made > 0 ? strdup(path) : NULL;
    for (size_t end = own != NULL ? strlen(own) : 0; end-- > 1 && end >= made;) {
        if (own[end] != '/' || own[end - 1] == '/')
            continue;
        own[end] = '\0';
        rmdir(own);
    }
    free(own);
}
