/* mkskeleton KIND OUT [--sparse]: header-only models in the shapes of real ones, for measuring.
 *
 * KIND is llama-70b (Llama 3.1), deepseek-671b (V3.1), giant (40 GB, one tensor of them 8 GB), or
 * names (a header that is all names: 151,936 tokens, 300,000 merges, 1,002 tiny tensors).
 * With --sparse the file has its full size, as one hole. Shapes: the models' published
 * configurations; the vocabularies have the real sizes and made-up texts.
 */
#include "gguf/gguf.h"
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/num.h"
#include "lib/quant/qtype.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct skeleton {
    struct ggf_meta *meta;
    struct ggf_tensor_spec *v;
    size_t n, cap;
    struct gg_arena mem;
    struct gg_err err;
};

static void check(int rc, const char *what)
{
    if (rc != GG_OK) {
        fprintf(stderr, "mkskeleton: %s\n", what);
        exit(1);
    }
}

static void add(struct skeleton *s, enum qt_type type, uint64_t ne0, uint64_t ne1, uint64_t ne2,
                const char *fmt, ...) GG_PRINTF(6, 7);

static void add(struct skeleton *s, enum qt_type type, uint64_t ne0, uint64_t ne1, uint64_t ne2,
                const char *fmt, ...)
{
    char name[128];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(name, sizeof name, fmt, ap);
    va_end(ap);
    if (s->n == s->cap) {
        s->cap = s->cap > 0 ? s->cap * 2 : 256;
        s->v = realloc(s->v, s->cap * sizeof *s->v);
        check(s->v == NULL, "out of memory");
    }
    s->v[s->n++] = (struct ggf_tensor_spec){
        .name = ggf_str(gg_arena_strndup(&s->mem, name, strlen(name))),
        .type = type,
        .n_dims = ne2 > 1 ? 3 : ne1 > 1 ? 2 : 1,
        .ne = {ne0, ne1, ne2, 1},
    };
}

static void set_u32(struct skeleton *s, const char *key, uint32_t v)
{
    check(ggf_meta_set_u32(s->meta, key, v, &s->err), s->err.msg);
}

static void set_str(struct skeleton *s, const char *key, const char *v)
{
    check(ggf_meta_set_str(s->meta, key, ggf_str(v), &s->err), s->err.msg);
}

static void set_array(struct skeleton *s, const char *key, enum ggf_vtype elem, uint64_t n,
                      const struct gg_buf *data)
{
    struct ggf_value v = {.type = GGF_ARR, .elem = elem, .count = n,
                          .data = (const uint8_t *)data->data, .nbytes = data->nbytes};
    check(ggf_meta_set(s->meta, ggf_str(key), &v, &s->err), s->err.msg);
}

static void vocabulary(struct skeleton *s, uint32_t n_tokens, uint32_t n_merges)
{
    struct gg_buf texts = GG_BUF_INIT, types = GG_BUF_INIT, merges = GG_BUF_INIT;
    uint8_t raw[8];
    char text[32];
    for (uint32_t i = 0; i < n_tokens; i++) {
        gg_store_u64(raw, (uint64_t)snprintf(text, sizeof text, "tok%u", i));
        gg_buf_add(&texts, raw, 8);
        gg_buf_adds(&texts, text);
        gg_store_u32(raw, 1);
        gg_buf_add(&types, raw, 4);
    }
    for (uint32_t i = 0; i < n_merges; i++) {
        gg_store_u64(raw, (uint64_t)snprintf(text, sizeof text, "to k%u", i));
        gg_buf_add(&merges, raw, 8);
        gg_buf_adds(&merges, text);
    }
    set_str(s, "tokenizer.ggml.model", "gpt2");
    set_array(s, "tokenizer.ggml.tokens", GGF_STR, n_tokens, &texts);
    set_array(s, "tokenizer.ggml.token_type", GGF_I32, n_tokens, &types);
    set_array(s, "tokenizer.ggml.merges", GGF_STR, n_merges, &merges);
    gg_buf_free(&texts);
    gg_buf_free(&types);
    gg_buf_free(&merges);
}

