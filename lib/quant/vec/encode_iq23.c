/* Encoders of IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS and IQ3_S. The reference (lib/quant/ref/iq23.c) says
 * what is done; fit23.h how a group is fitted. A super-block's sum of squares comes from VL
 * super-blocks side by side, and so does IQ2_XXS's first scale from VL groups.
 *
 * A super-block with values or weights out of the ordinary goes to the reference: a group whose
 * largest magnitude is not 0 and not in 2^-60 .. 2^30, weights that are not in 0 .. 2^50, values
 * 2^22 steps of their scale large. Elsewhere all is finite and rounds as fit23.h has it.
 */
#include "lib/quant/ref/ref.h"
#include "lib/quant/vec/fit23.h"
#include "lib/quant/vec/positive.h"
#include "lib/quant/vec/walk.h"

#include <assert.h>

static const struct iq_type iq2_xxs = {32, 8, 2, 3, 6, 0.1f, 1e-15f, 1.0f, 1.0f,
                                       REFIT_ALL, NONE, true, true};
static const struct iq_type iq2_xs = {16, 8, 2, 3, 9, 0.1f, 1e-15f, 1.0f, 1.0f,
                                      REFIT_OFF_GRID, NONE, true, false};
static const struct iq_type iq2_s = {16, 8, 2, 3, 9, 0.1f, 1e-8f, 2.0f, 0.9875f,
                                     REFIT_OFF_GRID, SQUARE_AND_MEAN, false, false};
static const struct iq_type iq3_xxs = {32, 4, 3, 8, 15, 0.2f, 1e-8f, 2.0f, 1.0125f,
                                       REFIT_OFF_GRID, SQUARE, true, false};
static const struct iq_type iq3_s = {32, 4, 3, 8, 9, 0.2f, FLT_TRUE_MIN, 2.0f, 1.033f,
                                     REFIT_ALL_IF_ANY, SQUARE, false, false};

/* A super-block's values, group by group. */
struct super {
    float x[QT_SUPER]; /* magnitudes; one of eight is negative when signs must be even */
    float w[QT_SUPER], root_w[QT_SUPER], wx[QT_SUPER];
    uint8_t signs[QT_SUPER / 8];
    float largest[16];           /* magnitude of each group */
    float base[16], scale[16];   /* of each group to begin with; base 0: a group of zeros */
};

/* What the packers take. */
struct fitted {
    float scale[16], largest;
    bool zeros[16];
    uint16_t row[64];
    uint8_t signs[32];
    uint16_t d;
    uint8_t code[16];
};

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

/* ---- a group ----------------------------------------------------------------------------------
 */

struct moments {
    float xq, qq;
};

V_FN struct moments moments_of(const struct iq_type *t, const struct fit *f, const int32_t *code)
{
    const int width = 16 / t->dims;
    struct moments m = {0.0f, 0.0f};

    for (int i = 0; i < t->group; i++) {
        int level = code[i / t->dims] >> width * (i % t->dims) & ((1 << width) - 1);
        float q = (float)(2 * level + 1);
        m.xq += f->wx[i] * q;
        m.qq += f->w[i] * q * q;
    }
    return m;
}

V_FN void codes_at(const struct iq_type *t, const struct fit *f, float inverse, int32_t *code)
{
    int32_t level[32];

    for (int i = 0; i < t->group; i += VL) {
        vi v = v_nearest_wild(0.5f * (inverse * vf_load(f->x + i) - 1.0f));
        vi_store(level + i, vi_clamp(v, 0, t->top - 1));
    }
    for (int p = 0; p < t->group / t->dims; p++) {
        code[p] = 0;
        for (int i = 0; i < t->dims; i++)
            code[p] |= level[t->dims * p + i] << t->bits * i;
    }
}

/* Looks points up again at the scale found; returns the scale of least squares for what they
 * become. */
V_FN float refit(const struct iq_type *t, struct fit *f, const bool *off_grid, float scale,
                 int32_t *code)
{
    const int n_points = t->group / t->dims;
    int32_t at_scale[MAX_POINTS];
    bool any = t->refit == REFIT_ALL;

    for (int p = 0; p < n_points; p++)
        any |= off_grid[p];
    if (!any || !(scale > 0.0f))
        return scale;
    codes_at(t, f, 1.0f / scale, at_scale);
    f->scale[SPARE] = scale;
    for (int p = 0; p < n_points; p++) {
        struct v_answer answer[2];
        int32_t row_of = f->cb->row_of[at_scale[p]];
        if (t->refit == REFIT_OFF_GRID && !off_grid[p])
            continue;
        if (row_of < 0) {
            nearest_rows(t, f, p, row_of, SPARE, SPARE, answer);
            code[p] = answer[0].code;
        } else {
            code[p] = f->cb->spread[row_of];
        }
    }
    struct moments m = moments_of(t, f, code);
    return m.qq > 0.0f ? m.xq / m.qq : scale;
}

