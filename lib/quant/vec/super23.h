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
    bool refit[16]; /* groups to be fitted again */
    int n_again;    /* points whose rows are to be looked up again, and which */
    uint16_t again[64 + PAD];
    int32_t code[64]; /* of rows, spread */
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

/* By how much a row must lead in group g. */
V_FN void set_margins(const struct iq_type *t, const struct super *s, int g, struct fit *f)
{
    const float top = (float)(2 * t->top - 1), inverse = f->inverse[MAX_TRIES * g + 2 * t->n_tries];
    const float floor = LEAD_FLOOR * (1.0f + inverse * inverse * (1.0f + s->largest[g]));

    for (int p = points_of(t) * g; p < points_of(t) * (g + 1); p++) {
        float most = s->sums.w[p] * (top * top) + s->sums.wx[p] * (2.0f * top * inverse) +
                     s->sums.wxx[p] * inverse * inverse;
        f->margin[p] = LEAD_MARGIN * most + floor;
    }
}

/* The candidate of group g whose inverse scale is below the one given, while the next one's is
 * above; -1 for none. */
V_FN int candidate_before(const struct iq_type *t, const struct fit *f, int g, float inverse)
{
    const float first = (float)(2 * t->top - 1) - (float)t->n_tries * t->step;
    const float at = (inverse * f->base[g] - first) * (1.0f / t->step);
    const float *of = f->inverse + MAX_TRIES * g;
    const int k = at > 0.0f && at < (float)(candidates_of(t) - 1) ? (int)at : 0;

    return of[k] < inverse && inverse < of[k + 1] ? k : -1;
}

/* By point: the candidate that is best for its group and the row there, the candidate
 * before the scale found and the rows there and at the next one. */
struct taken {
    int32_t best[MAX_POINTS], row[MAX_POINTS], before[MAX_POINTS], rows[MAX_POINTS];
};

V_FN void take_rows(const struct iq_type *t, const struct fit *f, int g, int before,
                    struct taken *k)
{
    const int best = f->best[g];

    for (int p = points_of(t) * g; p < points_of(t) * (g + 1); p++) {
        k->best[p] = best < 0 ? 0 : best;
        k->row[p] = best < 0 ? f->cb->spread[0] : f->kept[p][best];
        k->before[p] = before < 0 ? 0 : before;
        k->rows[p] = (int32_t)gg_load_u32(f->kept[p] + k->before[p]);
    }
}

/* Bits: points that are off the grid at the best candidates, where the row is not the code. */
V_FN uint64_t find_off_grid(const struct iq_type *t, const struct fit *f, const struct taken *k)
{
    uint64_t off = 0, doubt = 0;

    for (int p = 0; p < all_points(t); p += VL) {
        const vu best = (vu)vi_load(k->best + p);
        const vm on = vi_eq(spread_codes(t, f, p, best), vi_load(k->row + p));
        const vi doubtful = (vi)(vu_shrv(load_words(f->doubt + p), best) & 1);
        off |= (uint64_t)vm_bits(vm_not(on)) << p;
        doubt |= (uint64_t)vm_bits(vi_eq(doubtful, vi_set1(1))) << p;
    }
    for (; doubt; doubt &= doubt - 1) {
        const int p = __builtin_ctzll(doubt);
        const bool is = f->base[p / points_of(t)] != 0.0f &&
                        f->cb->near_of[exact_code_at(t, f, p, k->best[p])] >= 0;
        off = (off & ~((uint64_t)1 << p)) | (uint64_t)is << p;
    }
    return off;
}

/* Bits: points whose row is the same at all scales from one candidate to the next. Codes do not
 * change between two candidates that have the same one, for the reference's levels never fall while
 * the inverse scale grows. A row that leads by a margin at both, leads in between (lead23.h). */
V_FN uint64_t find_known(const struct iq_type *t, const struct fit *f, const struct taken *k)
{
    uint64_t known = 0;

    for (int p = 0; p < all_points(t); p += VL) {
        const vu before = (vu)vi_load(k->before + p), rows = (vu)vi_load(k->rows + p);
        const vu unsure = load_words(f->doubt + p) | load_words(f->unsure + p);
        const vu starts = load_words(f->starts + p) & ~1u;
        const vu unlike = (vu_shrv(starts, before) & 2) | (vu_shrv(unsure, before) & 3) |
                          ((rows & 0xffff) ^ rows >> 16);
        known |= (uint64_t)vm_bits(vi_eq((vi)unlike, vi_set1(0))) << p;
    }
    return known;
}

/* Takes what the best candidates found, and those rows that are known at the scales found; lists
 * points whose rows are not. */
