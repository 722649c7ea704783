/* Encoders of IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS and IQ3_S. The reference (lib/quant/ref/iq23.c) says
 * what is done; fit23.h how a group is fitted. A super-block's sum of squares comes from VL
 * super-blocks side by side, and so does IQ2_XXS's first scale from VL groups.
 *
 * A super-block with values or weights out of the ordinary goes to the reference: a group whose
 * largest magnitude is not 0 and not in 2^-60 .. 2^30, weights that are not in 0 .. 2^50, values
 * 2^22 steps of their scale large. Elsewhere all is finite and rounds as fit23.h has it.
 */
#include "lib/quant/ref/ref.h"
#include "lib/quant/vec/book.h"
#include "lib/quant/vec/positive.h"
#include "lib/quant/vec/super23.h"

#include <assert.h>

static const struct iq_type iq2_xxs = {32,   8,    2,         3,    6,    0.1f, 1e-15f,
                                       1.0f, 1.0f, REFIT_ALL, NONE, true, true};
static const struct iq_type iq2_xs = {
    16, 8, 2, 3, 9, 0.1f, 1e-15f, 1.0f, 1.0f, REFIT_OFF_GRID, NONE, true, false};
static const struct iq_type iq2_s = {
    16, 8, 2, 3, 9, 0.1f, 1e-8f, 2.0f, 0.9875f, REFIT_OFF_GRID, SQUARE_AND_MEAN, false, false};
static const struct iq_type iq3_xxs = {
    32, 4, 3, 8, 15, 0.2f, 1e-8f, 2.0f, 1.0125f, REFIT_OFF_GRID, SQUARE, true, false};
static const struct iq_type iq3_s = {
    32, 4, 3, 8, 9, 0.2f, FLT_TRUE_MIN, 2.0f, 1.033f, REFIT_ALL_IF_ANY, SQUARE, false, false};

/* ---- values and signs -------------------------------------------------------------------------
 */

/* False when a weight is out of the ordinary. */
V_FN bool load_values(const struct iq_type *t, struct super *s, const float *x,
                      const float *importance, float sigma2)
{
    uint32_t signs = 0;
    vm fine = vm_from_bits((1u << VL) - 1);

    for (int i = 0; i < QT_SUPER; i += VL) {
        vf v = vf_load(x + i), w = v * v;
        if (importance) {
            vf m = vf_load(importance + i);
            fine = vm_and(fine, vm_and(vf_ge(m, vf_set1(0)), vf_le(m, vf_set1(0x1p50f))));
            w = m * vf_sqrt(sigma2 + w);
        } else if (t->stand_in != SQUARE) {
            w = 0.25f * sigma2 + w;
        }
        vm minus = vf_lt(v, vf_set1(0));
        vf_store(s->x + i, vf_select(minus, -v, v));
        vf_store(s->w + i, w);
        vf_store(s->root_w + i, vf_sqrt(w));
        signs |= (uint32_t)vm_bits(minus) << i % 32;
        if (i % 32 + VL == 32) {
            gg_store_u32(s->signs + i / 8 - (32 - VL) / 8, signs);
            signs = 0;
        }
    }
    return vm_all(fine);
}

/* Where the minus signs of eight are odd, turns that of the value that matters least. */
V_FN void make_even(struct super *s)
{
    float matter[QT_SUPER];
    int32_t least_at[QT_SUPER / 8];

    for (int i = 0; i < QT_SUPER; i += VL) {
        vf x = vf_load(s->x + i);
        vf_store(matter + i, vf_load(s->w + i) * x * x);
    }
    for (int o = 0; o < QT_SUPER / 8; o += VL) {
        const float *p[VL];
        vf m[8];
        for (int k = 0; k < VL; k++)
            p[k] = matter + 8 * (o + k);
        v_load_columns(m, p, 8);
        vf least = m[0];
        vi at = vi_set1(0);
        for (int i = 1; i < 8; i++) {
            at = vi_select(vf_lt(m[i], least), vi_set1(i), at);
            least = vf_min(m[i], least);
        }
        vi_store(least_at + o, at);
    }
    for (int o = 0; o < QT_SUPER / 8; o++) {
        unsigned odd = (unsigned)__builtin_parity(s->signs[o]);
        float *x = &s->x[8 * o + least_at[o]];
        *x = gg_f32_from_bits(gg_bits_from_f32(*x) ^ odd << 31);
        s->signs[o] = (uint8_t)((s->signs[o] ^ odd << least_at[o]) & 127);
    }
}

