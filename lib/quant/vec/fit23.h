/* Fitting groups of a codebook type (IQ2, IQ3: lib/quant/ref/iq23.c) at all candidate scales.
 *
 * A point's code changes a few times only as the inverse scale grows: its candidates come in runs
 * of one code, "spans". For a code on the grid the row is known. For one off the grid, the rows
 * around are the same for the whole span, and what they cost are lines (lines.h). One that leads at
 * both ends of a span leads in between: most spans need no more than that, and most others are two
 * parts of which the same is true (lead23.h). Only what is left is compared at all its candidates
 * side by side. Spans are lanes wherever rows need not be: they are words, in a list for each
 * number of blocks of rows around.
 *
 * Fewer rows. Rows that have another one between themselves and the code are not looked at
 * (codebook.h: near). For the reference they are never nearer: let q be an element's value in such
 * a row, p in the one between, c in the code, say c <= p < q, and D(v) = v s - x as computed, which
 * rounding keeps monotone in v. The value x rounded to c, so x < s (c + 1) <= s (p + q) / 2 and
 * |D(p)| <= |D(q)|, unless x / s is so close to c + 1 that rounding decides ("in doubt", see
 * set_crossings() in span23.h). Each term
 * w D^2 is then no greater for p, so no sum is, and the row between comes first in the list: the
 * other is not taken. Where any element is in doubt, all rows are looked at, the reference's way.
 *
 * Each step is done for all groups of a super-block before the next one: its items are independent,
 * so one need not wait for another, while a group's steps would wait for each other; and where a
 * step ends, which is seldom foreseen, is only once.
 */
#ifndef QK_VEC_FIT23_H
#define QK_VEC_FIT23_H

#include "lib/quant/vec/lead23.h"
#include "lib/quant/vec/nearest.h"

/* ---- rows of candidates -----------------------------------------------------------------------
 */

/* Keeps the rows of spans for all their candidates. */
V_FN void keep_all(struct fit *f, const struct spans *s)
{
    const int n = s->n;

    for (int i = 0; i < n; i++)
        v_keep_words(f->kept[point_of(s->what[i])], (uint16_t)s->near[i],
                     candidates_in(s->what[i]));
}

/* Puts down which of the VL candidates from place on, n of which count, are not decided. */
V_FN void put_undecided(struct fit *f, int place, vm close, int n)
{
    const uint32_t bits = vm_bits(close) & ((1u << (n < VL ? n : VL)) - 1);

    f->undecided[f->n_undecided] = (uint32_t)place | bits << 16;
    f->n_undecided += bits != 0;
}

/* Finds the rows that lead. */
static __attribute__((noinline)) void answer_all(const struct iq_type *t, struct fit *f)
{
    const int shift = __builtin_ctz((unsigned)points_of(t));

    for (int i = 0; i < f->n_asked; i++) {
        const struct question q = f->asked[i];
        const int p = point_of(q.what), k = (q.what & 63) + q.k, n = (q.what >> 16) + 1 - q.k;
        const vf inverse = vf_load(f->inverse + (p >> shift) * MAX_TRIES + k);
        const struct v_lead r = v_compare(rows_of(f, q.near), blocks_of(q.near), f->level + q.lines,
                                          f->slope + q.lines, inverse);
        uint16_t *kept = f->kept[p] + k;

        vi_to_u16(kept, vi_select(vi_lt(v_lanes(), vi_set1(n)), r.code, vi_from_u16(kept)));
        put_undecided(f, PLACES * p + k, vf_le(r.first - r.other, vf_set1(f->margin[p])), n);
    }
    f->n_asked = 0;
}

/* Crowded spans: as many at a time as there is room for lines. */
V_FN void answer_crowded(const struct iq_type *t, struct fit *f)
{
    const struct spans *s = &f->crowded;

    for (int i = 0; i < s->n;) {
        for (int at = 0; i < s->n; i++) {
            const int n_blocks = blocks_of(s->near[i]);
            if (at + n_blocks * V_BLOCK > ROOM)
                break;
            set_rows(t, f, s->what[i], s->near[i], n_blocks, at);
            ask(f, s->what[i], s->near[i], at);
            at += n_blocks * V_BLOCK;
        }
        answer_all(t, f);
    }
}

