#include "lib/import/archive.h"

#include "lib/base/text.h"
#include "lib/import/impl.h"
#include "lib/import/unpack.h"
#include "lib/import/zip.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct archive_store {
    struct gg_store base;
    struct gg_unpack *unpack;
};

static int archive_open(struct gg_store *s, size_t i, const char *shown, struct gg_input **out,
                        struct gg_err *err)
{
    struct archive_store *a = (struct archive_store *)s;
    return gg_unpack_open_entry(a->unpack, (size_t)s->members[i].where, shown, out, err);
}

static void archive_free(struct gg_store *s)
{
    gg_unpack_free(((struct archive_store *)s)->unpack);
}

static unsigned archive_n_passes(const struct gg_store *s)
{
    return gg_unpack_n_passes(((const struct archive_store *)s)->unpack);
}

static const struct gg_store_ops ARCHIVE = {archive_open, NULL, NULL, archive_free,
                                            archive_n_passes};

/* Nothing is written to disk under these names, but one with ways out is no honest one. */
static bool good_name(const char *s)
{
    size_t n = strlen(s);
    return n > 0 && n <= 4096 && s[0] != '/' && strcmp(s, "..") != 0 && strncmp(s, "../", 3) != 0 &&
           strstr(s, "/../") == NULL && (n < 3 || strcmp(s + n - 3, "/..") != 0);
}

static int add_members(struct archive_store *a, struct gg_err *err)
{
    a->base.n_links = gg_unpack_n_links(a->unpack);
    for (size_t i = 0; i < gg_unpack_n(a->unpack); i++) {
        const struct gg_unpack_entry *e = gg_unpack_entry(a->unpack, i);
        const struct gg_member m = {.nbytes = e->nbytes, .where = i};
        char shown[160];
        if (!good_name(e->name))
            return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                           "archive: member '%s' is not a plain "
                           "relative path",
                           gg_text_escape_into(shown, sizeof shown, e->name, strlen(e->name)));
        int rc = gg_store_add(&a->base, e->name, strlen(e->name), &m, err);
        if (rc != GG_OK)
            return rc;
        a->base.sequential |= e->file_off == GG_NOWHERE && e->nbytes > e->n_head;
    }
    return GG_OK;
}

static int open_unpack(struct gg_store **out, struct gg_input *in, const char *prefix,
                       const char *raw_name, struct gg_err *err)
{
    struct archive_store *a = calloc(1, sizeof *a);
    int rc = a == NULL ? gg_fail_nomem(err, "an archive")
                       : gg_store_init(&a->base, &ARCHIVE, prefix, err);
    if (rc == GG_OK)
        rc = gg_unpack_open(&a->unpack, in, true, raw_name, err);
    if (rc == GG_OK)
        rc = add_members(a, err);
    if (rc != GG_OK && a != NULL)
        gg_store_free(&a->base);
    if (rc == GG_OK)
        *out = &a->base;
    return rc;
}

/* "dir/model.gguf.zst" -> "model.gguf": what a compressed single file is called within. */
static void name_within(struct gg_buf *b, const char *name)
{
    static const char *const ENDINGS[] = {".gz", ".zst", ".xz", ".bz2"};
    const char *slash = strrchr(name, '/');
    name = slash != NULL ? slash + 1 : name;
    size_t n = strlen(name), cut = 0;
    for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
        size_t k = strlen(ENDINGS[i]);
        if (n > k && gg_text_ieq(name + n - k, ENDINGS[i]))
            cut = k;
    }
    gg_buf_add(b, name, n - cut);
}

int gg_store_open_archive(struct gg_store **out, struct gg_input *in, enum gg_kind kind,
                          const char *name, struct gg_err *err)
{
    struct gg_buf prefix = GG_BUF_INIT, within = GG_BUF_INIT;
    gg_buf_addf(&prefix, "%s:", name);
    name_within(&within, name);
    int rc;
    if (prefix.failed || within.failed)
        rc = gg_fail_nomem(err, "an archive");
    else if (kind == GG_KIND_ZIP)
        rc = gg_store_open_zip(out, in, gg_buf_str(&prefix), err);
    else
        rc = open_unpack(out, in, gg_buf_str(&prefix),
                         kind == GG_KIND_COMPRESSED ? gg_buf_str(&within) : NULL, err);
    gg_buf_free(&prefix);
    gg_buf_free(&within);
    if (rc != GG_OK) {
        gg_input_free(in);
        return rc;
    }
    (*out)->in = in;
    return GG_OK;
}

bool gg_archive_split(const char *path, size_t *n)
{
    struct stat st;
    for (const char *p = strchr(path, ':'); p != NULL; p = strchr(p + 1, ':')) {
        char *head = strndup(path, (size_t)(p - path));
        bool file = head != NULL && stat(head, &st) == 0 && S_ISREG(st.st_mode);
        free(head);
        *n = (size_t)(p - path);
        if (file)
            return true;
    }
    return false;
}

int gg_archive_open(struct gg_store **out, const char *path, struct gg_err *err)
{
    struct gg_input *in;
    enum gg_kind kind = GG_KIND_UNKNOWN;
    const char *alien;
    char shown[256];
    *out = NULL;
    int rc = gg_input_open(&in, path, err);
    if (rc != GG_OK)
        return rc;
    rc = gg_recognise(in, path, &kind, &alien, err);
    if (rc != GG_OK || (kind != GG_KIND_ZIP && kind != GG_KIND_TAR && kind != GG_KIND_COMPRESSED)) {
        gg_input_free(in);
        return rc;
    }
    rc = gg_store_open_archive(out, in, kind, path, err);
    if (rc != GG_OK) {
        *out = NULL;
        return gg_err_prefix(err, "%s",
                             gg_text_escape_into(shown, sizeof shown, path, strlen(path)));
    }
    if (kind == GG_KIND_ZIP && (gg_zip_torch_pickle(*out) != SIZE_MAX || gg_zip_is_npz(*out))) {
        gg_store_free(*out);
        *out = NULL;
    }
    return GG_OK;
}
