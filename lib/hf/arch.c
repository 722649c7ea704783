/* Architectures: from a Hugging Face checkpoint to a GGUF model, one table each.
 *
 * How to add one. Find the class that config.json names under "architectures" and the name llama.cpp
 * knows the architecture by. Then write, in the file of its family (arch_*.c) and with the rows of arch.h:
 *
 *   rules     what becomes of each stored tensor: T("name", "name in GGUF"). The left side is without
 *             ".weight" or ".bias" ({L} a layer's number, {E} an expert's, * anything); the suffix is
 *             carried over. Experts named by {E} are stacked in the order of their numbers. What else a
 *             rule may say, .layout = "(H 2 d) * -> (H d 2) *": which elements are taken, in which order
 *             (layout.c): halves, splits, transposes, permuted heads; several rules with one name, one
 *             after the other, take a fused tensor apart. .how: values that change, parts that are
 *             joined, tensors that are dropped. .when = "tie_word_embeddings": under which condition
 *             (expr.c). Lists are shared: most architectures need a few lines of their own.
 *   keys      what becomes of each hyper-parameter: K("key", type, "names it may have in config.json"),
 *             K_SUM for a sum over several. gg_hf_base_keys is what nearly all share.
 *   defaults  hyper-parameters that the class has a default for and that real files leave out.
 *   tokens, flags: the few habits of tokenizers that no file tells.
 *
 * and name it in HF_ARCHS (arch.h). A stored tensor no rule fits is an error that names it, as are a
 * layer that lacks a tensor another one of its kind has, and shapes a layout does not fit. Compare with
 * upstream's converter on a small random checkpoint (tests/tools/mkckpt.c), keep the digest (fixtures/hf/),
 * say so in docs/architectures.md, and it is done: no function to write.
 *
 * Facts are from the converter of llama.cpp (2026-08-21) and the model code of transformers.
 */
#include "lib/hf/arch.h"

#include "lib/base/num.h"

#define ROW(name) &gg_hf_arch_##name,
const struct hf_arch *const gg_hf_archs[] = {HF_ARCHS(ROW)};
static const struct hf_arch *const projectors[] = {HF_PROJECTORS(ROW)};
#undef ROW
const size_t gg_hf_n_archs = GG_COUNTOF(gg_hf_archs);

static const struct hf_arch *by_class(const struct hf *h, const struct hf_arch *const *v, size_t n,
                                     const char *class_name)
{
    for (size_t i = 0; i < n; i++) {
        for (const char *const *c = v[i]->classes; *c != NULL; c++) {
            if (strcmp(*c, class_name) == 0 && gg_hf_holds(h, v[i]->when))
                return v[i];
        }
    }
    return NULL;
}

const struct hf_arch *gg_hf_arch_by_class(const struct hf *h, const char *class_name)
{
    return by_class(h, gg_hf_archs, gg_hf_n_archs, class_name);
}

const struct hf_arch *gg_hf_projector_by_class(const struct hf *h, const char *class_name)
{
    return by_class(h, projectors, GG_COUNTOF(projectors), class_name);
}

void gg_hf_each_arch(void (*fn)(void *ctx, const char *name), void *ctx)
{
    fn(ctx, "raw");
    for (size_t i = 0; i < gg_hf_n_archs; i++) {
        const char *name = gg_hf_archs[i]->gguf;
        if (gg_hf_arch_by_gguf(name, strlen(name)) == gg_hf_archs[i])
            fn(ctx, name);
    }
}

const struct hf_arch *gg_hf_arch_by_gguf(const char *name, size_t nbytes)
{
    for (size_t i = 0; i < gg_hf_n_archs; i++) {
        if (strlen(gg_hf_archs[i]->gguf) == nbytes && memcmp(gg_hf_archs[i]->gguf, name, nbytes) == 0)
            return gg_hf_archs[i];
    }
    return NULL;
}
