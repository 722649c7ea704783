/* tiktoken files: a token a line, its bytes as base64 and its rank, which is its id.
 *
 *     IQ== 0
 *     Ig== 1
 *
 * How text is cut, and the special tokens, stand in a program beside such a file, so what is known of the
 * published ones is a table. Sources: tokenization_qwen.py of Qwen/Qwen-7B, tokenizer.json of
 * meta-llama/Llama-3.1-8B, tokenization_kimi.py of moonshotai/Kimi-K2-Instruct, tokenization_chatglm.py of
 * THUDM/glm-4-9b-chat, tokenization_hy.py of tencent/Hunyuan-A13B-Instruct, tokenization_arcade100k.py of
 * stabilityai/stablelm-2-1_6b.
 */
#include "lib/hf/ranks.h"

#include "lib/base/base64.h"
#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdio.h>
#include <stdlib.h>

struct tik_kind {
    const char *file;     /* NULL: any */
    const char *tok_class; /* tokenizer_class of tokenizer_config.json; NULL: any */
    uint64_t n_ranks;     /* 0: any */
    const char *pre;
    bool all_ways;              /* merges as in the tokenizer.json published beside it */
    const char *const *special; /* "A" or "A{0-9}B", in order behind the ranks; NULL: as described */
    const char *text_end;       /* also stands for what is unknown */
};

static const char *const qwen_special[] = {"<|endoftext|>", "<|im_start|>", "<|im_end|>",
                                           "<|extra_{0-204}|>", NULL};
static const char *const llama3_special[] = {
    "<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_{0-1}|>",
    "<|finetune_right_pad_id|>", "<|reserved_special_token_{2-2}|>", "<|start_header_id|>",
    "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>", "<|python_tag|>",
    "<|reserved_special_token_{3-247}|>", NULL};

static const struct tik_kind kinds[] = {
    {"qwen.tiktoken", NULL, 0, "qwen2", false, qwen_special, "<|endoftext|>"},
    {NULL, "QWenTokenizer", 0, "qwen2", false, qwen_special, "<|endoftext|>"},
    {"tiktoken.model", "TikTokenTokenizer", 0, "kimi-k2", false, NULL, NULL},
    {NULL, "ChatGLM4Tokenizer", 0, "chatglm-bpe", false, NULL, NULL},
    {"hy.tiktoken", NULL, 0, "hunyuan", false, NULL, NULL},
    {"arcade100k.tiktoken", NULL, 0, "stablelm2", false, NULL, NULL},
    {"tokenizer.model", NULL, 128000, "llama-bpe", true, llama3_special, NULL},
};

static int fail_line(const char *name, uint64_t line, struct gg_err *err, const char *why)
{
    return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "%s: line %llu: %s", name,
                   (unsigned long long)line, why);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static bool parse_line(const char *p, size_t n, struct gg_buf *bytes, uint64_t *rank)
{
    const char *space = memchr(p, ' ', n);
    char digits[24];
    gg_buf_reset(bytes);
    if (space == NULL || space == p || !gg_base64_decode(bytes, p, (size_t)(space - p)))
        return false;
    size_t n_digits = n - (size_t)(space + 1 - p);
    if (n_digits == 0 || n_digits >= sizeof digits ||
        strspn(space + 1, "0123456789") < n_digits)
        return false;
    memcpy(digits, space + 1, n_digits);
    digits[n_digits] = '\0';
    return gg_text_parse_u64(digits, rank);
}

static const char *line_end(const char *p, const char *end, const char **next)
{
    const char *stop = memchr(p, '\n', (size_t)(end - p));
    stop = stop != NULL ? stop : end;
    *next = stop + (stop < end);
    return stop - (stop > p && stop[-1] == '\r');
}

static int read_lines(struct hf *h, struct hf_ranks *r, const char *p, const char *end, struct gg_err *err)
{
    struct gg_buf bytes = GG_BUF_INIT;
    uint64_t rank;
    int rc = GG_OK;
    const char *next;
    for (uint64_t line = 1; rc == GG_OK && p < end; line++, p = next) {
        const char *stop = line_end(p, end, &next);
        if (stop == p)
            continue;
        if (!parse_line(p, (size_t)(stop - p), &bytes, &rank))
            rc = fail_line(r->name, line, err, "not a token in base64 and a rank");
        else
            rc = bytes.failed ? gg_fail_nomem(err, "the vocabulary")
                              : gg_hf_rank_add(h, r, rank, (const uint8_t *)gg_buf_str(&bytes),
                                               bytes.nbytes, err);
    }
    gg_buf_free(&bytes);
    if (rc == GG_OK && r->n == 0)
        rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "%s: no tokens", r->name);
    return rc;
}

/* ---- what belongs to it ---------------------------------------------------------------------- */

static const struct tik_kind *find_kind(const struct hf *h, const char *name, uint64_t n_ranks)
{
    const char *tok_class = gg_hf_get_str(h->tokenizer_config, "tokenizer_class");
    for (size_t i = 0; i < GG_COUNTOF(kinds); i++) {
        const struct tik_kind *k = &kinds[i];
        if ((k->file == NULL || strcmp(k->file, name) == 0) &&
            (k->tok_class == NULL ||
             (tok_class != NULL && strcmp(tok_class, k->tok_class) == 0)) &&
            (k->n_ranks == 0 || k->n_ranks == n_ranks))
            return k;
    }
    return NULL;
}

