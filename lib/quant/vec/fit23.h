/* Fitting groups of a codebook type (IQ2, IQ3: lib/quant/ref/iq23.c) at all candidate scales.
 *
 * A point's code changes a few times only as the inverse scale grows: its candidates come in runs
 * of one code, "spans". For a code on the grid the row is known. For one off the grid, the rows
 * around are the same for the whole span, and what they cost are lines (lines.h). One that leads at
 * both ends of a span leads in between: most spans need no more than that. Where two rows share a
 * span, others are compared with them where they meet; only what is left is compared at all its
 * candidates side by side. Two things make this quick and still exact:
 *
 * Fewer rows. Rows that have another one between themselves and the code are not looked at
 * (codebook.h: near). For the reference they are never nearer: let q be an element's value in such
 * a row, p in the one between, c in the code, say c <= p < q, and D(v) = v s - x as computed, which
 * rounding keeps monotone in v. The value x rounded to c, so x < s (c + 1) <= s (p + q) / 2 and
 * |D(p)| <= |D(q)|, unless x / s is so close to c + 1 that rounding decides ("in doubt"). Each term
 * w D^2 is then no greater for p, so no sum is, and the row between comes first in the list: the
 * other is not taken. Where any element is in doubt, all rows are looked at, the reference's way.
 *
 * Estimates. Let t be the inverse of the scale s, N = sum w (q - t x)^2 the distance of a row over
 * s^2, M = sum w (q_top + t |x|)^2 and u = 2^-24. The reference's sum, over s^2, is within 14 u M
 * of N (six roundings in a term, relative to it or to its parts before they cancel, seven in the
 * sum). A lead, or a cost, is within 13 u M of what it stands for (the rounding of t = 1 / s
 * included; terms may be added in any order), a lead's last bits within 16 u M more. So a row that
 * leads another by more than 86 u M is the nearer one for the reference. Where the best leads by
 * less, the reference's sums are taken. M grows with t: the margin is that of the last candidate.
 * For what holds between two candidates, take t there as the inverse of the rounded s: it lies
 * between theirs, and the difference of two distances N is a line in it. The margin's floor is
 * above what is lost where terms are not normal numbers (each by 2^-150, times one factor; all over
 * s^2).
 *
 * Each step is done for all groups of a batch before the next one: its items are independent, so
 * one need not wait for another, while a group's steps would wait for each other.
 */
#ifndef QK_VEC_FIT23_H
#define QK_VEC_FIT23_H

#include "lib/quant/vec/nearest.h"
#include "lib/quant/vec/span23.h"

/* ---- rows -------------------------------------------------------------------------------------
 */

V_FN void set_lines(const struct iq_type *t, struct fit *f)
{
    for (int p = 0; p < MAX_POINTS; p++)
        v_set_lines(&f->lines[p], t->dims, f->root_w + t->dims * p, f->root_wx2 + t->dims * p);
}

V_FN int blocks_of(span s)
{
    return (int)((s & 255) + V_BLOCK - 1) / V_BLOCK;
}

/* Lines of the rows around a span, in n_blocks blocks from place `at` on. */
V_FN void set_rows(const struct iq_type *t, struct fit *f, span s, int n_blocks, int at)
{
    v_set_rows(&f->lines[place_of(s) / MAX_TRIES], t->dims,
               f->cb->near + (near_of(s) >> 8) * V_BLOCK, near_of(s) & 255, n_blocks, f->level + at,
               f->slope + at);
}

/* Inverse scales from a place's candidate on, where groups have n points. */
V_FN const float *inverse_at(const struct fit *f, int n, int place)
{
    return f->inverse + place / (MAX_TRIES * n) * MAX_TRIES + place % MAX_TRIES;
}

/* Puts down the questions about a span whose lines start at `at`. */
V_FN void ask(struct fit *f, span s, int at)
{
    const int n = end_of(s) - place_of(s) % MAX_TRIES;
    const question q = (question)(near_of(s) >> 8) | (question)at << 16 |
                       (question)place_of(s) << 32 | (question)n << 42 |
                       (question)blocks_of(s) << 48;

    for (int k = 0; k < n; k += VL)
        f->asked[f->n_asked++] = q + ((question)k << 32) - ((question)k << 42);
}