V_FN void set_point_weights(const struct iq_type *t, struct fit *f)
{
    for (int p = 0; p < t->group / t->dims; p++) {
        f->weight[p] = f->root_w[t->dims * p];
        for (int i = 1; i < t->dims; i++)
            f->weight[p] += f->root_w[t->dims * p + i];
    }
}

/* Row of a spread code that is on the grid. */
V_FN uint16_t row_of_spread(const struct iq_type *t, const struct fit *f, int32_t code)
{
    if (t->dims == 4)
        code = (code & 7) | (code >> 1 & 7 << 3) | (code >> 2 & 7 << 6) | (code >> 3 & 7 << 9);
    return (uint16_t)f->cb->row_of[code];
}

/* Fits a group; row: of its points. False when values are too many steps large. */
V_FN bool fit_group(const struct iq_type *t, struct fit *f, float base, float *scale, uint16_t *row)
{
    const int n_points = t->group / t->dims, n = 2 * t->n_tries + 1;
    int32_t code[MAX_POINTS];
    bool off_grid[MAX_POINTS];

    set_candidates(t, f, base);
    if (!(f->inverse[n - 1] * f->largest < 0x1p21f))
        return false;
    set_point_weights(t, f);
    for (int p = 0; p < n_points; p++)
        set_codes(t, f, p);
    set_spans(t, f);
    set_rows(t, f);
    set_moments(t, f);
    int at = best_candidate(f, n, scale);
    for (int p = 0; p < n_points; p++) {
        code[p] = at < 0 ? -1 : f->kept[p][at];
        off_grid[p] = at < 0 ? t->refit == REFIT_ALL_IF_ANY
                             : f->cb->row_of[f->code[p][PAD + at]] < 0;
    }
    *scale = refit(t, f, off_grid, *scale, code);
    for (int p = 0; p < n_points; p++)
        row[p] = code[p] < 0 ? 0 : row_of_spread(t, f, code[p]);
    return true;
}

/* ---- super-blocks -----------------------------------------------------------------------------
 */

V_FN void round_scales(const struct iq_type *t, struct fitted *r)
{
    float d = r->largest / 31.0f, inverse = 1.0f / d;

    for (int j = 0; j < QT_SUPER / t->group; j += VL) {
        int32_t code[VL];
        vi v = v_nearest_wild(0.5f * (inverse * vf_load(r->scale + j) - 1.0f));
        vi_store(code, vi_clamp(v, 0, 15));
        for (int k = 0; k < VL && j + k < 16; k++)
            r->code[j + k] = (uint8_t)code[k];
    }
    r->d = qt_f16_from_f32(d * t->fudge);
}

/* False when the reference has to do it. Without any scale, d and codes are 0. */
V_FN bool fit_super(const struct iq_type *t, const struct super *s, const struct qk_codebook *cb,
                    struct fitted *r)
{
    const int n_points = t->group / t->dims;
    struct fit f;

    memset(r, 0, sizeof *r);
    memcpy(r->signs, s->signs, sizeof r->signs);
    f.cb = cb;
    for (int j = 0; j < QT_SUPER / t->group; j++) {
        const int at = t->group * j, n_signs = t->group / 8;
        r->zeros[j] = s->base[j] == 0.0f;
        if (r->zeros[j]) {
            memset(r->signs + n_signs * j, 0, (size_t)n_signs);
            continue;
        }
        f.x = s->x + at, f.w = s->w + at, f.root_w = s->root_w + at, f.wx = s->wx + at;
        f.largest = s->largest[j];
        float scale = s->scale[j];
        if (!fit_group(t, &f, s->base[j], &scale, r->row + n_points * j))
            return false;
        if (scale < 0.0f) {
            scale = -scale;
            for (int k = n_signs * j; k < n_signs * (j + 1); k++)
                r->signs[k] = (uint8_t)(~r->signs[k] & (t->even_signs ? 127 : 255));
        }
        r->scale[j] = scale;
        if (!(scale <= r->largest))
            r->largest = scale;
    }
    if (r->largest != 0.0f)
        round_scales(t, r);
    return true;
}

