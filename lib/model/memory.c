#include "lib/model/memory.h"

#include "lib/base/buf.h"
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/quant/qtype.h"

#include <string.h>

enum {
    BATCH = 512, /* tokens worked on at once */
    PAD = 256,   /* cells come in multiples */
    MAX_LAYERS = 1 << 16,
    NO_WINDOWS = 0,
};

/* Architectures whose cache is as computed here. Of those with a sliding window: every period-th layer
 * sees all (the last of a period, or with `first` the first); a period that the file states counts
 * before it. window: 0 when the file must say it, and none means no window; fixed:
 * what it is whatever the file says, if there is one. kv_layers: only so many from the start have a
 * cache of their own; 0: all. windows_of: only models of so many layers have windows; 0: all.
 * Source: src/models of llama.cpp, 2026-08-21. */
#define ALL(of) {.name = of, .period = NO_WINDOWS} /* layers see all */
static const struct architecture {
    const char *name;
    uint32_t period;
    bool first;
    uint32_t window, kv_layers, fixed, windows_of;
} architectures[] = {
    ALL("llama"), ALL("mistral3"), ALL("deci"), ALL("qwen"), ALL("qwen2"), ALL("qwen2moe"), ALL("qwen2vl"),
    ALL("qwen3"), ALL("qwen3moe"), ALL("qwen3vl"), ALL("qwen3vlmoe"), ALL("gemma"), ALL("phi2"), ALL("phi3"),
    ALL("phimoe"), ALL("falcon"), ALL("gpt2"), ALL("gptneox"), ALL("bloom"), ALL("mpt"), ALL("starcoder"),
    ALL("starcoder2"), ALL("stablelm"), ALL("baichuan"), ALL("internlm2"), ALL("minicpm"), ALL("command-r"),
    ALL("dbrx"), ALL("olmo"), ALL("olmoe"), ALL("granite"), ALL("granitemoe"), ALL("chatglm"), ALL("glm4"),
    ALL("glm4moe"), ALL("exaone"), ALL("nemotron"), ALL("smollm3"), ALL("ernie4_5"), ALL("ernie4_5-moe"),
    ALL("seed_oss"), ALL("arcee"), ALL("deepseek"), ALL("deepseek2"), ALL("minicpm3"),
    {"exaone4", .period = 4, .window = 4096, .windows_of = 64},
    {"gemma2", .period = 2, .window = 4096},
    {"gemma3", .period = 6},
    {"gemma3n", .period = 5, .kv_layers = 20},
    {"cohere2", .period = 4},
    {"gpt-oss", .period = 2},
    {"olmo2", .period = 4},
    {"llama4", .period = 4, .window = 8192, .fixed = 8192},
    {"afmoe", .period = 4},
    {"smallthinker", .period = 4, .first = true, .fixed = 4096},
    {"plamo3", .period = 8},
};

/* ---- keys of the architecture ---------------------------------------------------------------- */

struct reader {
    const struct gg_model *m;
    struct ggf_str arch;
};

static const struct ggf_kv *find(const struct reader *r, const char *key)
{
    struct gg_buf full = GG_BUF_INIT;
    gg_buf_add(&full, r->arch.p, (size_t)r->arch.nbytes);
    gg_buf_addf(&full, ".%s", key);
    const struct ggf_kv *kv = full.failed ? NULL : ggf_meta_find_n(r->m->meta, full.data, full.nbytes);
    gg_buf_free(&full);
    return kv;
}

/* One number, 0 when there is none. */
static uint64_t number(const struct reader *r, const char *key)
{
    const struct ggf_kv *kv = find(r, key);
    uint64_t v;
    return kv != NULL && ggf_as_u64(&kv->value, &v) ? v : 0;
}

/* A number for each layer, stored as one for all or as an array. */
struct by_layer {
    struct ggf_iter it;
    bool array;
    uint64_t v; /* of all, or of the last one read */
};

static struct by_layer by_layer(const struct reader *r, const char *key, uint64_t otherwise)
{
    const struct ggf_kv *kv = find(r, key);
    struct by_layer b = {.v = otherwise};
    if (kv != NULL && kv->value.type == GGF_ARR) {
        b.array = true;
        b.it = ggf_iter_begin(&kv->value);
    } else if (kv != NULL) {
        ggf_as_u64(&kv->value, &b.v);
    }
    return b;
}

static uint64_t next(struct by_layer *b)
{
    struct ggf_value v;
    bool yes;
    if (b->array && ggf_iter_next(&b->it, &v) && !ggf_as_u64(&v, &b->v))
        b->v = ggf_as_bool(&v, &yes) ? yes : 0;
    return b->v;
}

