/* What the files of lib/hf share. See arch.c for how an architecture is described. */
#ifndef GG_HF_IMPL_H
#define GG_HF_IMPL_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/hf/hf.h"
#include "lib/quant/qtype.h"

#include <jansson.h>
#include <string.h>

/* ---- tables (arch.c) ------------------------------------------------------------------------- */

enum hf_how { /* what becomes of the elements of a stored tensor */
              HF_AS_IS,
              HF_ROPE_Q, /* halves of each query head are interleaved, as llama.cpp's rope wants
                            them */
              HF_ROPE_K, /* the same for key heads */
              HF_PLUS_ONE, /* 1 is added: norms stored around zero */
              HF_MINUS_EXP, /* x becomes -exp(x) */
              HF_SOFTPLUS, /* log(1 + exp(x)) */
              HF_JOIN, /* appended to what the rules before gave the same GGUF tensor */
              HF_FIRST, /* unless there was one before: the same tensor under several names */
              HF_TOKENS, /* rows behind the last token are left out */
              HF_FILLED, /* rows of zeros are added up to vocab_size */
              HF_DROP, /* known, and not wanted */
};

enum hf_as { /* the type of a tensor that is no vector */
             HF_AS_STORED,
             HF_AS_F32,
             HF_AS_F16,
             HF_AS_CONV, /* F16 in a model of F16, else F32 */
             HF_AS_WEIGHT, /* as stored, whatever its name */
};

struct hf_rule {
    const char
        *hf; /* {L}: number of a layer, {E}: of an expert, *: anything; without .weight or .bias
             unless the rule is for one of them only */
    const char *gguf; /* the same numbers; experts are stacked. Ends in .weight, .bias, or in ! when
                         the name has neither; else with the suffix of the stored one */
    enum hf_how how;
    const char *layout; /* how elements are drawn (layout.c); NULL: in the order stored. "A; B": by B when the
                           stored tensor has not as many dimensions as A */
    const char *when; /* the rule counts only when this holds (expr.c); NULL: always */
    const char *count; /* how many {E} there are; NULL: the experts of config.json */
    enum hf_as as;
    bool some; /* not every layer has it */
    const char *renumber; /* a list of config.json that has what {L} becomes; NULL: it stays */
    const char *each; /* with HF_JOIN: so many parts of each layout "A; B", in which I is the number */
    unsigned later; /* written as if it were stored so many tensors later */
    const char *plus; /* a sum that is added to each element (expr.c) */
    const char *times; /* one or two it is multiplied by in turn: "a, b" */
};

enum hf_what { /* what a row of a key table writes */
               HF_VALUE, /* a hyper-parameter */
               HF_CONST, /* the fallback, whatever the config says */
               HF_EXPR, /* a sum over hyper-parameters (expr.c); counts are cut to whole ones */
               HF_POOLING, /* .pooling_type, from the files of sentence-transformers */
               HF_LABELS, /* names of classes, by their numbers, when the model has them */
               HF_MARKS, /* a truth value a layer: whether the list of config.json has its number */
               HF_EACH, /* a sum a layer, in which L is its number: an array of I32, F32 or BOOL; as long as the
                           list of config.json that the fallback names, if it names one; "1": of one */
               HF_STORED, /* a number a layer that is stored as a tensor: "a.{L}.b" */
               HF_LAYERS, /* a truth value a layer: whether "layer_types" calls it ... */
               HF_ROPE, /* the block of rope keys */
               HF_HEAD_DIM, /* head_dim, else hidden_size / heads */
               HF_PARTIAL_DIM, /* partial_rotary_factor * hidden_size / heads */
               HF_GATING, /* name of a gating function to its number */
               HF_FILE_TYPE,
               HF_ROPE_BASE, /* rope_theta of the global layers, or the fallback */
               HF_ROPE_ORIG, /* original_max_position_embeddings */
               HF_WINDOW, /* sliding_window unless sliding_window_pattern is 1 */
};

