#include "lib/quant/kernel.h"

#include "lib/base/num.h"
#include "lib/quant/ref/ref.h"
#include "lib/quant/vec/init.h"

#include <string.h>

struct ref_row {
    enum qt_type type;
    struct qk_kernel k;
};

/* One row a type: dequant, quant, valid, scratch, whole_rows. Three shapes of rows: a type we only
 * decode, one we also encode, and one whose encoder looks at whole rows when it has weights. */
#define DECODED(sym, t)                                                                            \
    {                                                                                              \
        QT_##sym, {qk_ref_dequant_##t, NULL, NULL, qk_ref_valid_##t, NULL, false}                        \
    }
#define ENCODED(sym, t)                                                                            \
    {                                                                                              \
        QT_##sym, {qk_ref_dequant_##t, qk_ref_quant_##t, NULL, qk_ref_valid_##t, NULL, false}            \
    }
#define ENCODED_BY_ROW(sym, t)                                                                     \
    {                                                                                              \
        QT_##sym, {qk_ref_dequant_##t, qk_ref_quant_##t, NULL, qk_ref_valid_##t, NULL, true}             \
    }

static const struct ref_row ref_rows[] = {
    ENCODED(F32, f32),
    ENCODED(F16, f16),
    ENCODED_BY_ROW(Q4_0, q4_0),
    ENCODED_BY_ROW(Q4_1, q4_1),
    ENCODED_BY_ROW(Q5_0, q5_0),
    ENCODED_BY_ROW(Q5_1, q5_1),
    ENCODED(Q8_0, q8_0),
    DECODED(Q8_1, q8_1),
    ENCODED(Q2_K, q2_K),
    ENCODED(Q3_K, q3_K),
    ENCODED(Q4_K, q4_K),
    ENCODED(Q5_K, q5_K),
    ENCODED(Q6_K, q6_K),
    DECODED(Q8_K, q8_K),
    ENCODED(IQ2_XXS, iq2_xxs),
    ENCODED(IQ2_XS, iq2_xs),
    ENCODED(IQ3_XXS, iq3_xxs),
    ENCODED(IQ1_S, iq1_s),
    ENCODED(IQ4_NL, iq4_nl),
    ENCODED(IQ3_S, iq3_s),
    ENCODED(IQ2_S, iq2_s),
    ENCODED(IQ4_XS, iq4_xs),
    {QT_I8, {qk_ref_dequant_i8, NULL, NULL, qk_ref_valid_all, NULL, false}},
    {QT_I16, {qk_ref_dequant_i16, NULL, NULL, qk_ref_valid_all, NULL, false}},
    {QT_I32, {qk_ref_dequant_i32, NULL, NULL, qk_ref_valid_all, NULL, false}},
    {QT_I64, {qk_ref_dequant_i64, NULL, NULL, qk_ref_valid_all, NULL, false}},
    DECODED(F64, f64),
    ENCODED(IQ1_M, iq1_m),
    ENCODED(BF16, bf16),
    ENCODED(TQ1_0, tq1_0),
    ENCODED(TQ2_0, tq2_0),
    ENCODED(MXFP4, mxfp4),
    {QT_NVFP4, {qk_ref_dequant_nvfp4, qk_ref_quant_nvfp4, NULL, qk_ref_valid_all, NULL, false}},
    ENCODED(Q1_0, q1_0),
    ENCODED(Q2_0, q2_0),
};