/* ---- the cache ------------------------------------------------------------------------------- */

struct cache {
    const struct architecture *arch;
    struct by_layer heads, heads_kv, pattern;
    bool has_pattern;
    uint64_t period, window, n_layers, n_kv_layers;
    uint64_t key, value, key_windowed, value_windowed; /* length of a head; 0: by heads */
    uint64_t n_embd;
};

static bool windowed(struct cache *c, uint64_t layer)
{
    uint64_t stated = c->has_pattern && c->pattern.array ? next(&c->pattern) : 0;
    if (c->window == 0)
        return false;
    if (c->has_pattern && c->pattern.array)
        return stated != 0;
    if (c->period == 0)
        return true;
    return c->arch->first ? layer % c->period != 0 : layer % c->period < c->period - 1;
}

static bool has_windows(const struct cache *c, const struct reader *r)
{
    uint64_t further = number(r, "nextn_predict_layers"), of = c->arch->windows_of;
    return c->arch->period != NO_WINDOWS && (of == 0 || c->n_layers - further == of);
}

static int read_cache(struct cache *c, const struct reader *r, struct gg_err *err)
{
    c->n_layers = number(r, "block_count"); /* with those that predict further tokens */
    c->n_embd = number(r, "embedding_length");
    c->heads = by_layer(r, "attention.head_count", 0);
    c->heads_kv = by_layer(r, "attention.head_count_kv", UINT64_MAX);
    if (c->n_layers == 0 || c->n_layers > MAX_LAYERS || c->n_embd == 0 ||
        (!c->heads.array && c->heads.v == 0))
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "the metadata do not say how many layers and heads there are");
    c->key = number(r, "attention.key_length");
    c->value = number(r, "attention.value_length");
    c->key_windowed = number(r, "attention.key_length_swa");
    c->value_windowed = number(r, "attention.value_length_swa");
    c->window = !has_windows(c, r) ? 0
                : find(r, "attention.sliding_window") != NULL
                    ? number(r, "attention.sliding_window")
                    : c->arch->window;
    if (c->arch->fixed != 0 && c->window != 0)
        c->window = c->arch->fixed;
    c->has_pattern = find(r, "attention.sliding_window_pattern") != NULL;
    c->pattern = by_layer(r, "attention.sliding_window_pattern", c->arch->period);
    c->period = c->pattern.array ? 0 : c->pattern.v;
    c->n_kv_layers = c->arch->kv_layers != 0 ? c->arch->kv_layers : c->n_layers;
    return GG_OK;
}

/* Cells of layers that see n_ctx tokens; with a window, it and a batch. */
static uint64_t cells(uint64_t n_ctx, uint64_t window)
{
    uint64_t all, some;
    if (!gg_align_u64(n_ctx, PAD, &all))
        return UINT64_MAX;
    if (window == 0 || !gg_add_u64(window, BATCH, &some) || !gg_align_u64(some, PAD, &some))
        return all;
    return gg_min_u64(all, some);
}

/* Adds one layer's rows of keys and values. */
static int add_layer(struct gg_memory *out, struct gg_memory_layers *to, uint64_t n_key, uint64_t n_value,
                     uint32_t type, struct gg_err *err)
{
    const uint64_t rows[] = {n_key, n_value};
    to->n++;
    for (size_t i = 0; i < GG_COUNTOF(rows); i++) {
        uint64_t nbytes;
        if (rows[i] % qt_info(type)->block_nelems != 0)
            return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                           "keys and values of %llu elements fill no blocks of %s",
                           (unsigned long long)rows[i], qt_info(type)->name);
        if (!qt_row_nbytes(type, rows[i], &nbytes) || !gg_mul_u64(nbytes, to->cells, &nbytes) ||
            !gg_add_u64(out->kv_nbytes, nbytes, &out->kv_nbytes))
            return gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "a cache of more than 2^64 bytes");
        to->elems += rows[i];
    }
    return GG_OK;
}

