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

/* Sums of root_w, root_w |x| and root_w x^2. */
struct point_sums {
    float w[QT_SUPER / 4], wx[QT_SUPER / 4], wxx[QT_SUPER / 4];
};

/* A super-block's values, group by group. */
struct super {
    float x[QT_SUPER]; /* magnitudes; one of eight is negative when signs must be even */
    float w[QT_SUPER], root_w[QT_SUPER], wx[QT_SUPER], root_wx2[QT_SUPER]; /* root_wx2: 2 root_w x */
    uint8_t signs[QT_SUPER / 8];
    float largest[16];           /* magnitude of each group */
    float base[16], scale[16];   /* of each group to begin with; base 0: a group of zeros */
    float half[QT_SUPER];        /* halves of x, element by element of all points */
    struct point_sums sums;      /* of each point */
};

/* What was found, and what the packers take. */
struct fitted {
    float scale[16], largest;
    bool zeros[16];
    bool refit[16], again[64]; /* groups to be fitted again; points that were off the grid */
    int32_t code[64];          /* of rows, spread */
    uint16_t row[64];
    uint8_t signs[32];
    uint16_t d;
    uint8_t step[16]; /* scales as they are stored */
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

/* ---- groups -----------------------------------------------------------------------------------
 */

/* Element by element of all points: halves of values, and sums. */
V_FN void set_columns(const struct iq_type *t, struct super *s)
{
    const int n_points = QT_SUPER / t->dims;

    for (int p = 0; p < n_points; p += VL) {
        const float *xs[VL], *ws[VL];
        vf x[8], w[8], sum_w = vf_set1(0), sum_wx = sum_w, sum_wxx = sum_w;
        for (int k = 0; k < VL; k++) {
            xs[k] = s->x + t->dims * (p + k);
            ws[k] = s->root_w + t->dims * (p + k);
        }
        v_load_columns(x, xs, (size_t)t->dims);
        v_load_columns(w, ws, (size_t)t->dims);
        for (int i = 0; i < t->dims; i++) {
            vf_store(s->half + i * n_points + p, 0.5f * x[i]);
            vf size = vf_abs(x[i]), wx = w[i] * size;
            sum_w += w[i];
            sum_wx += wx;
            sum_wxx += wx * size;
        }
        vf_store(s->sums.w + p, sum_w);
        vf_store(s->sums.wx + p, sum_wx);
        vf_store(s->sums.wxx + p, sum_wxx);
    }
}

/* By how much a row must lead, at inverse scales up to t: for points from p on. */
V_FN void set_margins(const struct iq_type *t, const struct super *s, int j, struct fit *f)
{
    const int n_points = t->group / t->dims, p = n_points * j;
    const float top = (float)(2 * t->top - 1), inverse = f->inverse[2 * t->n_tries];
    const float floor = LEAD_FLOOR * (1.0f + inverse * inverse * (1.0f + s->largest[j]));

    for (int k = 0; k < n_points; k += VL) {
        vf most = vf_load(s->sums.w + p + k) * (top * top) +
                  vf_load(s->sums.wx + p + k) * (2.0f * top * inverse) +
                  vf_load(s->sums.wxx + p + k) * inverse * inverse;
        vf_store(f->margin + k, LEAD_MARGIN * most + floor);
    }
}

/* Fits group j at the best candidate. False when values are too many steps large. */
V_FN bool fit_group(const struct iq_type *t, const struct super *s, int j, struct fit *f,
                    struct fitted *r)
{
    const int n_points = t->group / t->dims, n = 2 * t->n_tries + 1, at = t->group * j;

    f->x = s->x + at, f->w = s->w + at, f->wx = s->wx + at;
    f->root_w = s->root_w + at, f->root_wx2 = s->root_wx2 + at;

