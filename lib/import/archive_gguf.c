/* GGUF models in archives: one file, or the shards of a set, read where they are. */
#include "lib/base/text.h"
#include "lib/import/archive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The files of a set as they were opened; the set may ask for them in any order. */
struct opened {
    struct gg_store *store;
    struct gg_input **inputs;
    size_t *members;
    size_t n;
};

static bool is_gguf_name(const char *name)
{
    size_t n = strlen(name);
    return n > 5 && gg_text_ieq(name + n - 5, ".gguf");
}

/* Are both shards of one set? */
static bool same_set(const char *a, const char *b)
{
    size_t n, m;
    uint32_t no, count_a, count_b;
    return ggf_split_parse(a, &n, &no, &count_a) && ggf_split_parse(b, &m, &no, &count_b) && n == m &&
           count_a == count_b && memcmp(a, b, n) == 0;
}

static int fail_which(struct gg_store *s, const char *a, const char *b, struct gg_err *err)
{
    char x[160], y[160];
    return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                   "%s: which file is the model? There are '%s', '%s' and maybe more; name one as "
                   "ARCHIVE:PATH",
                   gg_store_shown(s, ""), gg_text_escape_into(x, sizeof x, a, strlen(a)),
                   gg_text_escape_into(y, sizeof y, b, strlen(b)));
}

int gg_archive_find_gguf(struct gg_store *s, const char *inner, size_t *found, struct gg_err *err)
{
    *found = inner[0] != '\0' ? gg_store_find(s, inner) : SIZE_MAX;
    if (*found != SIZE_MAX)
        return GG_OK;
    if (inner[0] != '\0')
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE, "%s: is not in the archive",
                       gg_store_shown(s, inner));
    for (size_t i = 0; i < s->n; i++) {
        const char *name = s->members[i].name;
        if (!is_gguf_name(name))
            continue;
        if (*found == SIZE_MAX)
            *found = i;
        else if (!same_set(s->members[*found].name, name))
            return fail_which(s, s->members[*found].name, name, err);
    }
    if (*found == SIZE_MAX && s->n == 1)
        *found = 0;
    return *found != SIZE_MAX ? GG_OK
                              : gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                                        "%s: holds no GGUF file", gg_store_shown(s, ""));
}

static int read_input(void *ctx, uint64_t off, void *buf, size_t n, size_t *got,
                      struct gg_err *err)
{
    return gg_input_read(ctx, off, buf, n, got, err);
}

/* path is the store's prefix and the member's name. */
static int open_member(void *ctx, const char *path, unsigned flags, struct ggf_file **out,
                       struct gg_err *err)
{
    struct opened *o = ctx;
    const char *name = path + strlen(o->store->prefix);
    size_t i = gg_store_find(o->store, name);
    if (i == SIZE_MAX)
        return gg_fail_sys(err, ENOENT, "%s: is not in the archive", gg_store_shown(o->store, name));
    struct gg_input **inputs = realloc(o->inputs, (o->n + 1) * sizeof(struct gg_input *));
    o->inputs = inputs != NULL ? inputs : o->inputs;
    size_t *members = realloc(o->members, (o->n + 1) * sizeof *members);
    o->members = members != NULL ? members : o->members;
    if (inputs == NULL || members == NULL)
        return gg_fail_nomem(err, "a list of files");
    int rc = gg_store_open_member(o->store, i, &inputs[o->n], err);
    if (rc != GG_OK)
        return rc;
    members[o->n] = i;
    struct ggf_reader r = {inputs[o->n], read_input, gg_input_nbytes(inputs[o->n]), path};
    o->n++;
    return ggf_file_read(out, &r, flags, err);
}

/* Brings the inputs into the order of the set's files. */
static void order_inputs(struct opened *o, const struct ggf_set *set)
{
    size_t n_prefix = strlen(o->store->prefix);
    for (size_t i = 0; i < ggf_set_n_files(set); i++) {
        size_t member = gg_store_find(o->store, ggf_set_path(set, i) + n_prefix), k = i;
        while (k < o->n && o->members[k] != member)
            k++;
        struct gg_input *in = o->inputs[k]; /* found: this is how it was opened */
        o->members[k] = o->members[i];
        o->inputs[k] = o->inputs[i];
        o->members[i] = member;
        o->inputs[i] = in;
    }
}

static void free_store(void *s)
{
    gg_store_free(s);
}

int gg_archive_gguf(struct gg_model **out, struct gg_store *s, size_t member, unsigned flags,
                    struct gg_err *err)
{
    struct opened o = {.store = s};
    const struct ggf_opener opener = {&o, open_member};
    struct gg_buf path = GG_BUF_INIT;
    struct ggf_set *set = NULL;
    *out = NULL;
    gg_buf_addf(&path, "%s%s", s->prefix, s->members[member].name);
    int rc = path.failed ? gg_fail_nomem(err, "a path")
                         : ggf_set_open_with(&set, path.data, &opener, flags, err);
    if (set != NULL && ggf_set_n_files(set) == o.n) {
        order_inputs(&o, set);
        gg_input_own(o.inputs[o.n - 1], free_store, s); /* the last to be freed */
        int rc2 = gg_model_from_inputs(out, set, o.inputs, path.data, err);
        rc = rc2 != GG_OK ? rc2 : rc;
    } else {
        ggf_set_free(set);
        for (size_t i = 0; i < o.n; i++)
            gg_input_free(o.inputs[i]);
        gg_store_free(s);
    }
    free(o.inputs);
    free(o.members);
    gg_buf_free(&path);
    return rc;
}

/* The archive path names, and the member in it; *s is NULL when path is none. */
static int open_archive(struct gg_store **s, size_t *member, const char *path, struct gg_err *err)
{
    struct stat st;
    size_t n = strlen(path);
    bool there = stat(path, &st) == 0;
    *s = NULL;
    if (there ? !S_ISREG(st.st_mode) : !gg_archive_split(path, &n))
        return GG_OK;
    char *file = strndup(path, n);
    int rc = file == NULL ? gg_fail_nomem(err, "a path") : gg_archive_open(s, file, err);
    free(file);
    if (rc != GG_OK || *s == NULL)
        return rc;
    rc = gg_archive_find_gguf(*s, there ? "" : path + n + 1, member, err);
    if (rc != GG_OK) {
        gg_store_free(*s);
        *s = NULL;
    }
    return rc;
}

int gg_archive_open_model(struct gg_model **out, const char *path, unsigned flags,
                          struct gg_err *err)
{
    struct gg_store *s;
    size_t member;
    *out = NULL;
    int rc = open_archive(&s, &member, path, err);
    return s != NULL ? gg_archive_gguf(out, s, member, flags, err) : rc;
}

int gg_archive_open_gguf(struct gg_input **out, const char *path, struct gg_err *err)
{
    struct gg_store *s;
    size_t member;
    *out = NULL;
    int rc = open_archive(&s, &member, path, err);
    if (s == NULL)
        return rc;
    rc = gg_store_open_member(s, member, out, err);
    if (rc == GG_OK) {
        gg_input_own(*out, free_store, s);
    } else {
        *out = NULL;
        gg_store_free(s);
    }
    return rc;
}
