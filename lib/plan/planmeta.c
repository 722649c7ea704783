/* The metadata of an output. Keys that are there keep their place, new ones go last. */
#include "lib/plan/plan_impl.h"

#include <string.h>

/* GGML_QNT_VERSION: the current meaning of the bits in quantized blocks. */
enum { QUANTIZATION_VERSION = 2 };

static bool encodes_blocks(const struct gg_plan_output *o)
{
    for (size_t i = 0; i < o->n_tensors; i++) {
        const struct gg_plan_tensor *t = &o->tensors[i];
        if (t->action == GG_ENCODE && (qt_info(t->to)->flags & QT_BLOCKS) != 0)
            return true;
    }
    return false;
}

/* Guessed from the types of a copy whose source llama.cpp does not take: its own number says nothing. */
static int set_guess(const struct gg_planner *p, struct gg_plan_output *o, struct gg_err *err)
{
    const uint32_t guessed = 1024;
    uint64_t n[QT_ID_END] = {0};
    bool dialect = false;
    for (size_t i = 0; i < o->n_tensors; i++) {
        const struct gg_tensor *t = &p->model->tensors[o->tensors[i].src];
        dialect |= p->model->set != NULL && t->origin != NULL && t->moved == NULL;
        n[o->tensors[i].to]++;
    }
    return dialect ? ggf_meta_set_u32(o->meta, "general.file_type", gg_preset_guess(n) & ~guessed, err)
                   : GG_OK;
}

/* A plain copy says nothing new about file type and version. */
static int set_types(const struct gg_planner *p, struct gg_plan_output *o, struct gg_err *err)
{
    bool copy = gg_preset_is_copy(o->preset);
    int rc = copy ? set_guess(p, o, err) : GG_OK;
    if (rc == GG_OK && (!copy || encodes_blocks(o)))
        rc = ggf_meta_set_u32(o->meta, "general.quantization_version", QUANTIZATION_VERSION, err);
    if (rc == GG_OK && !copy)
        rc = ggf_meta_set_u32(o->meta, "general.file_type", o->preset->ftype, err);
    return rc;
}

/* A path from a file or a user, without the folders it names: they are nobody's business. */
static struct ggf_str base_name(const char *path)
{
    const char *base = path;
    for (const char *s = path; *s != '\0'; s++) {
        if ((*s == '/' || *s == '\\') && s[1] != '\0')
            base = s + 1;
    }
    return ggf_str(base);
}

static int set_imatrix(struct gg_planner *p, struct gg_plan_output *o, struct gg_err *err)
{
    const struct gg_imatrix *im = p->w->imatrix;
    int rc;
    if (p->n_used == 0 || gg_preset_is_copy(o->preset))
        return GG_OK;
    if (im->dataset == NULL)
        ggf_meta_unset(o->meta, "quantize.imatrix.dataset"); /* of an earlier matrix */
    if (im->n_chunks == 0)
        ggf_meta_unset(o->meta, "quantize.imatrix.chunks_count");
    rc = ggf_meta_set_str(o->meta, "quantize.imatrix.file", base_name(im->file), err);
    if (rc == GG_OK && im->dataset != NULL)
        rc = ggf_meta_set_str(o->meta, "quantize.imatrix.dataset", base_name(im->dataset), err);
    if (rc == GG_OK)
        rc = ggf_meta_set_u32(o->meta, "quantize.imatrix.entries_count", (uint32_t)p->n_used, err);
    if (rc == GG_OK && im->n_chunks > 0)
        rc = ggf_meta_set_u32(o->meta, "quantize.imatrix.chunks_count", im->n_chunks, err);
    return rc;
}

static int set_overrides(struct gg_planner *p, struct gg_plan_output *o, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = 0; p->w->override_kv != NULL && i < ggf_meta_count(p->w->override_kv); i++) {
        const struct ggf_kv *kv = ggf_meta_at(p->w->override_kv, i);
        if (rc == GG_OK)
            rc = ggf_meta_set(o->meta, kv->key, &kv->value, err);
    }
    return rc;
}

int gg_plan_meta(struct gg_planner *p, struct gg_plan_output *o, struct gg_err *err)
{
    int rc = ggf_meta_copy(&o->meta, p->model->meta, err);
    if (rc == GG_OK)
        rc = set_types(p, o, err);
    if (rc == GG_OK && p->w->quantized_by != NULL)
        rc = ggf_meta_set_str(o->meta, "general.quantized_by", ggf_str(p->w->quantized_by), err);
    if (rc == GG_OK)
        rc = gg_plan_prune_meta(p, o->meta, err);
    if (rc == GG_OK)
        rc = set_imatrix(p, o, err);
    if (rc == GG_OK)
        rc = set_overrides(p, o, err);
    return rc;
}
