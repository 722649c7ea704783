/* bitsandbytes: eight-bit rows, and four-bit tables described by a JSON text that is a tensor. */
#include "lib/hf/quantized.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdlib.h>

/* X.weight in I8 with X.SCB, the largest magnitude of each row. */
static int eight_bits(struct quant *q, size_t scb, struct gg_err *err)
{
    static const uint64_t none[2] = {0, 0};
    size_t weight = gg_packing_sibling(q->u, scb, 3, "weight");
    size_t format = gg_packing_sibling(q->u, scb, 3, "weight_format");
    uint8_t how = 0;
    if (weight == SIZE_MAX || gg_checkpoint_tensor(q->h->ckpt, weight)->dtype != GG_DT_I8)
        return gg_packing_fail(q->u, scb, err, "is the scale of a weight in I8 that is not there");
    if (format != SIZE_MAX) {
        if (gg_checkpoint_tensor(q->h->ckpt, format)->nbytes != 1)
            return gg_packing_fail(q->u, format, err, "should be one byte");
        int rc = gg_checkpoint_read(q->h->ckpt, format, 0, 1, &how, err);
        if (rc == GG_OK && how != 0)
            rc = gg_packing_fail(q->u, format, err, "is %u: the weight is not stored row by row", how);
        if (rc != GG_OK)
            return rc;
        gg_packing_hide(q->u, format);
    }
    return gg_packing_scaled(q->u, weight, scb, SIZE_MAX, none, (float)(1.0 / 127), "bnb8", err);
}

/* The text of X.weight.quant_state.bitsandbytes__nf4. */
static int read_state(struct quant *q, size_t state, json_t **out, struct gg_err *err)
{
    enum { MOST = 1 << 16 };
    const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(q->h->ckpt, state);
    char name[160];
    if (t->dtype != GG_DT_U8 || t->nbytes == 0 || t->nbytes > MOST)
        return gg_packing_fail(q->u, state, err, "should be a JSON text in U8");
    char *text = malloc((size_t)t->nbytes);
    int rc = text == NULL ? gg_fail_nomem(err, "a text")
                          : gg_checkpoint_read(q->h->ckpt, state, 0, t->nbytes, text, err);
    if (rc == GG_OK)
        rc = gg_hf_json_text(out, text, (size_t)t->nbytes,
                             gg_text_escape_into(name, sizeof name, t->name, t->name_nbytes), err);
    free(text);
    return rc;
}

/* The last of "X.weight.quant_state.bitsandbytes__nf4" says the kind; what stands before is the weight. */
static int four_bits(struct quant *q, size_t state, size_t cut, const char *origin, struct gg_err *err)
{
    struct gg_packed_table s = {.codes = gg_packing_sibling(q->u, state, cut, ""),
                                .table = gg_packing_sibling(q->u, state, cut, ".quant_map"),
                                .scale = gg_packing_sibling(q->u, state, cut, ".absmax"),
                                .table2 = gg_packing_sibling(q->u, state, cut, ".nested_quant_map"),
                                .scale2 = gg_packing_sibling(q->u, state, cut, ".nested_absmax"),
                                .origin = origin};
    json_t *j = NULL;
    double offset = 0;
    if (s.codes == SIZE_MAX || s.table == SIZE_MAX || s.scale == SIZE_MAX ||
        (s.table2 == SIZE_MAX) != (s.scale2 == SIZE_MAX))
        return gg_packing_fail(q->u, state, err, "has no %s beside it",
                               s.codes == SIZE_MAX   ? "weight"
                               : s.table == SIZE_MAX ? "quant_map"
                               : s.scale == SIZE_MAX ? "absmax"
                                                     : "nested_quant_map and nested_absmax");
    int rc = read_state(q, state, &j, err);
    const json_t *shape = json_object_get(j, "shape");
    if (rc == GG_OK && (!gg_hf_get_u64(j, "blocksize", &s.run) || s.run == 0 ||
                        json_array_size(shape) != 2 ||
                        !gg_hf_as_u64(json_array_get(shape, 0), &s.rows) ||
                        !gg_hf_as_u64(json_array_get(shape, 1), &s.cols)))
        rc = gg_packing_fail(q->u, state, err, "has no blocksize and shape of two dimensions");
    if (rc == GG_OK && s.scale2 != SIZE_MAX &&
        (!gg_hf_get_u64(j, "nested_blocksize", &s.run2) || s.run2 == 0 ||
         !gg_hf_get_f64(j, "nested_offset", &offset)))
        rc = gg_packing_fail(q->u, state, err, "has no nested_blocksize and nested_offset");
    json_decref(j);
    s.offset = (float)offset;
    gg_packing_hide(q->u, state);
    return rc == GG_OK ? gg_packing_table(q->u, &s, err) : rc;
}

int gg_hf_quant_bnb(struct quant *q, struct gg_err *err)
{
    static const struct {
        const char *end, *origin;
    } kinds[] = {{".quant_state.bitsandbytes__nf4", "nf4"}, {".quant_state.bitsandbytes__fp4", "fp4"}};
    const char *kind = "8 bits";
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < q->n; i++) {
        if (gg_packing_ends(q->u, i, ".SCB"))
            rc = eight_bits(q, i, err);
        for (size_t k = 0; rc == GG_OK && k < GG_COUNTOF(kinds); k++)
            if (gg_packing_ends(q->u, i, kinds[k].end)) {
                kind = kinds[k].origin;
                rc = four_bits(q, i, strlen(kinds[k].end), kind, err);
            }
    }
    gg_buf_addf(&q->text, ", %s", kind);
    return rc;
}
