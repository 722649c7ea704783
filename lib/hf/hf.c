/* Opening a checkpoint as a model: configuration, names, vocabulary, metadata, in this order. */
#include "lib/hf/hf.h"

#include "lib/base/text.h"
#include "lib/hf/hf_impl.h"

#include <stdio.h>
#include <stdlib.h>

static int read_side_files(struct hf *h, struct gg_err *err)
{
    struct gg_err ignored;
    char *text = NULL;
    size_t n = 0;
    int rc = gg_checkpoint_side_file(h->ckpt, "tokenizer.json", HF_MAX_TOKENIZER, &text, &n, err);
    if (rc == GG_OK && text != NULL)
        rc = gg_hf_tokenizer_parse(h, text, n, err);
    if (rc == GG_OK)
        rc = gg_hf_json_file(h, "tokenizer_config.json", &h->tokenizer_config, err);
    /* not all models have a valid one, and it only recommends */
    if (rc == GG_OK &&
        gg_hf_json_file(h, "generation_config.json", &h->generation, &ignored) != GG_OK)
        gg_findings_add(h->notes, GG_WARN, "metadata", NULL, 0, GG_NOWHERE, "%s", ignored.msg);
    return rc;
}

/* ---- names ----------------------------------------------------------------------------------- */

/* The last part of a path of n bytes, in the arena; what is no name (".", "..", "") is resolved.
 * *before gets the bytes in front of it. NULL: no memory. */
static char *last_part(struct hf *h, const char *path, size_t n, size_t *before)
{
    while (n > 1 && path[n - 1] == '/')
        n--;
    size_t from = n;
    while (from > 0 && path[from - 1] != '/')
        from--;
    char *name = gg_arena_strndup(h->arena, path + from, n - from);
    *before = from;
    if (name == NULL || (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && name[0] != '\0'))
        return name;
    char *copy = strndup(n > 0 ? path : ".", n > 0 ? n : 1);
    char *whole = copy != NULL ? realpath(copy, NULL) : NULL;
    const char *slash = whole != NULL ? strrchr(whole, '/') : NULL;
    if (slash != NULL)
        name = gg_arena_strndup(h->arena, slash + 1, strlen(slash + 1));
    free(copy);
    free(whole);
    return name;
}

/* Cuts the endings of archives and tensor files, and the numbers of shards. */
static bool cut_endings(char *name)
{
    static const char *const endings[] = {".index.json", ".safetensors", ".bin", ".pth", ".pt",
                                          ".npz", ".npy", ".gz", ".zst", ".xz", ".bz2", ".tar", ".zip"};
    bool cut = false;
    unsigned no, of;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t len = strlen(name), e = strlen(endings[i]);
        if (len > e && strcmp(name + len - e, endings[i]) == 0) {
            name[len - e] = '\0';
            cut = true;
        }
    }
    size_t len = strlen(name);
    if (cut && len > 15 && sscanf(name + len - 15, "-%5u-of-%5u", &no, &of) == 2)
        name[len - 15] = '\0';
    return cut;
}

/* What the model is called where it lies: its folder's name, or that of the one file it is, unless all
 * such files are called so. */
static const char *folder_name(struct hf *h)
{
    static const char *const common[] = {"model", "pytorch_model", "consolidated", "consolidated.00",
                                         "diffusion_pytorch_model", "adapter_model"};
    const char *inner = gg_checkpoint_folder(h->ckpt); /* says more than the archive's name */
    const char *path = inner[0] != '\0' ? inner : gg_checkpoint_name(h->ckpt);
    size_t before;
    char *name = last_part(h, path, strlen(path), &before);
    if (name == NULL || !cut_endings(name))
        return name != NULL ? name : "";
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++) {
        if (strcmp(name, common[i]) == 0) {
            name = last_part(h, path, before, &before);
            break;
        }
    }
    return name != NULL ? name : "";
}

/* general.file_type says what most matrices are; upstream asks the first that is not F32.
 * Of a quantized checkpoint it is what decoded weights become. */
