/* Description: the facts of a model that fit one screen. Commands show them; nothing is printed here. */
#ifndef GG_DESCRIBE_H
#define GG_DESCRIBE_H

#include "lib/model/model.h"
#include "lib/model/role.h"
#include "lib/quant/qtype.h"

/* A sum over some tensors. */
struct gg_tally {
    uint64_t n_tensors, n_params, nbytes;
};

/* A tensor type that occurs, or another way of being stored. */
struct gg_type_tally {
    const struct gg_tensor *first; /* of the model; gg_tensor_stored has its name */
    uint32_t type; /* id as stored, known or not; of one that is decoded, what a copy takes */
    struct gg_tally sum;
    uint64_t n_matrices; /* those of its tensors with two dimensions or more */
    uint64_t n_in_layers; /* matrices inside of layers */
};

enum { GG_DESC_MAX_TYPES = 64 };

struct gg_desc {
    struct gg_arch arch;
    struct ggf_str name, size_label, kind; /* general.*: name, size_label, type; "" when absent */
    uint64_t n_ff, n_experts_used, n_embd_vocab; /* 0: not said; rows of token_embd */
    struct ggf_str tokenizer, pre;         /* tokenizer.ggml.model, .pre */
    struct ggf_str license, quantized_by;  /* general.* */
    bool has_template, has_ftype;
    uint64_t n_templates; /* named ones besides */
    uint64_t ftype;       /* general.file_type, when has_ftype */
    bool has_imatrix;     /* made with an importance matrix, by its keys */

    struct gg_tally all;
    double bpw;           /* bits per weight of all tensor data, 0 when there is none */
    uint64_t file_nbytes; /* of all files; GG_NOWHERE for a pipe */
    uint64_t n_unknown;   /* tensors whose type, so whose size, is unknown */
    struct gg_tally role[GG_ROLE_COUNT];
    struct gg_type_tally types[GG_DESC_MAX_TYPES]; /* most bytes first */
    size_t n_types; /* what does not fit is counted in the last */
};

/* Strings point into the model's metadata. Cannot fail. */
void gg_describe(struct gg_desc *out, const struct gg_model *m);

#endif