struct hf_key {
    const char *key; /* ".x" is <architecture>.x */
    enum ggf_vtype type;
    const char
        *from; /* names in config.json, the first that is there counts: "n_ctx|n_positions" */
    const char
        *fallback; /* when none is there: a number, "!" an error, NULL: the key is left out */
    enum hf_what what;
    const char *when; /* the key is written only when this holds (expr.c); NULL: always */
};

enum hf_flags {
    HF_ADDED_PLAIN = 1, /* added tokens are control tokens only when marked so */
    HF_PREFIX_OPTION = 2, /* add_prefix_space of tokenizer_config.json becomes a key, before the tokens, */
    HF_GEMMA4_VOCAB = 32768, /* pieces with merges, without scores */
    HF_PROPORTIONAL_ROPE = 16384, /* rope factors of the layers that see everything, as a tensor */
    HF_PREFIX_BEHIND = 2048, /* behind them */
    HF_PREFIX_LAST = 4096, /* or behind the special tokens too */
    HF_NO_SPACE_PREFIX = 4, /* tokenizer.ggml.add_space_prefix = false for SentencePiece */
    HF_LONGROPE = 8, /* rope factors for long and short contexts as tensors */
    HF_LLAMA3_ROPE = 16, /* llama3 rope scaling as a tensor */
    HF_ROPE_FACTORS = 64, /* the same tensors where config.json has them, and no scale */
    HF_SPACE_PREFIX = 128, /* tokenizer.ggml.add_space_prefix is written, whatever it is */
    HF_MTP_PREFIX = 256, /* tensors of layers for further tokens are named mtp.*, and counted by them */
    HF_PROJECTOR = 512, /* the part that sees, for beside the text model: no vocabulary */
    HF_ADDED_AS_MARKED = 1024, /* the same of tokenizer.json, which are taken as they are */
    HF_DENSE = 8192, /* dense modules of sentence-transformers have a place */
    HF_MTP_KEPT = 32, /* layers of mtp_layers are kept unless --mtp says otherwise */
};

struct hf_extra_key { /* a key that goes with one size of vocabulary (0: any) */
    uint64_t n_vocab;
    const char *key;
    enum ggf_vtype type;
    const char *value; /* "<text>" for U32: the id of that token, whatever others say */
};

struct hf;

struct hf_arch {
    const char *gguf;
    const char *const *classes; /* "architectures" of config.json, NULL-terminated */
    const char *when; /* this one only when it holds, else the next of the class; NULL: always */
    const struct hf_rule *const
        *rules; /* lists, NULL-terminated; the first rule that fits counts */
    const struct hf_key *const *keys; /* lists, in the order they are written */
    const struct hf_key *first_keys; /* written before what is said of models in general; NULL: none */
    const struct hf_key *vocab_keys; /* written right before the vocabulary; NULL: none */
    const struct hf_extra_key *extra_keys; /* ends with key NULL; may be NULL */
    const char *defaults; /* JSON of hyper-parameters that configs leave out; NULL: none */
    unsigned flags;
    const char *const *prefixes; /* taken off names, where they stand; NULL: none */
    const char *mtp_layers; /* layers behind the last that predict further tokens; NULL: none */
    const char *tokens; /* special tokens by their text, where no file tells: "eot=<|user|> ..."; with !
                           before one: whatever files tell; @: special.c. Of a projector: config.c */
    const char *each_layer; /* a tensor that every layer has; "blk.{L}": there is none; NULL: blk.{L}.attn_norm */
};

extern const struct hf_arch *const gg_hf_archs[];
extern const size_t gg_hf_n_archs;
/* The first of that class whose condition holds; NULL. */
const struct hf_arch *gg_hf_arch_by_class(const struct hf *h, const char *class_name);
const struct hf_arch *gg_hf_projector_by_class(const struct hf *h, const char *class_name);
const struct hf_arch *gg_hf_arch_by_gguf(const char *name, size_t nbytes);

/* ---- the work -------------------------------------------------------------------------------- */

enum { HF_VIEW_DIMS = 8 };

