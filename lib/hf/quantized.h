/* What the files on quantized checkpoints share: quantized.c says how they are made. */
#ifndef GG_HF_QUANTIZED_H
#define GG_HF_QUANTIZED_H

#include "lib/hf/hf_impl.h"
#include "lib/import/packed.h"

struct quant {
    struct hf *h;
    const json_t *config; /* quantization_config */
    const char *method;
    struct gg_packing *u;
    size_t n;          /* stored tensors */
    uint64_t block[2]; /* rows and columns that share a scale; 0, 0: none */
    bool asked, have_factors; /* nvfp4.c: whether any weight has one */
    struct gg_buf text; /* what the metadata says about it */
};

/* Makes the weight whose name is the scale's with `cut` replaced by `tail`. */
GG_MUST_CHECK int gg_hf_quant_pair(struct quant *q, size_t scale, const char *cut, const char *tail,
                                   size_t zero, struct gg_err *err);
/* Hides the tensor when it ends so; tails ends with NULL. */
void gg_hf_quant_hide(struct quant *q, size_t i, const char *const *tails);
GG_MUST_CHECK int gg_hf_quant_block(struct quant *q, const json_t *list, const char *name,
                                    struct gg_err *err);

/* gptq.c */
GG_MUST_CHECK int gg_hf_quant_gptq(struct quant *q, struct gg_err *err);
GG_MUST_CHECK int gg_hf_quant_awq(struct quant *q, struct gg_err *err);
/* nvfp4.c: all of compressed-tensors' names (weight_packed); what has the names of modelopt, one by one;
 * MXFP4 as gpt-oss names it. */
GG_MUST_CHECK int gg_hf_quant_fp4(struct quant *q, enum gg_dtype dtype, struct gg_err *err);
GG_MUST_CHECK int gg_hf_quant_nvfp4(struct quant *q, size_t scale, bool *is, struct gg_err *err);
GG_MUST_CHECK int gg_hf_quant_mxfp4(struct quant *q, struct gg_err *err);
/* bnb.c */
GG_MUST_CHECK int gg_hf_quant_bnb(struct quant *q, struct gg_err *err);
/* hqq.c */
GG_MUST_CHECK int gg_hf_quant_hqq(struct quant *q, struct gg_err *err);
/* compressed.c */
GG_MUST_CHECK int gg_hf_quant_compressed(struct quant *q, struct gg_err *err);

#endif
