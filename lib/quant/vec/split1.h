/* The best split of VL groups of 16 or 32 values into three levels (IQ1: lib/quant/ref/iq1.c): a
 * group a lane, pairs of cuts one after the other, in the reference's order.
 *
 * The reference keeps the first split whose score qx^2 / qq is greater than all before, as its
 * comparison qx^2 > score qq is computed. Nearly all splits come too low to matter. Both sums are
 * a part that depends on the first cut and one that depends on the second, so estimates cost two
 * additions. Splits estimated above 0.9996 of the best estimate so far are written down, and in the
 * end those that are above 0.9996 of the best of all are gone through with the reference's sums, as
 * the reference goes through all. Both keep the same split:
 *
 *   u = 2^-24, T = sum w |x|, W = sum w. Reference and estimate take qx in at most 16 roundings of
 *   at most 1.2 T each (sums of 16 terms; or a few, of the same prefix sums), so they differ by
 *   less than 40 u T; qq by less than 12 u W, and qq >= W / 64. Let m be the floor, 0.9996 of a
 *   score. Where m W >= T^2 / 2 (split_fine), a split that scores m has |qx| >= sqrt(m W) / 8 >=
 *   T / 11.4, so its estimate is within 1700 u = 1.02e-4 of the score. Let M be the greatest score.
 *   No estimate is above M 1.000102, so no floor is above M 0.99971, so all splits that score above
 * M 0.99985 are written down and stay. The reference, going up to M from below, must meet a split
 * of these more than 8 u above all before it, unless there are more than 300 (then, and with more
 *   than MAX_HITS, it does the block itself). Scores are computed within a few u, so it keeps that
 *   split whatever it kept before, and so do we; from there on nothing that was not written down
 * can be kept.
 *
 * The first floor may come from any split: it comes from two rounds of refitting levels and scale
 * in turns. All this presumes that nothing overflows or becomes subnormal: split_fine.
 */
#ifndef QK_VEC_SPLIT1_H
#define QK_VEC_SPLIT1_H

#include "lib/quant/vec/v.h"

#include <float.h>

enum { S_GROUP = 32, M_GROUP = 16, MAX_NOTES = 256, MAX_HITS = 32 };

#define WORTH_NOTING 0.9996f

/* What the levels stand for, with delta +1/8 and -1/8. */
static const float v_plus[4] = {-0.875f, 0.125f, 1.125f, 0};
static const float v_minus[4] = {-1.125f, -0.125f, 0.875f, 0};

#define V_STEP static __attribute__((noinline, unused))


/* VL groups. How long they are is not known where they are worked on: loops of known length would
 * be unrolled to more than the instruction cache holds. */
struct lanes {
    int n;                     /* S_GROUP or M_GROUP */
    vf x[S_GROUP], w[S_GROUP]; /* by place in the group */
    vi rank[S_GROUP];          /* place in ascending order; of equal values the first is first */
    vf sorted_x[S_GROUP], sorted_w[S_GROUP];    /* in that order; w below 0: of the second half */
    vf sum_wx[S_GROUP + 1], sum_w[S_GROUP + 1]; /* over the first so many */
    vf size;                                    /* sum w |x| */
    vf floor;                                   /* estimate from which on a split is written down */
    /* Splits that were written down for some lanes: from_1 | from_2 << 8 | deltas << 16, and
     * estimates, 0 for the other lanes. */
    int n_notes;
    int32_t note[MAX_NOTES];
    vf score[MAX_NOTES];
    /* Those that count, lane by lane. */
    int32_t n_hits[VL], hit[MAX_HITS][VL];
};

/* What was found in each group: where levels 1 and 2 begin; deltas < 0: nothing, the weights are
 * all 0. */
struct splits {
    int32_t from_1[VL], from_2[VL], deltas[VL];
    float scale[VL];
};

/* Of the second half of a group? A weight of 0 has a sign, too. */
V_FN vm second_half(vf w)
{
    return vi_lt((vi)w, vi_set1(0));
}

/* ---- order ------------------------------------------------------------------------------------
 */

/* An element's rank is the number of others that are less, or equal and before it. Two at a time.
 */