/* Most spans off the grid have one row, which leads at both ends. The others are put down. */
V_FN void look_at_ends(const struct iq_type *t, struct fit *f, span s, int n_blocks, int at)
{
    const int place = place_of(s);
    const float *inverse = inverse_at(f, points_of(t), place);
    const uint32_t rivals =
        v_rivals(f->level + at, f->slope + at, n_blocks, inverse[0],
                 inverse[end_of(s) - place % MAX_TRIES - 1], f->margin[place / MAX_TRIES]);

    f->row[number_of(s)] = f->cb->near[(near_of(s) >> 8) * V_BLOCK + __builtin_ctz(rivals)];
    f->mixed[f->n_mixed] = s;
    f->rivals[f->n_mixed] = (uint64_t)at | (uint64_t)rivals << 16;
    f->n_mixed += (rivals & (rivals - 1)) != 0;
}

/* Spans whose lines there is no room for are counted among those with many rows around. */
static __attribute__((noinline)) void make_room(struct fit *f)
{
    while (f->n_few * V_BLOCK > ROOM)
        f->many[f->n_many++] = f->few[--f->n_few];
    while ((f->n_few + 2 * f->n_some) * V_BLOCK > ROOM)
        f->many[f->n_many++] = f->some[--f->n_some];
}

/* Looks at n spans, each with n_blocks of rows around. */
V_FN void look_at_spans(const struct iq_type *t, struct fit *f, const span *s, int n, int n_blocks,
                        int at)
{
    for (int i = 0; i < n; i++)
        set_rows(t, f, s[i], n_blocks, at + i * n_blocks * V_BLOCK);
    for (int i = 0; i < n; i++)
        look_at_ends(t, f, s[i], n_blocks, at + i * n_blocks * V_BLOCK);
}

/* The same of those with more rows around, while there is room for their lines. Leaves the others.
 */
V_FN void look_at_many(const struct iq_type *t, struct fit *f, int at)
{
    const int n = f->n_many;

    f->n_many = 0;
    for (int i = 0; i < n; i++) {
        const span s = f->many[i];
        const int n_blocks = blocks_of(s);
        if (n_blocks > 4 || at + n_blocks * V_BLOCK > ROOM) {
            f->many[f->n_many++] = s;
            continue;
        }
        set_rows(t, f, s, n_blocks, at);
        look_at_ends(t, f, s, n_blocks, at);
        at += n_blocks * V_BLOCK;
    }
}

/* Keeps rows for all candidates of spans; what is written behind a span, the point's next one
 * replaces. */
V_FN void keep_all(const struct iq_type *t, struct fit *f)
{
    for (int i = 0; i < f->n_all; i++) {
        const int place = place_of(f->all[i]);
        int32_t *kept = f->kept[0] + place + place / MAX_TRIES * MAX_TRIES;
        for (int k = 0; k < vectors_of(t); k++)
            vi_store(kept + k * VL, vi_set1(f->row[i]));
    }
}

/* Puts down which of the VL candidates from place on, n of which count, are not decided. */
V_FN void put_undecided(struct fit *f, int place, vm close, int n)
{
    const uint32_t bits = vm_bits(close) & ((1u << (n < VL ? n : VL)) - 1);

    f->undecided[f->n_undecided] = (uint32_t)place | bits << 10;
    f->n_undecided += bits != 0;
}

/* Has any of the rows of n_blocks, but the rivals, a cost that is not above a limit at t? */
V_FN bool others_close(const float *level, const float *slope, int n_blocks, uint32_t rivals,
                       float t, float limit)
{
    uint32_t close = 0;

    for (int j = 0; j < n_blocks * V_BLOCK; j += VL)
        close |=
            (uint32_t)vm_bits(vf_le(vf_load(level + j) - t * vf_load(slope + j), vf_set1(limit)))
            << j;
    return (close & ~rivals) != 0;
}

/* A mixed span with two rivals, where no other row comes close to either of them where they meet,
 * has no other row: one that loses to the first at one end and there loses to it in between, and
 * the same holds for the other end. False when it is otherwise. */
