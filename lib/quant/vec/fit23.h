/* Fitting one group of a codebook type (IQ2, IQ3: lib/quant/ref/iq23.c): candidates are lanes.
 *
 * A point's code changes a few times only as the inverse scale grows: candidates come in runs of
 * one code, and what a run needs is found once. For a code on the grid that is the code. For one
 * off the grid, the list of rows around it is the same for the whole run, and so, nearly always, is
 * the nearest of them:
 *
 *   Let t be the inverse of the scale s, and N_r(t) = sum w (q_r - t x)^2 the distance of row r
 *   divided by s^2. The difference of two rows' N is linear in t (the squares of t x cancel). Let
 *   M(t) = sum w (q_top + t |x|)^2, which is convex in t. A distance as computed, over s^2, is
 *   within 14 u M(t) of N (u = 2^-24: seven roundings in a term, relative to it or to its parts
 *   before they cancel, seven in the sum). So where a row is computed to be nearer than another by
 *   more than 56 u M s^2 at both ends of a run, N_other - N_row - 28 u M is positive at both ends;
 *   it is concave, so positive between; so the row is computed to be nearer there too.
 *
 * So the nearest row is sought at both ends. When it is one and the same, and no other comes within
 * that margin (v_ask.alone), it is the nearest of all candidates between; else the run is cut in
 * two. M s^2 is bounded by (sum w) (s q_top + max |x|)^2, convex over s^2 as well. The margin's
 * floor is far above what is lost where terms are not normal numbers.
 */
#ifndef QK_VEC_FIT23_H
#define QK_VEC_FIT23_H

#include "lib/quant/vec/nearest.h"

enum refit {
    REFIT_ALL,       /* every point is looked up again */
    REFIT_OFF_GRID,  /* those that were off the grid */
    REFIT_ALL_IF_ANY /* all of them when one was off the grid */
};

enum stand_in { NONE, SQUARE, SQUARE_AND_MEAN }; /* for absent weights: x^2, x^2 + mean square / 2 */

/* As in the reference, which explains. */
struct iq_type {
    int group;      /* values under one scale */
    int dims, bits; /* of the grid's points */
    int top;        /* levels */
    int n_tries;    /* candidates on each side */
    float step, eps, variance, fudge;
    enum refit refit;
    enum stand_in stand_in;
    bool even_signs, fitted_largest;
};

enum { MAX_TRIES = 32, MAX_POINTS = 8, PAD = 16 };

#define RIVAL_MARGIN 4e-6f /* 56 u = 3.34e-6, and what rounding takes from the margin itself */
#define RIVAL_FLOOR 0x1p-100f

/* Candidates a .. b of a point, with one code that is off the grid, and the nearest row's at both
 * ends. */
struct span {
    int32_t row_of;
    uint8_t p, a, b;
    struct v_answer at[2];
};

enum { MAX_SPANS = MAX_POINTS * MAX_TRIES, SPARE = MAX_TRIES - 1 /* no candidate's number */ };

/* A group while it is fitted. Codes by point and candidate; there is room before and behind. */
struct fit {
    const struct qk_codebook *cb;
    const float *x, *w, *root_w, *wx;
    float largest; /* magnitude */
    float inverse[MAX_TRIES], scale[MAX_TRIES];
    float weight[MAX_POINTS];                  /* sum of root_w */
    int32_t code[MAX_POINTS][PAD + MAX_TRIES]; /* of the lattice point; from PAD on */
    int32_t kept[MAX_POINTS][MAX_TRIES + PAD]; /* of the row, spread */
    float xq[MAX_TRIES], qq[MAX_TRIES];
    int n_spans;
    struct span span[MAX_SPANS]; /* to be settled */
};