/* Spread codes of rows. */
struct v_list {
    const uint16_t *code;
    int n;
};

/* For a code off the grid; else what need not be looked at. */
static inline struct v_list list_around(const struct qk_codebook *cb, int32_t code)
{
    const int32_t row = cb->row_of[code];
    const uint16_t *list = cb->spread_around + (row < 0 ? -1 - row : 0);
    return (struct v_list){list + 1, list[0]};
}

static inline struct v_list list_near(const struct qk_codebook *cb, int32_t near)
{
    return (struct v_list){cb->near + (near >> 8) * V_BLOCK, near & 255};
}

V_FN void set_costs(int dims, const float *x, const float *root_w, float scale, struct v_costs *c)
{
    vf q[V_T8];

    for (int k = 0; k < V_T8; k++)
        q[k] = scale * vf_load((dims == 8 ? v_odd4 : v_odd8) + k * VL);
    v_set_costs(c, dims, q, x, root_w);
}

static __attribute__((noinline)) int32_t
nearest_of_many(int dims, struct v_list list, const float *x, const float *root_w, float scale)
{
    struct v_costs costs;

    set_costs(dims, x, root_w, scale, &costs);
    return v_nearest(dims, list.code, list.n, &costs);
}

/* The (spread) row for a point's code at a scale as the reference has it. x and root_w: of the
 * point. doubt: for values that might not be the nearest to. */
V_FN int32_t exact_row(const struct iq_type *t, const struct qk_codebook *cb, int32_t code,
                       bool doubt, const float *x, const float *root_w, float scale)
{
    const int32_t near = cb->near_of[code];
    const bool on_grid = near < 0;
    struct v_list list = {cb->near, 1}; /* no branch: none could be foreseen */
    struct v_costs costs;
    struct v_sums sums;

    if (doubt)
        list = list_around(cb, code);
    else if (!on_grid)
        list = list_near(cb, near);
    if (list.n > V_SHORT && !on_grid)
        return nearest_of_many(t->dims, list, x, root_w, scale);
    set_costs(t->dims, x, root_w, scale, &costs);
    v_set_sums(&sums, t->dims, list.code, list.n, &costs);
    const int32_t row = v_first_least(&sums);
    return on_grid ? near & 0xffff : row;
}

/* The code of a point at a candidate as the reference finds it. */
V_FN int32_t exact_code_at(const struct iq_type *t, const struct fit *f, int p, int k)
{
    return exact_code(t, f->x + t->dims * p, f->inverse[p / points_of(t) * MAX_TRIES + k]);
}

/* Keeps the reference's rows at n places. */
V_FN void keep_exact(const struct iq_type *t, struct fit *f, const uint16_t *place, int n,
                     bool doubt)
{
    for (int i = 0; i < n; i++) {
        const int p = place[i] / PLACES, k = place[i] % PLACES, at = t->dims * p;
        const float scale = 1.0f / f->inverse[p / points_of(t) * MAX_TRIES + k];
        f->kept[p][k] = (uint16_t)exact_row(t, f->cb, exact_code_at(t, f, p, k), doubt, f->x + at,
                                            f->root_w + at, scale);
    }
}

V_FN void settle_undecided(const struct iq_type *t, struct fit *f)
{
    uint16_t list[MAX_POINTS * MAX_TRIES];
    int n = 0;

    memset(f->unsure, 0, sizeof f->unsure);
    for (int i = 0; i < f->n_undecided; i++)
        for (uint32_t bits = f->undecided[i] >> 16; bits; bits &= bits - 1) {
            const uint16_t place = (uint16_t)(f->undecided[i] + (uint32_t)__builtin_ctz(bits));
            f->unsure[place / PLACES] |= 1u << place % PLACES;
            list[n++] = place;
        }
    keep_exact(t, f, list, n, false);
}

