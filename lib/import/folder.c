/* Which files of a folder are the checkpoint: an index, else model.*, else shards numbered
 * NAME-00001-of-00005, else the only file there is; safetensors before PyTorch before npz. */
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/import/open.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void gg_opening_free(struct gg_opening *o)
{
    json_decref(o->index);
    free(o->wanted);
}

int gg_open_want(struct gg_opening *o, size_t member, struct gg_err *err)
{
    if (o->n_wanted == o->wanted_cap) {
        size_t cap = o->wanted_cap ? 2 * o->wanted_cap : 8;
        struct gg_wanted *v = realloc(o->wanted, cap * sizeof *v);
        if (v == NULL)
            return gg_fail_nomem(err, "a list of files");
        o->wanted = v;
        o->wanted_cap = cap;
    }
    o->wanted[o->n_wanted++] = (struct gg_wanted){member, false};
    return GG_OK;
}

struct flavour {
    const char *endings[4];
    const char *index; /* ending of index files */
    const char *usual; /* the file that is taken before others */
};

static const struct flavour FLAVOURS[] = {
    {{".safetensors"}, ".safetensors.index.json", "model"},
    {{".bin", ".pt", ".pth", ".ckpt"}, ".bin.index.json", "pytorch_model"},
    {{".npz", ".npy"}, NULL, "model"},
};

static bool ends_with(const char *s, const char *ending)
{
    size_t n = strlen(s), k = strlen(ending);
    return n > k && strcmp(s + n - k, ending) == 0;
}

/* Name of member i if it lies in the folder itself, else NULL. */
static const char *name_here(const struct gg_opening *o, size_t i)
{
    const char *name = o->c->store->members[i].name;
    size_t n = strlen(o->c->folder);
    if (strncmp(name, o->c->folder, n) != 0 || strchr(name + n, '/') != NULL)
        return NULL;
    return name + n;
}

/* Length of the name before an ending of the flavour; 0: it has none. */
static size_t stem(const struct flavour *f, const char *name)
{
    for (size_t k = 0; k < GG_COUNTOF(f->endings) && f->endings[k] != NULL; k++)
        if (ends_with(name, f->endings[k]))
            return strlen(name) - strlen(f->endings[k]);
    return 0;
}

/* What trainers leave beside the model: pickles without the model's tensors. */
static bool is_bystander(const char *name, size_t n)
{
    static const char *const NAMES[] = {"training_args", "optimizer", "scheduler",
                                        "rng_state",     "scaler",    "trainer_state"};
    for (size_t i = 0; i < GG_COUNTOF(NAMES); i++)
        if (n >= strlen(NAMES[i]) && strncmp(name, NAMES[i], strlen(NAMES[i])) == 0)
            return true;
    return false;
}

static bool is_candidate(const struct flavour *f, const char *name)
{
    size_t n = name != NULL ? stem(f, name) : 0;
    return n > 0 && !is_bystander(name, n);
}

/* "-00002-of-00005" at the end of a stem of n bytes. */
static bool shard_number(const char *name, size_t n, unsigned *i, unsigned *of)
{
    const char *p = name + n - 15;
    if (n < 16 || p[0] != '-' || strncmp(p + 6, "-of-", 4) != 0)
        return false;
    for (int k = 1; k <= 5; k++)
        if (!isdigit((unsigned char)p[k]) || !isdigit((unsigned char)p[9 + k]))
            return false;
    *i = (unsigned)strtoul(p + 1, NULL, 10);
    *of = (unsigned)strtoul(p + 10, NULL, 10);
    return *i >= 1 && *i <= *of;
}

static int ambiguous(const struct gg_opening *o, size_t a, size_t b, struct gg_err *err)
{
    struct gg_store *s = o->c->store;
    return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                   "%s: which file is the model? There are '%s', '%s' "
                   "and maybe more; name the one to read",
                   gg_store_shown(s, o->c->folder), gg_store_shown(s, s->members[a].name),
                   gg_store_shown(s, s->members[b].name));
}