static uint32_t file_type(const struct hf *h)
{
    for (size_t i = 0; h->quant != NULL && i < h->n_vts; i++) {
        if (h->vts[i].type == QT_NVFP4)
            return 39;
        if (h->vts[i].type == QT_MXFP4)
            return 38;
    }
    if (h->quant != NULL)
        return h->half == QT_BF16 ? 32 : 1;
    for (size_t i = 0; i < h->n_vts; i++) {
        const struct hf_vt *v = &h->vts[i];
        if (v->n_dims < 2 || v->n_parts == 0)
            continue;
        uint32_t type = gg_hf_type_of(gg_checkpoint_tensor(h->ckpt, v->parts[0].src)->dtype, false);
        if (type == QT_BF16 || type == QT_F16)
            return type == QT_BF16 ? 32 : 1;
    }
    return 0;
}

/* ---- the whole ------------------------------------------------------------------------------- */

enum { QUANTIZATION_VERSION = 2 }; /* GGML_QNT_VERSION */

static int build_raw(struct hf *h, struct gg_err *err)
{
    int rc = gg_hf_map_raw(h, err);
    h->file_type = file_type(h);
    if (rc == GG_OK)
        rc = gg_hf_set_str(h, "general.architecture", "raw", err);
    if (rc == GG_OK)
        rc = gg_hf_general(h, err);
    if (rc == GG_OK)
        rc = gg_hf_set_u32(h, "general.file_type", h->file_type, err);
    return rc == GG_OK ? gg_hf_set_u32(h, "general.quantization_version", QUANTIZATION_VERSION, err)
                       : rc;
}

static int build_adapter(struct hf *h, struct gg_err *err)
{
    int rc = gg_hf_set_str(h, "general.architecture", h->arch->gguf, err);
    if (rc == GG_OK)
        rc = gg_hf_map(h, err);
    if (rc == GG_OK)
        rc = gg_hf_general(h, err);
    if (rc == GG_OK)
        rc = gg_hf_lora_keys(h, err);
    return rc == GG_OK ? gg_hf_set_u32(h, "general.quantization_version", QUANTIZATION_VERSION, err) : rc;
}

/* Everything but the vocabulary, which is read before (it may fill the embedding up) and written last. */
static int build(struct hf *h, struct gg_err *err)
{
    if (h->arch == NULL)
        return build_raw(h, err);
    if (h->adapter != NULL)
        return build_adapter(h, err);
    bool text = !(h->arch->flags & HF_PROJECTOR);
    int rc = gg_hf_set_str(h, "general.architecture", h->arch->gguf, err);
    if (rc == GG_OK)
        rc = text ? gg_hf_rope_tensors(h, err) : gg_hf_config_tokens(h, err);
    if (rc == GG_OK && (h->arch->flags & HF_DENSE) != 0)
        rc = gg_hf_dense_load(h, err);
    if (rc == GG_OK)
        rc = gg_hf_map(h, err);
    if (rc == GG_OK && text)
        rc = gg_hf_vocab_read(h, err);
    if (rc == GG_OK && text)
        rc = gg_hf_vocab_fit(h, err);
    h->file_type = file_type(h);
    if (rc == GG_OK)
        rc = gg_hf_key_list(h, h->arch->first_keys, err);
    if (rc == GG_OK)
        rc = gg_hf_general(h, err);
    if (rc == GG_OK)
        rc = gg_hf_keys(h, err);
    if (rc == GG_OK && text)
        rc = gg_hf_check_fit(h, err);
    if (rc == GG_OK)
        rc = gg_hf_set_u32(h, "general.quantization_version", QUANTIZATION_VERSION, err);
    if (rc == GG_OK && text)
        rc = gg_hf_vocab_write(h, err);
    return rc == GG_OK && h->quant != NULL ? gg_hf_set_str(h, "quantize.source", h->quant, err) : rc;
}

