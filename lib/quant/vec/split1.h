/* The best split of VL groups of 16 or 32 values into three levels (IQ1: lib/quant/ref/iq1.c): a
 * group a lane, pairs of cuts one after the other, in the reference's order.
 *
 * The reference keeps the first split whose score qx^2 / qq is greater than all before, as its
 * comparison qx^2 > score qq is computed. Nearly all splits come too low to matter:
 *
 *   Let M be the greatest score and m <= M that of some split. Only splits above m (1 - 1e-4) are
 *   written down, and in the end what is written down is gone through as the reference goes through
 *   all. Both keep the same split. A score is computed within a few u = 2^-24 of its worth, so
 *   going upwards to M from below m (1 - 1e-4) there is a split, itself written down, more than 8 u
 *   above all before it, unless more than 200 splits were written down (then the reference does
 *   the block). That one is kept both here and there, whatever was kept before; from then on
 *   nothing below it is, and all above it is written down.
 *
 * So m may come from anywhere. It comes from a few rounds of refitting levels and scale in turns,
 * from prefix sums, and is raised when a better split is met. The premise is that nothing
 * overflows or becomes subnormal: split_fine tells.
 */
#ifndef QK_VEC_SPLIT1_H
#define QK_VEC_SPLIT1_H

#include "lib/quant/vec/v.h"

#include <float.h>

enum { S_GROUP = 32, M_GROUP = 16, MAX_HITS = 64 };

#define WORTH_NOTING 0.9999f

/* What the levels stand for, with delta +1/8 and -1/8. */
static const float v_plus[4] = {-0.875f, 0.125f, 1.125f, 0};
static const float v_minus[4] = {-1.125f, -0.125f, 0.875f, 0};

/* A split that was written down: its sums, where levels 1 and 2 begin, its deltas. */
struct hit {
    float qx, qq;
    uint8_t from_1, from_2, deltas;
};

/* VL groups. */
struct lanes {
    vf x[S_GROUP], w[S_GROUP];     /* by place in the group */
    vi rank[S_GROUP];              /* place in ascending order; of equal values the first is first */
    vf sum_wx[S_GROUP + 1], sum_w[S_GROUP + 1]; /* over the first so many in that order */
    float floor[VL];               /* score from which on a split is written down */
    float qx[VL], qq[VL];          /* of the splits looked at */
    int n_hits[VL];
    struct hit hit[VL][MAX_HITS];
};

/* What was found in a group. */
struct split {
    int from_1, from_2;
    int deltas; /* < 0: nothing, the weights are all 0 */
    float scale;
};

/* ---- order ------------------------------------------------------------------------------------
 */

/* An element's rank is the number of others that are less, or equal and before it. */
V_FN void set_ranks(struct lanes *l, int n)
{
    vi over[S_GROUP]; /* elements before that are greater */

    for (int i = 0; i < n; i++) {
        l->rank[i] = vi_set1(i);
        over[i] = vi_set1(0);
    }
    for (int i = 0; i < n; i++) {
        vi rank = l->rank[i];
        for (int j = i + 1; j < n; j++) {
            vm less = vf_lt(l->x[j], l->x[i]);
            rank = vi_inc(rank, less);
            over[j] = vi_inc(over[j], less);
        }
        l->rank[i] = rank - over[i];
    }
}

