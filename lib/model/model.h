/* Model: a source seen with GGUF names and GGUF metadata. All commands meet here. */
#ifndef GG_MODEL_H
#define GG_MODEL_H

#include "gguf/gguf.h"
#include "lib/model/source.h"
#include "lib/sys/input.h"

struct gg_tensor {
    struct ggf_str name;
    uint32_t type; /* id as stored; known tells whether it is one of ours */
    uint32_t n_dims;
    uint64_t ne[GGF_MAX_DIMS];
    uint64_t nelems;
    uint64_t nbytes; /* 0 when the type is unknown */
    uint64_t file_off;
    uint32_t file; /* index into files: the shard it lies in */
    bool known;
    /* Of a tensor of a quantized checkpoint or a dialect, decoded as it is read: a short name of how it is
     * stored, and the type it takes in an output that keeps what the source holds. NULL: stored so. */
    const char *origin;
    uint32_t plain;
    uint64_t stored_nbytes; /* with an origin: what it takes in its file, with its scales */
    /* Of a tensor of a dialect seen as its bytes: what it is in its file, and will be in an output. */
    const struct gg_tensor *moved;
};

/* How the tensor is stored, in a word: its origin, else the name of its type (into tmp). */
const char *gg_tensor_stored(const struct gg_tensor *t, char tmp[32]);
uint64_t gg_tensor_stored_nbytes(const struct gg_tensor *t);
/* Whether both are stored in the same way, by that word. */
bool gg_tensor_stored_alike(const struct gg_tensor *a, const struct gg_tensor *b);

/* The tensor as its file has it. */
static inline const struct gg_tensor *gg_tensor_in_file(const struct gg_tensor *t)
{
    return t->moved != NULL ? t->moved : t;
}

struct gg_model_file {
    const char *path;
    uint64_t nbytes;
    uint64_t dev, ino; /* identity, to refuse an output that is an input; 0,0: none (a pipe) */
};

struct gg_model {
    const char *name;            /* as the user named it */
    const struct ggf_meta *meta; /* of the first shard; owned by the model */
    const struct gg_tensor *tensors; /* in file order, shard after shard */
    size_t n_tensors;
    const struct gg_model_file *files;
    size_t n_files;
    uint32_t alignment;
    struct gg_findings findings; /* of all files; a GG_FAULT forbids to copy data */
    struct gg_source *source;
    const struct ggf_set *set; /* the GGUF files behind it; NULL for a foreign source */
    const char *format;        /* of a foreign source: "safetensors", "PyTorch", "npz"; else NULL */
};

/* Opens the GGUF model path belongs to (any shard; "-" is standard input, header only). flags as in
 * gguf.h. With GGF_PARTIAL a truncated model is given too, together with GG_ERR_TRUNCATED. */
GG_MUST_CHECK int gg_model_open_gguf(struct gg_model **out, const char *path, unsigned flags,
                                     struct gg_err *err);
/* The model of a set that was opened elsewhere (from a pipe, say) and now belongs to it, also on
 * failure. Its data cannot be read. */
GG_MUST_CHECK int gg_model_from_set(struct gg_model **out, struct ggf_set *set, const char *name,
                                    struct gg_err *err);
/* The model of a set of files, which now belongs to it, also on failure; its data can be read. */
GG_MUST_CHECK int gg_model_of_set(struct gg_model **out, struct ggf_set *set, const char *name,
                                  struct gg_err *err);
/* The model of a set whose files are open already (members of an archive), an input each. Set and
 * inputs belong to it, also on failure; the inputs are freed in order. */
GG_MUST_CHECK int gg_model_from_inputs(struct gg_model **out, struct ggf_set *set,
                                       struct gg_input *const *inputs, const char *name,
                                       struct gg_err *err);
/* A model of metadata and tensors alone, whose data cannot be read: for planning and tests. Copies. */
GG_MUST_CHECK int gg_model_skeleton(struct gg_model **out, const struct ggf_meta *meta,
                                    const struct ggf_tensor_spec *tensors, size_t n_tensors,
                                    struct gg_err *err);
void gg_model_free(struct gg_model *m);

/* Sees tensors of a dialect as what they are decoded to (lib/quant/dialect.h): their type and size are
 * that from here on, origin is what they were. Others of types unknown to us stay so. */
GG_MUST_CHECK int gg_model_plain(struct gg_model *m, struct gg_err *err);
/* For what only moves data: sees tensors of a dialect, decoded or not, as I8 of their bytes; `moved` is
 * what they are. One that has other bytes than its shape takes stays unknown. */
GG_MUST_CHECK int gg_model_moved(struct gg_model *m, struct gg_err *err);
/* For each tensor of a GGUF model, whether it is of a dialect and has just the bytes its shape takes. The
 * caller frees it. */
GG_MUST_CHECK int gg_model_sized(bool **out, const struct gg_model *m, struct gg_err *err);

/* Refuses, naming the first, when findings hold a GG_FAULT (overlap, data beyond the end). */
GG_MUST_CHECK int gg_model_require_sound(const struct gg_model *m, struct gg_err *err);

/* Architecture facts every rule asks for; 0 when the metadata does not say. */
struct gg_arch {
    struct ggf_str name; /* general.architecture, "" when absent or not a string */
    uint64_t n_layers;   /* <arch>.block_count */
    uint64_t n_loops;    /* how often they are gone through: 1 unless the file says more */
    uint64_t n_heads;    /* of layer 0, when stored for each layer */
    uint64_t n_heads_kv; /* of layer 0; n_heads when absent */
    uint64_t n_experts;
    uint64_t n_ctx;
    uint64_t n_embd;
    uint64_t n_vocab; /* tokens in tokenizer.ggml.tokens, else <arch>.vocab_size */
};
void gg_arch_read(struct gg_arch *out, const struct ggf_meta *meta);

#endif
