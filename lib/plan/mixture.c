/* What each preset gives each tensor, as llama-quantize of 2026-08-21 does (src/llama-quant.cpp).
 *
 * A rule reads: for these presets, for these categories of tensors, when all these conditions hold,
 * take this type. Rules are tried from the top; the first that fits decides; when none does, the base
 * type of the preset (preset.def) is taken. What comes afterwards, a substitute for rows that don't
 * fill a block, is not the mixture's affair (choose.c).
 *
 * How to add or change a preset: write its row in preset.def; put its rules here, the narrow ones
 * above the wide ones; a new condition needs a bit, a line in holds() and a phrase in phrases[]. Then
 * pin the choice in tests/unit/test_preset.c, from a run of the tool you want to agree with.
 */
#include "lib/plan/mixture.h"

#include "lib/base/buf.h"
#include "lib/base/num.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum when {
    GQA4 = 1 << 0,       /* gqa >= 4 */
    EXPERTS4 = 1 << 1,   /* n_experts >= 4 */
    EXPERTS8 = 1 << 2,   /* n_experts == 8 exactly: Mixtral */
    NOT_EXPERTS8 = 1 << 3,
    FALCON = 1 << 4,
    NOT_FALCON = 1 << 5,
    IMATRIX = 1 << 6,
    NO_IMATRIX = 1 << 7,
    MATRICES = 1 << 8, /* ne2 > 1 */
    NOT_BAILINGMOE3 = 1 << 9,
    ODD_WIDTH = 1 << 10, /* rows don't fill blocks of the base type */
    FIRST2 = 1 << 11,    /* i < 2 */
    FIRST4 = 1 << 12,
    FIRST_16TH = 1 << 13, /* i < n/16 */
    FIRST_8TH = 1 << 14,
    MIDDLE = 1 << 15, /* n/8 <= i < 7n/8 */
    MORE = 1 << 16,   /* first eighth, last eighth, every third between */
};

struct gg_mix_rule {
    uint64_t presets; /* bit a file type */
    unsigned categories;
    unsigned when; /* all must hold */
    enum qt_type type;
};

#define P(sym)     (UINT64_C(1) << GG_FT_##sym)
#define C(sym)     (1u << GG_CAT_##sym)
#define ANY        UINT64_MAX
#define LOW_1      (P(IQ1_S) | P(IQ1_M))
#define LOW_XS     (LOW_1 | P(IQ2_XXS) | P(IQ2_XS))
#define LOW_S      (P(IQ2_S) | P(IQ2_M))
#define LOW        (LOW_XS | LOW_S)
#define REST       (~(LOW | P(MXFP4_MOE)))
#define V          (C(ATTN_V) | C(ATTN_QKV) | C(ATTN_KV_B))
#define FFN        (C(FFN_UP) | C(FFN_GATE) | C(FFN_DOWN))
#define ALL        (~0u)
#define OUT_MIXTRAL                                                                                \
    (P(Q2_K) | P(IQ3_XS) | P(IQ3_XXS) | P(Q3_K_S) | P(Q3_K_M) | P(IQ4_NL) | P(Q4_K_S) |            \
     P(Q4_K_M) | P(IQ3_S) | P(IQ3_M) | P(IQ4_XS))

