/* --arch raw: any tensor file becomes a GGUF with its own names. */
#include "lib/hf/hf_impl.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdlib.h>

/* The GGUF type that holds all values of a dtype. */
static uint32_t raw_type(enum gg_dtype t)
{
    uint32_t same = gg_dtype_qtype(t);
    if (same != QT_NONE)
        return same;
    switch (t) {
    case GG_DT_BOOL:
        return QT_I8;
    case GG_DT_U8:
        return QT_I16;
    case GG_DT_U16:
        return QT_I32;
    case GG_DT_U32:
    case GG_DT_U64: /* values beyond are an error when they are read */
        return QT_I64;
    default: /* floats of 8 bits and less */
        return QT_BF16;
    }
}

static int add_raw(struct hf *h, size_t i, struct gg_err *err)
{
    const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(h->ckpt, i);
    char shown[160];
    gg_text_escape_into(shown, sizeof shown, t->name, t->name_nbytes);
    uint32_t type = raw_type(t->dtype);
    if (type == QT_NONE)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "tensor '%s': GGUF has no type that holds %s", shown,
                       gg_dtype_name(t->dtype));
    char *name = gg_arena_strndup(h->arena, t->name, t->name_nbytes);
    struct hf_vt *v = name != NULL ? gg_hf_vt_add(h, name, err) : NULL;
    if (v == NULL)
        return gg_fail_nomem(err, "a tensor");
    v->type = type;
    v->n_dims = t->n_dims == 0 ? 1 : t->n_dims;
    if (v->n_dims > GGF_MAX_DIMS) { /* GGUF has four: the slowest are joined */
        v->n_dims = GGF_MAX_DIMS;
        gg_findings_add(h->notes, GG_WARN, "dimensions", t->name, t->name_nbytes, GG_NOWHERE,
                        "tensor '%s' has %u dimensions; the first %u become one", shown, t->n_dims,
                        t->n_dims - GGF_MAX_DIMS + 1);
    }
    for (unsigned d = 0; d < t->n_dims; d++) { /* no overflow: factors of t->nelems */
        unsigned to = d < v->n_dims ? d : v->n_dims - 1;
        v->ne[to] = d < v->n_dims ? t->shape[t->n_dims - 1 - d]
                                  : v->ne[to] * t->shape[t->n_dims - 1 - d];
    }
    v->parts = calloc(1, sizeof *v->parts);
    if (v->parts == NULL)
        return gg_fail_nomem(err, "a tensor");
    v->parts[0] = (struct hf_part){.src = i, .nelems = t->nelems};
    v->n_parts = v->cap_parts = 1;
    return GG_OK;
}

int gg_hf_map_raw(struct hf *h, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < gg_checkpoint_n_tensors(h->ckpt); i++)
        rc = add_raw(h, i, err);
    return rc;
}
