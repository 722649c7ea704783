/* Tensors: other names, fewer of them, or others in their place. */
#include "cmds/edit.h"

#include "lib/base/map.h"
#include "lib/base/text.h"
#include "lib/import/checkpoint.h"
#include "lib/model/pattern.h"
#include "lib/quant/kernel.h"
#include "lib/quant/qtype.h"

#include <stdlib.h>
#include <string.h>

/* ---- names ---------------------------------------------------------------------------------- */

/* Where the new name of tensor i of the model stands. */
static struct ggf_str *name_of(struct edit *e, size_t i)
{
    size_t first = 0;
    for (size_t f = 0; f < e->model->n_files; f++) {
        size_t n = ggf_file_n_tensors(e->files[f].f);
        if (i - first < n)
            return &e->files[f].names[i - first];
        first += n;
    }
    return NULL;
}

static bool starts(struct ggf_str s, const char *with, size_t n)
{
    return s.nbytes >= n && memcmp(s.p, with, n) == 0;
}

/* OLD=NEW; with one * in each, the text it stood for is kept. */
struct renaming {
    const char *head, *tail, *new_head, *new_tail;
    size_t n_head, n_tail, n_new_head, n_new_tail;
    bool star;
};

static bool parse_renaming(struct renaming *r, const char *text)
{
    const char *eq = strchr(text, '='), *star = strchr(text, '*');
    if (eq == NULL || eq == text || eq[1] == '\0')
        return false;
    size_t n_old = (size_t)(eq - text), n_new = strlen(eq + 1);
    const char *new_star = strchr(eq + 1, '*');
    *r = (struct renaming){.head = text, .n_head = n_old, .new_head = eq + 1, .n_new_head = n_new};
    r->star = star != NULL && star < eq;
    if (r->star != (new_star != NULL))
        return false;
    if (!r->star)
        return true;
    r->n_head = (size_t)(star - text);
    r->tail = star + 1;
    r->n_tail = (size_t)(eq - star) - 1;
    r->n_new_head = (size_t)(new_star - (eq + 1));
    r->new_tail = new_star + 1;
    r->n_new_tail = strlen(new_star + 1);
    return memchr(r->tail, '*', r->n_tail) == NULL && strchr(r->new_tail, '*') == NULL;
}

static bool renames(const struct renaming *r, struct ggf_str name)
{
    if (!r->star)
        return name.nbytes == r->n_head && starts(name, r->head, r->n_head);
    return name.nbytes >= r->n_head + r->n_tail && starts(name, r->head, r->n_head) &&
           memcmp(name.p + name.nbytes - r->n_tail, r->tail, r->n_tail) == 0;
}

static int rename_one(struct edit *e, const struct renaming *r, struct ggf_str *name,
                      struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT;
    gg_buf_add(&b, r->new_head, r->n_new_head);
    if (r->star) {
        gg_buf_add(&b, name->p + r->n_head, (size_t)name->nbytes - r->n_head - r->n_tail);
        gg_buf_add(&b, r->new_tail, r->n_new_tail);
    }
    char *copy = b.failed ? NULL : gg_arena_strndup(&e->mem, gg_buf_str(&b), b.nbytes);
    if (copy != NULL)
        *name = (struct ggf_str){copy, b.nbytes};
    gg_buf_free(&b);
    return copy != NULL ? GG_OK : gg_fail_nomem(err, "a name");
}

/* Renames by the names that are in the file: one does not follow from another. */
static int rename_tensors(struct edit *e, const char *text, struct gg_err *err)
{
    struct renaming r;
    char shown[160];
    size_t n = 0;
    int rc = GG_OK;
    gg_text_escape_into(shown, sizeof shown, text, strlen(text));
    if (!parse_renaming(&r, text))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "--rename-tensor: '%s' is not of the form OLD=NEW, with no * or one in each",
                       shown);
    for (size_t i = 0; rc == GG_OK && i < e->model->n_tensors; i++) {
        if (!renames(&r, e->model->tensors[i].name))
            continue;
        n++;
        rc = rename_one(e, &r, name_of(e, i), err);
    }
    if (rc == GG_OK && n == 0)
        rc = gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--rename-tensor: '%s': there is no such tensor",
                     shown);
    return rc;
}