struct hf_view { /* which elements of a stored tensor, in which order: nested loops */
    uint64_t first;
    unsigned n_dims; /* at least 1 */
    uint64_t n[HF_VIEW_DIMS], stride[HF_VIEW_DIMS]; /* outermost first; strides in elements */
};

struct hf_part { /* a run of elements of the result */
    size_t src; /* index into the checkpoint */
    uint64_t first; /* stored element, when view is NULL */
    uint64_t nelems;
    uint32_t order; /* among the parts: the expert, or the rule */
    const struct hf_view *view; /* NULL: stored as they are wanted; in the arena */
    bool zeros; /* nothing is stored */
    bool changes;
    float plus, times[2]; /* when it does: what elements are changed by */
};

struct hf_vt { /* a virtual tensor */
    const char *name;
    uint32_t type;
    unsigned n_dims;
    uint64_t ne[GGF_MAX_DIMS]; /* fastest first */
    enum hf_how how;
    const struct hf_rule *rule; /* NULL: computed, or raw */
    char lora; /* 'a', 'b': of an adapter */
    struct hf_part *parts; /* in order; NULL when data is computed */
    size_t n_parts, cap_parts;
    bool alike; /* the parts are all of one size */
    const float *data; /* computed, F32 */
    uint64_t rank; /* order in the output */
    const char *origin; /* as struct gg_tensor's */
    uint32_t plain;
};

struct hf_token {
    const char *p;
    size_t nbytes;
    float score;
    int32_t type;
};

enum hf_token_type { /* as SentencePiece and GGUF number them */
                     HF_NORMAL = 1,
                     HF_UNKNOWN,
                     HF_CONTROL,
                     HF_USER_DEFINED,
                     HF_UNUSED,
                     HF_BYTE
};

enum hf_id { HF_ID_BOS, HF_ID_EOS, HF_ID_UNK, HF_ID_SEP, HF_ID_PAD, HF_ID_CLS, HF_ID_MASK, HF_N_IDS };

struct hf_vocab {
    struct hf_token *v;
    size_t n;
    const char *model; /* "llama", "gpt2", "bert", "t5" */
    const char *pre;
    bool scores;
    bool merges; /* wanted, from tokenizer.json */
    bool no_space_prefix; /* no space is put in front of text */
    struct gg_buf made; /* merges found out otherwise, as an array of texts */
    uint64_t n_made;
    bool adds_space, removes_spaces; /* "t5": what is done to text */
    const uint8_t *charsmap; /* "t5": in the arena; NULL: none */
    size_t charsmap_nbytes;
    bool has_ids; /* ids are set */
    int64_t ids[HF_N_IDS]; /* special tokens that the vocabulary itself tells; -1: not */
    const char *chat; /* where no file has a template: the name llama.cpp has for it; "": none; NULL: not asked */
    int add_bos, add_eos; /* what goes without saying: 1 for false, 2 for true; 0: nothing does */
};

struct hf_list { /* the inside of a JSON list or object, in text that ends in NUL */
    const char *p, *end; /* p NULL: there is none */
};

struct hf_merge { /* "A B" in a, or a pair */
    struct gg_buf a, b;
    bool is_pair;
};

struct hf {
    struct gg_checkpoint *ckpt; /* NULL: a tokenizer alone, without files beside it */
    const struct gg_hf_opts *opts;
    const struct hf_arch *arch; /* NULL: raw */
    const char *folder; /* its name, for general.name */
    struct gg_arena *arena; /* of the model */
    struct ggf_meta *meta;
    struct gg_findings *notes;
    json_t *config; /* with text_config merged in and defaults added; {} when there is none. Of a projector:
                       vision_config, with all of config.json as "global" and "preprocessor" */
    json_t *raw_config; /* as stored */
    json_t *adapter; /* adapter_config.json: this is an adapter, and the configuration is its base's; or NULL */
    json_t *rope; /* rope parameters, never NULL once gg_hf_rope_read has run */
    json_t *tokenizer, *tokenizer_config, *generation; /* NULL when there is none */
    char *tok_text; /* tokenizer.json, malloc'd; tokenizer is it without the two lists of its model */
    const char *tok_name; /* of that file, for messages */
    struct hf_list tok_vocab, tok_merges;
    bool tok_vocab_pairs; /* the vocabulary is a list, not an object */
    struct hf_vt *vts;
    size_t n_vts;
    uint64_t n_layers; /* with those of further tokens, when they are kept */
    uint64_t layer, index; /* L and I of a sum */
    uint64_t n_mtp, n_mtp_dropped; /* layers for further tokens: kept, left out */
    bool has_mtp; /* config.json counts them */
    uint64_t n_vocab_rows; /* rows of the embedding, 0: not found */
    uint32_t file_type;
    const char *quant; /* what quantized the checkpoint, for the metadata; NULL: nothing did */
    size_t n_dense;    /* dense modules, of sentence-transformers */
    uint32_t half;     /* with quant: the 16-bit type of what was not quantized */
    bool odd_spm; /* tokenizer.model is there, and is no SentencePiece model */
    struct hf_vocab vocab;
};