V_FN void take_best(const struct iq_type *t, const struct fit *f, struct fitted *r)
{
    const int n_points = points_of(t), n_groups = QT_SUPER / t->group;
    int before[MAX_GROUPS];
    uint64_t again = 0, sure = 0;
    struct taken k;

    for (int g = 0; g < n_groups; g++) {
        const bool any = f->base[g] != 0.0f && f->scale[g] > 0.0f;
        before[g] = any ? candidate_before(t, f, g, 1.0f / f->scale[g]) : -1;
        take_rows(t, f, g, before[g], &k);
    }
    const uint64_t off = t->refit == REFIT_ALL ? 0 : find_off_grid(t, f, &k);
    const uint64_t known = find_known(t, f, &k);
    for (int g = 0; g < n_groups; g++) {
        const uint64_t all = (((uint64_t)1 << n_points) - 1) << n_points * g;
        const uint64_t its = f->best[g] < 0 ? 0 : off & all;
        const bool any =
            t->refit == REFIT_ALL || its != 0 || (f->best[g] < 0 && t->refit == REFIT_ALL_IF_ANY);
        r->scale[g] = f->scale[g];
        r->refit[g] = any && f->scale[g] > 0.0f;
        if (!r->refit[g])
            continue;
        again |= t->refit == REFIT_OFF_GRID ? its : all;
        sure |= before[g] < 0 ? 0 : known & all;
    }
    for (int p = 0; p < all_points(t); p += VL) {
        const vm is = vm_from_bits((unsigned)((again & sure) >> p) & ((1u << VL) - 1));
        const vi row = vi_load(k.rows + p) & 0xffff;
        vi_store(r->code + p, vi_select(is, row, vi_load(k.row + p)));
    }
    for (int p = 0; p < all_points(t); p += 32)
        r->n_again += v_number_bits(r->again + r->n_again, (uint32_t)((again & ~sure) >> p), 32, p);
}

/* Fits all groups at their best candidates. False when values are too many steps large. */
V_FN bool fit_groups(const struct iq_type *t, const struct super *s, struct fit *f,
                     struct fitted *r)
{
    const int n_groups = QT_SUPER / t->group;
    bool fine = true;

    f->x = s->x, f->w = s->w, f->wx = s->wx;
    f->root_w = s->root_w, f->root_wx2 = s->root_wx2;
    f->half = s->half;
    for (int g = 0; g < n_groups; g++) {
        const bool zeros = s->base[g] == 0.0f;
        f->base[g] = s->base[g];
        f->scale[g] = zeros ? 0.0f : s->scale[g];
        for (int p = 0; p < points_of(t); p++)
            f->base_of[points_of(t) * g + p] = zeros ? 1.0f : s->base[g];
        if (zeros)
            continue;
        set_candidates(t, f, g);
        fine &= f->inverse[MAX_TRIES * g + 2 * t->n_tries] * s->largest[g] < 0x1p21f;
        set_margins(t, s, g, f);
    }
    if (!fine)
        return false;
    set_kept(t, f);
    set_best(t, f);
    take_best(t, f, r);
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

/* Finds the rows that are not known at their groups' new scales. doubt: bits by point. */
V_FN void rows_again(const struct iq_type *t, const struct super *s, const struct qk_codebook *cb,
                     const int32_t *code, uint64_t doubt, struct fitted *r)
{
    for (int i = 0; i < r->n_again; i++) {
        const int p = r->again[i], j = p / points_of(t), at = t->dims * p;
        r->code[p] =
            exact_row(t, cb, code[p], doubt >> p & 1, s->x + at, s->root_w + at, r->scale[j]);
    }
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

/* Rows of spread codes. */
V_FN void set_row_numbers(const struct iq_type *t, const struct qk_codebook *cb, struct fitted *r)
{
    const int n_points = t->group / t->dims;

    for (int p = 0; p < QT_SUPER / t->dims; p += VL) {
        vi code = vi_load(r->code + p);
        if (t->dims == 4) {
            const vu wide = (vu)code;
            code = (vi)((wide & 7) | (wide >> 1 & 7 << 3) | (wide >> 2 & 7 << 6) |
                        (wide >> 3 & 7 << 9));
        }
        vi_to_u16(r->row + p, vi_gather(cb->row_of, code));
    }
    for (int j = 0; j < QT_SUPER / t->group; j++)
        if (r->zeros[j])
            memset(r->row + n_points * j, 0, (size_t)n_points * sizeof *r->row);
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
    struct fit f;

    memset(r, 0, sizeof *r);
    memcpy(r->signs, s->signs, sizeof r->signs);
    f.cb = cb;
    set_columns(t, s);
    for (int j = 0; j < QT_SUPER / t->group; j++) {
        r->zeros[j] = s->base[j] == 0.0f;
        if (r->zeros[j])
            memset(r->signs + t->group / 8 * j, 0, (size_t)(t->group / 8));
    }
    if (!fit_groups(t, s, &f, r) || !refit(t, s, cb, r))
        return false;
    set_row_numbers(t, cb, r);
    turn_scales(t, r);
    if (r->largest != 0.0f)
        round_scales(t, r);
    return true;
}

#endif