static void release(struct hf *h)
{
    json_t *const all[] = {h->config,    h->raw_config,       h->rope,
                           h->tokenizer, h->tokenizer_config, h->generation, h->adapter};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        json_decref(all[i]);
    for (size_t i = 0; i < h->n_vts; i++)
        free(h->vts[i].parts);
    free(h->vts);
    free(h->tok_text);
    free(h->vocab.v);
    gg_buf_free(&h->vocab.made);
    ggf_meta_free(h->meta);
    gg_checkpoint_free(h->ckpt);
    gg_findings_free(h->notes);
    gg_arena_free(h->arena);
}

int gg_hf_open(struct gg_model **out, struct gg_checkpoint *ckpt, const struct gg_hf_opts *opts,
               struct gg_err *err)
{
    struct gg_arena arena = GG_ARENA_INIT;
    struct gg_findings notes = GG_FINDINGS_INIT;
    struct hf h = {.ckpt = ckpt, .opts = opts, .arena = &arena, .notes = &notes};
    *out = NULL;
    h.folder = folder_name(&h);
    int rc = ggf_meta_new(&h.meta, err);
    if (rc == GG_OK)
        rc = gg_hf_config_read(&h, err);
    if (rc == GG_OK)
        rc = gg_hf_rope_read(&h, err);
    if (rc == GG_OK && h.arch != NULL)
        rc = gg_hf_config_layers(&h, err);
    if (rc == GG_OK)
        rc = read_side_files(&h, err);
    if (rc == GG_OK)
        rc = build(&h, err);
    const char *name = gg_checkpoint_name(ckpt);
    if (rc != GG_OK)
        gg_err_prefix(err, "%s", name);
    if (rc == GG_OK && notes.failed)
        rc = gg_fail_nomem(err, "the list of findings");
    if (rc == GG_OK)
        rc = gg_hf_source_model(out, &h, err);
    release(&h);
    return rc;
}

/* ---- back ------------------------------------------------------------------------------------ */

/* The layer's number is the only one in such names. */
static bool reverse(char *dst, size_t dst_nbytes, const struct hf_rule *r, const char *name,
                    size_t n, const char *suffix)
{
    uint64_t layer = 0, expert = 0;
    const char *brace = r->hf != NULL ? strstr(r->hf, "{L}") : NULL;
    if (r->gguf == NULL || strstr(r->hf, "{E}") != NULL || strchr(r->hf, '*') != NULL ||
        r->how == HF_JOIN || r->how == HF_MINUS_EXP || r->how == HF_SOFTPLUS || r->layout != NULL || r->plus != NULL || r->times != NULL ||
        !gg_hf_match(r->gguf, name, n, &layer, &expert))
        return false;
    int len = brace == NULL ? snprintf(dst, dst_nbytes, "%s%s", r->hf, suffix)
                            : snprintf(dst, dst_nbytes, "%.*s%llu%s%s", (int)(brace - r->hf), r->hf,
                                       (unsigned long long)layer, brace + 3, suffix);
    return len > 0 && (size_t)len < dst_nbytes;
}

bool gg_hf_name_of(char *dst, size_t dst_nbytes, struct ggf_str arch, struct ggf_str gguf_name,
                   int *permuted)
{
    const struct hf_arch *a = gg_hf_arch_by_gguf(arch.p, arch.nbytes);
    static const char *const suffixes[] = {".weight", ".bias"};
    for (size_t s = 0; a != NULL && s < 2; s++) {
        size_t k = strlen(suffixes[s]), n = gguf_name.nbytes;
        if (n <= k || memcmp(gguf_name.p + n - k, suffixes[s], k) != 0)
            continue;
        for (const struct hf_rule *const *list = a->rules; *list != NULL; list++) {
            for (const struct hf_rule *r = *list; r->hf != NULL; r++) {
                if (!reverse(dst, dst_nbytes, r, gguf_name.p, n - k, suffixes[s]))
                    continue;
                if (permuted != NULL)
                    *permuted = r->how == HF_ROPE_Q     ? 1
                                : r->how == HF_ROPE_K   ? 2
                                : r->how == HF_PLUS_ONE ? 3
                                                        : 0;
                return true;
            }
        }
    }
    return false;
}