/* config.c: config.json, the architecture it is of, and how many layers it counts. */
GG_MUST_CHECK int gg_hf_config_read(struct hf *h, struct gg_err *err);
GG_MUST_CHECK int gg_hf_config_layers(struct hf *h, struct gg_err *err);
GG_MUST_CHECK int gg_hf_config_tokens(struct hf *h, struct gg_err *err); /* of a projector */

/* json.c: side files. *out is NULL when there is none. */
enum { HF_MAX_SIDE = 16 << 20, HF_MAX_TOKENIZER = 64 << 20 };
GG_MUST_CHECK int gg_hf_json_file(struct hf *h, const char *name, json_t **out, struct gg_err *err);
GG_MUST_CHECK int gg_hf_json_text(json_t **out, const char *text, size_t nbytes, const char *name,
                                  struct gg_err *err);
/* The first of "a|b|c.d" that the object holds and that is not null; NULL. */
json_t *gg_hf_get(const json_t *o, const char *names);
/* "a.b.0": b of the object a, the first of its list; NULL. */
json_t *gg_hf_at(const json_t *o, const char *path, size_t nbytes);
/* Numbers; false when absent or not such. Integers are whole and fit. */
bool gg_hf_get_u64(const json_t *o, const char *names, uint64_t *out);
bool gg_hf_get_f64(const json_t *o, const char *names, double *out);
const char *gg_hf_get_str(const json_t *o, const char *names); /* NULL */
bool gg_hf_as_u64(const json_t *v, uint64_t *out);
/* Adds what from has to o, replacing. */
GG_MUST_CHECK int gg_hf_merge(json_t *o, json_t *from, struct gg_err *err);

/* meta.c: values into metadata; ".x" stands for <architecture>.x. */
GG_MUST_CHECK int gg_hf_set_u32(struct hf *h, const char *key, uint64_t v, struct gg_err *err);
GG_MUST_CHECK int gg_hf_set_f32(struct hf *h, const char *key, double v, struct gg_err *err);
GG_MUST_CHECK int gg_hf_set_bool(struct hf *h, const char *key, bool v, struct gg_err *err);
GG_MUST_CHECK int gg_hf_set_str(struct hf *h, const char *key, const char *v, struct gg_err *err);
GG_MUST_CHECK int gg_hf_set_text(struct hf *h, const char *key, enum ggf_vtype type,
                                 const char *text, struct gg_err *err);
GG_MUST_CHECK int gg_hf_set_json_str(struct hf *h, const char *key, const json_t *v,
                                     struct gg_err *err);
/* An array of strings of the strings among the elements. */
GG_MUST_CHECK int gg_hf_set_strs(struct hf *h, const char *key, const json_t *array,
                                 struct gg_err *err);
GG_MUST_CHECK int gg_hf_set_array(struct hf *h, const char *key, enum ggf_vtype elem, uint64_t n,
                                  const void *data, uint64_t nbytes, struct gg_err *err);
/* Appends one element of a string array. */
void gg_hf_add_str(struct gg_buf *b, const char *s, size_t n);