V_FN bool settle_two(struct fit *f, int points, span s, uint64_t rivals)
{
    const int place = place_of(s), n = end_of(s) - place % MAX_TRIES, p = place / MAX_TRIES;
    const uint32_t one = (uint32_t)(rivals >> 16), two = one & (one - 1);
    const int i = __builtin_ctz(one), j = __builtin_ctz(two);
    const float *inverse = inverse_at(f, points, place), margin = f->margin[p];
    const float *level = f->level + (rivals & 0xffff), *slope = f->slope + (rivals & 0xffff);
    const uint16_t *list = f->cb->near + (near_of(s) >> 8) * V_BLOCK;
    const float apart = level[i] - level[j], grows = slope[i] - slope[j];
    float meet = apart / grows;

    meet = meet >= inverse[0] && meet <= inverse[n - 1] ? meet : inverse[0];
    const float cost_i = level[i] - meet * slope[i], cost_j = level[j] - meet * slope[j];
    const float both = (cost_i > cost_j ? cost_i : cost_j) + margin;
    if ((two & (two - 1)) || others_close(level, slope, blocks_of(s), one, meet, both))
        return false;
    for (int k = 0; k < n; k += VL) {
        const vf diff = apart - vf_load(inverse + k) * grows;
        vi_store_first(f->kept[p] + place % MAX_TRIES + k,
                       vi_select(vf_lt(diff, vf_set1(0)), vi_set1(list[i]), vi_set1(list[j])),
                       n - k);
        put_undecided(f, place + k, vf_le(vf_abs(diff), vf_set1(margin)), n - k);
    }
    return true;
}

/* Settles mixed spans with two rows, and puts down questions about the others. points: of a group.
 */
static __attribute__((noinline)) void settle_mixed(struct fit *f, int points)
{
    f->n_asked = 0;
    for (int i = 0; i < f->n_mixed; i++)
        if (!settle_two(f, points, f->mixed[i], f->rivals[i]))
            ask(f, f->mixed[i], (int)(f->rivals[i] & 0xffff));
}

/* Finds the rows that lead. */
static __attribute__((noinline)) void answer_all(struct fit *f, int points)
{
    for (int i = 0; i < f->n_asked; i++) {
        const question q = f->asked[i];
        const int rows = (int)(q >> 16 & 0xffff), place = (int)(q >> 32 & 1023);
        const int n = (int)(q >> 42 & 63), p = place / MAX_TRIES;
        const struct v_lead r =
            v_compare(f->cb->near + (q & 0xffff) * V_BLOCK, (int)(q >> 48), f->level + rows,
                      f->slope + rows, vf_load(inverse_at(f, points, place)));

        vi_store_first(f->kept[p] + place % MAX_TRIES, r.code, n);
        put_undecided(f, place, vf_le(r.first - r.other, vf_set1(f->margin[p])), n);
    }
}

/* Spread codes of rows. */
struct v_list {
    const uint16_t *code;
    int n;
};

static inline struct v_list list_around(const struct qk_codebook *cb, int32_t code)
{
    const uint16_t *list = cb->spread_around + (-1 - cb->row_of[code]);
    return (struct v_list){list + 1, list[0]};
}

static inline struct v_list list_near(const struct qk_codebook *cb, int32_t near)
{
    return (struct v_list){cb->near + (near >> 8) * V_BLOCK, near & 255};
}

/* The nearest of rows at a scale as the reference has it. x and root_w: of the point. */
V_FN int32_t exact_row(int dims, struct v_list list, const float *x, const float *root_w,
                       float scale)
{
    struct v_costs costs;
    vf q[V_T8];

    for (int k = 0; k < V_T8; k++)
        q[k] = scale * vf_load((dims == 8 ? v_odd4 : v_odd8) + k * VL);
    v_set_costs(&costs, dims, q, x, root_w);
    return v_nearest(dims, list.code, list.n, &costs);
}

static __attribute__((noinline)) int32_t exact_row8(struct v_list list, const float *x,
                                                    const float *root_w, float scale)
{
    return exact_row(8, list, x, root_w, scale);
}

static __attribute__((noinline)) int32_t exact_row4(struct v_list list, const float *x,
                                                    const float *root_w, float scale)
{
    return exact_row(4, list, x, root_w, scale);
}