static int check_names(struct edit *e, struct gg_err *err)
{
    struct gg_map seen = GG_MAP_INIT;
    char shown[128];
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < e->model->n_tensors; i++) {
        struct ggf_str *name = name_of(e, i);
        int added = e->drop[i] ? 1 : gg_map_add(&seen, name->p, (size_t)name->nbytes, i, NULL);
        if (added < 0)
            rc = gg_fail_nomem(err, "tensors");
        else if (added == 0)
            rc = gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                         "--rename-tensor: there would be two tensors '%s'",
                         gg_text_escape_into(shown, sizeof shown, name->p, (size_t)name->nbytes));
    }
    gg_map_free(&seen);
    return rc;
}

/* ---- fewer ---------------------------------------------------------------------------------- */

static int drop_tensors(struct edit *e, const char *glob, struct gg_err *err)
{
    struct gg_pattern *p;
    size_t n = 0;
    int rc = gg_pattern_new(&p, glob, err);
    if (rc != GG_OK)
        return gg_err_prefix(err, "--drop-tensor");
    for (size_t i = 0; i < e->model->n_tensors; i++) {
        struct ggf_str name = e->model->tensors[i].name;
        if (!gg_pattern_match(p, name.p, (size_t)name.nbytes))
            continue;
        n++;
        e->n_dropped += !e->drop[i];
        e->drop[i] = true;
    }
    gg_pattern_free(p);
    if (n == 0)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--drop-tensor: no tensor matches '%.128s'",
                       glob);
    return GG_OK;
}

/* ---- others --------------------------------------------------------------------------------- */

/* An array's shape, slowest dimension first, as a tensor's. */
static int shape_of(struct gg_tensor *t, const struct gg_ckpt_tensor *from, const char *path,
                    struct gg_err *err)
{
    t->type = gg_dtype_qtype(from->dtype);
    if (t->type == (uint32_t)QT_NONE || qt_info(t->type) == NULL)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE, "%s: GGUF has no tensors of %s", path,
                       gg_dtype_name(from->dtype));
    if (from->n_dims > GGF_MAX_DIMS)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE, "%s: has %u dimensions; GGUF takes %d",
                       path, from->n_dims, GGF_MAX_DIMS);
    t->n_dims = from->n_dims > 0 ? from->n_dims : 1;
    for (unsigned d = 0; d < GGF_MAX_DIMS; d++)
        t->ne[d] = d < from->n_dims ? from->shape[from->n_dims - 1 - d] : 1;
    if (!qt_nelems(t->ne, &t->nelems) || !qt_tensor_nbytes(t->type, t->ne, &t->nbytes))
        return gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "%s: is too large", path);
    t->known = true;
    return GG_OK;
}

static bool same_shape(const struct gg_tensor *a, const struct gg_tensor *b)
{
    return memcmp(a->ne, gg_tensor_in_file(b)->ne, sizeof a->ne) == 0;
}

static int open_import(struct edit *e, struct edit_import *in, struct gg_err *err)
{
    struct gg_findings unsaid = GG_FINDINGS_INIT;
    char shown[128];
    int rc = gg_checkpoint_open(&in->ckpt, in->path, &unsaid, err);
    gg_findings_free(&unsaid);
    if (rc == GG_OK && gg_checkpoint_n_tensors(in->ckpt) != 1)
        rc = gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "%s: holds %zu tensors, not one", in->path,
                     gg_checkpoint_n_tensors(in->ckpt));
    if (rc == GG_OK)
        rc = shape_of(&in->tensor, gg_checkpoint_tensor(in->ckpt, 0), in->path, err);
    if (rc != GG_OK)
        return gg_err_prefix(err, "--import");
    in->tensor.name = in->name;
    in->replaces = SIZE_MAX;
    for (size_t i = 0; i < e->model->n_tensors; i++) {
        struct ggf_str *name = name_of(e, i);
        if (!e->drop[i] && name->nbytes == in->name.nbytes &&
            memcmp(name->p, in->name.p, (size_t)name->nbytes) == 0)
            in->replaces = i;
    }
    if (in->replaces != SIZE_MAX && !e->o->allow_unsafe &&
        !same_shape(&in->tensor, &e->model->tensors[in->replaces]))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "--import: tensor '%s' has another shape than %s; --allow-unsafe replaces it "
                       "all the same",
                       gg_text_escape_into(shown, sizeof shown, in->name.p,
                                           (size_t)in->name.nbytes),
                       in->path);
    return GG_OK;
}