static const struct gg_mix_rule rules[] = {
    /* the output matrix, or embeddings that serve as such */
    {P(MXFP4_MOE), C(OUTPUT), 0, QT_Q8_0},
    {ANY, C(OUTPUT), FALCON, QT_Q8_0},
    {ANY, C(OUTPUT), ODD_WIDTH, QT_Q8_0},
    {LOW | P(IQ3_XXS), C(OUTPUT), 0, QT_Q5_K},
    {ANY & ~P(Q8_0), C(OUTPUT), 0, QT_Q6_K},

    /* experts at four bits, all else at eight */
    {P(MXFP4_MOE), FFN, MATRICES, QT_MXFP4},
    {P(MXFP4_MOE), ALL, MATRICES | NOT_BAILINGMOE3, QT_MXFP4},
    {P(MXFP4_MOE), ALL, 0, QT_Q8_0},

    /* embeddings that are not the output */
    {LOW_XS, C(EMBD), 0, QT_Q2_K},
    {LOW_S | P(IQ3_XXS), C(EMBD), 0, QT_IQ3_S},
    {P(TQ1_0) | P(TQ2_0) | P(Q2_0), C(EMBD), 0, QT_Q4_K},

    /* below three bits */
    {LOW, V, GQA4, QT_Q4_K},
    {LOW, V, EXPERTS4, QT_Q4_K},
    {LOW_S, V, 0, QT_IQ3_S},
    {LOW_XS, V, 0, QT_Q2_K},
    {LOW, C(ATTN_K), EXPERTS8, QT_Q4_K},
    {LOW_S, C(FFN_DOWN), FIRST_8TH, QT_IQ3_S},
    {LOW_XS, C(FFN_DOWN), FIRST_8TH, QT_Q2_K},
    {LOW, C(ATTN_OUTPUT), EXPERTS8, QT_Q5_K},
    {LOW_1, C(ATTN_OUTPUT), 0, QT_IQ2_XXS},
    {LOW_S, C(ATTN_OUTPUT), 0, QT_IQ3_S},

    /* attention values; see also big_gqa_upgrade */
    {REST, V, EXPERTS8, QT_Q8_0},
    {P(Q2_K), V, GQA4, QT_Q4_K},
    {P(Q2_K), V, 0, QT_Q3_K},
    {P(Q2_K_S) | P(IQ3_XXS) | P(IQ3_XS) | P(IQ3_S), V, GQA4, QT_Q4_K},
    {P(IQ3_XXS), V, NO_IMATRIX, QT_IQ3_S},
    {P(IQ3_M), V, 0, QT_Q4_K},
    {P(Q3_K_M), V, FIRST2, QT_Q5_K},
    {P(Q3_K_M), V, 0, QT_Q4_K},
    {P(Q3_K_L), V, 0, QT_Q5_K},
    {P(IQ4_NL) | P(IQ4_XS), V, GQA4, QT_Q5_K},
    {P(Q4_K_M) | P(Q5_K_M), V, MORE, QT_Q6_K},
    {P(Q4_K_S), V, FIRST4, QT_Q5_K},

    /* keys and queries */
    {REST, C(ATTN_K), EXPERTS8, QT_Q8_0},
    {P(IQ3_XS), C(ATTN_K) | C(ATTN_Q), 0, QT_IQ3_XXS},
    {P(IQ3_XXS), C(ATTN_K) | C(ATTN_Q), 0, QT_IQ2_S},

    {P(Q2_K), C(FFN_DOWN), 0, QT_Q3_K},
    {P(Q2_K_S), C(FFN_DOWN), FIRST_8TH, QT_Q4_K},
    {P(IQ3_XXS), C(FFN_DOWN), NO_IMATRIX | FIRST_8TH, QT_Q4_K},
    {P(IQ3_XXS), C(FFN_DOWN), NO_IMATRIX, QT_Q3_K},
    {P(Q3_K_M), C(FFN_DOWN), FIRST_16TH, QT_Q5_K},
    {P(Q3_K_M), C(FFN_DOWN), NOT_FALCON, QT_Q4_K},
    {P(Q3_K_M), C(FFN_DOWN), MORE, QT_Q4_K},
    {P(IQ3_M), C(FFN_DOWN), FIRST_8TH, QT_Q4_K},
    {P(IQ3_M), C(FFN_DOWN), EXPERTS8 | MORE, QT_Q4_K},
    {P(Q3_K_L), C(FFN_DOWN), FALCON, QT_Q4_K},
    {P(Q3_K_L), C(FFN_DOWN), 0, QT_Q5_K},
    {P(Q4_K_M), C(FFN_DOWN), FALCON | FIRST_16TH, QT_Q6_K},
    {P(Q4_K_M), C(FFN_DOWN), FALCON | MORE, QT_Q5_K},
    {P(Q4_K_M), C(FFN_DOWN), FALCON, QT_Q4_K},
    {P(Q4_K_M) | P(Q5_K_M), C(FFN_DOWN), MORE, QT_Q6_K},
    {P(IQ4_NL) | P(IQ4_XS), C(FFN_DOWN), FIRST_8TH | NO_IMATRIX, QT_Q5_K},
    {P(Q4_K_S), C(FFN_DOWN), NOT_FALCON | FIRST_8TH, QT_Q5_K},
    {P(Q4_0), C(FFN_DOWN), IMATRIX | FIRST_8TH, QT_Q4_1},
    {P(Q5_0), C(FFN_DOWN), IMATRIX | FIRST_8TH, QT_Q5_1},

    {OUT_MIXTRAL, C(ATTN_OUTPUT), NOT_FALCON | EXPERTS8, QT_Q5_K},
    {P(Q2_K), C(ATTN_OUTPUT), NOT_FALCON | NOT_EXPERTS8, QT_Q3_K},
    {P(IQ3_XXS), C(ATTN_OUTPUT), NOT_FALCON | NOT_EXPERTS8, QT_IQ3_S},
    {P(Q3_K_M) | P(IQ3_M), C(ATTN_OUTPUT), NOT_FALCON | NOT_EXPERTS8, QT_Q4_K},
    {P(Q3_K_L), C(ATTN_OUTPUT), NOT_FALCON | NOT_EXPERTS8, QT_Q5_K},
    {P(Q3_K_L), C(ATTN_OUTPUT), FALCON, QT_Q4_K},

    {P(IQ3_XS), C(FFN_GATE) | C(FFN_UP), MIDDLE, QT_IQ3_XXS},
};