V_STEP void set_ranks(struct lanes *l)
{
    const int n = l->n;
    vi over[S_GROUP]; /* elements before that are greater */

    for (int i = 0; i < n; i++)
        over[i] = vi_set1(0);
    for (int i = 0; i < n; i += 2) {
        const vf x = l->x[i], y = l->x[i + 1];
        const vm turned = vf_lt(y, x);
        vi rank_x = vi_inc(vi_set1(i) - over[i], turned), rank_y = vi_set1(i + 1) - over[i + 1];
        rank_y = vi_select(turned, rank_y - 1, rank_y);
        for (int j = i + 2; j < n; j++) {
            vm below_x = vf_lt(l->x[j], x), below_y = vf_lt(l->x[j], y);
            rank_x = vi_inc(rank_x, below_x);
            rank_y = vi_inc(rank_y, below_y);
            over[j] = vi_inc(vi_inc(over[j], below_x), below_y);
        }
        l->rank[i] = rank_x;
        l->rank[i + 1] = rank_y;
    }
}

V_STEP void set_sums(struct lanes *l)
{
    const int n = l->n;
    vf wx = vf_set1(0), w = wx, size = wx;

    for (int i = 0; i < n; i++) {
        vi at = (vi)((vu)l->rank[i] * VL) + v_lanes();
        vf_scatter((float *)l->sorted_x, at, l->x[i]);
        vf_scatter((float *)l->sorted_w, at, i < n / 2 ? l->w[i] : -l->w[i]);
        size += vf_abs(l->w[i] * l->x[i]);
    }
    l->size = size;
    l->sum_wx[0] = l->sum_w[0] = wx;
    for (int j = 0; j < n; j++) {
        const vf one = vf_abs(l->sorted_w[j]);
        l->sum_wx[j + 1] = wx = wx + one * l->sorted_x[j];
        l->sum_w[j + 1] = w = w + one;
    }
}

/* ---- a score to begin with --------------------------------------------------------------------
 */

V_FN vf sum_before(const vf *sums, vi j)
{
    return vf_gather((const float *)sums, (vi)((vu)j * VL) + v_lanes());
}