static int add_import(struct edit *e, const char *text, struct gg_err *err)
{
    const char *eq = strchr(text, '=');
    char shown[128];
    if (eq == NULL || eq == text || eq[1] == '\0')
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--import: '%s' is not of the form NAME=FILE.npy",
                       gg_text_escape_into(shown, sizeof shown, text, strlen(text)));
    struct edit_import *in = &e->imports[e->n_imports++];
    in->name = (struct ggf_str){text, (uint64_t)(eq - text)};
    in->path = eq[1] == '@' ? eq + 2 : eq + 1;
    for (size_t i = 0; i + 1 < e->n_imports; i++) {
        if (e->imports[i].name.nbytes == in->name.nbytes &&
            memcmp(e->imports[i].name.p, text, (size_t)in->name.nbytes) == 0)
            return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--import: '%s' is named twice",
                           gg_text_escape_into(shown, sizeof shown, text, (size_t)in->name.nbytes));
    }
    return open_import(e, in, err);
}

int edit_tensors(struct edit *e, struct gg_err *err)
{
    const struct edit_opts *o = e->o;
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < o->drop_tensor.n; i++)
        rc = drop_tensors(e, o->drop_tensor.v[i], err);
    for (size_t i = 0; rc == GG_OK && i < o->rename_tensor.n; i++)
        rc = rename_tensors(e, o->rename_tensor.v[i], err);
    if (rc == GG_OK && o->rename_tensor.n > 0)
        rc = check_names(e, err);
    if (rc != GG_OK || o->import.n == 0)
        return rc;
    e->imports = gg_arena_zalloc(&e->mem, o->import.n, sizeof *e->imports);
    if (e->imports == NULL)
        return gg_fail_nomem(err, "imports");
    for (size_t i = 0; rc == GG_OK && i < o->import.n; i++)
        rc = add_import(e, o->import.v[i], err);
    return rc;
}

void edit_tensors_free(struct edit *e)
{
    for (size_t i = 0; i < e->n_imports; i++)
        gg_checkpoint_free(e->imports[i].ckpt);
}

/* ---- a model of what there will be ----------------------------------------------------------- */

/* The edited model, over the one that is there. */
struct edited {
    struct gg_source base;
    struct gg_model model;
    struct edit *e;
    struct gg_tensor *tensors;
    struct gg_model_file *files;
    size_t *origin; /* of each tensor: of the model; behind its last, an import */
};

static int edited_read(struct gg_source *s, size_t i, uint64_t first, uint64_t n, void *dst,
                       struct gg_err *err)
{
    struct edited *d = (struct edited *)s;
    struct gg_model *m = d->e->model;
    if (d->origin[i] < m->n_tensors)
        return m->source->ops->read(m->source, d->origin[i], first, n, dst, err);
    struct edit_import *in = &d->e->imports[d->origin[i] - m->n_tensors];
    return gg_checkpoint_read(in->ckpt, 0, first, n, dst, err);
}

static bool edited_extent(struct gg_source *s, size_t i, struct gg_extent *out)
{
    struct edited *d = (struct edited *)s;
    struct gg_model *m = d->e->model;
    return d->origin[i] < m->n_tensors && m->source->ops->extent(m->source, d->origin[i], out);
}

static void edited_free(struct gg_source *s)
{
    (void)s; /* all of it is the command's */
}

static const struct gg_source_ops edited_ops = {.read = edited_read,
                                                .extent = edited_extent,
                                                .free = edited_free};

static void add_tensor(struct edited *d, const struct gg_tensor *t, size_t origin, struct ggf_str name,
                       uint32_t file)
{
    size_t i = d->model.n_tensors++;
    d->tensors[i] = *t;
    d->tensors[i].name = name;
    d->tensors[i].file = file;
    d->origin[i] = origin;
}