/* The types with something to search. */
static const struct {
    enum qt_type type;
    qk_improve_fn *improve;
} improve_rows[] = {
    {QT_Q4_0, qk_ref_improve_q4_0},     {QT_Q5_0, qk_ref_improve_q5_0},
    {QT_Q8_0, qk_ref_improve_q8_0},     {QT_IQ4_NL, qk_ref_improve_iq4_nl},
    {QT_IQ4_XS, qk_ref_improve_iq4_xs}, {QT_Q3_K, qk_ref_improve_q3_K},
    {QT_Q6_K, qk_ref_improve_q6_K},     {QT_MXFP4, qk_ref_improve_mxfp4},
    {QT_NVFP4, qk_ref_improve_nvfp4},   {QT_Q1_0, qk_ref_improve_q1_0},
    {QT_Q2_0, qk_ref_improve_q2_0},     {QT_TQ1_0, qk_ref_improve_tq1_0},
    {QT_TQ2_0, qk_ref_improve_tq2_0},   {QT_Q4_1, qk_ref_improve_q4_1},
    {QT_Q5_1, qk_ref_improve_q5_1},     {QT_Q2_K, qk_ref_improve_q2_K},
    {QT_Q4_K, qk_ref_improve_q4_K},     {QT_Q5_K, qk_ref_improve_q5_K},
    {QT_IQ2_XXS, qk_ref_improve_iq2_xxs}, {QT_IQ2_XS, qk_ref_improve_iq2_xs},
    {QT_IQ2_S, qk_ref_improve_iq2_s},   {QT_IQ3_XXS, qk_ref_improve_iq3_xxs},
    {QT_IQ3_S, qk_ref_improve_iq3_s},   {QT_IQ1_S, qk_ref_improve_iq1_s},
    {QT_IQ1_M, qk_ref_improve_iq1_m},
};

#undef DECODED
#undef ENCODED
#undef ENCODED_BY_ROW

/* The vector levels in this build, lowest first: the Makefile lists them. */
#ifndef QK_VEC_LEVELS
#define QK_VEC_LEVELS
#endif
#define QK_LEVEL(id, name) {GG_CPU_##id, qk_init_##name},

static const struct {
    enum gg_cpu_level level;
    void (*init)(struct qk_table *table);
} vec_levels[] = {QK_VEC_LEVELS{GG_CPU_LEVEL_COUNT, NULL}};

#undef QK_LEVEL

void qk_init(struct qk_table *table, enum gg_cpu_level level)
{
    memset(table, 0, sizeof *table);
    for (size_t i = 0; i < GG_COUNTOF(ref_rows); i++)
        table->k[ref_rows[i].type] = ref_rows[i].k;
    for (size_t i = 0; i < GG_COUNTOF(improve_rows); i++)
        table->k[improve_rows[i].type].improve = improve_rows[i].improve;
    table->err_row = qk_err_row;
    table->err_quick = qk_err_quick;
    table->find_beyond = qk_find_beyond;
    table->count_f16_flushed = qk_count_f16_flushed;
    table->level = GG_CPU_C;
    for (size_t i = 0; vec_levels[i].level <= level && vec_levels[i].init != NULL; i++) {
        vec_levels[i].init(table);
        table->level = vec_levels[i].level;
    }
}

void qk_encode(const struct qk_kernel *kernel, void *dst, const float *src, size_t n_rows,
               size_t n_cols, size_t dst_stride, size_t src_stride, const struct qk_args *args)
{
    kernel->quant(dst, src, n_rows, n_cols, dst_stride, src_stride, args);
    if (args->search == QK_SEARCH_BEST && kernel->improve != NULL)
        kernel->improve(kernel, dst, src, n_rows, n_cols, dst_stride, src_stride, args);
}

/* Asks the arithmetic itself, which works on every CPU: volatile keeps the compiler from folding. */
bool qk_env_ok(void)
{
    volatile float one = 1.0f, tie_down = 0x1p-24f, tie_up = 0x3p-24f, smallest = 0x1p-126f;
    volatile float down = one + tie_down, up = one + tie_up, neg = -one - tie_down;
    volatile float halved = smallest * 0.5f, denormal = 0x1p-140f;
    volatile float kept = denormal * 2.0f;
    return down == 1.0f && neg == -1.0f && up == 1.0f + 0x1p-22f && halved != 0.0f && kept != 0.0f;
}