/* The index among the files, the usual one first. SIZE_MAX: none. */
static int find_index(struct gg_opening *o, const struct flavour *f, size_t *found,
                      struct gg_err *err)
{
    size_t other = SIZE_MAX;
    *found = SIZE_MAX;
    for (size_t i = 0; i < o->c->store->n && f->index != NULL; i++) {
        const char *name = name_here(o, i);
        if (name == NULL || !ends_with(name, f->index))
            continue;
        if (strlen(name) == strlen(f->usual) + strlen(f->index) &&
            strncmp(name, f->usual, strlen(f->usual)) == 0) {
            *found = i;
            return GG_OK;
        }
        other = *found;
        *found = i;
    }
    return other != SIZE_MAX ? ambiguous(o, other, *found, err) : GG_OK;
}

/* Wants all shards of the set that member `first` belongs to. */
static int want_shards(struct gg_opening *o, const struct flavour *f, size_t first,
                       struct gg_err *err)
{
    const char *name = name_here(o, first);
    size_t n = stem(f, name);
    unsigned i, of;
    shard_number(name, n, &i, &of);
    for (i = 1; i <= of; i++) {
        struct gg_buf b = GG_BUF_INIT;
        gg_buf_addf(&b, "%s%.*s-%05u-of-%05u%s", o->c->folder, (int)(n - 15), name, i, of,
                    name + n);
        size_t m = b.failed ? SIZE_MAX : gg_store_find(o->c->store, gg_buf_str(&b));
        int rc = b.failed ? gg_fail_nomem(err, "a name") : GG_OK;
        if (rc == GG_OK && m != SIZE_MAX)
            rc = gg_open_want(o, m, err);
        else if (rc == GG_OK)
            gg_findings_add(o->findings, GG_FAULT, "file-missing", NULL, 0, GG_NOWHERE,
                            "%s: shard %u of %u is missing",
                            gg_store_shown(o->c->store, gg_buf_str(&b)), i, of);
        gg_buf_free(&b);
        if (rc != GG_OK)
            return rc;
    }
    return GG_OK;
}

/* Are both shards of one set? */
static bool same_set(const struct gg_opening *o, const struct flavour *f, size_t a, size_t b)
{
    const char *x = name_here(o, a), *y = name_here(o, b);
    size_t n = stem(f, x);
    unsigned i, j, of_x, of_y;
    return n == stem(f, y) && shard_number(x, n, &i, &of_x) && shard_number(y, n, &j, &of_y) &&
           of_x == of_y && strncmp(x, y, n - 15) == 0 && strcmp(x + n, y + n) == 0;
}

/* Without an index: the usual name, or the only file or set of shards. */
static int want_files(struct gg_opening *o, const struct flavour *f, struct gg_err *err)
{
    size_t pick = SIZE_MAX, other = SIZE_MAX;
    unsigned i, of;
    for (size_t m = 0; m < o->c->store->n; m++) {
        const char *name = name_here(o, m);
        if (!is_candidate(f, name))
            continue;
        size_t n = stem(f, name), usual = strlen(f->usual);
        if (n == usual && strncmp(name, f->usual, n) == 0)
            return gg_open_want(o, m, err);
        if (n == usual + 15 && strncmp(name, f->usual, usual) == 0 &&
            shard_number(name, n, &i, &of))
            return want_shards(o, f, m, err);
        if (pick == SIZE_MAX)
            pick = m;
        else if (other == SIZE_MAX && !same_set(o, f, pick, m))
            other = m;
    }
    if (other != SIZE_MAX)
        return ambiguous(o, pick, other, err);
    if (pick == SIZE_MAX)
        return GG_OK;
    const char *name = name_here(o, pick);
    return shard_number(name, stem(f, name), &i, &of) ? want_shards(o, f, pick, err)
                                                      : gg_open_want(o, pick, err);
}

/* Says which files of the same kind lie there unused. */
static void note_extra(struct gg_opening *o, const struct flavour *f)
{
    for (size_t i = 0; i < o->c->store->n; i++) {
        bool used = false;
        if (!is_candidate(f, name_here(o, i)))
            continue;
        for (size_t k = 0; k < o->n_wanted; k++)
            used |= o->wanted[k].member == i;
        if (!used)
            gg_findings_add(o->findings, o->weight_map != NULL ? GG_WARN : GG_NOTE, "file-extra",
                            NULL, 0, GG_NOWHERE,
                            "%s: is not part of the checkpoint and is not read",
                            gg_store_shown(o->c->store, o->c->store->members[i].name));
    }
}