static void fill_tensors(struct edited *d)
{
    struct edit *e = d->e;
    const struct gg_model *m = e->model;
    for (size_t i = 0; i < m->n_tensors; i++) {
        const struct gg_tensor *t = &m->tensors[i];
        size_t origin = i;
        if (e->drop[i])
            continue;
        for (size_t k = 0; k < e->n_imports; k++) {
            if (e->imports[k].replaces == i) {
                t = &e->imports[k].tensor;
                origin = m->n_tensors + k;
            }
        }
        add_tensor(d, t, origin, *name_of(e, i), m->tensors[i].file);
    }
    for (size_t k = 0; k < e->n_imports; k++) {
        if (e->imports[k].replaces == SIZE_MAX)
            add_tensor(d, &e->imports[k].tensor, m->n_tensors + k, e->imports[k].name,
                       (uint32_t)m->n_files - 1);
    }
    d->model.tensors = d->tensors;
}

/* When the file itself is replaced, it is no input that must not be written. */
static int make_edited(struct edited *d, struct edit *e, bool replaces, struct gg_err *err)
{
    const struct gg_model *m = e->model;
    size_t n = m->n_tensors + e->n_imports;
    d->e = e;
    d->base.ops = &edited_ops;
    d->tensors = gg_arena_zalloc(&e->mem, n + 1, sizeof *d->tensors);
    d->origin = gg_arena_zalloc(&e->mem, n + 1, sizeof *d->origin);
    d->files = gg_arena_zalloc(&e->mem, m->n_files, sizeof *d->files);
    if (d->tensors == NULL || d->origin == NULL || d->files == NULL)
        return gg_fail_nomem(err, "the list of tensors");
    for (size_t i = 0; i < m->n_files; i++) {
        d->files[i] = m->files[i];
        if (replaces)
            d->files[i].dev = d->files[i].ino = 0;
    }
    d->model = (struct gg_model){.name = m->name, .meta = e->files[0].meta, .files = d->files,
                                 .n_files = m->n_files, .alignment = m->alignment,
                                 .source = &d->base};
    fill_tensors(d);
    return GG_OK;
}

/* Files of the imports are inputs, too. */
static const char *const *imported_paths(struct edit *e)
{
    const char **v = gg_arena_zalloc(&e->mem, e->n_imports + 1, sizeof *v);
    for (size_t i = 0; v != NULL && i < e->n_imports; i++)
        v[i] = e->imports[i].path;
    return v;
}

static int relay(struct edit *e, struct edited *d, const char *path, bool replaces,
                 struct gg_err *err)
{
    struct gg_plan_wishes wishes = GG_PLAN_WISHES_INIT;
    const struct gg_preset *copy = NULL;
    struct gg_plan *plan = NULL;
    struct gg_job_result result = {0};
    struct qk_table kernels;
    wishes.keep_split = e->model->n_files > 1;
    int rc = gg_plan_new(&plan, &d->model, &copy, 1, &wishes, false, err);
    if (rc == GG_OK && path != NULL) {
        qk_init(&kernels, e->env->cpu);
        gg_progress_begin(&e->progress, &e->env->msg, e->env->progress, "copying", 0);
        struct gg_write_opts w = {.stream = {.kernels = &kernels, .n_workers = e->env->n_threads,
                                             .progress = gg_progress_set,
                                             .progress_ctx = &e->progress}};
        struct gg_job job = {.model = &d->model, .plan = plan, .paths = &path, .write = &w,
                             .not_inputs = imported_paths(e), .force = replaces || e->o->force};
        rc = gg_job_run(&job, &result, err);
        gg_progress_end(&e->progress);
    }
    if (rc == GG_OK) {
        e->n_written = plan->outputs[0].nbytes;
        e->n_relaid = plan->outputs[0].n_files;
    }
    gg_job_result_free(&result);
    gg_plan_free(plan);
    return rc;
}

int edit_relay(struct edit *e, const char *path, bool replaces, struct gg_err *err)
{
    struct edited d = {.e = e};
    int rc = make_edited(&d, e, replaces, err);
    return rc == GG_OK ? relay(e, &d, path, replaces, err) : rc;
}