/* quantized.c: puts together what a quantized checkpoint stores apart. */
GG_MUST_CHECK int gg_hf_unpack(struct hf *h, struct gg_err *err);
/* nvfp4.c: adds the tensors of factors that go with those of NVFP4. */
GG_MUST_CHECK int gg_hf_factors(struct hf *h, struct gg_err *err);

/* map.c: names to virtual tensors; raw.c: none. */
GG_MUST_CHECK int gg_hf_map(struct hf *h, struct gg_err *err);
GG_MUST_CHECK int gg_hf_map_raw(struct hf *h, struct gg_err *err);
/* parts.c: a new virtual tensor; a stored tensor taken in as a part of it, as the rule says (order among
 * the parts: the expert, or the rule); whether all parts are there. */
struct hf_vt *gg_hf_vt_add(struct hf *h, const char *name, struct gg_err *err);
GG_MUST_CHECK int gg_hf_vt_take(struct hf *h, struct hf_vt *v, const struct hf_rule *r, size_t src,
                                uint32_t order, struct gg_err *err); /* v->lora is set before */
GG_MUST_CHECK int gg_hf_vt_finish(struct hf *h, struct hf_vt *v, struct gg_err *err);
/* GGUF type for stored elements of dtype in a matrix (is_f32: wanted as F32). */
uint32_t gg_hf_type_of(enum gg_dtype t, bool is_f32);
/* match.c: whether name (without suffix) fits the pattern; *layer and *expert get its numbers. */
bool gg_hf_match(const char *pattern, const char *name, size_t nbytes, uint64_t *layer,
                 uint64_t *expert);
/* Pattern with numbers filled in. NULL: no memory. */
char *gg_hf_fill(struct gg_arena *a, const char *pattern, uint64_t layer, const char *suffix);

/* complete.c: whether all layers are there and whole, and of the width config.json says. */
GG_MUST_CHECK int gg_hf_complete(struct hf *h, struct gg_err *err);
const char *gg_hf_each_layer(const struct hf *h); /* the name of a tensor that each layer has */

/* expr.c: the value of a sum; *text ends behind it. False when a name has no number: *missing. */
bool gg_hf_eval(const struct hf *h, const char **text, double *out, const char **missing);
/* Whether it is there and not 0. NULL holds. */
bool gg_hf_holds(const struct hf *h, const char *text);
/* layout.c: dimensions of the result to v, the way there to w. GG_ERR_CORRUPT when the stored shape does
 * not fit. */
GG_MUST_CHECK int gg_hf_layout(struct hf *h, const char *text, const struct gg_ckpt_tensor *t,
                               struct hf_vt *v, struct hf_view *w, struct gg_err *err);

/* draw.c: elements first .. first+n-1 of a part to dst, in the tensor's type. */
GG_MUST_CHECK int gg_hf_draw(struct gg_checkpoint *c, const struct hf_vt *v, const struct hf_part *p,
                             uint64_t first, uint64_t n, uint8_t *dst, struct gg_err *err);
/* Whether the elements change on the way, not only their type. */
bool gg_hf_changes(const struct hf_vt *v, const struct hf_part *p);
/* Where element i of a view is stored. */
uint64_t gg_hf_view_at(const struct hf_view *w, uint64_t i);

/* rope.c */
GG_MUST_CHECK int gg_hf_rope_read(struct hf *h, struct gg_err *err);
GG_MUST_CHECK int gg_hf_rope_keys(struct hf *h, struct gg_err *err);
GG_MUST_CHECK int gg_hf_rope_tensors(struct hf *h, struct gg_err *err);
/* Those of the layers that see everything. */
const json_t *gg_hf_rope_full(const struct hf *h);
double gg_hf_rope_theta(const struct hf *h, double fallback);

/* keys.c */
GG_MUST_CHECK int gg_hf_key_list(struct hf *h, const struct hf_key *k, struct gg_err *err); /* NULL: none */
GG_MUST_CHECK int gg_hf_keys(struct hf *h, struct gg_err *err);

/* fit.c: GG_ERR_CORRUPT when tensors have other shapes than the keys say. */
GG_MUST_CHECK int gg_hf_check_fit(struct hf *h, struct gg_err *err);