    r->scale[j] = s->scale[j];
    set_candidates(t, f, s->base[j]);
    if (!(f->inverse[n - 1] * s->largest[j] < 0x1p21f))
        return false;
    set_margins(t, s, j, f);
    set_codes(t, f, s->half + n_points * j, QT_SUPER / t->dims, s->base[j]);
    set_kept(t, f);
    set_moments(t, f);
    const int best = best_candidate(f, n, &r->scale[j]);
    bool any = t->refit == REFIT_ALL;
    for (int p = 0; p < n_points; p++) {
        const int point = n_points * j + p;
        r->code[point] = best < 0 ? f->cb->spread[0] : f->kept[p][best];
        r->again[point] = best < 0 ? t->refit == REFIT_ALL_IF_ANY
                                   : f->cb->near_of[f->code[PAD + n_points * best + p]] >= 0;
        any |= r->again[point];
    }
    r->refit[j] = any && r->scale[j] > 0.0f;
    return true;
}

#define IN_DOUBT 0.49999f /* from a level: rounding could take less than 1e-5 */

/* ---- once more --------------------------------------------------------------------------------
 */

/* Codes of all points at the inverse scales found, inverse: one for each point. Bits: points with a
 * value in doubt. */
V_FN uint64_t codes_again(const struct iq_type *t, const struct super *s, const float *inverse,
                          int32_t *code)
{
    const int n_points = QT_SUPER / t->dims;
    uint64_t doubt = 0;

    for (int p = 0; p < n_points; p += VL) {
        vf apart = vf_set1(0);
        vu c = (vu)vi_set1(0);
        for (int i = 0; i < t->dims; i++) {
            vf v = vf_load(inverse + p) * vf_load(s->half + i * n_points + p) - 0.5f;
            v = vf_min(vf_max(v, vf_set1(0)), vf_set1((float)(t->top - 1)));
            vi level = vi_nearest(v);
            apart = vf_max(vf_abs(v - vf_from_i(level)), apart);
            c |= (vu)level << t->bits * i;
        }
        vi_store(code + p, (vi)c);
        doubt |= (uint64_t)vm_bits(vf_gt(apart, vf_set1(IN_DOUBT))) << p;
    }
    return doubt;
}

/* A point to be looked up again: eight or sixteen rows near it. */
struct again {
    int32_t point;
    const uint16_t *list;
    float sum[16]; /* the reference's, for each row */
};

/* Sums of the rows near a point of the code given, at its group's new scale; those of the first row
 * again behind the last. */
V_FN void set_sums(const struct iq_type *t, const struct super *s, const struct qk_codebook *cb,
                   int32_t near, float scale, struct again *a)
{
    const int at = t->dims * a->point;
    struct v_costs costs;
    vf q[V_T8];

    a->list = cb->near + (near >> 8) * V_BLOCK;
    for (int k = 0; k < V_T8; k++)
        q[k] = scale * vf_load((t->dims == 8 ? v_odd4 : v_odd8) + k * VL);
    v_set_costs(&costs, t->dims, q, s->x + at, s->root_w + at);
    for (int j = 0; j < (t->dims == 8 ? 16 : 8); j += VL) {
        vf sum = v_add_costs(&costs, vf_set1(0), (vu)vi_from_u16(a->list + j), t->dims, 0, t->dims);
        vf_store(a->sum + j, vf_select(vi_lt(vi_load(v_lane + j), vi_set1(near & 255)), sum,
                                           vf_set1(FLT_MAX)));
    }
}

V_FN int32_t first_least(const struct iq_type *t, const struct again *a)
{
    const int n = t->dims == 8 ? 16 : 8;
    vf least = vf_load(a->sum);
    unsigned eq = 0;

    for (int j = VL; j < n; j += VL)
        least = vf_min(least, vf_load(a->sum + j));
    least = vf_least(least);
    for (int j = 0; j < n; j += VL)
        eq |= vm_bits(vf_eq(vf_load(a->sum + j), least)) << j;
    return a->list[__builtin_ctz(eq)];
}

/* Finds rows of points at their groups' new scales. doubt: bits by point. */
V_FN void rows_again(const struct iq_type *t, const struct super *s, const struct qk_codebook *cb,
                     const int32_t *code, uint64_t doubt, struct fitted *r)
{
    const int n_points = t->group / t->dims;
    struct again again[QT_SUPER / 4];
    int n = 0;

    for (int p = 0; p < QT_SUPER / t->dims; p++) {
        const int j = p / n_points, at = t->dims * p;
        const int32_t near = cb->near_of[code[p]];
        if (!r->refit[j] || (t->refit == REFIT_OFF_GRID && !r->again[p]))
            continue;
        if (near < 0) {
            r->code[p] = near & 0xffff;
        } else if ((doubt >> p & 1) || (near & 255) > (t->dims == 8 ? 16 : 8)) {
            r->code[p] = (t->dims == 8 ? exact_row8 : exact_row4)(cb, code[p], s->x + at,
                                                                  s->root_w + at, r->scale[j]);
        } else {
            again[n].point = p;
            set_sums(t, s, cb, near, r->scale[j], &again[n++]);
        }
    }
    for (int i = 0; i < n; i++)
        r->code[again[i].point] = first_least(t, &again[i]);
}

static const int32_t v_by_two[16] = {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30};
static const int32_t v_by_four[16] = {0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12};

/* w x q and w q q of all values, at the levels of the points' (spread) codes. */
V_FN void set_terms(const struct iq_type *t, const struct super *s, const int32_t *code, float *xq,
                    float *qq)
{
    for (int at = 0; at < QT_SUPER; at += 16) {
        const int32_t *c = code + at / t->dims;
        vi codes[V_PER16];
        if (t->dims == 4)
            vi_spread4(codes, (uint64_t)c[0] | (uint64_t)c[1] << 16 | (uint64_t)c[2] << 32 |
                                  (uint64_t)c[3] << 48);
        for (int k = 0; k < V_PER16; k++) {
            const int i = at + k * VL;
            vu shift = (vu)vi_load((t->dims == 8 ? v_by_two : v_by_four) + k * VL);
            vu bits = t->dims == 8 ? (vu)vi_set1(c[0] | c[1] << 16) : (vu)codes[k];
            vf q = value_at(vu_shrv(bits, shift), t->dims, 0), w = vf_load(s->w + i);
            vf_store(xq + i, vf_load(s->wx + i) * q);
            vf_store(qq + i, w * q * q);
        }
    }
}

/* sum[j]: of run j of n terms; two halves of runs, n_runs in all. */
V_FN void sum_runs(int n, int n_runs, const float *first, const float *second, float *sum)
{
    for (int j = 0; j < n_runs; j += VL) {
        const float *p[VL];
        vf a = vf_set1(0);
        for (int k = 0; k < VL; k++) {
            int run = (j + k) % n_runs;
            p[k] = run < n_runs / 2 ? first + n * run : second + n * (run - n_runs / 2);
        }
        for (int i = 0; i < n; i += 16) {
            vf x[16];
            for (int k = 0; k < 16; k += 4)
                v_load_columns4(x + k, p, (size_t)(i + k));
            for (int k = 0; k < 16; k++)
                a += x[k];
        }
        vf_store(sum + j, a);
    }
}

/* Looks points up again at the scales found, and sets those of least squares for what they become.
 * False when values are too many steps large. */
V_FN bool refit(const struct iq_type *t, const struct super *s, const struct qk_codebook *cb,
                struct fitted *r)
{
    const int n_groups = QT_SUPER / t->group, n_points = t->group / t->dims;
    float inverse[QT_SUPER / 4], xq[QT_SUPER], qq[QT_SUPER], sum[32];
    int32_t code[QT_SUPER / 4];
    bool fine = true;