static int nothing_here(struct gg_opening *o, struct gg_err *err)
{
    for (size_t i = 0; i < o->c->store->n; i++) {
        const char *name = name_here(o, i);
        if (name != NULL && ends_with(name, ".gguf"))
            return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                           "%s: holds no checkpoint, but GGUF files: name "
                           "one of them",
                           o->c->name);
    }
    if (o->c->store->n_links > 0)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "%s: holds no safetensors, PyTorch or npz files, but links (%zu), which are "
                       "not followed: pack the files themselves, as tar -h does",
                       o->c->name, o->c->store->n_links);
    return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                   "%s: holds no safetensors, PyTorch or npz files", o->c->name);
}

int gg_open_folder(struct gg_opening *o, struct gg_err *err)
{
    for (size_t k = 0; k < GG_COUNTOF(FLAVOURS); k++) {
        size_t index;
        int rc = find_index(o, &FLAVOURS[k], &index, err);
        if (rc == GG_OK)
            rc =
                index != SIZE_MAX ? gg_index_read(o, index, err) : want_files(o, &FLAVOURS[k], err);
        if (rc != GG_OK)
            return rc;
        if (o->n_wanted == 0 && o->findings->n_by_severity[GG_FAULT] == o->n_faults_before &&
            index == SIZE_MAX)
            continue;
        note_extra(o, &FLAVOURS[k]);
        return gg_open_wanted(o, err);
    }
    return nothing_here(o, err);
}

int gg_open_member(struct gg_opening *o, const char *name, struct gg_err *err)
{
    struct gg_buf path = GG_BUF_INIT;
    gg_buf_adds(&path, o->c->folder);
    gg_buf_adds(&path, name);
    size_t i = path.failed ? SIZE_MAX : gg_store_find(o->c->store, gg_buf_str(&path));
    gg_buf_free(&path);
    if (i == SIZE_MAX)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE, "%s: is not a regular file",
                       o->c->name);
    int rc = ends_with(name, ".index.json") ? gg_index_read(o, i, err) : gg_open_want(o, i, err);
    return rc == GG_OK ? gg_open_wanted(o, err) : rc;
}

/* ---- archives -------------------------------------------------------------------------------- */

bool gg_open_holds_tensors(const char *name)
{
    const char *slash = strrchr(name, '/');
    name = slash != NULL ? slash + 1 : name;
    for (size_t k = 0; k < GG_COUNTOF(FLAVOURS); k++)
        if (is_candidate(&FLAVOURS[k], name))
            return true;
    return false;
}

/* Not one of these is ever the name of a model's file. */
static bool is_legacy_torch(struct gg_store *s)
{
    return gg_store_find(s, "pickle") != SIZE_MAX && gg_store_find(s, "storages") != SIZE_MAX &&
           gg_store_find(s, "tensors") != SIZE_MAX;
}

int gg_open_found(struct gg_opening *o, struct gg_err *err)
{
    struct gg_store *s = o->c->store;
    size_t found = SIZE_MAX, n_found = 0;
    for (size_t i = 0; i < s->n; i++) {
        const char *name = s->members[i].name, *slash = strrchr(name, '/');
        size_t n = slash != NULL ? (size_t)(slash - name + 1) : 0;
        if (!gg_open_holds_tensors(name) ||
            (found != SIZE_MAX && n == n_found && strncmp(s->members[found].name, name, n) == 0))
            continue;
        if (found != SIZE_MAX)
            return ambiguous(o, found, i, err);
        found = i;
        n_found = n;
    }
    if (found == SIZE_MAX && is_legacy_torch(s))
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "%s: is a PyTorch checkpoint of the oldest "
                       "kind, a tar file: load it with a recent PyTorch and save it again, best as "
                       "safetensors",
                       o->c->name);
    if (found != SIZE_MAX) {
        o->c->folder = gg_arena_strndup(&o->c->mem, s->members[found].name, n_found);
        if (o->c->folder == NULL)
            return gg_fail_nomem(err, "a path");
    }
    return found != SIZE_MAX ? gg_open_folder(o, err) : nothing_here(o, err);
}