/* Keeps the reference's row for a place. */
V_FN void keep_exact(const struct iq_type *t, struct fit *f, int place)
{
    const int p = place / MAX_TRIES, k = place % MAX_TRIES, at = t->dims * p;
    const int32_t code = f->code[place], near = f->cb->near_of[code];
    const float scale = f->scale[p / points_of(t) * MAX_TRIES + k];

    f->kept[p][k] = near < 0 ? near & 0xffff
                             : (t->dims == 8 ? exact_row8 : exact_row4)(
                                   list_around(f->cb, code), f->x + at, f->root_w + at, scale);
}

V_FN void settle_undecided(const struct iq_type *t, struct fit *f)
{
    for (int i = 0; i < f->n_undecided; i++)
        for (uint32_t bits = f->undecided[i] >> 10; bits; bits &= bits - 1)
            keep_exact(t, f, (int)(f->undecided[i] & 1023) + __builtin_ctz(bits));
}

V_FN void settle_doubts(const struct iq_type *t, struct fit *f, int p)
{
    for (uint32_t bits = f->doubt[p]; bits; bits &= bits - 1) {
        const int place = MAX_TRIES * p + __builtin_ctz(bits);
        f->code[place] = exact_code(t, f->x + t->dims * p, *inverse_at(f, points_of(t), place));
        keep_exact(t, f, place);
    }
}

/* Spans with many rows around: as many at a time as there is room for lines. */
V_FN void answer_many(const struct iq_type *t, struct fit *f)
{
    for (int i = 0; i < f->n_many;) {
        f->n_asked = 0;
        for (int at = 0; i < f->n_many && at + blocks_of(f->many[i]) * V_BLOCK <= ROOM; i++) {
            set_rows(t, f, f->many[i], blocks_of(f->many[i]), at);
            ask(f, f->many[i], at);
            at += blocks_of(f->many[i]) * V_BLOCK;
        }
        answer_all(f, points_of(t));
    }
}