static void pack_iq2_xxs(void *dst, const struct fitted *r)
{
    struct qt_block_iq2_xxs *b = dst;

    for (int j = 0; j < 8; j++) {
        uint32_t rows = 0, rest = (uint32_t)r->code[j] << 28;
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
        b->scales[j] = (uint8_t)(r->code[2 * j] | r->code[2 * j + 1] << 4);
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
        b->scales[j] = (uint8_t)(r->code[2 * j] | r->code[2 * j + 1] << 4);
    gg_store_u16(&b->d, r->d);
}

static void pack_iq3_xxs(void *dst, const struct fitted *r)
{
    struct qt_block_iq3_xxs *b = dst;

    for (int k = 0; k < 64; k++)
        b->qs[k] = (uint8_t)r->row[k];
    for (int j = 0; j < 8; j++) {
        uint32_t rest = (uint32_t)r->code[j] << 28;
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
        b->scales[j] = (uint8_t)(r->code[2 * j] | r->code[2 * j + 1] << 4);
    gg_store_u16(&b->d, r->d);
}

/* Where nothing but zeros was found, these store zeros and no signs. */
V_FN void pack(const struct iq_type *t, void (*store)(void *, const struct fitted *), void *dst,
               struct fitted *r)
{
    if (r->largest == 0.0f && t->even_signs) {
        memset(r->row, 0, sizeof r->row);
        memset(r->signs, 0, sizeof r->signs);
    }
    store(dst, r);
}

/* ---- rows -------------------------------------------------------------------------------------
 */

enum { AT_ONCE = VL > 8 ? 2 : 1 }; /* super-blocks whose groups of 32 fill the lanes */

V_FN void sums_of_squares(const struct v_group *g, float *sum)
{
    vf s = vf_set1(0);

    for (size_t i = 0; i < QT_SUPER; i += 16) {
        const float *p[VL];
        vf x[16];
        for (int k = 0; k < VL; k++)
            p[k] = g->x[k] + i;
        v_load_columns(x, p, 16);
        for (int j = 0; j < 16; j++)
            s += x[j] * x[j];
    }
    vf_store(sum, s);
}

V_FN void quant_rows(const struct iq_type *t, struct v_walk w, const struct qk_args *args,
                     void (*store)(void *, const struct fitted *), qk_quant_fn *reference)
{
    struct v_group g;

    assert(args && args->codebook && args->codebook->dims == t->dims);
    assert(args->weights || t->stand_in != NONE);
    while (v_next_group(&w, &g)) {
        float sum[VL];
        sums_of_squares(&g, sum);
        for (int first = 0; first < g.n; first += AT_ONCE) {
            const int n = g.n - first < AT_ONCE ? g.n - first : AT_ONCE;
            struct super s[AT_ONCE];
            bool fine[AT_ONCE];
            for (int k = 0; k < n; k++) {
                const float *imp = args->weights ? args->weights + g.col[first + k] : NULL;
                float sigma2 = t->variance * sum[first + k] / (float)QT_SUPER;
                fine[k] = load_values(t, &s[k], g.x[first + k], imp, sigma2);
                if (t->even_signs)
                    make_even(&s[k]);
                fine[k] &= set_bases(t, &s[k]);
            }
            if (t->fitted_largest)
                fit_bases(t, s, n);
            for (int k = 0; k < n; k++) {
                struct fitted r;
                struct qk_args a = *args;
                if (fine[k] && fit_super(t, &s[k], args->codebook, &r)) {
                    pack(t, store, g.y[first + k], &r);
                    continue;
                }
                a.weights = a.weights ? a.weights + g.col[first + k] : NULL;
                reference(g.y[first + k], g.x[first + k], 1, QT_SUPER, 0, 0, &a);
            }
        }
    }
}

#define QUANT(type)                                                                                \
    static void quant_##type(void *dst, const float *src, size_t n_rows, size_t n_cols,            \
                             size_t dst_stride, size_t src_stride, const struct qk_args *args)     \
    {                                                                                              \
        struct v_walk w = {dst, src, n_rows, n_cols, dst_stride, src_stride, QT_SUPER,             \
                           sizeof(struct qt_block_##type), 0, 0};                                  \
        quant_rows(&type, w, args, pack_##type, qk_ref_quant_##type);                                                           \
    }

QUANT(iq2_xxs)
QUANT(iq2_xs)
QUANT(iq2_s)
QUANT(iq3_xxs)
QUANT(iq3_s)

void V_NAME(qk_vec_encode_iq23)(struct qk_table *table)
{
    table->k[QT_IQ2_XXS].quant = quant_iq2_xxs;
    table->k[QT_IQ2_XS].quant = quant_iq2_xs;
    table->k[QT_IQ2_S].quant = quant_iq2_s;
    table->k[QT_IQ3_XXS].quant = quant_iq3_xxs;
    table->k[QT_IQ3_S].quant = quant_iq3_s;
}
