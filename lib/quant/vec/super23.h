/* Fitting a super-block of a codebook type (IQ2, IQ3): its groups at their best candidates
 * (fit23.h), then once more at the scales found, for all of them side by side. */
#ifndef QK_VEC_SUPER23_H
#define QK_VEC_SUPER23_H

#include "lib/quant/vec/fit23.h"

/* Sums of root_w, root_w |x| and root_w x^2. */
struct point_sums {
    float w[QT_SUPER / 4], wx[QT_SUPER / 4], wxx[QT_SUPER / 4];
};

/* A super-block's values, group by group. */
struct super {
    float x[QT_SUPER]; /* magnitudes; one of eight is negative when signs must be even */
    float w[QT_SUPER], root_w[QT_SUPER], wx[QT_SUPER],
        root_wx2[QT_SUPER]; /* root_wx2: 2 root_w x */
    uint8_t signs[QT_SUPER / 8];
    float largest[16];         /* magnitude of each group */
    float base[16], scale[16]; /* of each group to begin with; base 0: a group of zeros */
    float half[QT_SUPER];      /* halves of x, element by element of all points */
    struct point_sums sums;    /* of each point */
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

/* By how much a row must lead in group j of the super-block, number g of the batch. */
V_FN void set_margins(const struct iq_type *t, const struct super *s, int j, struct fit *f, int g)
{
    const float top = (float)(2 * t->top - 1), inverse = f->inverse[MAX_TRIES * g + 2 * t->n_tries];
    const float floor = LEAD_FLOOR * (1.0f + inverse * inverse * (1.0f + s->largest[j]));

    for (int p = 0; p < points_of(t); p++) {
        const int at = points_of(t) * j + p;
        float most = s->sums.w[at] * (top * top) + s->sums.wx[at] * (2.0f * top * inverse) +
                     s->sums.wxx[at] * inverse * inverse;
        f->margin[points_of(t) * g + p] = LEAD_MARGIN * most + floor;
    }
}

/* Takes what the best candidate found for group g of the batch, number j of the super-block. */
V_FN void take_best(const struct iq_type *t, const struct fit *f, int g, int j, struct fitted *r)
{
    const int best = f->best[g];
    bool any = t->refit == REFIT_ALL;

    for (int p = 0; p < points_of(t); p++) {
        const int at = points_of(t) * j + p, in = points_of(t) * g + p;
        r->code[at] = best < 0 ? f->cb->spread[0] : f->kept[in][best];
        r->again[at] = best < 0 ? t->refit == REFIT_ALL_IF_ANY : off_grid_at(t, f, in, best);
        any |= r->again[at];
    }
    r->scale[j] = f->scale[g];
    r->refit[j] = any && r->scale[j] > 0.0f;
}

/* Fits groups from number j on at their best candidates. False when values are too many steps
 * large. */
V_FN bool fit_batch(const struct iq_type *t, const struct super *s, int j, struct fit *f,
                    struct fitted *r)
{
    const int at = t->group * j, n_groups = batch_of(t) / t->group;
    bool fine = true;

    f->x = s->x + at, f->w = s->w + at, f->wx = s->wx + at;
    f->root_w = s->root_w + at, f->root_wx2 = s->root_wx2 + at;
    f->half = s->half + at / t->dims;
    for (int g = 0; g < n_groups; g++) {
        f->base[g] = s->base[j + g];
        f->scale[g] = r->scale[j + g] = f->base[g] != 0.0f ? s->scale[j + g] : 0.0f;
        if (f->base[g] != 0.0f)
            set_candidates(t, f, g);
        for (int p = 0; p < points_of(t); p++)
            f->base_of[points_of(t) * g + p] = f->base[g] != 0.0f ? f->base[g] : 1.0f;
    }
    for (int g = 0; g < n_groups; g++) {
        if (f->base[g] == 0.0f)
            continue;
        fine &= f->inverse[MAX_TRIES * g + 2 * t->n_tries] * s->largest[j + g] < 0x1p21f;
        set_margins(t, s, j + g, f, g);
    }
    if (!fine)
        return false;
    set_kept(t, f);
    set_best(t, f);
    for (int g = 0; g < n_groups; g++)
        if (f->base[g] != 0.0f)
            take_best(t, f, g, j + g, r);
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

/* Sums of the rows near a point at its group's new scale. */
V_FN void set_sums(const struct iq_type *t, const struct super *s, const struct qk_codebook *cb,
                   int p, int32_t near, float scale, struct v_sums *sums)
{
    const int at = t->dims * p;
    struct v_costs costs;
    vf q[V_T8];

    for (int k = 0; k < V_T8; k++)
        q[k] = scale * vf_load((t->dims == 8 ? v_odd4 : v_odd8) + k * VL);
    v_set_costs(&costs, t->dims, q, s->x + at, s->root_w + at);
    v_set_sums(sums, t->dims, cb->near + (near >> 8) * V_BLOCK, near & 255, &costs);
}

/* Finds rows of points at their groups' new scales. doubt: bits by point. */
V_FN void rows_again(const struct iq_type *t, const struct super *s, const struct qk_codebook *cb,
                     const int32_t *code, uint64_t doubt, struct fitted *r)
{
    const int n_points = t->group / t->dims;
    struct v_sums sums[QT_SUPER / 4];
    uint8_t point[QT_SUPER / 4];
    int n = 0;

    for (int p = 0; p < QT_SUPER / t->dims; p++) {
        const int j = p / n_points, at = t->dims * p;
        const int32_t near = cb->near_of[code[p]];
        if (!r->refit[j] || (t->refit == REFIT_OFF_GRID && !r->again[p]))
            continue;
        if (near < 0) {
            r->code[p] = near & 0xffff;
        } else if ((doubt >> p & 1) || (near & 255) > (t->dims == 8 ? 16 : 8)) {
            struct v_list list = doubt >> p & 1 ? list_around(cb, code[p]) : list_near(cb, near);
            r->code[p] = (t->dims == 8 ? exact_row8 : exact_row4)(list, s->x + at, s->root_w + at,
                                                                  r->scale[j]);
        } else {
            point[n] = (uint8_t)p;
            set_sums(t, s, cb, p, near, r->scale[j], &sums[n++]);
        }
    }
    for (int i = 0; i < n; i++)
        r->code[point[i]] = v_first_least(&sums[i], t->dims);
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
            vu bits = t->dims == 8 ? (vu)vi_set1((int)(c[0] | (uint32_t)c[1] << 16)) : (vu)codes[k];
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

    memset(f.different, 0, sizeof f.different);
    memset(r, 0, sizeof *r);
    memcpy(r->signs, s->signs, sizeof r->signs);
    f.cb = cb;
    set_columns(t, s);
    for (int j = 0; j < QT_SUPER / t->group; j++) {
        r->zeros[j] = s->base[j] == 0.0f;
        if (r->zeros[j])
            memset(r->signs + t->group / 8 * j, 0, (size_t)(t->group / 8));
    }
    for (int j = 0; j < QT_SUPER / t->group; j += batch_of(t) / t->group)
        if (!fit_batch(t, s, j, &f, r))
            return false;
    if (!refit(t, s, cb, r))
        return false;
    for (int p = 0; p < QT_SUPER / t->dims; p++)
        r->row[p] = r->zeros[p / n_points] ? 0 : row_of_spread(t, cb, r->code[p]);
    turn_scales(t, r);
    if (r->largest != 0.0f)
        round_scales(t, r);
    return true;
}

#endif
