/* Leaving layers out: which, and the metadata that counts or lists layers. */
#include "lib/base/buf.h"
#include "lib/base/num.h"
#include "lib/plan/plan_impl.h"

#include <inttypes.h>
#include <string.h>

static int mark_pruned(struct gg_planner *p, struct gg_err *err)
{
    for (size_t i = 0; i < p->w->n_prune_layers; i++) {
        uint64_t layer = p->w->prune_layers[i];
        if (layer >= p->arch.n_layers)
            return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                           "cannot prune layer %" PRIu64 ": the model has layers 0 to %" PRIu64, layer,
                           p->arch.n_layers - 1);
        p->new_layer[layer] = GG_NO_LAYER;
    }
    return GG_OK;
}

int gg_plan_prune(struct gg_planner *p, struct gg_err *err)
{
    uint64_t n = p->arch.n_layers;
    if (p->w->n_prune_layers == 0)
        return GG_OK;
    if (n == 0 || n > p->model->n_tensors)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "cannot prune layers: the model's block_count is missing or makes no sense");
    p->new_layer = gg_arena_zalloc(p->plan->arena, (size_t)n, sizeof *p->new_layer);
    if (p->new_layer == NULL)
        return gg_fail_nomem(err, "the list of pruned layers");
    int rc = mark_pruned(p, err);
    for (uint64_t i = 0; i < n; i++) {
        if (p->new_layer[i] != GG_NO_LAYER)
            p->new_layer[i] = p->n_new_layers++;
    }
    if (rc == GG_OK && p->n_new_layers == 0)
        rc = gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "cannot prune all layers");
    return rc;
}

/* Keys that hold one element a layer when they are arrays (llama.cpp, get_key_or_arr and get_arr
 * with n_layer, 2026-08-21), behind the architecture's name. */
static const char *const per_layer[] = {
    "attention.head_count",
    "attention.head_count_kv",
    "attention.sliding_window_pattern",
    "attention.recurrent_layers",
    "attention.indexer.types",
    "attention.compress_ratios",
    "attention.rope_pattern",
    "feed_forward_length",
    "swiglu_clamp_exp",
    "swiglu_clamp_shexp",
    "deepstack_mapping",
};
/* The same without the architecture's name. */
static const char *const per_layer_global[] = {"xielu.alpha_n", "xielu.alpha_p", "xielu.beta",
                                               "xielu.eps"};

static bool is_per_layer(struct ggf_str key, struct ggf_str arch)
{
    for (size_t i = 0; i < GG_COUNTOF(per_layer_global); i++) {
        if (ggf_str_eq(key, per_layer_global[i]))
            return true;
    }
    if (key.nbytes <= arch.nbytes || memcmp(key.p, arch.p, (size_t)arch.nbytes) != 0 ||
        key.p[arch.nbytes] != '.')
        return false;
    struct ggf_str rest = {key.p + arch.nbytes + 1, key.nbytes - arch.nbytes - 1};
    for (size_t i = 0; i < GG_COUNTOF(per_layer); i++) {
        if (ggf_str_eq(rest, per_layer[i]))
            return true;
    }
    return false;
}

/* Takes the elements of pruned layers out of an array of fixed-size elements. */
static int shorten(struct gg_planner *p, struct ggf_meta *meta, const struct ggf_kv *kv,
                   struct gg_err *err)
{
    struct ggf_value v = kv->value;
    size_t elem_nbytes = ggf_vtype_nbytes(v.elem);
    uint8_t *data = gg_arena_alloc(p->plan->arena, (size_t)v.nbytes);
    char *key = gg_arena_strndup(p->plan->arena, kv->key.p, (size_t)kv->key.nbytes);
    if (data == NULL || key == NULL)
        return gg_fail_nomem(err, "a metadata array");
    v.count = 0;
    for (uint64_t i = 0; i < kv->value.count; i++) {
        if (p->new_layer[i] != GG_NO_LAYER)
            memcpy(data + elem_nbytes * v.count++, kv->value.data + elem_nbytes * i, elem_nbytes);
    }
    v.data = data;
    v.nbytes = elem_nbytes * v.count;
    return ggf_meta_set(meta, (struct ggf_str){key, kv->key.nbytes}, &v, err);
}

int gg_plan_prune_meta(struct gg_planner *p, struct ggf_meta *meta, struct gg_err *err)
{
    struct gg_buf key = GG_BUF_INIT;
    int rc = GG_OK;
    if (p->new_layer == NULL)
        return GG_OK;
    for (size_t i = 0; i < ggf_meta_count(meta) && rc == GG_OK; i++) {
        const struct ggf_kv *kv = ggf_meta_at(meta, i);
        if (kv->value.type == GGF_ARR && kv->value.count == p->arch.n_layers &&
            ggf_vtype_nbytes(kv->value.elem) > 0 && is_per_layer(kv->key, p->arch.name))
            rc = shorten(p, meta, kv, err);
    }
    if (rc != GG_OK)
        return rc;
    gg_buf_add(&key, p->arch.name.p, (size_t)p->arch.name.nbytes);
    gg_buf_adds(&key, ".block_count");
    rc = key.failed ? gg_fail_nomem(err, "a key")
                    : ggf_meta_set_u32(meta, key.data, (uint32_t)p->n_new_layers, err);
    gg_buf_free(&key);
    return rc;
}