    for (int j = 0; j < n_groups; j++) {
        float one = r->refit[j] ? 1.0f / r->scale[j] : 0.0f;
        fine &= one * s->largest[j] < 0x1p21f;
        for (int p = 0; p < n_points; p++)
            inverse[n_points * j + p] = one;
    }
    if (!fine)
        return false;
    const uint64_t doubt = codes_again(t, s, inverse, code);
    rows_again(t, s, cb, code, doubt, r);
    set_terms(t, s, r->code, xq, qq);
    sum_runs(t->group, 2 * n_groups, xq, qq, sum);
    for (int j = 0; j < n_groups; j++)
        if (r->refit[j] && sum[n_groups + j] > 0.0f)
            r->scale[j] = sum[j] / sum[n_groups + j];
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
            r->step[j + k] = (uint8_t)code[k];
    }
    r->d = qt_f16_from_f32(d * t->fudge);
}

/* Row of a spread code that is on the grid. */
V_FN uint16_t row_of_spread(const struct iq_type *t, const struct qk_codebook *cb, int32_t code)
{
    if (t->dims == 4)
        code = (code & 7) | (code >> 1 & 7 << 3) | (code >> 2 & 7 << 6) | (code >> 3 & 7 << 9);
    return (uint16_t)cb->row_of[code];
}

/* Scales at least 0 and the largest; signs are turned where the fit says so. */
V_FN void turn_scales(const struct iq_type *t, struct fitted *r)
{
    const int n_signs = t->group / 8;

    for (int j = 0; j < QT_SUPER / t->group; j++) {
        if (r->zeros[j])
            continue;
        if (r->scale[j] < 0.0f) {
            r->scale[j] = -r->scale[j];
            for (int k = n_signs * j; k < n_signs * (j + 1); k++)
                r->signs[k] = (uint8_t)(~r->signs[k] & (t->even_signs ? 127 : 255));
        }
        if (!(r->scale[j] <= r->largest))
            r->largest = r->scale[j];
    }
}

/* False when the reference has to do it. Without any scale, d and codes are 0. */
V_FN bool fit_super(const struct iq_type *t, struct super *s, const struct qk_codebook *cb,
                    struct fitted *r)
{
    const int n_points = t->group / t->dims;
    struct fit f;

