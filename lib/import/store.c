/* Stores in general, and the one that is a folder. */
#include "lib/import/store.h"

#include "lib/base/buf.h"
#include "lib/base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int gg_store_init(struct gg_store *s, const struct gg_store_ops *ops, const char *prefix,
                  struct gg_err *err)
{
    s->ops = ops;
    s->prefix = strdup(prefix);
    return s->prefix != NULL ? GG_OK : gg_fail_nomem(err, "the name of a store");
}

void gg_store_free(struct gg_store *s)
{
    if (s == NULL)
        return;
    if (s->ops != NULL && s->ops->free != NULL)
        s->ops->free(s);
    free(s->prefix);
    free(s->members);
    gg_map_free(&s->by_name);
    gg_arena_free(&s->mem);
    gg_input_free(s->in);
    free(s);
}

const char *gg_store_shown(struct gg_store *s, const char *name)
{
    struct gg_buf b = GG_BUF_INIT;
    size_t n = strlen(s->prefix);
    n -= name[0] == '\0' && n > 0 && s->prefix[n - 1] == ':'; /* the archive itself */
    gg_text_escape(&b, s->prefix, n, 0);
    gg_text_escape(&b, name, strlen(name), 0);
    char *copy = b.failed ? NULL : gg_arena_strndup(&s->mem, gg_buf_str(&b), b.nbytes);
    gg_buf_free(&b);
    return copy;
}

int gg_store_add(struct gg_store *s, const char *name, size_t name_nbytes,
                 const struct gg_member *m, struct gg_err *err)
{
    char shown[256];
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 16;
        struct gg_member *v = realloc(s->members, cap * sizeof *v);
        if (v == NULL)
            return gg_fail_nomem(err, "a list of files");
        s->members = v;
        s->cap = cap;
    }
    char *copy = gg_arena_strndup(&s->mem, name, name_nbytes);
    int added = copy == NULL ? -1 : gg_map_add(&s->by_name, copy, name_nbytes, s->n, NULL);
    if (added < 0)
        return gg_fail_nomem(err, "a list of files");
    if (added == 0)
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "two members are called '%s'",
                       gg_text_escape_into(shown, sizeof shown, name, name_nbytes));
    s->members[s->n] = *m;
    s->members[s->n++].name = copy;
    return GG_OK;
}

size_t gg_store_find(struct gg_store *s, const char *name)
{
    uint64_t i;
    if (gg_map_get(&s->by_name, name, strlen(name), &i))
        return (size_t)i;
    return s->ops->look != NULL ? s->ops->look(s, name) : SIZE_MAX;
}

int gg_store_list(struct gg_store *s, const char *folder, struct gg_err *err)
{
    return s->ops->list != NULL ? s->ops->list(s, folder, err) : GG_OK;
}

int gg_store_open_member(struct gg_store *s, size_t i, struct gg_input **out, struct gg_err *err)
{
    const char *shown = gg_store_shown(s, s->members[i].name);
    if (shown == NULL)
        return gg_fail_nomem(err, "a name");
    return s->ops->open(s, i, shown, out, err);
}

/* ---- folders --------------------------------------------------------------------------------- */

static char *folder_path(struct gg_store *s, const char *name)
{
    struct gg_buf b = GG_BUF_INIT;
    gg_buf_adds(&b, s->prefix);
    gg_buf_adds(&b, name);
    return gg_buf_take(&b);
}

static int folder_open(struct gg_store *s, size_t i, const char *shown, struct gg_input **out,
                       struct gg_err *err)
{
    (void)shown; /* a file names itself */
    char *path = folder_path(s, s->members[i].name);
    int rc = path == NULL ? gg_fail_nomem(err, "a path") : gg_input_open(out, path, err);
    free(path);
    return rc;
}

/* Adds the file unless it is none; false: no memory. */
static bool folder_add(struct gg_store *s, const char *name)
{
    struct stat st;
    struct gg_member m = {0};
    char *path = folder_path(s, name);
    if (path == NULL)
        return false;
    bool file = stat(path, &st) == 0 && S_ISREG(st.st_mode);
    free(path);
    if (!file)
        return true;
    m.nbytes = (uint64_t)st.st_size;
    return gg_store_add(s, name, strlen(name), &m, NULL) == GG_OK;
}

static size_t folder_look(struct gg_store *s, const char *name)
{
    size_t n = s->n;
    if (strchr(name, '/') != NULL || !folder_add(s, name) || s->n == n)
        return SIZE_MAX;
    return n;
}


static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All names but hidden ones, malloc'd; NULL when memory is out. */
static char **names_in(DIR *d, size_t *n)
{
    size_t cap = 16;
    char **v = malloc(cap * sizeof *v);
    *n = 0;
    for (struct dirent *e; v != NULL && (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        if (*n == cap) {
            char **w = realloc(v, 2 * cap * sizeof *v);
            if (w == NULL)
                break;
            v = w;
            cap *= 2;
        }
        if ((v[*n] = strdup(e->d_name)) == NULL)
            break;
        ++*n;
    }
    return v;
}

/* Adds the files of the store's folder or one below it ("" or "a/"), by name. */
static int list_folder(struct gg_store *s, const char *below, struct gg_err *err)
{
    size_t n;
    bool ok = true;
    char *path = folder_path(s, below);
    if (path == NULL)
        return gg_fail_nomem(err, "a path");
    DIR *d = opendir(path[0] != '\0' ? path : ".");
    int sys = errno;
    free(path);
    if (d == NULL && below[0] != '\0')
        return GG_OK;
    if (d == NULL) {
        const char *shown = gg_store_shown(s, "");
        return gg_fail_sys(err, sys, "%s: cannot list the folder", shown != NULL ? shown : "");
    }
    char **v = names_in(d, &n);
    closedir(d);
    if (v == NULL)
        return gg_fail_nomem(err, "a list of files");
    qsort(v, n, sizeof *v, by_text);
    for (size_t i = 0; i < n; i++) {
        struct gg_buf name = GG_BUF_INIT;
        gg_buf_addf(&name, "%s%s", below, v[i]);
        ok = ok && !name.failed && folder_add(s, name.data);
        gg_buf_free(&name);
        free(v[i]);
    }
    free(v);
    return ok ? GG_OK : gg_fail_nomem(err, "a list of files");
}

static int folder_list(struct gg_store *s, const char *folder, struct gg_err *err)
{
    for (size_t i = 0; i < s->n; i++) {
        if (strncmp(s->members[i].name, folder, strlen(folder)) == 0)
            return GG_OK; /* listed before */
    }
    return list_folder(s, folder, err);
}

static const struct gg_store_ops FOLDER = {folder_open, folder_look, folder_list, NULL, NULL};

int gg_store_open_folder(struct gg_store **out, const char *path, bool list, struct gg_err *err)
{
    struct gg_store *s = calloc(1, sizeof *s);
    struct gg_buf prefix = GG_BUF_INIT;
    gg_buf_adds(&prefix, path);
    if (prefix.nbytes > 0 && path[prefix.nbytes - 1] != '/')
        gg_buf_addc(&prefix, '/');
    int rc = s == NULL || prefix.failed ? gg_fail_nomem(err, "a folder")
                                        : gg_store_init(s, &FOLDER, gg_buf_str(&prefix), err);
    gg_buf_free(&prefix);
    if (rc == GG_OK && list)
        rc = list_folder(s, "", err);
    if (rc != GG_OK) {
        gg_store_free(s);
        return rc;
    }
    *out = s;
    return GG_OK;
}