/* lora.c: adapters. Reads adapter_config.json and the base's configuration, where there is one. */
GG_MUST_CHECK int gg_hf_lora_open(struct hf *h, struct gg_err *err);
/* Turns the name of A or B into that of its weight; *which 'a', 'b', or 0 for a norm. */
GG_MUST_CHECK int gg_hf_lora_name(char *name, size_t *nbytes, char *which, struct gg_err *err);
GG_MUST_CHECK int gg_hf_lora_check(struct hf *h, struct gg_err *err);
GG_MUST_CHECK int gg_hf_lora_keys(struct hf *h, struct gg_err *err);

/* pooling.c */
GG_MUST_CHECK int gg_hf_pooling_key(struct hf *h, struct gg_err *err);
/* Adds the tensors of dense modules to the checkpoint, before names are mapped. */
GG_MUST_CHECK int gg_hf_dense_load(struct hf *h, struct gg_err *err);

/* general.c, card.c, modelid.c */
GG_MUST_CHECK int gg_hf_general(struct hf *h, struct gg_err *err);
GG_MUST_CHECK int gg_hf_card(struct hf *h, json_t **out, struct gg_err *err);
json_t *gg_hf_card_parse(const char *text, size_t nbytes); /* NULL: no memory */
/* Parts of a model's id, as keys name, organization, basename, finetune, version, size_label of a
 * new object; n_params 0: unknown. NULL: no memory. */
json_t *gg_hf_model_id(const char *id, uint64_t n_params);
char *gg_hf_id_to_title(const char *id); /* malloc'd */

/* tokjson.c: takes the text of tokenizer.json, malloc'd and ending in NUL, over. */
GG_MUST_CHECK int gg_hf_tokenizer_parse(struct hf *h, char *text, size_t nbytes, struct gg_err *err);
/* The next entry of a list, which is a copy of h's; *more is false at the end. Buffers are reused. */
GG_MUST_CHECK int gg_hf_next_token(struct hf *h, struct hf_list *list, struct gg_buf *text,
                                   uint64_t *id, bool *more, struct gg_err *err);
GG_MUST_CHECK int gg_hf_next_merge(struct hf *h, struct hf_list *list, struct hf_merge *m,
                                   bool *more, struct gg_err *err);
GG_MUST_CHECK int gg_hf_next_piece(struct hf *h, struct hf_list *list, struct gg_buf *text,
                                   double *score, bool *more, struct gg_err *err);
/* A new reference; *out is NULL at the end. */
GG_MUST_CHECK int gg_hf_next_object(struct hf *h, struct hf_list *list, json_t **out,
                                    struct gg_err *err);
void gg_hf_merge_free(struct hf_merge *m);
/* vocab.json, which is the vocabulary alone. */
GG_MUST_CHECK int gg_hf_vocab_json(struct hf *h, char *text, size_t nbytes, struct gg_err *err);
/* The same of tekken.json, whose vocabulary is a list of objects; *out is the rest. */
GG_MUST_CHECK int gg_hf_tekken_parse(struct hf *h, char *text, size_t nbytes, json_t **out,
                                     struct gg_err *err);

/* vocab.c: reads the vocabulary (before tensors are sized), then writes it. */
GG_MUST_CHECK int gg_hf_vocab_read(struct hf *h, struct gg_err *err);
GG_MUST_CHECK int gg_hf_vocab_fit(struct hf *h, struct gg_err *err);
GG_MUST_CHECK int gg_hf_vocab_write(struct hf *h, struct gg_err *err);
GG_MUST_CHECK int gg_hf_vocab_alloc(struct hf *h, uint64_t n, struct gg_err *err);
GG_MUST_CHECK int gg_hf_vocab_set(struct hf *h, uint64_t id, const char *p, size_t n, float score,
                                  int32_t type, struct gg_err *err);