    memset(r, 0, sizeof *r);
    memcpy(r->signs, s->signs, sizeof r->signs);
    f.cb = cb;
    set_columns(t, s);
    for (int j = 0; j < QT_SUPER / t->group; j++) {
        r->zeros[j] = s->base[j] == 0.0f;
        if (r->zeros[j])
            memset(r->signs + t->group / 8 * j, 0, (size_t)(t->group / 8));
        else if (!fit_group(t, s, j, &f, r))
            return false;
    }
    if (!refit(t, s, cb, r))
        return false;
    for (int p = 0; p < QT_SUPER / t->dims; p++)
        r->row[p] = r->zeros[p / n_points] ? 0 : row_of_spread(t, cb, r->code[p]);
    turn_scales(t, r);
    if (r->largest != 0.0f)
        round_scales(t, r);
    return true;
}

/* One text for each shape of groups, with what else differs variable. */
#define FIT(name, group, dims, bits, top)                                                          \
    static bool fit_##name(const struct iq_type *t, struct super *s, const struct qk_codebook *cb, \
                           struct fitted *r)                                                       \
    {                                                                                              \
        const struct iq_type same = {group, dims, bits, top, t->n_tries, t->step, t->eps,          \
                                     t->variance, t->fudge, t->refit, t->stand_in,                 \
                                     t->even_signs, t->fitted_largest};                            \
        return fit_super(&same, s, cb, r);                                                         \
    }

FIT(32_8, 32, 8, 2, 3)
FIT(16_8, 16, 8, 2, 3)
FIT(32_4, 32, 4, 3, 8)

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

/* Where nothing but zeros was found, these store zeros and no signs. */
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

/* Super-blocks first .. first + n - 1 of a group. */
static void quant_blocks(const struct encoder *e, const struct v_group *g, int first, int n,
                         const float *sum, const struct qk_args *args)
{
    const struct iq_type *t = e->type;
    struct super s[AT_ONCE];
    bool fine[AT_ONCE];

    for (int k = 0; k < n; k++) {
        const float *imp = args->weights ? args->weights + g->col[first + k] : NULL;
        float sigma2 = t->variance * sum[first + k] / (float)QT_SUPER;
        fine[k] = load_values(t, &s[k], g->x[first + k], imp, sigma2);
        if (t->even_signs)
            make_even(&s[k]);
        fine[k] &= set_bases(t, &s[k]);
    }
    if (t->fitted_largest)
        fit_bases(t, s, n);
    for (int k = 0; k < n; k++) {
        struct fitted r;
        struct qk_args a = *args;
        if (fine[k] && e->fit(t, &s[k], args->codebook, &r)) {
            pack(e, g->y[first + k], &r);
            continue;
        }
        a.weights = a.weights ? a.weights + g->col[first + k] : NULL;
        e->reference(g->y[first + k], g->x[first + k], 1, QT_SUPER, 0, 0, &a);
    }
}

static void quant_rows(const struct encoder *e, struct v_walk w, const struct qk_args *args)
{
    struct v_group g;

    assert(args && args->codebook && args->codebook->dims == e->type->dims);
    assert(args->weights || e->type->stand_in != NONE);
    while (v_next_group(&w, &g)) {
        float sum[VL];
        sums_of_squares(&g, sum);
        for (int first = 0; first < g.n; first += AT_ONCE)
            quant_blocks(e, &g, first, g.n - first < AT_ONCE ? g.n - first : AT_ONCE, sum, args);
    }
}

#define QUANT(type, shape)                                                                         \
    static void quant_##type(void *dst, const float *src, size_t n_rows, size_t n_cols,            \
                             size_t dst_stride, size_t src_stride, const struct qk_args *args)     \
    {                                                                                              \
        const struct encoder e = {&type, fit_##shape, pack_##type, qk_ref_quant_##type};           \
        struct v_walk w = {dst, src, n_rows, n_cols, dst_stride, src_stride, QT_SUPER,             \
                           sizeof(struct qt_block_##type), 0, 0};                                  \
        quant_rows(&e, w, args);                                                                   \
    }

QUANT(iq2_xxs, 32_8)
QUANT(iq2_xs, 16_8)
QUANT(iq2_s, 16_8)
QUANT(iq3_xxs, 32_4)
QUANT(iq3_s, 32_4)

void V_NAME(qk_vec_encode_iq23)(struct qk_table *table)
{
    table->k[QT_IQ2_XXS].quant = quant_iq2_xxs;
    table->k[QT_IQ2_XS].quant = quant_iq2_xs;
    table->k[QT_IQ2_S].quant = quant_iq2_s;
    table->k[QT_IQ3_XXS].quant = quant_iq3_xxs;
    table->k[QT_IQ3_S].quant = quant_iq3_s;
}