V_FN void set_sums(struct lanes *l, int n)
{
    static const float iota[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    float x[S_GROUP * VL], w[S_GROUP * VL];
    const vi lane = vi_trunc(vf_load(iota));

    for (int i = 0; i < n; i++) {
        vi at = (vi)((vu)l->rank[i] * VL) + lane;
        vf_scatter(x, at, l->x[i]);
        vf_scatter(w, at, l->w[i]);
    }
    l->sum_wx[0] = l->sum_w[0] = vf_set1(0);
    for (int j = 0; j < n; j++) {
        vf wj = vf_load(w + j * VL);
        l->sum_wx[j + 1] = l->sum_wx[j] + wj * vf_load(x + j * VL);
        l->sum_w[j + 1] = l->sum_w[j] + wj;
    }
}

/* ---- a score to begin with --------------------------------------------------------------------
 */

V_FN vf sum_before(const vf *sums, vi j)
{
    static const float iota[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return vf_gather((const float *)sums, (vi)((vu)j * VL) + vi_trunc(vf_load(iota)));
}

/* The best score met in a few rounds of cutting half way between levels and refitting the scale. */
V_FN vf score_of_rounds(const struct lanes *l, int n, const float *value, vf scale)
{
    const vf all_wx = l->sum_wx[n], all_w = l->sum_w[n];
    vf best = vf_set1(0);

    for (int round = 0; round < 3; round++) {
        vf cut_1 = scale * (0.5f * (value[0] + value[1]));
        vf cut_2 = scale * (0.5f * (value[1] + value[2]));
        vi from_1 = vi_set1(0), from_2 = from_1;
        for (int i = 0; i < n; i++) {
            from_1 = vi_inc(from_1, vf_lt(l->x[i], cut_1));
            from_2 = vi_inc(from_2, vf_lt(l->x[i], cut_2));
        }
        from_2 = vi_max(from_1, from_2); /* a scale that is not a number */
        vf wx_1 = sum_before(l->sum_wx, from_1), wx_2 = sum_before(l->sum_wx, from_2);
        vf w_1 = sum_before(l->sum_w, from_1), w_2 = sum_before(l->sum_w, from_2);
        vf qx = wx_1 * value[0] + (wx_2 - wx_1) * value[1] + (all_wx - wx_2) * value[2];
        vf qq = w_1 * (value[0] * value[0]) + (w_2 - w_1) * (value[1] * value[1]) +
                (all_w - w_2) * (value[2] * value[2]);
        scale = qx / qq;
        best = vf_max(scale * qx, best);
        scale = vf_abs(scale);
    }
    return best;
}

/* Sets the floor. Lanes where all weights are 0 have none, and no split passes it. */
V_FN void set_floor(struct lanes *l, int n)
{
    vf size = vf_set1(0);

    for (int i = 0; i < n; i++)
        size += vf_abs(l->w[i] * l->x[i]);
    vf scale = 1.5f * size / l->sum_w[n];
    vf score = vf_max(score_of_rounds(l, n, v_plus, scale), score_of_rounds(l, n, v_minus, scale));
    vf_store(l->floor, score * WORTH_NOTING);
    memset(l->n_hits, 0, sizeof l->n_hits);
}

/* ---- all splits -------------------------------------------------------------------------------
 */

/* Writes a split down for the lanes of bits, with the sums in l->qx and l->qq. */
static void note(struct lanes *l, unsigned bits, int from_1, int from_2, int deltas)
{
    for (; bits; bits &= bits - 1) {
        int k = __builtin_ctz(bits);
        float qx = l->qx[k], qq = l->qq[k], floor = qx * qx / qq * WORTH_NOTING;
        if (l->n_hits[k] < MAX_HITS)
            l->hit[k][l->n_hits[k]] =
                (struct hit){qx, qq, (uint8_t)from_1, (uint8_t)from_2, (uint8_t)deltas};
        l->n_hits[k]++;
        l->floor[k] = floor > l->floor[k] ? floor : l->floor[k];
    }
}

V_FN void note_if(struct lanes *l, vf qx, vf qq, vm above, int from_1, int from_2, int deltas)
{
    if (!vm_any(above))
        return;
    vf_store(l->qx, qx);
    vf_store(l->qq, qq);
    note(l, vm_bits(above), from_1, from_2, deltas);
}

/* Terms of the second cut: what lies above it, with either delta. An eighth and a sixty-fourth of
 * the sums below: level 1 stands for 1/8 or -1/8, and powers of two don't round. */
struct tails {
    vf wx, w, x_plus, x_minus, w_plus, w_minus;
};

/* IQ1_S: one delta for all. Sums as the reference takes them, from prefix sums. */
V_FN void find_hits_s(struct lanes *l)
{
    struct tails t[S_GROUP + 1];
    const vf all_wx = l->sum_wx[S_GROUP], all_w = l->sum_w[S_GROUP];

    for (int j = 0; j <= S_GROUP; j++) {
        vf wx = all_wx - l->sum_wx[j], w = all_w - l->sum_w[j];
        t[j] = (struct tails){l->sum_wx[j] * 0.125f, l->sum_w[j] * 0x1p-6f, wx * v_plus[2],
                              wx * v_minus[2], w * v_plus[2] * v_plus[2],
                              w * v_minus[2] * v_minus[2]};
    }
    for (int i = 0; i <= S_GROUP; i++) {
        const vf wx = t[i].wx, w = t[i].w;
        const vf x_plus = l->sum_wx[i] * v_plus[0], x_minus = l->sum_wx[i] * v_minus[0];
        const vf w_plus = l->sum_w[i] * v_plus[0] * v_plus[0];
        const vf w_minus = l->sum_w[i] * v_minus[0] * v_minus[0];
        vf floor = vf_load(l->floor);
        for (int j = i; j <= S_GROUP; j++) {
            vf middle_x = t[j].wx - wx, middle_w = t[j].w - w;
            vf xp = x_plus + middle_x + t[j].x_plus, xm = x_minus - middle_x + t[j].x_minus;
            vf wp = w_plus + middle_w + t[j].w_plus, wm = w_minus + middle_w + t[j].w_minus;
            vm plus = vf_gt(xp * xp, floor * wp), minus = vf_gt(xm * xm, floor * wm);
            if (!vm_any(vm_or(plus, minus)))
                continue;
            note_if(l, xp, wp, plus, i, j, 0);
            note_if(l, xm, wm, minus, i, j, 1);
            floor = vf_load(l->floor);
        }
    }
}

/* ---- IQ1_M: a delta for each eight ------------------------------------------------------------ */

enum { N_CHOICES = 4 };

/* Choices in the order they are tried in; bit p: point p has delta -1/8. */
static const int v_choices[N_CHOICES] = {0, 2, 1, 3};

struct sums {
    vf x[N_CHOICES], w[N_CHOICES];
};

/* term[v]: what the value at a place of the order adds when its level is v. */
V_FN void set_terms(const struct lanes *l, struct sums term[3][M_GROUP])
{
    static const float iota[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const vi lane = vi_trunc(vf_load(iota));

    for (int i = 0; i < M_GROUP; i++) {
        /* places in a struct sums of the lane's row of terms */
        vi at = (vi)((vu)l->rank[i] * (sizeof(struct sums) / sizeof(float))) + lane;
        for (int v = 0; v < 3; v++) {
            vf qp = vf_set1(v_plus[v]), qm = vf_set1(v_minus[v]);
            vf xp = l->w[i] * qp * l->x[i], xm = l->w[i] * qm * l->x[i];
            vf wp = l->w[i] * qp * qp, wm = l->w[i] * qm * qm;
            float *to = (float *)term[v];
            for (int k = 0; k < N_CHOICES; k++) {
                bool minus = v_choices[k] >> i / 8 & 1;
                vf_scatter(to + k * VL, at, minus ? xm : xp);
                vf_scatter(to + (N_CHOICES + k) * VL, at, minus ? wm : wp);
            }
        }
    }
}

V_FN void add(struct sums *a, const struct sums *b)
{
    for (int k = 0; k < N_CHOICES; k++) {
        a->x[k] += b->x[k];
        a->w[k] += b->w[k];
    }
}

/* Each sum is taken anew from the lowest value to the highest, as in the reference. */
V_FN void find_hits_m(struct lanes *l)
{
    struct sums term[3][M_GROUP], low, middle, all;

    set_terms(l, term);
    for (int k = 0; k < N_CHOICES; k++)
        low.x[k] = low.w[k] = vf_set1(0);
    for (int i = 0; i <= M_GROUP; i++) {
        middle = low;
        for (int j = i; j <= M_GROUP; j++) {
            vf floor = vf_load(l->floor);
            vm any = vm_from_bits(0), above[N_CHOICES];
            all = middle;
            for (int rest = j; rest < M_GROUP; rest++)
                add(&all, &term[2][rest]);
            for (int k = 0; k < N_CHOICES; k++) {
                above[k] = vf_gt(all.x[k] * all.x[k], floor * all.w[k]);
                any = vm_or(any, above[k]);
            }
            for (int k = 0; vm_any(any) && k < N_CHOICES; k++)
                note_if(l, all.x[k], all.w[k], above[k], i, j, v_choices[k]);
            if (j < M_GROUP)
                add(&middle, &term[1][j]);
        }
        if (i < M_GROUP)
            add(&low, &term[0][i]);
    }
}

/* ---- the result -------------------------------------------------------------------------------
 */

/* Goes through what was written down for lane k. */
static inline struct split best_split(const struct lanes *l, int k)
{
    struct split s = {-1, -1, -1, 0.0f};
    float score = -FLT_MAX;

    for (int i = 0; i < l->n_hits[k] && i < MAX_HITS; i++) {
        const struct hit *h = &l->hit[k][i];
        if (h->qq > 0.0f && h->qx * h->qx > score * h->qq) {
            s = (struct split){h->from_1, h->from_2, h->deltas, h->qx / h->qq};
            score = s.scale * h->qx;
        }
    }
    return s;
}

/* Lanes where the argument above holds: values, weights and score are ordinary, or all weights 0.
 * To be asked after the search. */
V_FN vm split_fine(const struct lanes *l, int n)
{
    const vf w = l->sum_w[n];
    vf most = vf_set1(0);

    for (int i = 0; i < n; i++)
        most = vf_max(most, vf_abs(l->x[i]));
    vm fine = vm_and(vf_ge(most, vf_set1(0x1p-30f)), vf_le(most, vf_set1(0x1p20f)));
    fine = vm_and(fine, vm_and(vf_ge(w, vf_set1(0x1p-40f)), vf_le(w, vf_set1(0x1p40f))));
    fine = vm_and(fine, vf_ge(vf_load(l->floor), vf_set1(0x1p-70f)));
    return vm_or(fine, vf_eq(w, vf_set1(0)));
}

#endif
