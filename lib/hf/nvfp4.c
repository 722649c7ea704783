/* NVFP4 and MXFP4: blocks that GGUF has, too. NVFP4 has factors besides, for a whole matrix. */
#include "lib/hf/quantized.h"

#include "lib/base/num.h"

#include <math.h>
#include <stdlib.h>

/* ---- names ----------------------------------------------------------------------------------- */

/* A factor that others have and one has not is missing; where none has any, it is 1. */
static int check_factor(struct quant *q, size_t codes, size_t factor, const char *tail, struct gg_err *err)
{
    if (factor != SIZE_MAX)
        return GG_OK;
    if (!q->asked)
        for (size_t i = 0; i < q->n && !q->have_factors; i++)
            q->have_factors = gg_packing_ends(q->u, i, tail);
    q->asked = true;
    return q->have_factors
               ? gg_packing_fail(q->u, codes, err, "has no %s beside it, as other weights have", tail + 1)
               : GG_OK;
}

/* X.weight with X.weight_scale of two dimensions, X.weight_scale_2, X.input_scale. */
int gg_hf_quant_nvfp4(struct quant *q, size_t scale, bool *is, struct gg_err *err)
{
    enum { CUT = sizeof "weight_scale" - 1 };
    struct gg_packed_blocks s = {.codes = gg_packing_sibling(q->u, scale, CUT, "weight"),
                                 .scale = scale, .dtype = GG_DT_NVFP4, .turn = -1,
                                 .factor = gg_packing_sibling(q->u, scale, CUT, "weight_scale_2"),
                                 .input_factor = gg_packing_sibling(q->u, scale, CUT, "input_scale")};
    *is = s.codes != SIZE_MAX && gg_checkpoint_tensor(q->h->ckpt, s.codes)->dtype == GG_DT_U8;
    if (!*is)
        return GG_OK;
    int rc = check_factor(q, s.codes, s.factor, ".weight_scale_2", err);
    return rc == GG_OK ? gg_packing_blocks(q->u, 0, "", &s, err) : rc;
}

int gg_hf_quant_fp4(struct quant *q, enum gg_dtype dtype, struct gg_err *err)
{
    enum { CUT = sizeof "weight_packed" - 1 };
    static const char *const unwanted[] = {".k_scale", ".v_scale", ".output_scale", NULL};
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < q->n; i++) {
        gg_hf_quant_hide(q, i, unwanted);
        if (!gg_packing_ends(q->u, i, ".weight_packed"))
            continue;
        struct gg_packed_blocks s = {
            .codes = i, .scale = gg_packing_sibling(q->u, i, CUT, "weight_scale"),
            .factor = gg_packing_sibling(q->u, i, CUT, "weight_global_scale"),
            .input_factor = gg_packing_sibling(q->u, i, CUT, "input_global_scale"),
            .inverse = true, .dtype = dtype, .turn = -1};
        rc = s.scale == SIZE_MAX ? gg_packing_fail(q->u, i, err, "has no weight_scale beside it")
                                 : check_factor(q, i, s.factor, ".weight_global_scale", err);
        if (rc == GG_OK)
            rc = gg_packing_blocks(q->u, CUT, "weight", &s, err);
    }
    return rc;
}

/* The architecture's rules know these by the name of their blocks: what is stored plain under the name
 * without it is transposed. */
int gg_hf_quant_mxfp4(struct quant *q, struct gg_err *err)
{
    enum { CUT = sizeof "blocks" - 1 };
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < q->n; i++) {
        struct gg_packed_blocks s = {.codes = i, .dtype = GG_DT_MXFP4, .turn = -1, .factor = SIZE_MAX,
                                     .input_factor = SIZE_MAX};
        if (!gg_packing_ends(q->u, i, "_blocks"))
            continue;
        s.scale = gg_packing_sibling(q->u, i, CUT, "scales");
        rc = s.scale == SIZE_MAX ? gg_packing_fail(q->u, i, err, "has no scales beside it")
                                 : gg_packing_blocks(q->u, 0, "", &s, err);
    }
    return rc;
}

/* ---- factors --------------------------------------------------------------------------------- */

static float factor_of(const struct hf *h, const struct hf_vt *v, size_t part, bool input)
{
    const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(h->ckpt, v->parts[part].src);
    return input ? t->input_factor : t->factor;
}

/* As upstream: one factor may be off by 1e-6, several by what numpy's allclose lets pass. */
static bool trivial(const float *f, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)f[i] - 1.0) < (n == 1 ? 1e-6 : 1.1e-5)))
            return false;
    return true;
}

static int add_factors(struct hf *h, size_t i, bool input, struct gg_err *err)
{
    const struct hf_vt *v = &h->vts[i];
    size_t n = v->alike ? v->n_parts : 1, n_name = strlen(v->name) - strlen(".weight");
    float *f = gg_arena_alloc(h->arena, v->n_parts * sizeof *f);
    char *name = gg_arena_alloc(h->arena, n_name + sizeof ".input_scale");
    if (f == NULL || name == NULL)
        return gg_fail_nomem(err, "factors");
    for (size_t k = 0; k < v->n_parts; k++) {
        f[k] = factor_of(h, v, k, input);
        if (k >= n && f[k] != f[0])
            return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                           "%s: its parts have factors that differ (%g and %g)", v->name, (double)f[0],
                           (double)f[k]);
    }
    if (trivial(f, n))
        return GG_OK;
    memcpy(name, v->name, n_name);
    strcpy(name + n_name, input ? ".input_scale" : ".scale");
    uint64_t rank = v->rank + 1 + input;
    struct hf_vt *made = gg_hf_vt_add(h, name, err);
    if (made == NULL)
        return err->code;
    made->type = QT_F32;
    made->n_dims = 1;
    made->ne[0] = n;
    made->data = f;
    made->rank = rank;
    return GG_OK;
}

int gg_hf_factors(struct hf *h, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = 0, n = h->n_vts; rc == GG_OK && i < n; i++) {
        size_t len = strlen(h->vts[i].name);
        if (h->vts[i].type != QT_NVFP4 || len < 7 || strcmp(h->vts[i].name + len - 7, ".weight") != 0)
            continue;
        for (int input = 0; rc == GG_OK && input < 2; input++)
            rc = add_factors(h, i, input, err);
    }
    return rc;
}
