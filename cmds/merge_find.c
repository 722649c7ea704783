/* Which model do the arguments of merge name? */
#include "cmds/merge.h"

#include "lib/base/text.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The files named so far. */
struct list {
    const char **v;
    size_t n, cap;
    struct gg_arena *mem;
    bool failed;
};

static void add(struct list *l, const char *path)
{
    if (l->n == l->cap) {
        size_t cap = l->cap > 0 ? 2 * l->cap : 16;
        const char **v = realloc(l->v, cap * sizeof *v);
        if (v == NULL) {
            l->failed = true;
            return;
        }
        l->v = v;
        l->cap = cap;
    }
    l->v[l->n] = gg_arena_strndup(l->mem, path, strlen(path));
    l->failed |= l->v[l->n] == NULL;
    l->n++;
}

static const char *shown(char dst[256], const char *path)
{
    return gg_text_escape_into(dst, 256, path, strlen(path));
}

/* ---- folders ------------------------------------------------------------------------------- */

static int is_gguf(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 5 && e->d_name[0] != '.' && strcmp(e->d_name + n - 5, ".gguf") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* The first shard there is of each set, and the files that are none. */
static void sort_out(struct list *sets, struct list *singles, const char *path)
{
    size_t stem = 0, old = 0;
    uint32_t no, count, old_count;
    if (!ggf_split_parse(path, &stem, &no, &count)) {
        add(singles, path);
        return;
    }
    for (size_t i = 0; i < sets->n && !sets->failed; i++) {
        if (ggf_split_parse(sets->v[i], &old, &no, &old_count) && old == stem &&
            count == old_count && memcmp(sets->v[i], path, stem) == 0)
            return;
    }
    add(sets, path);
}

static int look_through(struct list *sets, struct list *singles, const char *dir,
                        struct gg_err *err)
{
    struct gg_buf path = GG_BUF_INIT;
    struct dirent **names;
    char at[256];
    size_t len = strlen(dir);
    int n = scandir(dir, &names, is_gguf, by_name);
    if (n < 0)
        return gg_fail_sys(err, errno, "%s: cannot look into the folder", shown(at, dir));
    for (int i = 0; i < n; i++) {
        gg_buf_reset(&path);
        gg_buf_addf(&path, "%s%s%s", dir, dir[len - 1] == '/' ? "" : "/", names[i]->d_name);
        sort_out(sets, singles, gg_buf_str(&path));
        free(names[i]);
    }
    free(names);
    sets->failed |= path.failed;
    gg_buf_free(&path);
    return sets->failed || singles->failed ? gg_fail_nomem(err, "a folder") : GG_OK;
}

static int pick(struct list *to, const struct list *sets, const struct list *singles,
                const char *dir, struct gg_err *err)
{
    char at[256], a[256], b[256];
    const struct list *l = sets->n > 0 ? sets : singles;
    if (l->n == 1) {
        add(to, l->v[0]);
        return GG_OK;
    }
    if (l->n == 0)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "%s: there is no .gguf file in this folder",
                       shown(at, dir));
    return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                   "%s: there are several models in this folder, '%s' and '%s'%s; name one of them",
                   shown(at, dir), shown(a, l->v[0]), shown(b, l->v[1]),
                   l->n > 2 ? " among them" : "");
}

static int add_folder(struct list *to, const char *dir, struct gg_err *err)
{
    struct list sets = {.mem = to->mem}, singles = {.mem = to->mem};
    int rc = look_through(&sets, &singles, dir, err);
    if (rc == GG_OK)
        rc = pick(to, &sets, &singles, dir, err);
    free(sets.v);
    free(singles.v);
    return rc;
}

/* ---- arguments ----------------------------------------------------------------------------- */

/* A pattern that a shell has left to us; a file of that very name comes first. */
static int add_pattern(struct list *to, const char *pattern, struct gg_err *err)
{
    char at[256];
    glob_t g;
    int rc = glob(pattern, GLOB_ERR, NULL, &g);
    if (rc == GLOB_NOSPACE)
        return gg_fail_nomem(err, "a pattern");
    if (rc == GLOB_NOMATCH)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "%s: no file is named like that",
                       shown(at, pattern));
    if (rc != 0)
        return gg_fail_sys(err, errno, "%s: cannot look for it", shown(at, pattern));
    for (size_t i = 0; i < g.gl_pathc; i++)
        add(to, g.gl_pathv[i]);
    globfree(&g);
    return GG_OK;
}

static int add_argument(struct list *to, const char *arg, struct gg_err *err)
{
    struct stat st;
    bool there = stat(arg, &st) == 0;
    if (there && S_ISDIR(st.st_mode))
        return add_folder(to, arg, err);
    if (!there && errno == ENOENT && strpbrk(arg, "*?[") != NULL)
        return add_pattern(to, arg, err);
    add(to, arg);
    return GG_OK;
}

/* All that was named must be a shard of the model that the first opened. */
static int check_rest(const struct gg_model *m, const struct list *l, struct gg_err *err)
{
    char a[256], b[256];
    for (size_t i = 1; i < l->n; i++) {
        struct stat st;
        bool ours = false;
        if (stat(l->v[i], &st) != 0)
            return gg_fail_sys(err, errno, "%s: cannot open", shown(a, l->v[i]));
        for (size_t k = 0; k < m->n_files; k++)
            ours |=
                m->files[k].dev == (uint64_t)st.st_dev && m->files[k].ino == (uint64_t)st.st_ino;
        if (!ours)
            return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                           "%s: is no shard of the set that '%s' belongs to (%zu file%s)",
                           shown(a, l->v[i]), shown(b, l->v[0]), m->n_files,
                           m->n_files == 1 ? "" : "s");
    }
    return GG_OK;
}

int merge_open(struct shards *s, int argc, char **argv, struct gg_err *err)
{
    struct list l = {.mem = &s->env->mem};
    int rc = GG_OK;
    for (int i = 0; rc == GG_OK && i < argc; i++)
        rc = add_argument(&l, argv[i], err);
    if (rc == GG_OK && l.failed)
        rc = gg_fail_nomem(err, "the list of shards");
    if (rc == GG_OK) {
        s->in = l.v[0];
        rc = gg_job_open(&s->model, l.v[0], shards_open_flags(s), err);
    }
    if (rc == GG_OK)
        rc = check_rest(s->model, &l, err);
    free(l.v);
    return rc;
}