/* The best score met in two rounds of cutting half way between levels and refitting the scale. */
V_FN vf score_of_rounds(const struct lanes *l, const float *value, vf scale)
{
    const int n = l->n;
    const vf all_wx = l->sum_wx[n], all_w = l->sum_w[n];
    vf best = vf_set1(0);

    for (int round = 0; round < 2; round++) {
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
V_STEP void set_floor(struct lanes *l)
{
    vf scale = 1.5f * l->size / l->sum_w[l->n];
    vf score = vf_max(score_of_rounds(l, v_plus, scale), score_of_rounds(l, v_minus, scale));

    l->floor = score * WORTH_NOTING;
    l->n_notes = 0;
}

/* ---- all splits -------------------------------------------------------------------------------
 */

enum { MAX_CHOICES = 4, AHEAD = 4 };

/* The choices of deltas in the order they are tried in. Bit p: point p has delta -1/8; IQ1_S has
 * one for all points. */
static const int v_choices_s[2] = {0, 1};
static const int v_choices_m[4] = {0, 2, 1, 3};

/* Parts of qx and qq, sums of w q x and w q q. A value's levels stand for d - 1, d, d + 1, where d
 * is what its point's delta says; their squares differ by 1 - 2 d and 1 + 2 d. So qx is what lies
 * above the second cut less what lies below the first, and sum d w x. */
struct parts {
    vf low_x[S_GROUP + 1], high_x[S_GROUP + AHEAD]; /* by cut: minus what is below, what is above */
    vf delta_x[MAX_CHOICES];                        /* for each choice of deltas */
    vf low_q[MAX_CHOICES][S_GROUP + 1], high_q[MAX_CHOICES][S_GROUP + AHEAD];
};

/* 1 when d is 1/8 for the half of the group in this choice, else -1. */
V_FN float sign_of(int n_choices, int c, int half)
{
    const int deltas = n_choices == 2 ? v_choices_s[c] * 3 : v_choices_m[c];
    return deltas >> half & 1 ? -1.0f : 1.0f;
}

V_FN void set_parts(const struct lanes *l, struct parts *t, int n_choices)
{
    const int n = l->n;
    const vf zero = vf_set1(0), all_x = l->sum_wx[n], all_w = l->sum_w[n];
    vf part_x[2] = {zero, zero}, part_w[2] = {zero, zero}, whole_w[2] = {zero, zero};

    for (int j = 0; j < n; j++) {
        const vf w = l->sorted_w[j];
        const vm second = second_half(w);
        whole_w[1] += vf_select(second, -w, zero);
        part_x[1] += vf_select(second, -w * l->sorted_x[j], zero);
    }
    for (int j = n + 1; j < n + AHEAD; j++) {
        t->high_x[j] = zero;
        for (int c = 0; c < n_choices; c++)
            t->high_q[c][j] = zero;
    }
    part_x[0] = all_x - part_x[1];
    whole_w[0] = all_w - whole_w[1];
    for (int c = 0; c < n_choices; c++)
        t->delta_x[c] =
            0.125f * (sign_of(n_choices, c, 0) * part_x[0] + sign_of(n_choices, c, 1) * part_x[1]);
    for (int j = 0;; j++) {
        t->low_x[j] = -l->sum_wx[j];
        t->high_x[j] = all_x - l->sum_wx[j];
        for (int c = 0; c < n_choices; c++) {
            const float a = 0.25f * sign_of(n_choices, c, 0), b = 0.25f * sign_of(n_choices, c, 1);
            t->low_q[c][j] = part_w[0] * (1.0f - a) + part_w[1] * (1.0f - b);
            t->high_q[c][j] = (whole_w[0] - part_w[0]) * (1.0f + a) +
                              (whole_w[1] - part_w[1]) * (1.0f + b) + all_w * 0x1p-6f;
        }
        if (j == n)
            break;
        part_w[1] += vf_max(-l->sorted_w[j], zero);
        part_w[0] = l->sum_w[j + 1] - part_w[1];
    }
}

/* Writes down what is above the floor at cuts i and j. Notes beyond MAX_NOTES are counted. */
V_FN void note_above(struct lanes *l, const struct parts *t, int n_choices, int i, int j)
{
    for (int c = 0; c < n_choices; c++) {
        const vf qx = t->low_x[i] + t->delta_x[c] + t->high_x[j];
        const vf qq = t->low_q[c][i] + t->high_q[c][j], square = qx * qx;
        const vm above = vf_gt(square, l->floor * qq);
        if (!vm_any(above))
            continue;
        const vf score = vf_select(above, square / qq, vf_set1(0));
        l->floor = vf_max(l->floor, score * WORTH_NOTING);
        l->score[l->n_notes % MAX_NOTES] = score;
        l->note[l->n_notes++ % MAX_NOTES] =
            i | j << 8 | (n_choices == 2 ? v_choices_s[c] : v_choices_m[c]) << 16;
    }
}

/* AHEAD pairs of cuts at once, and some behind the last that don't count. The sign bit of floor *
 * qq
 * - qx^2 says which are above the floor. */
V_FN void find_notes(struct lanes *l, const struct parts *t, int n_choices)
{
    const int n = l->n, ahead = n_choices == 2 ? AHEAD : AHEAD / 2;

    for (int i = 0; i <= n; i++) {
        vf low_x[MAX_CHOICES];
        for (int c = 0; c < n_choices; c++)
            low_x[c] = t->low_x[i] + t->delta_x[c];
        for (int j = i; j <= n; j += ahead) {
            vu above = (vu)vi_set1(0);
            for (int e = 0; e < ahead; e++)
                for (int c = 0; c < n_choices; c++) {
                    vf qx = low_x[c] + t->high_x[j + e];
                    vf qq = t->low_q[c][i] + t->high_q[c][j + e];
                    above |= (vu)(l->floor * qq - qx * qx);
                }
            if (!vm_any(vi_lt((vi)above, vi_set1(0))))
                continue;
            for (int e = 0; e < ahead && j + e <= n; e++)
                note_above(l, t, n_choices, i, j + e);
        }
    }
}

/* Sorts notes into lanes, without those that came to lie below the floor. Returns the lanes that
 * had too many. */
V_FN unsigned sort_notes(struct lanes *l)
{
    unsigned over = l->n_notes > MAX_NOTES ? (1u << VL) - 1 : 0;

    memset(l->n_hits, 0, sizeof l->n_hits);
    for (int i = 0; i < l->n_notes && i < MAX_NOTES; i++)
        for (unsigned bits = vm_bits(vf_ge(l->score[i], l->floor)); bits; bits &= bits - 1) {
            const int k = __builtin_ctz(bits);
            over |= (unsigned)(l->n_hits[k] >= MAX_HITS) << k;
            l->hit[l->n_hits[k]++ % MAX_HITS][k] = l->note[i];
        }
    return over;
}

V_STEP unsigned find_hits_s(struct lanes *l)
{
    struct parts t;

    set_parts(l, &t, 2);
    find_notes(l, &t, 2);
    return sort_notes(l);
}

V_STEP unsigned find_hits_m(struct lanes *l)
{
    struct parts t;

    set_parts(l, &t, 4);
    find_notes(l, &t, 4);
    return sort_notes(l);
}

/* ---- the result -------------------------------------------------------------------------------
 */

/* The sums of a split a lane as the reference takes them: from prefix sums. */
V_FN void totals_s(const struct lanes *l, vi from_1, vi from_2, vi deltas, vf *qx, vf *qq)
{
    const vf wx_1 = sum_before(l->sum_wx, from_1), wx_2 = sum_before(l->sum_wx, from_2);
    const vf w_1 = sum_before(l->sum_w, from_1), w_2 = sum_before(l->sum_w, from_2);
    const vm minus = vi_lt(vi_set1(0), deltas);
    vf v[3];

    for (int i = 0; i < 3; i++)
        v[i] = vf_select(minus, vf_set1(v_minus[i]), vf_set1(v_plus[i]));
    *qx = wx_1 * v[0] + (wx_2 - wx_1) * v[1] + (l->sum_wx[S_GROUP] - wx_2) * v[2];
    *qq = w_1 * v[0] * v[0] + (w_2 - w_1) * v[1] * v[1] + (l->sum_w[S_GROUP] - w_2) * v[2] * v[2];
}

/* The same for IQ1_M, value by value in ascending order. */
V_FN void totals_m(const struct lanes *l, vi from_1, vi from_2, vi deltas, vf *qx, vf *qq)
{
    const vf low = vf_set1(v_minus[0]), high = vf_set1(v_plus[0]);
    const vf base_1 = vf_select(vi_eq(deltas & 1, vi_set1(1)), low, high);
    const vf base_2 = vf_select(vi_eq(deltas & 2, vi_set1(2)), low, high);

    *qx = *qq = vf_set1(0);
    for (int j = 0; j < l->n; j++) {
        vi level = vi_inc(vi_set1(0), vi_lt(from_1, vi_set1(j + 1)));
        level = vi_inc(level, vi_lt(from_2, vi_set1(j + 1)));
        vf base = vf_select(second_half(l->sorted_w[j]), base_2, base_1);
        vf q = vf_from_i(level) + base, wq = vf_abs(l->sorted_w[j]) * q;
        *qx += wq * l->sorted_x[j];
        *qq += wq * q;
    }
}

V_FN vi field(vi hit, int from)
{
    return (vi)((vu)hit >> from & 255);
}

/* Goes through what was written down, in all lanes; none overflowed. */
V_STEP void best_splits(const struct lanes *l, struct splits *s)
{
    const vi n_hits = vi_load(l->n_hits);
    vf score = vf_set1(-FLT_MAX), scale = vf_set1(0);
    vi best = vi_set1(-1);

    for (int i = 0; vm_any(vi_lt(vi_set1(i), n_hits)); i++) {
        const vi hit = vi_load(l->hit[i]);
        vf qx, qq;
        vm takes = vi_lt(vi_set1(i), n_hits);
        vi at = vi_select(takes, hit, vi_set1(0));
        if (l->n == S_GROUP)
            totals_s(l, field(at, 0), field(at, 8), field(at, 16), &qx, &qq);
        else
            totals_m(l, field(at, 0), field(at, 8), field(at, 16), &qx, &qq);
        takes = vm_and(takes, vm_and(vf_gt(qq, vf_set1(0)), vf_gt(qx * qx, score * qq)));
        vf ratio = qx / qq;
        best = vi_select(takes, hit, best);
        scale = vf_select(takes, ratio, scale);
        score = vf_select(takes, ratio * qx, score);
    }
    vi_store(s->from_1, field(best, 0));
    vi_store(s->from_2, field(best, 8));
    vi_store(s->deltas, vi_select(vi_lt(best, vi_set1(0)), best, field(best, 16)));
    vf_store(s->scale, scale);
}

/* Lanes where the argument above holds: values, weights and score are ordinary, or all weights 0.
 * To be asked after the search. */
V_STEP unsigned split_fine(const struct lanes *l)
{
    const int n = l->n;
    const vf w = l->sum_w[n];
    vf most = vf_set1(0);

    for (int i = 0; i < n; i++)
        most = vf_max(most, vf_abs(l->x[i]));
    vm fine = vm_and(vf_ge(most, vf_set1(0x1p-30f)), vf_le(most, vf_set1(0x1p20f)));
    fine = vm_and(fine, vm_and(vf_ge(w, vf_set1(0x1p-40f)), vf_le(w, vf_set1(0x1p40f))));
    fine = vm_and(fine, vf_ge(l->floor, vf_set1(0x1p-70f)));
    fine = vm_and(fine, vf_ge(l->floor * w, 0.5f * l->size * l->size));
    return vm_bits(vm_or(fine, vf_eq(w, vf_set1(0))));
}

#endif
