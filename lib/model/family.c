#include "lib/model/family.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/model/role.h"

#include <inttypes.h>
#include <string.h>

/* Tensors whose rows are as long as the embedding in every architecture that has them (llama.cpp,
 * 2026-08-21), behind "blk.N." or by themselves. */
static const char *const embedding_wide[] = {
    "attn_norm.weight",    "ffn_norm.weight",    "attn_q.weight",        "attn_k.weight",
    "attn_v.weight",       "attn_qkv.weight",    "ffn_up.weight",        "ffn_gate.weight",
    "ffn_gate_inp.weight", "ffn_up_exps.weight", "ffn_gate_exps.weight", "ffn_gate_up_exps.weight",
    "token_embd.weight",   "output_norm.weight", "output.weight",
};

static bool is_wide(struct ggf_str rest)
{
    for (size_t i = 0; i < GG_COUNTOF(embedding_wide); i++) {
        if (ggf_str_eq(rest, embedding_wide[i]))
            return true;
    }
    return false;
}

static bool same_value(const struct ggf_value *a, const struct ggf_value *b)
{
    return a->type == b->type && a->elem == b->elem && a->count == b->count &&
           a->nbytes == b->nbytes && memcmp(a->data, b->data, (size_t)a->nbytes) == 0;
}

static const char *shown_path(char dst[256], const struct gg_model *m, size_t file)
{
    return gg_text_escape_into(dst, 256, m->files[file].path, strlen(m->files[file].path));
}

/* Keys that a later shard repeats; the split keys have been checked. */
static void check_keys(const struct gg_model *m, size_t file, struct gg_findings *found)
{
    const struct ggf_meta *meta = ggf_file_meta(ggf_set_file(m->set, file));
    for (size_t i = 0; i < ggf_meta_count(meta); i++) {
        const struct ggf_kv *kv = ggf_meta_at(meta, i);
        const struct ggf_kv *first = ggf_meta_find_n(m->meta, kv->key.p, (size_t)kv->key.nbytes);
        char key[128], path[256];
        if (first == NULL || same_value(&first->value, &kv->value) ||
            (kv->key.nbytes > 6 && memcmp(kv->key.p, "split.", 6) == 0))
            continue;
        gg_findings_add(found, GG_FAULT, "foreign-shard", NULL, 0, kv->off,
                        "%s: metadata key '%s' is not that of the first shard",
                        shown_path(path, m, file),
                        gg_text_escape_into(key, sizeof key, kv->key.p, (size_t)kv->key.nbytes));
        return;
    }
}

/* Is it in a layer that the model has not? */
static bool beyond_layers(const struct gg_arch *arch, const struct gg_layer *layer)
{
    return arch->n_layers > 0 && layer->n >= arch->n_layers && ggf_str_eq(layer->stack, "blk");
}

/* Layers and widths of the tensors of a shard, from tensor i on; one fault is enough. */
static void check_tensors(const struct gg_model *m, const struct gg_arch *arch, size_t i,
                          struct gg_findings *found)
{
    for (size_t file = m->tensors[i].file; i < m->n_tensors && m->tensors[i].file == file; i++) {
        const struct gg_tensor *t = &m->tensors[i];
        struct gg_layer layer;
        bool in_layer = gg_layer_of(t->name, &layer);
        uint64_t skip = in_layer ? layer.whole.nbytes + 1 : 0;
        struct ggf_str rest = {t->name.p + skip, t->name.nbytes - skip};
        char path[256];
        if (in_layer && beyond_layers(arch, &layer))
            gg_findings_add(found, GG_FAULT, "foreign-shard", t->name.p, (size_t)t->name.nbytes,
                            GG_NOWHERE,
                            "%s: it is in layer %" PRIu32 ", but by the first shard the model has "
                            "%" PRIu64 " layers",
                            shown_path(path, m, file), layer.n, arch->n_layers);
        else if (arch->n_embd > 0 && t->ne[0] != arch->n_embd && is_wide(rest))
            gg_findings_add(found, GG_FAULT, "foreign-shard", t->name.p, (size_t)t->name.nbytes,
                            GG_NOWHERE,
                            "%s: it has rows of %" PRIu64 ", but by the first shard the model's "
                            "are of %" PRIu64,
                            shown_path(path, m, file), t->ne[0], arch->n_embd);
        else
            continue;
        return;
    }
}

void gg_model_check_family(const struct gg_model *m, struct gg_findings *found)
{
    struct gg_arch arch;
    if (m->set == NULL || m->n_files < 2)
        return;
    gg_arch_read(&arch, m->meta);
    for (size_t file = 1, i = 0; file < m->n_files; file++) {
        size_t n = found->n;
        check_keys(m, file, found);
        while (i < m->n_tensors && m->tensors[i].file < file)
            i++;
        if (found->n == n && i < m->n_tensors && m->tensors[i].file == file)
            check_tensors(m, &arch, i, found);
    }
}
