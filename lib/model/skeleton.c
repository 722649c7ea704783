/* A model of metadata and tensors alone: for plans of models that are not here. */
#include "lib/base/arena.h"
#include "lib/base/num.h"
#include "lib/model/model.h"
#include "lib/quant/qtype.h"

#include <stdlib.h>

struct skeleton { /* the source owns all the model's memory */
    struct gg_source source;
    struct ggf_meta *meta;
    struct gg_arena arena;
};

static int skeleton_read(struct gg_source *s, size_t i, uint64_t first, uint64_t n, void *dst,
                         struct gg_err *err)
{
    (void)s, (void)i, (void)first, (void)n, (void)dst;
    return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "this model has no data, only a description");
}

static bool skeleton_extent(struct gg_source *s, size_t i, struct gg_extent *out)
{
    (void)s, (void)i, (void)out;
    return false;
}

static void skeleton_free(struct gg_source *s)
{
    struct skeleton *k = (struct skeleton *)s;
    if (k == NULL)
        return;
    ggf_meta_free(k->meta);
    gg_arena_free(&k->arena);
    free(k);
}

static const struct gg_source_ops skeleton_ops = {skeleton_read, skeleton_extent, skeleton_free,
                                                  NULL, NULL};

static int fill_tensor(struct gg_tensor *t, const struct ggf_tensor_spec *spec, struct gg_arena *arena,
                       struct gg_err *err)
{
    const char *name = gg_arena_strndup(arena, spec->name.p, (size_t)spec->name.nbytes);
    if (name == NULL)
        return gg_fail_nomem(err, "a tensor's name");
    if (spec->n_dims > GGF_MAX_DIMS)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "a tensor of more than 4 dimensions");
    t->name = (struct ggf_str){name, spec->name.nbytes};
    t->type = spec->type;
    t->n_dims = spec->n_dims;
    for (uint32_t d = 0; d < GGF_MAX_DIMS; d++)
        t->ne[d] = d < spec->n_dims ? spec->ne[d] : 1;
    t->known = qt_info(spec->type) != NULL;
    if (!qt_nelems(t->ne, &t->nelems) ||
        (t->known && !qt_tensor_nbytes(spec->type, t->ne, &t->nbytes)))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "a tensor that is too large or fills no blocks");
    return GG_OK;
}

static int fill_model(struct gg_model *m, struct skeleton *k, const struct ggf_meta *meta,
                      const struct ggf_tensor_spec *specs, size_t n, struct gg_err *err)
{
    struct gg_tensor *tensors = gg_arena_zalloc(&k->arena, n, sizeof *tensors);
    struct gg_model_file *file = gg_arena_zalloc(&k->arena, 1, sizeof *file);
    uint64_t alignment = 32;
    int rc = GG_OK;
    if (tensors == NULL || file == NULL)
        return gg_fail_nomem(err, "a model's tensors");
    rc = ggf_meta_copy(&k->meta, meta, err);
    for (size_t i = 0; i < n && rc == GG_OK; i++)
        rc = fill_tensor(&tensors[i], &specs[i], &k->arena, err);
    if (rc != GG_OK)
        return rc;
    file->path = "";
    ggf_meta_get_u64(k->meta, "general.alignment", &alignment);
    *m = (struct gg_model){.name = "skeleton", .meta = k->meta, .tensors = tensors, .n_tensors = n,
                           .files = file, .n_files = 1, .alignment = (uint32_t)alignment,
                           .source = &k->source};
    return GG_OK;
}

int gg_model_skeleton(struct gg_model **out, const struct ggf_meta *meta,
                      const struct ggf_tensor_spec *tensors, size_t n_tensors, struct gg_err *err)
{
    struct gg_model *m = calloc(1, sizeof *m);
    struct skeleton *k = calloc(1, sizeof *k);
    int rc;
    if (m == NULL || k == NULL) {
        free(m);
        free(k);
        return gg_fail_nomem(err, "a model");
    }
    k->source.ops = &skeleton_ops;
    rc = fill_model(m, k, meta, tensors, n_tensors, err);
    if (rc != GG_OK) {
        skeleton_free(&k->source);
        free(m);
        return rc;
    }
    *out = m;
    return GG_OK;
}
