#include "lib/plan/preset.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

static const struct gg_preset presets[] = {
#define PRESET(ftype, sym, name, alias, base, target, brief)                                       \
    {ftype, name, alias, QT_##base, brief, target},
#include "lib/plan/preset.def"
#undef PRESET
};

size_t gg_preset_count(void)
{
    return GG_COUNTOF(presets);
}

const struct gg_preset *gg_preset_at(size_t i)
{
    return &presets[i];
}

const struct gg_preset *gg_preset_by_name(const char *name)
{
    uint64_t number;
    for (size_t i = 0; i < GG_COUNTOF(presets); i++) {
        const struct gg_preset *p = &presets[i];
        if (gg_text_ieq(p->name, name) || (p->alias != NULL && gg_text_ieq(p->alias, name)))
            return p;
    }
    if (!gg_text_parse_u64(name, &number) || number >= GG_FTYPE_COPY)
        return NULL;
    return gg_preset_by_ftype((uint32_t)number);
}

const struct gg_preset *gg_preset_by_ftype(uint32_t ftype)
{
    for (size_t i = 0; i < GG_COUNTOF(presets); i++) {
        if (presets[i].ftype == ftype && ftype != GG_FTYPE_COPY)
            return &presets[i];
    }
    return NULL;
}

bool gg_preset_is_copy(const struct gg_preset *p)
{
    return p == NULL || p->ftype == GG_FTYPE_COPY;
}

/* llama.cpp, llama_model_loader (2026-08-21). A type not listed is guessed as F32. */
static const struct {
    enum qt_type type;
    enum gg_ftype ftype;
} guesses[] = {
    {QT_F32, GG_FT_F32},         {QT_F16, GG_FT_F16},         {QT_BF16, GG_FT_BF16},
    {QT_Q4_0, GG_FT_Q4_0},       {QT_Q4_1, GG_FT_Q4_1},       {QT_Q5_0, GG_FT_Q5_0},
    {QT_Q5_1, GG_FT_Q5_1},       {QT_Q8_0, GG_FT_Q8_0},       {QT_Q2_K, GG_FT_Q2_K},
    {QT_Q3_K, GG_FT_Q3_K_M},     {QT_Q4_K, GG_FT_Q4_K_M},     {QT_Q5_K, GG_FT_Q5_K_M},
    {QT_Q6_K, GG_FT_Q6_K},       {QT_TQ1_0, GG_FT_TQ1_0},     {QT_TQ2_0, GG_FT_TQ2_0},
    {QT_IQ2_XXS, GG_FT_IQ2_XXS}, {QT_IQ2_XS, GG_FT_IQ2_XS},   {QT_IQ2_S, GG_FT_IQ2_S},
    {QT_IQ3_XXS, GG_FT_IQ3_XXS}, {QT_IQ1_S, GG_FT_IQ1_S},     {QT_IQ1_M, GG_FT_IQ1_M},
    {QT_IQ4_NL, GG_FT_IQ4_NL},   {QT_IQ4_XS, GG_FT_IQ4_XS},   {QT_IQ3_S, GG_FT_IQ3_S},
    {QT_NVFP4, GG_FT_NVFP4},     {QT_Q1_0, GG_FT_Q1_0},       {QT_Q2_0, GG_FT_Q2_0},
};

uint32_t gg_preset_guess(const uint64_t n_tensors_by_type[QT_ID_END])
{
    size_t most = QT_F32;
    for (size_t t = 0; t < QT_ID_END; t++) {
        if (n_tensors_by_type[t] > n_tensors_by_type[most])
            most = t;
    }
    for (size_t i = 0; i < GG_COUNTOF(guesses); i++) {
        if ((size_t)guesses[i].type == most)
            return guesses[i].ftype;
    }
    return GG_FT_F32;
}