static int add_layers(struct gg_memory *out, struct cache *c, uint32_t type, struct gg_err *err)
{
    int rc = GG_OK;
    for (uint64_t i = 0; rc == GG_OK && i < c->n_layers; i++) {
        bool w = windowed(c, i);
        uint64_t heads = next(&c->heads), kv = next(&c->heads_kv), n_key, n_value;
        kv = kv == UINT64_MAX ? heads : kv;
        uint64_t by_heads = heads > 0 ? c->n_embd / heads : 0;
        uint64_t key = w && c->key_windowed != 0 ? c->key_windowed : c->key != 0 ? c->key : by_heads;
        uint64_t value = w && c->value_windowed != 0 ? c->value_windowed
                         : c->value != 0             ? c->value
                                                     : by_heads;
        if (!gg_mul_u64(kv, key, &n_key) || !gg_mul_u64(kv, value, &n_value) || n_key > UINT32_MAX ||
            n_value > UINT32_MAX)
            return gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "layer %llu: keys of more than 2^32 elements",
                           (unsigned long long)i);
        if (i < c->n_kv_layers && n_key > 0)
            rc = add_layer(out, w ? &out->windowed : &out->full, n_key, out->latent ? 0 : n_value, type,
                           err);
    }
    return rc;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static const struct architecture *known(struct ggf_str name)
{
    for (size_t i = 0; i < GG_COUNTOF(architectures); i++) {
        if (ggf_str_eq(name, architectures[i].name))
            return &architectures[i];
    }
    return NULL;
}

/* What the largest step of the network needs: logits or two halves of a feed-forward part, and some
 * copies of the stream; and the mask of the attention. Measured against llama.cpp's reports. */
static int add_buffers(struct gg_memory *out, const struct reader *r, uint64_t n_vocab,
                       struct gg_err *err)
{
    struct by_layer ff = by_layer(r, "feed_forward_length", 0);
    uint64_t most = 0, n_layers = gg_min_u64(number(r, "block_count"), MAX_LAYERS), used, n, mask;
    for (uint64_t i = 0; i < n_layers; i++)
        most = gg_max_u64(most, next(&ff));
    if (gg_mul_u64(number(r, "expert_feed_forward_length"), number(r, "expert_used_count"), &used))
        most = gg_max_u64(most, used);
    out->n_vocab = n_vocab;
    out->n_ff = most;
    out->n_embd = number(r, "embedding_length");
    bool ok = out->n_ff < UINT32_MAX && out->n_vocab < UINT32_MAX && out->n_embd < UINT32_MAX;
    n = ok ? 4 * (gg_max_u64(out->n_vocab, 2 * out->n_ff) + 7 * out->n_embd) : 0;
    ok = ok && gg_mul_u64(2, out->full.cells, &mask) && gg_add_u64(n, mask, &n) &&
         gg_mul_u64(n, BATCH, &out->buffers_nbytes);
    return ok ? GG_OK : gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "the sizes in its metadata are senseless");
}

static int add_weights(struct gg_memory *out, const struct gg_model *m, struct gg_err *err)
{
    for (size_t i = 0; i < m->n_tensors; i++) {
        if (!m->tensors[i].known ||
            !gg_add_u64(out->weights_nbytes, m->tensors[i].nbytes, &out->weights_nbytes))
            return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                           "it has tensors of a type that is not known, or senseless sizes");
    }
    return GG_OK;
}

int gg_memory_of(struct gg_memory *out, const struct gg_model *m, const struct gg_memory_opts *opts,
                 struct gg_err *err)
{
    struct gg_arch arch;
    struct cache c = {0};
    char name[96];
    gg_arch_read(&arch, m->meta);
    struct reader r = {m, arch.name};
    *out = (struct gg_memory){.n_ctx = opts->n_ctx != 0 ? opts->n_ctx : arch.n_ctx};
    c.arch = known(arch.name);
    if (c.arch == NULL)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "unknown architecture '%s': what its context takes is not known",
                       gg_text_escape_into(name, sizeof name, arch.name.p, (size_t)arch.name.nbytes));
    if (out->n_ctx == 0)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "it does not say its context length: name one");
    int rc = read_cache(&c, &r, err);
    if (rc != GG_OK)
        return rc;
    out->latent = number(&r, "attention.key_length_mla") != 0 &&
                  number(&r, "attention.value_length_mla") != 0;
    out->full.cells = cells(out->n_ctx, 0);
    out->windowed.cells = cells(out->n_ctx, c.window);
    rc = add_layers(out, &c, opts->kv_type, err);
    if (rc == GG_OK)
        rc = add_weights(out, m, err);
    if (rc == GG_OK)
        rc = add_buffers(out, &r, arch.n_vocab, err);
    if (rc == GG_OK && (!gg_add_u64(out->weights_nbytes, out->kv_nbytes, &out->total_nbytes) ||
                        !gg_add_u64(out->total_nbytes, out->buffers_nbytes, &out->total_nbytes)))
        rc = gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "the sizes in its metadata are senseless");
    return rc;
}