V_FN void settle_doubts(const struct iq_type *t, struct fit *f)
{
    uint16_t list[MAX_POINTS * MAX_TRIES];
    uint64_t points = 0;
    int n = 0;

    for (int p = 0; p < all_points(t); p += VL)
        points |= (uint64_t)vm_bits(vm_not(vi_eq((vi)load_words(f->doubt + p), vi_set1(0)))) << p;
    for (; points; points &= points - 1) {
        const int p = __builtin_ctzll(points);
        for (uint32_t bits = f->base[p / points_of(t)] != 0.0f ? f->doubt[p] : 0; bits;
             bits &= bits - 1)
            list[n++] = (uint16_t)(PLACES * p + __builtin_ctz(bits));
    }
    keep_exact(t, f, list, n, true);
}

/* Finds the rows of all points for all candidates. */
V_FN void set_kept(const struct iq_type *t, struct fit *f)
{
    int32_t code[MAX_SPANS + PAD];

    for (int p = 0; p < all_points(t); p += VL)
        set_crossings(t, f, p);
    list_spans(t, f);
    set_spans(t, f, code);
    sort_spans(f, code);
    set_lines(t, f);
    f->mixed.s.n = f->split.n = f->n_asked = f->n_undecided = 0;
    make_room(f);
    const int some_at = f->few.n * V_BLOCK, many_at = some_at + 2 * f->some.n * V_BLOCK;
    set_all_rows(t, f, &f->few, 1, 0);
    set_all_rows(t, f, &f->some, 2, some_at);
    set_many_rows(t, f, &f->many, many_at);
    look_at_spans(t, f, &f->few, 1, 0);
    const int few = f->mixed.s.n;
    look_at_spans(t, f, &f->some, 2, some_at);
    const int some = f->mixed.s.n;
    look_at_spans(t, f, &f->many, 4, many_at);
    find_meetings(t, f);
    split_spans(f, 0, few, 1);
    split_spans(f, few, some, 2);
    split_spans(f, some, f->mixed.s.n, 4);
    keep_all(f, &f->on);
    keep_all(f, &f->few);
    keep_all(f, &f->some);
    keep_all(f, &f->many);
    keep_all(f, &f->split);
    answer_all(t, f);
    answer_crowded(t, f);
    settle_undecided(t, f);
    settle_doubts(t, f);
}

/* ---- the best candidate -----------------------------------------------------------------------
 */

/* What the level of element i in the (spread) codes stands for. */
V_FN vf value_at(vu code, int dims, int i)
{
    const int width = 16 / dims;
    vu at = code >> width * i;
    vf odd[V_T8];

    if (!V_HAS_LOOKUP)
        return vf_from_i((vi)((at & (vu)vi_set1((1 << width) - 1)) * 2 + 1));
    for (int k = 0; k < V_T8; k++)
        odd[k] = vf_load((dims == 8 ? v_odd4 : v_odd8) + k * VL);
    return dims == 8 ? vf_lookup4(odd[0], (vi)at) : vf_lookup8(odd, (vi)at);
}

/* Are all candidates counted as different, for rows are too many to be picked? */
V_FN bool all_differ(const struct iq_type *t)
{
    return !V_HAS_PICK_WORDS && t->dims == 4;
}

/* Finds the candidates of a group that differ from the one before in any row, and their rows. */
V_FN void set_different(const struct iq_type *t, struct fit *f, int g)
{
    const int first = points_of(t) * g;
    uint32_t same = all_differ(t) ? 0 : ~0u;

    for (int p = 0; !all_differ(t) && p < points_of(t); p++)
        same &= v_same_as_next(f->kept[first + p]);
    const uint32_t bits = ~(same << 1) & ~0u >> (32 - candidates_of(t));
    const int n = v_number_bits(f->which[g], bits, candidates_of(t), 0);
    f->which[g][n] = (uint16_t)candidates_of(t);
    f->n_different[g] = n;
    for (int p = 0; !all_differ(t) && p < points_of(t); p++)
        v_pick_words(f->different[first + p], f->kept[first + p], f->which[g], n);
}

enum { ABREAST = 4 }; /* vectors of candidates side by side: sums wait for themselves */

/* Sums w x q and w q q of group g for n vectors of different candidates, in the order of the
 * elements. */