/* False when a group's values are out of the ordinary. */
V_FN bool set_bases(const struct iq_type *t, struct super *s)
{
    bool fine = true;

    for (int j = 0; j < QT_SUPER / t->group; j++) {
        vf most = vf_set1(0), base = vf_set1(-FLT_MAX);
        for (int i = t->group * j; i < t->group * (j + 1); i += VL) {
            vf x = vf_load(s->x + i);
            vf_store(s->wx + i, vf_load(s->w + i) * x);
            vf_store(s->root_wx2 + i, vf_load(s->root_w + i) * (x + x));
            base = vf_max(base, x);
            most = vf_max(most, vf_abs(x));
        }
        s->largest[j] = vf_hmax(most);
        s->base[j] = vf_hmax(base);
        fine &= s->largest[j] == 0.0f || (s->largest[j] >= 0x1p-60f && s->largest[j] <= 0x1p30f);
        s->scale[j] = s->base[j] / (float)(2 * t->top - 1);
        if (s->base[j] < t->eps || s->base[j] <= 0.0f)
            s->base[j] = 0.0f;
    }
    return fine;
}

/* First scales from a search, for n super-blocks at once, which fill the lanes. */
static void fit_bases(const struct iq_type *t, struct super *s, int n)
{
    const int n_groups = QT_SUPER / 32;

    for (int j = 0; j < n * n_groups; j += VL) {
        const float *px[VL], *pw[VL];
        float scale[VL];
        vf x[32], w[32];
        vi level[32];
        for (int k = 0; k < VL; k++) {
            const struct super *at = &s[(j + k) / n_groups % n];
            px[k] = at->x + (j + k) % n_groups * 32;
            pw[k] = at->w + (j + k) % n_groups * 32;
        }
        v_load_columns(x, px, 32);
        v_load_columns(w, pw, 32);
        vf_store(scale, v_search_positive(32, t->top + 1, x, w, level));
        for (int k = 0; k < VL && j + k < n * n_groups; k++) {
            struct super *at = &s[(j + k) / n_groups];
            int g = (j + k) % n_groups;
            if (at->base[g] == 0.0f)
                continue;
            at->scale[g] = scale[k];
            at->base[g] = scale[k] * (float)t->top;
            if (at->base[g] <= 0.0f)
                at->base[g] = 0.0f;
        }
    }
}

/* ---- super-blocks -----------------------------------------------------------------------------
 */

/* One text for each shape of groups, with what else differs variable. */
#define FIT(name, group, dims, bits, top, n_tries)                                                 \
    static bool fit_##name(const struct iq_type *t, struct super *s, const struct qk_codebook *cb, \
                           struct fitted *r)                                                       \
    {                                                                                              \
        const struct iq_type same = {                                                              \
            group,       dims,     bits,     top,         n_tries,       t->step,          t->eps, \
            t->variance, t->fudge, t->refit, t->stand_in, t->even_signs, t->fitted_largest};       \
        return fit_super(&same, s, cb, r);                                                         \
    }

FIT(iq2_xxs, 32, 8, 2, 3, 6)
FIT(iq2_s, 16, 8, 2, 3, 9)
FIT(iq3_xxs, 32, 4, 3, 8, 15)
FIT(iq3_s, 32, 4, 3, 8, 9)

static void pack_iq2_xxs(void *dst, const struct fitted *r)
{
    struct qt_block_iq2_xxs *b = dst;

    for (int j = 0; j < 8; j++) {
        uint32_t rows = 0, rest = (uint32_t)r->step[j] << 28;
        for (int k = 0; k < 4; k++) {
            rows |= (uint32_t)r->row[4 * j + k] << 8 * k;
            rest |= (uint32_t)r->signs[4 * j + k] << 7 * k;
        }
        gg_store_u32((uint8_t *)b->qs + 8 * j, rows);
        gg_store_u32((uint8_t *)b->qs + 8 * j + 4, rest);
    }
    gg_store_u16(&b->d, r->d);
}

static void pack_iq2_xs(void *dst, const struct fitted *r)
{
    struct qt_block_iq2_xs *b = dst;

    for (int k = 0; k < 32; k++)
        gg_store_u16((uint8_t *)b->qs + 2 * k, (uint16_t)(r->row[k] | r->signs[k] << 9));
    for (int j = 0; j < 8; j++)
        b->scales[j] = (uint8_t)(r->step[2 * j] | r->step[2 * j + 1] << 4);
    gg_store_u16(&b->d, r->d);
}

static void pack_iq2_s(void *dst, const struct fitted *r)
{
    struct qt_block_iq2_s *b = dst;

    memset(b->qh, 0, sizeof b->qh);
    for (int k = 0; k < 32; k++) {
        b->qs[k] = (uint8_t)r->row[k];
        b->qs[32 + k] = r->signs[k];
        b->qh[k / 4] |= (uint8_t)(r->row[k] >> 8 << 2 * (k % 4));
    }
    for (int j = 0; j < 8; j++)
        b->scales[j] = (uint8_t)(r->step[2 * j] | r->step[2 * j + 1] << 4);
    gg_store_u16(&b->d, r->d);
}