static void llama_70b(struct skeleton *s)
{
    set_str(s, "general.architecture", "llama");
    set_str(s, "general.name", "skeleton 70B");
    set_u32(s, "llama.block_count", 80);
    set_u32(s, "llama.context_length", 131072);
    set_u32(s, "llama.embedding_length", 8192);
    set_u32(s, "llama.feed_forward_length", 28672);
    set_u32(s, "llama.attention.head_count", 64);
    set_u32(s, "llama.attention.head_count_kv", 8);
    vocabulary(s, 128256, 280147);
    add(s, QT_BF16, 8192, 128256, 1, "token_embd.weight");
    for (int i = 0; i < 80; i++) {
        add(s, QT_F32, 8192, 1, 1, "blk.%d.attn_norm.weight", i);
        add(s, QT_BF16, 8192, 8192, 1, "blk.%d.attn_q.weight", i);
        add(s, QT_BF16, 8192, 1024, 1, "blk.%d.attn_k.weight", i);
        add(s, QT_BF16, 8192, 1024, 1, "blk.%d.attn_v.weight", i);
        add(s, QT_BF16, 8192, 8192, 1, "blk.%d.attn_output.weight", i);
        add(s, QT_F32, 8192, 1, 1, "blk.%d.ffn_norm.weight", i);
        add(s, QT_BF16, 8192, 28672, 1, "blk.%d.ffn_gate.weight", i);
        add(s, QT_BF16, 8192, 28672, 1, "blk.%d.ffn_up.weight", i);
        add(s, QT_BF16, 28672, 8192, 1, "blk.%d.ffn_down.weight", i);
    }
    add(s, QT_F32, 8192, 1, 1, "output_norm.weight");
    add(s, QT_BF16, 8192, 128256, 1, "output.weight");
}

static void deepseek_layer(struct skeleton *s, int i)
{
    add(s, QT_F32, 7168, 1, 1, "blk.%d.attn_norm.weight", i);
    add(s, QT_BF16, 7168, 1536, 1, "blk.%d.attn_q_a.weight", i);
    add(s, QT_F32, 1536, 1, 1, "blk.%d.attn_q_a_norm.weight", i);
    add(s, QT_BF16, 1536, 24576, 1, "blk.%d.attn_q_b.weight", i);
    add(s, QT_BF16, 7168, 576, 1, "blk.%d.attn_kv_a_mqa.weight", i);
    add(s, QT_F32, 512, 1, 1, "blk.%d.attn_kv_a_norm.weight", i);
    add(s, QT_BF16, 128, 512, 128, "blk.%d.attn_k_b.weight", i);
    add(s, QT_BF16, 512, 128, 128, "blk.%d.attn_v_b.weight", i);
    add(s, QT_BF16, 16384, 7168, 1, "blk.%d.attn_output.weight", i);
    add(s, QT_F32, 7168, 1, 1, "blk.%d.ffn_norm.weight", i);
    if (i < 3) {
        add(s, QT_BF16, 7168, 18432, 1, "blk.%d.ffn_gate.weight", i);
        add(s, QT_BF16, 7168, 18432, 1, "blk.%d.ffn_up.weight", i);
        add(s, QT_BF16, 18432, 7168, 1, "blk.%d.ffn_down.weight", i);
        return;
    }
    add(s, QT_F32, 7168, 256, 1, "blk.%d.ffn_gate_inp.weight", i);
    add(s, QT_F32, 256, 1, 1, "blk.%d.exp_probs_b.bias", i);
    add(s, QT_BF16, 7168, 2048, 256, "blk.%d.ffn_gate_exps.weight", i);
    add(s, QT_BF16, 7168, 2048, 256, "blk.%d.ffn_up_exps.weight", i);
    add(s, QT_BF16, 2048, 7168, 256, "blk.%d.ffn_down_exps.weight", i);
    add(s, QT_BF16, 7168, 2048, 1, "blk.%d.ffn_gate_shexp.weight", i);
    add(s, QT_BF16, 7168, 2048, 1, "blk.%d.ffn_up_shexp.weight", i);
    add(s, QT_BF16, 2048, 7168, 1, "blk.%d.ffn_down_shexp.weight", i);
}