V_FN void set_moments(const struct iq_type *t, struct fit *f, int g, int from, int n)
{
    const int first = t->group * g;
    const uint16_t *rows = (all_differ(t) ? f->kept : f->different)[points_of(t) * g];
    vf xq[ABREAST], qq[ABREAST];

    for (int k = 0; k < n; k++)
        xq[k] = qq[k] = vf_set1(0);
    for (int p = 0; p < points_of(t); p++) {
        vu code[ABREAST];
        for (int k = 0; k < n; k++)
            code[k] = (vu)vi_from_u16(rows + PLACES * p + (from + k) * VL);
        for (int i = 0; i < t->dims; i++) {
            vf w = vf_set1(f->w[first + t->dims * p + i]);
            vf wx = vf_set1(f->wx[first + t->dims * p + i]);
            for (int k = 0; k < n; k++) {
                vf q = value_at(code[k], t->dims, i);
                xq[k] += wx * q;
                qq[k] += w * q * q;
            }
        }
    }
    for (int k = 0; k < n; k++) {
        vf_store(f->xq[g] + (from + k) * VL, xq[k]);
        vf_store(f->qq[g] + (from + k) * VL, qq[k]);
    }
}

/* Sums of all different candidates. */
V_FN void set_all_moments(const struct iq_type *t, struct fit *f, int g)
{
    const int n = f->n_different[g];

    if (n <= VL)
        set_moments(t, f, g, 0, 1);
    else if (n <= 2 * VL)
        set_moments(t, f, g, 0, 2);
    else
        for (int k = 0; k * VL < n; k += ABREAST)
            set_moments(t, f, g, k, ABREAST);
}

/* The candidates that stay, -1 for none, and their scales of least squares. Groups are lanes, and
 * their candidates are gone through in order, as the reference does. One that differs in nothing
 * from one that is kept is kept in turn where rounding makes it look better. */
V_FN void best_of_groups(struct fit *f, int n_groups)
{
    int n = 0;

    for (int g = 0; g < n_groups; g++)
        n = n > f->n_different[g] ? n : f->n_different[g];
    for (int g = 0; g < n_groups; g += VL) {
        const float *xq_of[VL], *qq_of[VL];
        vf best = vf_set1(0), own = vf_load(f->scale + g);
        vi kept = vi_set1(-1), last = vi_set1(0);
        for (int k = 0; k < VL; k++) {
            xq_of[k] = f->xq[(g + k) % n_groups];
            qq_of[k] = f->qq[(g + k) % n_groups];
        }
        for (int from = 0; from < n; from += 4) {
            vf xq[4], qq[4];
            v_load_columns4(xq, xq_of, (size_t)from);
            v_load_columns4(qq, qq_of, (size_t)from);
            for (int k = 0; k < 4; k++) {
                const vm is = vi_lt(vi_set1(from + k), vi_load(f->n_different + g));
                const vf square = xq[k] * xq[k], one = xq[k] / qq[k];
                const vm better =
                    vm_and(vm_and(is, vf_gt(qq[k], vf_set1(0))), vf_gt(square, best * qq[k]));
                own = vf_select(better, one, own);
                best = vf_select(better, one * xq[k], best);
                kept = vi_select(better, vi_set1(from + k), kept);
                last = vi_select(
                    better, vi_select(vf_gt(square, best * qq[k]), vi_set1(1), vi_set1(0)), last);
            }
        }
        vf_store(f->scale + g, own);
        vi_store(f->best + g, kept);
        for (int k = g; k < g + VL && k < n_groups; k++) {
            const uint16_t *which = f->which[k] + f->best[k];
            if (f->best[k] >= 0)
                f->best[k] = ((const int32_t *)&last)[k - g] ? which[1] - 1 : which[0];
        }
    }
}

/* Finds the candidates that stay. scale: as they are without one. */
V_FN void set_best(const struct iq_type *t, struct fit *f)
{
    const int n_groups = all_points(t) / points_of(t);

    for (int g = 0; g < n_groups; g++) {
        f->n_different[g] = 0;
        if (f->base[g] != 0.0f)
            set_different(t, f, g);
    }
    for (int g = 0; g < n_groups; g++)
        if (f->n_different[g] > 0)
            set_all_moments(t, f, g);
    best_of_groups(f, n_groups);
}

#endif