bool gg_hf_looks_special(const char *p, size_t n);
bool gg_hf_is_byte(const struct hf_token *t); /* <0x0A> and the like, which stand for a byte */
/* ▁ becomes a space; in the arena. NULL: no memory. */
char *gg_hf_plain_spaces(struct gg_arena *a, const char *p, size_t n, size_t *out_n);
void gg_hf_no_ids(struct hf_vocab *v); /* they will be set one by one */
bool gg_hf_keep_charsmap(struct hf *h, const void *p, size_t n); /* false: no memory */
/* One past the largest id of tokenizer.json, its added tokens looked at; then room for them all. */
GG_MUST_CHECK int gg_hf_make_room(struct hf *h, struct gg_err *err);
/* The tokens of the model, all normal, then the added ones. */
GG_MUST_CHECK int gg_hf_add_tokens(struct hf *h, struct gg_err *err);
/* Tokens that tokenizer_config.json describes (added_tokens_decoder), over what is there. */
GG_MUST_CHECK int gg_hf_described_read(struct hf *h, struct gg_err *err);
/* unigram.c, wordpiece.c: tokenizer.json of these kinds, room made. */
/* SentencePiece puts a space in front of all text, and llama.cpp does so unless told otherwise. */
bool gg_hf_prepends_space(const json_t *tokenizer);
GG_MUST_CHECK int gg_hf_unigram_read(struct hf *h, struct gg_err *err);
GG_MUST_CHECK int gg_hf_charsmap_read(struct hf *h, struct gg_err *err);
GG_MUST_CHECK int gg_hf_wordpiece_read(struct hf *h, struct gg_err *err);
/* spm.c, bpe.c, bpefiles.c, wordpiece.c (vocab.txt), tiktoken.c: *done says whether the files were there and of that
 * kind. */
GG_MUST_CHECK int gg_hf_spm_read(struct hf *h, bool *done, struct gg_err *err);
GG_MUST_CHECK int gg_hf_spm_parse(struct hf *h, const void *data, size_t n, bool *done,
                                  struct gg_err *err);
GG_MUST_CHECK int gg_hf_bpe_read(struct hf *h, bool *done, struct gg_err *err);
GG_MUST_CHECK int gg_hf_bpefiles_read(struct hf *h, bool *done, struct gg_err *err);
GG_MUST_CHECK int gg_hf_words_read(struct hf *h, bool *done, struct gg_err *err);
GG_MUST_CHECK int gg_hf_tiktoken_read(struct hf *h, bool *done, struct gg_err *err);
GG_MUST_CHECK int gg_hf_tiktoken_parse(struct hf *h, const char *name, const char *p, size_t n,
                                       bool *done, struct gg_err *err);
GG_MUST_CHECK int gg_hf_tekken_read(struct hf *h, bool *done, struct gg_err *err);
GG_MUST_CHECK int gg_hf_tekken_take(struct hf *h, char *text, size_t nbytes, struct gg_err *err);
/* templates.c: chat templates. */
GG_MUST_CHECK int gg_hf_templates(struct hf *h, struct gg_err *err);
/* special.c: special tokens, merges, and what goes with them. */
GG_MUST_CHECK int gg_hf_special(struct hf *h, struct gg_err *err);
/* pretok.c: the name of the pre-tokenizer: the one asked for, else that of its definition;
 * GG_ERR_UNSUPPORTED names the nearest. */
GG_MUST_CHECK int gg_hf_pretok(struct hf *h, const char **name, struct gg_err *err);
/* The same of the regular expression of a tekken.json. */
GG_MUST_CHECK int gg_hf_tekken_cut(struct hf *h, const char *regex, const char **name,
                                   struct gg_err *err);
/* Warns of a name asked for that llama.cpp does not know. */
void gg_hf_pretok_check_name(struct hf *h);
/* How pre-tokenizer and normalizer are written as one line, for the table and messages. malloc'd. */
char *gg_hf_pretok_text(const json_t *tokenizer);
char *gg_hf_normalizer_text(const json_t *tokenizer);

/* virtual.c: turns what h holds into a model. */
struct hf_source;
GG_MUST_CHECK int gg_hf_source_model(struct gg_model **out, struct hf *h, struct gg_err *err);

#endif