static void deepseek_671b(struct skeleton *s)
{
    set_str(s, "general.architecture", "deepseek2");
    set_str(s, "general.name", "skeleton 671B");
    set_u32(s, "deepseek2.block_count", 61);
    set_u32(s, "deepseek2.context_length", 163840);
    set_u32(s, "deepseek2.embedding_length", 7168);
    set_u32(s, "deepseek2.feed_forward_length", 18432);
    set_u32(s, "deepseek2.attention.head_count", 128);
    set_u32(s, "deepseek2.attention.head_count_kv", 1);
    set_u32(s, "deepseek2.expert_count", 256);
    set_u32(s, "deepseek2.expert_used_count", 8);
    set_u32(s, "deepseek2.leading_dense_block_count", 3);
    vocabulary(s, 129280, 127741);
    add(s, QT_BF16, 7168, 129280, 1, "token_embd.weight");
    for (int i = 0; i < 61; i++)
        deepseek_layer(s, i);
    add(s, QT_F32, 7168, 1, 1, "output_norm.weight");
    add(s, QT_BF16, 7168, 129280, 1, "output.weight");
}

/* 40 GB of F16: an 8 GB tensor and 32 of 1 GB. */
static void giant(struct skeleton *s)
{
    set_str(s, "general.architecture", "llama");
    set_u32(s, "llama.block_count", 32);
    add(s, QT_F16, 65536, 61036, 1, "blk.0.ffn_up.weight");
    for (int i = 0; i < 32; i++)
        add(s, QT_F16, 16384, 30518, 1, "blk.%d.ffn_down.weight", i);
}

/* The vocabulary of Qwen3, more merges than any, more layers than any model has. */
static void names(struct skeleton *s)
{
    static const char *const of_layer[] = {
        "attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down",
    };
    set_str(s, "general.architecture", "llama");
    set_u32(s, "llama.block_count", 111);
    vocabulary(s, 151936, 300000);
    add(s, QT_F32, 32, 1, 1, "token_embd.weight");
    for (int i = 0; i < 111; i++) {
        for (size_t k = 0; k < GG_COUNTOF(of_layer); k++)
            add(s, QT_F32, 32, 1, 1, "blk.%d.%s.weight", i, of_layer[k]);
    }
    add(s, QT_F32, 32, 1, 1, "output_norm.weight");
    add(s, QT_F32, 32, 1, 1, "output.weight");
}

static void write_out(struct skeleton *s, const char *path, bool sparse)
{
    struct ggf_layout *l = NULL;
    size_t n;
    check(ggf_layout_new(&l, s->meta, s->v, s->n, &s->err), s->err.msg);
    const void *head = ggf_layout_header(l, &n);
    FILE *f = fopen(path, "wb");
    check(f == NULL || fwrite(head, 1, n, f) != n || fflush(f) != 0, path);
    if (sparse)
        check(ftruncate(fileno(f), (off_t)ggf_layout_file_nbytes(l)) != 0, path);
    check(fclose(f) != 0, path);
    ggf_layout_free(l);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*make)(struct skeleton *s);
    } kinds[] = {{"llama-70b", llama_70b}, {"deepseek-671b", deepseek_671b}, {"giant", giant},
                 {"names", names}};
    struct skeleton s = {0};
    bool sparse = argc == 4 && strcmp(argv[3], "--sparse") == 0;
    check(argc != 3 && !sparse, "usage: mkskeleton llama-70b|deepseek-671b|giant|names OUT [--sparse]");
    check(ggf_meta_new(&s.meta, &s.err), s.err.msg);
    for (size_t i = 0; i < GG_COUNTOF(kinds); i++) {
        if (strcmp(kinds[i].name, argv[1]) == 0)
            kinds[i].make(&s);
    }
    check(s.n == 0, "unknown kind");
    write_out(&s, argv[2], sparse);
    ggf_meta_free(s.meta);
    gg_arena_free(&s.mem);
    free(s.v);
    return 0;
}