/* Where many heads share one value matrix it is small, and more bits for it cost little: what came
 * out as Q3_K or Q4_K becomes Q5_K. */
static const struct gg_mix_rule big_gqa_upgrade = {REST, V, 0, QT_Q5_K};

/* The models llama.cpp calls a 70B (src/models, 2026-08-21), by architecture and layers. */
static const struct {
    const char *arch;
    uint64_t n_layers;
    bool only_shared_heads; /* as many key heads as heads makes it a 65B; nor has it 8 experts */
} big_gqa_models[] = {
    {"llama", 80, true}, {"llama-embed", 80, true}, {"qwen2", 80, false},
    {"deci", 80, false}, {"olmo", 80, false},       {"jais2", 68, false},
};

void gg_mix_model_from_arch(struct gg_mix_model *out, const struct gg_arch *a)
{
    if (!gg_mul_u64(a->n_layers, a->n_loops, &out->n_layers)) /* llama.cpp counts each time */
        out->n_layers = a->n_layers;
    out->n_experts = a->n_experts;
    out->gqa = a->n_heads_kv > 0 ? a->n_heads / a->n_heads_kv : 0;
    out->falcon = ggf_str_eq(a->name, "falcon");
    out->bailingmoe3 = ggf_str_eq(a->name, "bailingmoe3");
    out->big_gqa = false;
    for (size_t i = 0; i < GG_COUNTOF(big_gqa_models); i++) {
        if (ggf_str_eq(a->name, big_gqa_models[i].arch) &&
            a->n_layers == big_gqa_models[i].n_layers &&
            !(big_gqa_models[i].only_shared_heads &&
              (a->n_heads == a->n_heads_kv || a->n_experts == 8)))
            out->big_gqa = true;
    }
}

bool gg_category_is_v(enum gg_category c)
{
    return (1u << c & V) != 0;
}

uint64_t gg_mix_count(struct gg_mix_counts *c, enum gg_category category)
{
    if (gg_category_is_v(category))
        return c->v++;
    switch (category) {
    case GG_CAT_FFN_UP:
        return c->up++;
    case GG_CAT_FFN_GATE:
        return c->gate++;
    case GG_CAT_FFN_DOWN:
        return c->down++;
    default:
        return 0;
    }
}

/* Place of t among its kind. Experts are not stored in order, so with several of them llama-quantize
 * looks at the layer in the name; not below three bits, though, where it goes on counting. */
static void place(const struct gg_preset *p, const struct gg_mix_model *m,
                  const struct gg_mix_tensor *t, struct gg_mix_choice *c)
{
    bool low = (UINT64_C(1) << p->ftype & LOW) != 0;
    bool is_v = gg_category_is_v(t->category);
    bool by_name = !low && !is_v && m->n_experts > 1 && t->layer < m->n_layers;
    c->i = by_name ? t->layer : t->i;
    c->n = is_v ? m->n_v : m->n_layers;
}

static bool more(uint64_t i, uint64_t n)
{
    return i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2;
}

struct situation {
    const struct gg_preset *preset;
    const struct gg_mix_model *m;
    const struct gg_mix_tensor *t;
    uint64_t i, n;
};

static bool holds(enum when w, const struct situation *s)
{
    switch (w) {
    case GQA4:
        return s->m->gqa >= 4;
    case EXPERTS4:
        return s->m->n_experts >= 4;
    case EXPERTS8:
        return s->m->n_experts == 8;
    case NOT_EXPERTS8:
        return s->m->n_experts != 8;
    case FALCON:
        return s->m->falcon;
    case NOT_FALCON:
        return !s->m->falcon;
    case IMATRIX:
        return s->m->has_imatrix;
    case NO_IMATRIX:
        return !s->m->has_imatrix;
    case MATRICES:
        return s->t->ne2 > 1;
    case NOT_BAILINGMOE3:
        return !s->m->bailingmoe3;
    case ODD_WIDTH:
        return s->t->ne0 % qt_info(s->preset->base)->block_nelems != 0;
    case FIRST2:
        return s->i < 2;
    case FIRST4:
        return s->i < 4;
    case FIRST_16TH:
        return s->i < s->n / 16;
    case FIRST_8TH:
        return s->i < s->n / 8;
    case MIDDLE:
        return s->i >= s->n / 8 && s->i < 7 * s->n / 8;
    case MORE:
        return more(s->i, s->n);
    }
    return false;
}