static void pack_iq3_xxs(void *dst, const struct fitted *r)
{
    struct qt_block_iq3_xxs *b = dst;

    for (int k = 0; k < 64; k++)
        b->qs[k] = (uint8_t)r->row[k];
    for (int j = 0; j < 8; j++) {
        uint32_t rest = (uint32_t)r->step[j] << 28;
        for (int k = 0; k < 4; k++)
            rest |= (uint32_t)r->signs[4 * j + k] << 7 * k;
        gg_store_u32(b->qs + 64 + 4 * j, rest);
    }
    gg_store_u16(&b->d, r->d);
}

/* Groups of zeros are left out of rows and signs, not of bits 8 and scales: the reference explains.
 */
static void pack_iq3_s(void *dst, const struct fitted *r)
{
    struct qt_block_iq3_s *b = dst;

    memset(b, 0, sizeof *b);
    for (int j = 0, at = 0; j < 8; j++) {
        if (r->zeros[j])
            continue;
        for (int k = 0; k < 8; k++) {
            b->qs[8 * at + k] = (uint8_t)r->row[8 * j + k];
            b->qh[j] |= (uint8_t)(r->row[8 * j + k] >> 8 << k);
        }
        memcpy(b->signs + 4 * at, r->signs + 4 * j, 4);
        at++;
    }
    for (int j = 0; j < 4; j++)
        b->scales[j] = (uint8_t)(r->step[2 * j] | r->step[2 * j + 1] << 4);
    gg_store_u16(&b->d, r->d);
}

/* ---- rows -------------------------------------------------------------------------------------
 */

enum { AT_ONCE = VL > 8 ? 2 : 1 }; /* super-blocks whose groups of 32 fill the lanes */

struct encoder {
    const struct iq_type *type;
    bool (*fit)(const struct iq_type *t, struct super *s, const struct qk_codebook *cb,
                struct fitted *r);
    void (*pack)(void *dst, const struct fitted *r);
    qk_quant_fn *reference;
};

/* Where nothing but zeros was found, types with even signs store zeros and no signs. */
static void pack(const struct encoder *e, void *dst, struct fitted *r)
{
    if (r->largest == 0.0f && e->type->even_signs) {
        memset(r->row, 0, sizeof r->row);
        memset(r->signs, 0, sizeof r->signs);
    }
    e->pack(dst, r);
}

static void encode_some(const void *type, const struct v_group *g, int first, int n,
                        const float *sum, const struct qk_args *args)
{
    const struct encoder *e = type;
    const struct iq_type *t = e->type;
    struct super s[AT_ONCE];
    bool fine[AT_ONCE];

    assert(args->codebook && args->codebook->dims == t->dims);
    assert(args->weights || t->stand_in != NONE);
    for (int k = 0; k < n; k++) {
        const float sigma2 = t->variance * sum[first + k] / (float)QT_SUPER;
        fine[k] = load_values(t, &s[k], g->x[first + k], v_weights_of(args, g, first + k), sigma2);
        if (t->even_signs)
            make_even(&s[k]);
        fine[k] &= set_bases(t, &s[k]);
    }
    if (t->fitted_largest)
        fit_bases(t, s, n);
    for (int k = 0; k < n; k++) {
        struct fitted r;
        if (fine[k] && e->fit(t, &s[k], args->codebook, &r))
            pack(e, g->y[first + k], &r);
        else
            v_encode_plain(e->reference, g, first + k, args);
    }
}

#define QUANT(name, shape)                                                                         \
    static const struct encoder encoder_##name = {&name, fit_##shape, pack_##name,                 \
                                                  qk_ref_quant_##name};                            \
    V_QUANT_ROWS(name, encode_some, &encoder_##name, AT_ONCE)

QUANT(iq2_xxs, iq2_xxs)
QUANT(iq2_xs, iq2_s)
QUANT(iq2_s, iq2_s)
QUANT(iq3_xxs, iq3_xxs)
QUANT(iq3_s, iq3_s)

void V_NAME(qk_vec_encode_iq23)(struct qk_table *table)
{
    table->k[QT_IQ2_XXS].quant = quant_iq2_xxs;
    table->k[QT_IQ2_XS].quant = quant_iq2_xs;
    table->k[QT_IQ2_S].quant = quant_iq2_s;
    table->k[QT_IQ3_XXS].quant = quant_iq3_xxs;
    table->k[QT_IQ3_S].quant = quant_iq3_s;
}
