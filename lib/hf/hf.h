/* hf: a Hugging Face checkpoint seen as a GGUF model.
 *
 * Names, metadata and vocabulary are those the converter of llama.cpp writes; tensors are virtual,
 * their rows drawn from the stored ones when they are read (lib/hf/arch.c says how an architecture
 * is described). Nothing is read at opening but headers and side files (config.json, tokenizers,
 * model card).
 */
#ifndef GG_HF_H
#define GG_HF_H

#include "lib/import/checkpoint.h"
#include "lib/model/model.h"

enum gg_hf_mtp { GG_HF_MTP_AUTO, GG_HF_MTP_KEEP, GG_HF_MTP_DROP };

struct gg_hf_opts {
    const char
        *arch; /* NULL: as config.json says; "raw": own names, no mapping; else a name of ours */
    const char *name; /* general.name; NULL: from config, model card or folder */
    const char *pre; /* tokenizer.ggml.pre; NULL: from the definition of the tokenizer */
    bool mmproj; /* the part that sees images, instead of the text model */
    enum gg_hf_mtp mtp; /* layers that predict further tokens; AUTO: as the architecture has it */
    const char *base; /* text of the config.json of the model an adapter is of; NULL: none */
    const char *base_name; /* what to call it in messages */
    const char *metadata; /* text of a JSON object that overrides general.*; NULL: none */
    const char *metadata_name; /* what to call it in messages */
};

/* Makes a model of the checkpoint, which then belongs to it (also on failure). What was noticed and
 * decided (padding, parts left out, which tokenizer) stands in the model's findings as notes and
 * warnings. Matrices keep the type they are stored in, as far as GGUF has it (8-bit floats become
 * BF16, F64 becomes F32); vectors and norms become F32. Quantized ones are decoded to F32 as they are
 * read, or keep their bits where a GGUF type holds the same (quantized.c).
 *
 * Errors: GG_ERR_UNSUPPORTED for an unknown architecture or quantization, tensors without a
 * place in the architecture, a tokenizer not known; GG_ERR_CORRUPT for files that contradict each
 * other; GG_ERR_ARG for options. */
GG_MUST_CHECK int gg_hf_open(struct gg_model **out, struct gg_checkpoint *ckpt,
                             const struct gg_hf_opts *opts, struct gg_err *err);

/* Calls fn with every name of an architecture that opts.arch may be, each once. */
void gg_hf_each_arch(void (*fn)(void *ctx, const char *name), void *ctx);

/* The name the tensor of a GGUF of architecture arch (its general.architecture) has in a Hugging
 * Face checkpoint, into dst. False when the mapping does not say. n_heads != NULL: *how_heads gets
 * which rows were permuted: 0 none, 1 by query heads, 2 by key heads. */
bool gg_hf_name_of(char *dst, size_t dst_nbytes, struct ggf_str arch, struct ggf_str gguf_name,
                   int *permuted);

#endif