/* Finds the rows of all points for all candidates. */
V_FN void set_kept(const struct iq_type *t, struct fit *f)
{
    for (int p = 0; p < MAX_POINTS; p++) {
        f->starts[p] = f->doubt[p] = 0;
        if (f->base[p / points_of(t)] != 0.0f)
            set_codes(t, f, p);
    }
    for (int p = 0; p < MAX_POINTS; p++)
        if (f->base[p / points_of(t)] != 0.0f)
            set_starts(t, f, p);
    set_spans(t, f);
    set_lines(t, f);
    f->n_mixed = f->n_undecided = 0;
    make_room(f);
    look_at_spans(t, f, f->few, f->n_few, 1, 0);
    look_at_spans(t, f, f->some, f->n_some, 2, f->n_few * V_BLOCK);
    look_at_many(t, f, (f->n_few + 2 * f->n_some) * V_BLOCK);
    keep_all(t, f);
    settle_mixed(f, points_of(t));
    answer_all(f, points_of(t));
    answer_many(t, f);
    settle_undecided(t, f);
    for (int p = 0; p < MAX_POINTS; p++)
        settle_doubts(t, f, p);
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

/* Points of eight elements seldom change their row, and a group has few of them. */
V_FN void set_different(const struct iq_type *t, struct fit *f, int g)
{
    const int first = points_of(t) * g;
    uint32_t same = ~0u;
    int n = 0;

    for (int p = 0; p < points_of(t); p++) {
        const int32_t *kept = f->kept[first + p];
        uint32_t here = 0;
        for (int k = 0; k < vectors_of(t) * VL; k += VL)
            here |= (uint32_t)vm_bits(vi_eq(vi_load(kept + k), vi_load(kept + k + 1))) << k;
        same &= here;
    }
    for (uint32_t bits = ~(same << 1) & ~0u >> (32 - candidates_of(t)); bits; bits &= bits - 1) {
        const int k = __builtin_ctz(bits);
        f->which[n] = (uint8_t)k;
        for (int p = 0; p < points_of(t); p++)
            f->different[p][n] = f->kept[first + p][k];
        n++;
    }
    f->which[n] = (uint8_t)candidates_of(t);
    f->n_different = n;
}

enum { ABREAST = 4 }; /* vectors of candidates side by side: sums wait for themselves */

/* Sums w x q and w q q of group g for n vectors of candidates, in the order of the elements; rows:
 * of the group's points, a stride apart. */
V_FN void set_moments(const struct iq_type *t, struct fit *f, int g, const int32_t *rows,
                      int stride, int from, int n)
{
    const int first = t->group * g;
    vf xq[ABREAST], qq[ABREAST];

    for (int k = 0; k < n; k++)
        xq[k] = qq[k] = vf_set1(0);
    for (int p = 0; p < points_of(t); p++) {
        vu code[ABREAST];
        for (int k = 0; k < n; k++)
            code[k] = (vu)vi_load(rows + p * stride + (from + k) * VL);
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
        vf_store(f->xq + (from + k) * VL, xq[k]);
        vf_store(f->qq + (from + k) * VL, qq[k]);
    }
}

/* The candidate that stays of those in bits, -1 for none; sets its scale of least squares. One that
 * differs in nothing from one that is kept is kept in turn where rounding makes it look better. */
static inline int first_best(const struct fit *f, uint32_t bits, float *scale)
{
    float best = 0.0f;
    int at = -1;

    for (; bits; bits &= bits - 1) {
        const int k = __builtin_ctz(bits);
        if (f->qq[k] > 0.0f && f->xq[k] * f->xq[k] > best * f->qq[k]) {
            *scale = f->xq[k] / f->qq[k];
            best = *scale * f->xq[k];
            at = f->which[k];
            if (f->xq[k] * f->xq[k] > best * f->qq[k])
                at = f->which[k + 1] - 1;
        }
    }
    return at;
}

/* The same of all. A score xq^2 / qq as computed here is off by a few u, and so are both sides of
 * the comparison above, while xq^2 is a normal number. So where no score is between the greatest
 * less 2^-17 and less 2^-18 of it, the first one above that gap is kept whatever was kept before,
 * and none below it is after that: only those above count (several where candidates differ in
 * nothing).
 */
V_FN int best_different(const struct fit *f, int n, int n_vectors, float *scale)
{
    vf score[MAX_TRIES / VL], most = vf_set1(0), least_q = vf_set1(FLT_MAX), most_q = most;
    uint32_t above = 0, below = 0;

    for (int k = 0; k < n_vectors; k++) {
        vf xq = vf_load(f->xq + k * VL), qq = vf_load(f->qq + k * VL);
        vm counts = vi_lt(v_lanes(), vi_set1(n - k * VL));
        score[k] = vf_select(counts, xq / qq * xq, vf_set1(0));
        most = vf_max(score[k], most);
        least_q = vf_min(least_q, vf_select(counts, qq, vf_set1(1)));
        most_q = vf_max(most_q, vf_select(counts, qq, vf_set1(1)));
    }
    const float greatest = vf_hmax(most);
    for (int k = 0; k < n_vectors; k++) {
        above |= vm_bits(vf_ge(score[k], vf_set1(greatest * (1.0f - 0x1p-18f)))) << k * VL;
        below |= vm_bits(vf_ge(score[k], vf_set1(greatest * (1.0f - 0x1p-17f)))) << k * VL;
    }
    if (above == below && greatest >= 0x1p-60f && greatest <= 0x1p60f &&
        vf_hmin(least_q) >= 0x1p-60f && vf_hmax(most_q) <= 0x1p60f)
        return first_best(f, above, scale);
    return first_best(f, (1u << n) - 1, scale);
}

V_FN int best_candidate(const struct iq_type *t, struct fit *f, int g, float *scale)
{
    if (t->dims == 8) {
        set_different(t, f, g);
        const int n = f->n_different;
        for (int k = 0; k * VL < n; k++)
            set_moments(t, f, g, f->different[0], MAX_TRIES, k, 1);
        return n <= VL ? best_different(f, n, 1, scale)
                       : best_different(f, n, vectors_of(t), scale);
    }
    f->n_different = candidates_of(t);
    for (int k = 0; k < vectors_of(t); k += ABREAST)
        set_moments(t, f, g, f->kept[points_of(t) * g], 2 * MAX_TRIES, k,
                    vectors_of(t) - k < ABREAST ? vectors_of(t) - k : ABREAST);
    return best_different(f, candidates_of(t), vectors_of(t), scale);
}

#endif
