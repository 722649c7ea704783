/* Fuzz: side files of checkpoints. The first byte says which: tokenizer.model, tokenizer.json, a tiktoken
 * file, tekken.json, a model card, the id of a model. */
#include "lib/hf/hf_impl.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* One architecture is as good as another here. */
static void look(struct hf *h, uint8_t kind, const char *p, size_t n)
{
    struct gg_err err;
    bool done = false;
    int rc = GG_OK;
    char *text = kind != 's' ? malloc(n + 1) : NULL;
    if (kind != 's' && text == NULL)
        return;
    if (text != NULL) {
        memcpy(text, p, n);
        text[n] = '\0';
    }
    if (kind == 's') {
        rc = gg_hf_spm_parse(h, p, n, &done, &err);
    } else if (kind == 't') {
        rc = gg_hf_tiktoken_parse(h, "qwen.tiktoken", text, n, &done, &err);
        free(text);
    } else if (kind == 'k') {
        rc = gg_hf_tekken_take(h, text, n, &err);
        done = true;
    } else {
        rc = gg_hf_tokenizer_parse(h, text, n, &err);
        if (rc == GG_OK)
            rc = gg_hf_bpe_read(h, &done, &err);
    }
    if (rc == GG_OK && done)
        rc = gg_hf_vocab_write(h, &err);
    if (rc != GG_OK && err.msg[0] == '\0')
        abort();
}

static void look_at_id(const char *p, size_t n)
{
    char *id = strndup(p, n);
    json_t *o = id != NULL ? gg_hf_model_id(id, 7000000000) : NULL;
    if (id != NULL)
        free(gg_hf_id_to_title(id));
    json_decref(o);
    free(id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *p = (const char *)data + 1;
    struct gg_arena arena = GG_ARENA_INIT;
    struct gg_findings notes = GG_FINDINGS_INIT;
    struct gg_hf_opts opts = {0};
    struct gg_err err;
    struct hf h = {.opts = &opts, .arch = gg_hf_arch_by_gguf("llama", 5), .arena = &arena, .notes = &notes};
    if (n == 0)
        return 0;
    if (data[0] == 'c')
        json_decref(gg_hf_card_parse(p, n - 1));
    if (data[0] == 'i')
        look_at_id(p, n - 1);
    if (strchr("sjtk", data[0]) == NULL || data[0] == '\0')
        return 0;
    h.config = json_object();
    h.raw_config = json_object();
    if (ggf_meta_new(&h.meta, &err) == GG_OK)
        look(&h, data[0], p, n - 1);
    json_decref(h.tokenizer);
    free(h.tok_text);
    json_decref(h.config);
    json_decref(h.raw_config);
    ggf_meta_free(h.meta);
    free(h.vocab.v);
    gg_buf_free(&h.vocab.made);
    gg_findings_free(&notes);
    gg_arena_free(&arena);
    return 0;
}