static bool add_special(struct hf *h, uint64_t *id, const char *text, struct gg_err *err, int *rc)
{
    if (*rc == GG_OK && *id < h->vocab.n)
        *rc = gg_hf_vocab_set(h, (*id)++, text, strlen(text), 0.0f, HF_CONTROL, err);
    return *rc == GG_OK && *id < h->vocab.n;
}

/* The list, as far as the vocabulary reaches. */
static int add_specials(struct hf *h, const char *const *list, uint64_t id, struct gg_err *err)
{
    int rc = GG_OK;
    for (; *list != NULL && rc == GG_OK; list++) {
        const char *open = strchr(*list, '{'), *close = open != NULL ? strchr(open, '}') : NULL;
        unsigned from = 0, to = 0;
        if (open == NULL || sscanf(open, "{%u-%u}", &from, &to) != 2) {
            add_special(h, &id, *list, err, &rc);
            continue;
        }
        for (unsigned k = from; k <= to; k++) {
            char text[64];
            snprintf(text, sizeof text, "%.*s%u%s", (int)(open - *list), *list, k, close + 1);
            if (!add_special(h, &id, text, err, &rc))
                break;
        }
    }
    return rc;
}

static int name_cut(struct hf *h, const struct tik_kind *k, const char *name, struct gg_err *err)
{
    h->vocab.pre = h->opts->pre != NULL ? h->opts->pre : k != NULL ? k->pre : NULL;
    if (h->vocab.pre == NULL)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "%s: how text is cut before merges stands in a program beside this file, and not "
                       "in it; --pre NAME says how",
                       name);
    if (h->opts->pre == NULL)
        gg_findings_add(h->notes, GG_NOTE, "tokenizer", NULL, 0, GG_NOWHERE,
                        "%s, a tiktoken file: the pre-tokenizer is %s", name, h->vocab.pre);
    return GG_OK;
}

static int take(struct hf *h, const struct hf_ranks *r, struct gg_err *err)
{
    const struct tik_kind *k = find_kind(h, r->name, r->n);
    bool described = json_object_size(json_object_get(h->tokenizer_config, "added_tokens_decoder")) > 0;
    uint64_t n_vocab = 0;
    if (!gg_hf_get_u64(h->config, "vocab_size", &n_vocab) || n_vocab == 0)
        n_vocab = r->n + 256;
    if (n_vocab < r->n)
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "%s has token %llu, config.json a vocabulary of %llu", r->name,
                       (unsigned long long)r->n - 1, (unsigned long long)n_vocab);
    int rc = gg_hf_vocab_alloc(h, n_vocab, err);
    if (rc == GG_OK)
        rc = gg_hf_ranks_take(h, r, 0, k != NULL && k->all_ways, err);
    if (rc == GG_OK && k != NULL && k->special != NULL && !described)
        rc = add_specials(h, k->special, r->n, err);
    if (rc == GG_OK)
        rc = gg_hf_described_read(h, err);
    if (rc == GG_OK && k != NULL && k->text_end != NULL && n_vocab > r->n) {
        gg_hf_no_ids(&h->vocab);
        h->vocab.ids[HF_ID_BOS] = h->vocab.ids[HF_ID_EOS] = h->vocab.ids[HF_ID_UNK] = (int64_t)r->n;
    }
    if (rc == GG_OK && !described && (k == NULL || k->special == NULL))
        gg_findings_add(h->notes, GG_WARN, "vocabulary", NULL, 0, GG_NOWHERE,
                        "%s: no file names the special tokens; they are left as unused ones", r->name);
    return rc == GG_OK ? name_cut(h, k, r->name, err) : rc;
}

int gg_hf_tiktoken_parse(struct hf *h, const char *name, const char *p, size_t n, bool *done,
                         struct gg_err *err)
{
    struct hf_ranks r = {.name = name};
    struct gg_buf bytes = GG_BUF_INIT;
    const char *next;
    uint64_t rank;
    bool is = n > 0 && parse_line(p, (size_t)(line_end(p, p + n, &next) - p), &bytes, &rank);
    gg_buf_free(&bytes);
    if (!is && strcmp(name, "tokenizer.model") == 0)
        return GG_OK; /* something else, or a damaged model: said when nothing else is found */
    int rc = read_lines(h, &r, p, p + n, err);
    if (rc == GG_OK)
        rc = take(h, &r, err);
    gg_hf_ranks_free(&r);
    *done = true;
    return rc;
}

int gg_hf_tiktoken_read(struct hf *h, bool *done, struct gg_err *err)
{
    static const char *const names[] = {"tokenizer.model", "tiktoken.model"};
    int rc = gg_checkpoint_side_list(h->ckpt, "", err);
    const char *other = gg_checkpoint_side_next(h->ckpt, "", ".tiktoken", NULL);
    for (size_t i = 0; rc == GG_OK && !*done && i < 3; i++) {
        const char *name = i < 2 ? names[i] : other;
        char *data = NULL;
        size_t n = 0;
        if (name == NULL)
            break;
        rc = gg_checkpoint_side_file(h->ckpt, name, HF_MAX_TOKENIZER, &data, &n, err);
        if (rc == GG_OK && data != NULL)
            rc = gg_hf_tiktoken_parse(h, name, data, n, done, err);
        free(data);
    }
    return rc;
}