static bool all_hold(unsigned when, const struct situation *s)
{
    for (unsigned bit = 1; bit <= when; bit <<= 1) {
        if ((when & bit) != 0 && !holds((enum when)bit, s))
            return false;
    }
    return true;
}

/* Embeddings stand in for an output matrix that is not there. */
static enum gg_category acting_category(const struct gg_mix_model *m, const struct gg_mix_tensor *t)
{
    return m->tied && t->category == GG_CAT_EMBD ? GG_CAT_OUTPUT : t->category;
}

struct gg_mix_choice gg_mix_choose(const struct gg_preset *p, const struct gg_mix_model *m,
                                   const struct gg_mix_tensor *t)
{
    struct gg_mix_choice c = {p->base, NULL, 0, 0};
    uint64_t preset = UINT64_C(1) << p->ftype;
    unsigned category = 1u << acting_category(m, t);
    place(p, m, t, &c);
    struct situation s = {p, m, t, c.i, c.n};
    for (size_t i = 0; i < GG_COUNTOF(rules); i++) {
        const struct gg_mix_rule *r = &rules[i];
        if ((r->presets & preset) != 0 && (r->categories & category) != 0 && all_hold(r->when, &s)) {
            c.rule = r;
            c.type = r->type;
            break;
        }
    }
    if (m->big_gqa && (big_gqa_upgrade.presets & preset) != 0 &&
        (big_gqa_upgrade.categories & category) != 0 && (c.type == QT_Q3_K || c.type == QT_Q4_K)) {
        c.rule = &big_gqa_upgrade;
        c.type = QT_Q5_K;
    }
    return c;
}

static const struct {
    enum when when;
    const char *text;
} phrases[] = {
    {EXPERTS8, "of 8 experts"},
    {EXPERTS4, "of 4 or more experts"},
    {FALCON, "Falcon"},
    {IMATRIX, "with an importance matrix"},
    {NO_IMATRIX, "without an importance matrix"},
    {MATRICES, "a stack of expert matrices"},
    {ODD_WIDTH, "rows don't fill blocks of the base type"},
};

static void add_place(struct gg_buf *b, const struct gg_mix_choice *c)
{
    unsigned w = c->rule->when;
    if ((w & (FIRST2 | FIRST4 | FIRST_16TH | FIRST_8TH | MIDDLE | MORE)) == 0)
        return;
    gg_buf_addf(b, ", i=%" PRIu64 " of %" PRIu64, c->i, c->n);
    gg_buf_adds(b, (w & FIRST2) != 0          ? ", one of the first 2"
                   : (w & FIRST4) != 0        ? ", one of the first 4"
                   : (w & FIRST_16TH) != 0    ? " in the first sixteenth"
                   : (w & MIDDLE) != 0        ? " between the first and the last eighth"
                   : c->i < c->n / 8          ? " in the first eighth"
                   : c->i >= 7 * c->n / 8     ? " in the last eighth"
                                              : ", every third between");
}

static void add_conditions(struct gg_buf *b, const struct gg_mix_model *m,
                           const struct gg_mix_choice *c)
{
    if (c->rule == &big_gqa_upgrade)
        gg_buf_addf(b, " of a large model with shared keys");
    if ((c->rule->when & GQA4) != 0)
        gg_buf_addf(b, ", %" PRIu64 " heads share a key", m->gqa);
    for (size_t i = 0; i < GG_COUNTOF(phrases); i++) {
        if ((c->rule->when & phrases[i].when) != 0)
            gg_buf_addf(b, ", %s", phrases[i].text);
    }
    add_place(b, c);
}

void gg_mix_explain(char *dst, size_t dst_nbytes, const struct gg_preset *p,
                    const struct gg_mix_model *m, const struct gg_mix_tensor *t,
                    const struct gg_mix_choice *c)
{
    const char *type = qt_info(c->type)->name;
    const char *what = gg_category_name(t->category);
    if (c->rule == NULL) {
        snprintf(dst, dst_nbytes, "%s%sthe base type of %s", what, *what != '\0' ? ": " : "", p->name);
        return;
    }
    struct gg_buf b = GG_BUF_INIT;
    gg_buf_adds(&b, *what != '\0' ? what : "this tensor");
    if (acting_category(m, t) != t->category)
        gg_buf_adds(&b, " serving as output");
    add_conditions(&b, m, c);
    snprintf(dst, dst_nbytes, "%s: %s gives %s", gg_buf_str(&b), p->name, type);
    gg_buf_free(&b);
}
