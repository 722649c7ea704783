#include "lib/model/role.h"

#include "lib/base/num.h"

#include <string.h>

/* The first row whose text stands in the name decides. '^' at its front: the name begins with it.
 * Names: GGUF's tensor naming, as gguf-py/gguf/constants.py lists them. */
static const struct {
    const char *text;
    enum gg_role role;
} rows[] = {
    {"_norm", GG_ROLE_NORM},
    {".norm", GG_ROLE_NORM},
    {"norm.", GG_ROLE_NORM},
    {".ln1", GG_ROLE_NORM},
    {".ln2", GG_ROLE_NORM},
    {"_ln.", GG_ROLE_NORM},
    {"_exps", GG_ROLE_EXPERTS},
    {"_shexp", GG_ROLE_EXPERTS},
    {"_chexps", GG_ROLE_EXPERTS},
    {"ffn_gate_inp", GG_ROLE_EXPERTS},
    {"exp_probs", GG_ROLE_EXPERTS},
    {"^token_embd", GG_ROLE_EMBEDDING},
    {"^position_embd", GG_ROLE_EMBEDDING},
    {"^token_types", GG_ROLE_EMBEDDING},
    {"^per_layer_token_embd", GG_ROLE_EMBEDDING},
    {"_embd", GG_ROLE_EMBEDDING},
    {"^output.", GG_ROLE_OUTPUT},
    {"^output_", GG_ROLE_OUTPUT},
    {"^cls", GG_ROLE_OUTPUT},
    {"_head.", GG_ROLE_OUTPUT},
    {"ssm_", GG_ROLE_RECURRENT},
    {"time_mix", GG_ROLE_RECURRENT},
    {"shortconv", GG_ROLE_RECURRENT},
    {"attn", GG_ROLE_ATTENTION},
    {"channel_mix", GG_ROLE_FFN},
    {"ffn_", GG_ROLE_FFN},
    {"mlp", GG_ROLE_FFN},
};

static bool row_fits(const char *text, struct ggf_str name)
{
    size_t n = strlen(text);
    if (text[0] != '^')
        return memmem(name.p, (size_t)name.nbytes, text, n) != NULL;
    return name.nbytes >= n - 1 && memcmp(name.p, text + 1, n - 1) == 0;
}

enum gg_role gg_role_of(struct ggf_str name)
{
    for (size_t i = 0; name.nbytes > 0 && i < GG_COUNTOF(rows); i++) {
        if (row_fits(rows[i].text, name))
            return rows[i].role;
    }
    return GG_ROLE_OTHER;
}

const char *gg_role_name(enum gg_role r)
{
    static const char *const names[GG_ROLE_COUNT] = {
        [GG_ROLE_EMBEDDING] = "embedding", [GG_ROLE_ATTENTION] = "attention",
        [GG_ROLE_RECURRENT] = "recurrent", [GG_ROLE_FFN] = "feed-forward",
        [GG_ROLE_EXPERTS] = "experts",     [GG_ROLE_NORM] = "norms",
        [GG_ROLE_OUTPUT] = "output",       [GG_ROLE_OTHER] = "other",
    };
    return names[r];
}

bool gg_layer_of(struct ggf_str name, struct gg_layer *out)
{
    if (name.nbytes < 6)
        return false;
    const char *end = name.p + name.nbytes;
    const char *blk = memmem(name.p, (size_t)name.nbytes, "blk.", 4);
    if (blk == NULL || (blk != name.p && blk[-1] != '.'))
        return false;
    uint32_t n = 0;
    const char *p = blk + 4, *first = p;
    for (; p < end && *p >= '0' && *p <= '9' && p - first < 9; p++)
        n = n * 10 + (uint32_t)(*p - '0');
    if (p == first || p == end || *p != '.')
        return false;
    out->n = n;
    out->stack = (struct ggf_str){name.p, (uint64_t)(blk + 3 - name.p)};
    out->whole = (struct ggf_str){name.p, (uint64_t)(p - name.p)};
    return true;
}