static const float v_iota[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static const float v_odd4[16] = {1, 3, 5, 7, 1, 3, 5, 7, 1, 3, 5, 7, 1, 3, 5, 7};
static const float v_odd8[16] = {1, 3, 5, 7, 9, 11, 13, 15, 1, 3, 5, 7, 9, 11, 13, 15};

V_FN void set_candidates(const struct iq_type *t, struct fit *f, float base)
{
    const int n = 2 * t->n_tries + 1;

    for (int k = 0; k < n; k += VL) {
        vf at = vf_load(v_iota + k % 16) + (float)(k / 16 * 16 - t->n_tries);
        at = vf_min(at, vf_set1((float)t->n_tries));
        vf inverse = ((float)(2 * t->top - 1) + at * t->step) / base;
        vf_store(f->inverse + k, inverse);
        vf_store(f->scale + k, 1.0f / inverse);
    }
}

/* Codes of a point for all candidates. 0.5 (t x - 1) is t (x / 2) - 0.5, for halves are exact; a
 * value below 0 goes to level 0, as 0 does. */
V_FN void set_codes(const struct iq_type *t, struct fit *f, int p)
{
    const int n = 2 * t->n_tries + 1;
    const float *x = f->x + t->dims * p;

    for (int k = 0; k < n; k += VL) {
        vf inverse = vf_load(f->inverse + k);
        vu code = (vu)vi_set1(0);
        for (int i = 0; i < t->dims; i++) {
            vf v = inverse * (0.5f * vf_max(vf_set1(x[i]), vf_set1(0))) - 0.5f;
            if (t->top > 3 || t->fitted_largest) /* else 5.9 / 2 - 0.5 is the most */
                v = vf_min(v, vf_set1((float)(t->top - 1)));
            code |= (vu)vi_nearest(v) << t->bits * i;
        }
        vi_store(f->code[p] + PAD + k, (vi)code);
    }
}

/* ---- rows -------------------------------------------------------------------------------------
 */

/* Finds the nearest row for candidates a and b (or twice a) of a point. */
V_FN void nearest_rows(const struct iq_type *t, const struct fit *f, int p, int32_t row_of, int a,
                       int b, struct v_answer answer[2])
{
    const int at = t->dims * p;
    struct v_ask ask[V_ASKS];

    for (int e = 0; e < V_ASKS; e++) {
        vf scale = vf_sides(f->scale[e ? b : a], f->scale[b]), q[V_T8];
        vf reach = scale * (float)(2 * t->top - 1) + f->largest;
        for (int k = 0; k < V_T8; k++)
            q[k] = scale * vf_load((t->bits == 2 ? v_odd4 : v_odd8) + k * VL);
        ask[e].margin = RIVAL_MARGIN * f->weight[p] * (reach * reach) + RIVAL_FLOOR;
        v_set_costs(&ask[e], t->dims, q, f->x + at, f->root_w + at);
    }
    v_nearest(V_SIDES, V_ASKS, t->dims, f->cb->spread_around + (-1 - row_of), ask, answer);
}

/* Bit k set: candidate k's code is not that of the candidate before. */
V_FN uint32_t starts_of_runs(const struct fit *f, int n, int p)
{
    const int32_t *code = f->code[p] + PAD;
    uint32_t same = 0;

    for (int k = 0; k < n; k += VL)
        same |= (uint32_t)vm_bits(vi_eq(vi_load(code + k), vi_load(code + k - 1))) << k;
    return (~same | 1) & (uint32_t)((1ull << n) - 1);
}

/* Parts the candidates of each point into spans; one whose code is on the grid has its answers. */
V_FN void set_spans(const struct iq_type *t, struct fit *f)
{
    const int n = 2 * t->n_tries + 1;
    struct span *s = f->span;

    for (int p = 0; p < t->group / t->dims; p++) {
        uint32_t starts = starts_of_runs(f, n, p);
        while (starts) {
            int a = __builtin_ctz(starts);
            starts &= starts - 1;
            int b = starts ? __builtin_ctz(starts) - 1 : n - 1;
            s->row_of = f->cb->row_of[f->code[p][PAD + a]];
            s->p = (uint8_t)p, s->a = (uint8_t)a, s->b = (uint8_t)b;
            s->at[0].code = s->at[1].code = f->cb->spread[s->row_of < 0 ? 0 : s->row_of];
            s->at[0].alone = s->at[1].alone = true;
            s++;
        }
    }
    f->n_spans = (int)(s - f->span);
}

V_FN bool settled(const struct span *s)
{
    return s->b - s->a <= 1 ||
           (s->at[0].code == s->at[1].code && s->at[0].alone && s->at[1].alone);
}

static inline void keep(struct fit *f, const struct span *s)
{
    for (int k = s->a; k < s->b; k++)
        f->kept[s->p][k] = s->at[0].code;
    f->kept[s->p][s->b] = s->at[1].code;
}

/* The candidate before which the rows of a span's ends change places: their distances' difference
 * (A - A') - 2 t (B - B'), A = sum w q^2, B = sum w x q, is 0 at that inverse scale t. Any answer is
 * good, this is the best. */
V_FN int place_to_cut(const struct iq_type *t, const struct fit *f, const struct span *s)
{
    const int width = 16 / t->dims, mask = (1 << width) - 1, last = s->b - 1;
    float dqq = 0, dxq = 0;

    for (int i = 0; i < t->dims; i++) {
        float q0 = (float)(2 * (s->at[0].code >> width * i & mask) + 1);
        float q1 = (float)(2 * (s->at[1].code >> width * i & mask) + 1);
        float w = f->root_w[t->dims * s->p + i];
        dqq += w * (q1 * q1 - q0 * q0);
        dxq += w * f->x[t->dims * s->p + i] * (q1 - q0);
    }
    float first = f->inverse[s->a], step = (f->inverse[s->b] - first) / (float)(s->b - s->a);
    float at = (0.5f * dqq / dxq - first) / step;
    if (!(at > 0.0f))
        return dxq != 0.0f ? s->a : (s->a + s->b) / 2;
    return at < (float)(last - s->a) ? s->a + (int)at : last;
}

/* Keeps a span's rows if it is settled, else puts it down to be cut. */
static inline void keep_or_cut(struct fit *f, const struct span *s, struct span *cut, int *n_cut)
{
    if (settled(s))
        keep(f, s);
    else
        cut[(*n_cut)++] = *s;
}

/* Finds the rows of all points for all candidates. Searches come in runs of their own, apart from
 * what depends on their results, so that one need not wait for the other. */
V_FN void set_rows(const struct iq_type *t, struct fit *f)
{
    struct span cuts[2][MAX_SPANS / 2], *cut = cuts[0];
    struct v_answer at[MAX_SPANS / 2][2];
    int n_cut = 0;

    for (int i = 0; i < f->n_spans; i++) {
        struct span *s = &f->span[i];
        if (s->row_of < 0)
            nearest_rows(t, f, s->p, s->row_of, s->a, s->b, s->at);
    }
    for (int i = 0; i < f->n_spans; i++)
        keep_or_cut(f, &f->span[i], cut, &n_cut);
    for (int round = 1; n_cut > 0; round++) {
        struct span *left = cuts[round % 2];
        int n_left = 0, k[MAX_SPANS / 2];
        for (int i = 0; i < n_cut; i++) {
            k[i] = place_to_cut(t, f, &cut[i]);
            nearest_rows(t, f, cut[i].p, cut[i].row_of, k[i], k[i] + 1, at[i]);
        }
        for (int i = 0; i < n_cut; i++) {
            struct span lower = cut[i], upper = cut[i];
            lower.b = (uint8_t)k[i], lower.at[1] = at[i][0];
            upper.a = (uint8_t)(k[i] + 1), upper.at[0] = at[i][1];
            keep_or_cut(f, &lower, left, &n_left);
            keep_or_cut(f, &upper, left, &n_left);
        }
        cut = left;
        n_cut = n_left;
    }
}

/* ---- the best candidate -----------------------------------------------------------------------
 */

/* What the level of element i in the (spread) codes stands for. */
V_FN vf value_at(vu code, int bits, int i)
{
    const int width = bits == 2 ? 2 : 4;
    vu at = code >> width * i;
    vf odd[V_T8];

    if (!V_HAS_LOOKUP)
        return vf_from_i((vi)((at & (vu)vi_set1((1 << width) - 1)) * 2 + 1));
    for (int k = 0; k < V_T8; k++)
        odd[k] = vf_load((bits == 2 ? v_odd4 : v_odd8) + k * VL);
    return bits == 2 ? vf_lookup4(odd[0], (vi)at) : vf_lookup8(odd, (vi)at);
}

enum { ABREAST = VL == 16 ? 2 : 4 }; /* vectors of candidates side by side: sums wait for themselves */

/* Sums w x q and w q q of all candidates, in the order of the elements. */
V_FN void set_moments(const struct iq_type *t, struct fit *f)
{
    const int n_vectors = (2 * t->n_tries + VL) / VL;

    for (int from = 0; from < n_vectors; from += ABREAST) {
        const int n = n_vectors - from < ABREAST ? n_vectors - from : ABREAST;
        vf xq[ABREAST], qq[ABREAST];
        for (int k = 0; k < n; k++)
            xq[k] = qq[k] = vf_set1(0);
        for (int p = 0; p < t->group / t->dims; p++) {
            vu code[ABREAST];
            for (int k = 0; k < n; k++)
                code[k] = (vu)vi_load(f->kept[p] + (from + k) * VL);
            for (int i = 0; i < t->dims; i++) {
                vf w = vf_set1(f->w[t->dims * p + i]), wx = vf_set1(f->wx[t->dims * p + i]);
                for (int k = 0; k < n; k++) {
                    vf q = value_at(code[k], t->bits, i);
                    xq[k] += wx * q;
                    qq[k] += w * q * q;
                }
            }
        }
        for (int k = 0; k < n; k++) {
            vf_store(f->xq + (from + k) * VL, xq[k]);
            vf_store(f->qq + (from + k) * VL, qq[k]);
        }
    }
}

/* The candidate that stays, -1 for none; sets its scale of least squares. */
V_FN int best_candidate(const struct fit *f, int n, float *scale)
{
    float best = 0.0f;
    int at = -1;

    for (int k = 0; k < n; k++)
        if (f->qq[k] > 0.0f && f->xq[k] * f->xq[k] > best * f->qq[k]) {
            *scale = f->xq[k] / f->qq[k];
            best = *scale * f->xq[k];
            at = k;
        }
    return at;
}

#endif
