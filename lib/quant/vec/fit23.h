/* Fitting groups of a codebook type (IQ2, IQ3: lib/quant/ref/iq23.c) at all candidate scales.
 *
 * A point's code changes a few times only as the inverse scale grows: its candidates come in runs
 * of one code, "spans". For a code on the grid the row is known. For one off the grid, the rows
 * around are the same for the whole span, and their lines (lines.h) are compared at all its
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
 * sum). A lead is within 13 u M of what it stands for (the rounding of t = 1 / s included), its
 * last bits within 16 u M more. So a row that leads another by more than 86 u M is the nearer one
 * for the reference. Where the best leads by less, the reference's sums are taken. The margin's
 * floor is above what is lost where terms are not normal numbers (each by 2^-150, times one factor;
 * all over s^2).
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
    for (int p = 0; p < BATCH / t->dims; p++)
        v_set_lines(&f->lines[p], t->dims, f->root_w + t->dims * p, f->root_wx2 + t->dims * p);
}

/* Most spans are covered by two vectors. */
V_FN void keep_on_grid(const struct iq_type *t, struct fit *f)
{
    for (int i = 0; i < f->n_on; i++) {
        const struct span *s = &f->on[i];
        const vi code = vi_set1(s->near & 0xffff);
        int32_t *kept = f->kept[s->p] + s->a;
        const int n = s->b + 1 - s->a;
        vi_store_first(kept, code, n);
        vi_store_first(kept + VL, code, n - VL);
        for (int k = 2 * VL; candidates_of(t) > 2 * VL && k < n; k += VL)
            vi_store_first(kept + k, code, n - k);
    }
}

/* Puts down the questions about a span. One that is not needed is put down behind the last. */
V_FN void ask(const struct iq_type *t, struct fit *f, const struct span *s, int rows)
{
    const unsigned n_blocks = ((unsigned)(s->near & 255) + V_BLOCK - 1) / V_BLOCK;
    const unsigned kind = (n_blocks < N_KINDS ? n_blocks : N_KINDS) - 1;
    const question step = ((question)VL << 40) - ((question)VL << 48);
    question q = (question)(s->near >> 8) | (question)rows << 16 | (question)s->p << 32 |
                 (question)s->a << 40 | (question)(s->b + 1 - s->a) << 48 |
                 (question)n_blocks << 56;
    int n = f->n_asked[kind];

    f->asked[kind][n++] = q;
    f->asked[kind][n] = q + step;
    n += s->b - s->a >= VL;
    for (int k = 2 * VL; candidates_of(t) > 2 * VL && k <= s->b - s->a; k += VL)
        f->asked[kind][n++] = q + (question)(k / VL) * step;
    f->n_asked[kind] = n;
}

/* Looks lines up for spans off the grid from number i on, while there is room; returns the number
 * of the first that has none. */
V_FN int set_rows(const struct iq_type *t, struct fit *f, int i)
{
    memset(f->n_asked, 0, sizeof f->n_asked);
    for (int used = 0; i < f->n_off; i++) {
        const struct span *s = &f->off[i];
        const int n = s->near & 255, full = (n + V_BLOCK - 1) / V_BLOCK * V_BLOCK;
        if (used + full > ROOM)
            break;
        v_set_rows(&f->lines[s->p], t->dims, f->cb->near + (s->near >> 8) * V_BLOCK, n,
                   f->level + used, f->slope + used);
        ask(t, f, s, used);
        used += full;
    }
    return i;
}

V_FN void answer(const struct iq_type *t, struct fit *f, question q, int n_blocks)
{
    const unsigned rows = q >> 16 & 0xffff, p = q >> 32 & 255, k = q >> 40 & 255, n = q >> 48 & 255;
    const uint16_t *list = f->cb->near + (q & 0xffff) * V_BLOCK;
    struct v_lead r = v_compare(list, n_blocks, f->level + rows, f->slope + rows,
                                vf_load(f->inverse[p / (unsigned)points_of(t)] + k));
    unsigned close = vm_bits(vf_le(r.first - r.other, vf_set1(f->margin[p])));

    close &= (1u << (n < VL ? n : VL)) - 1;
    vi_store_first(f->kept[p] + k, r.code, (int)n);
    f->undecided[f->n_undecided] = p | k << 8 | close << 16;
    f->n_undecided += close != 0;
}

/* Finds the rows that lead. */
V_FN void answer_all(const struct iq_type *t, struct fit *f)
{
    for (int i = 0; i < f->n_asked[0]; i++)
        answer(t, f, f->asked[0][i], 1);
    for (int i = 0; i < f->n_asked[1]; i++)
        answer(t, f, f->asked[1][i], 2);
    for (int i = 0; i < f->n_asked[2]; i++)
        answer(t, f, f->asked[2][i], (int)(f->asked[2][i] >> 56));
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

V_FN void keep_exact(const struct iq_type *t, struct fit *f, int p, int k, int32_t code)
{
    const int at = t->dims * p;
    const int32_t near = f->cb->near_of[code];
    const float scale = f->scale[p / points_of(t)][k];

    f->kept[p][k] = near < 0 ? near & 0xffff
                             : (t->dims == 8 ? exact_row8 : exact_row4)(
                                   list_around(f->cb, code), f->x + at, f->root_w + at, scale);
}

/* Place of the code of a point of the batch for a candidate. */
V_FN int32_t *code_at(const struct iq_type *t, struct fit *f, int p, int k)
{
    const int g = p / points_of(t);
    return &f->code[PAD + 64 * words_of(t) * g + points_of(t) * k + p % points_of(t)];
}

V_FN void settle_undecided(const struct iq_type *t, struct fit *f)
{
    for (int i = 0; i < f->n_undecided; i++) {
        const int p = (int)(f->undecided[i] & 255), at = (int)(f->undecided[i] >> 8 & 255);
        for (unsigned bits = f->undecided[i] >> 16; bits; bits &= bits - 1) {
            const int k = at + __builtin_ctz(bits);
            keep_exact(t, f, p, k, *code_at(t, f, p, k));
        }
    }
}

V_FN void settle_doubts(const struct iq_type *t, struct fit *f)
{
    const int n_points = points_of(t), n_words = words_of(t);

    for (int i = 0; i < BATCH / t->group * n_words; i++)
        for (uint64_t bits = f->doubt[i]; bits; bits &= bits - 1) {
            const int g = i / n_words, j = i % n_words * 64 + __builtin_ctzll(bits);
            const int p = g * n_points + j % n_points, k = j / n_points;
            int32_t *code = code_at(t, f, p, k);
            *code = exact_code(t, f->x + t->dims * p, f->inverse[g][k]);
            keep_exact(t, f, p, k, *code);
        }
}

/* Finds the rows of all points for all candidates. half: as set_codes takes it. */
V_FN void set_kept(const struct iq_type *t, struct fit *f, const float *half, int stride)
{
    memset(f->doubt, 0, sizeof f->doubt);
    for (int g = 0; g < BATCH / t->group; g++)
        if (f->base[g] != 0.0f)
            set_codes(t, f, g, half + points_of(t) * g, stride);
    memset(f->starts, 0, sizeof f->starts);
    for (int g = 0; g < BATCH / t->group; g++)
        if (f->base[g] != 0.0f)
            set_starts(t, f, g);
    set_spans(t, f);
    keep_on_grid(t, f);
    set_lines(t, f);
    f->n_undecided = 0;
    for (int i = 0; i < f->n_off;) {
        i = set_rows(t, f, i);
        answer_all(t, f);
    }
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

enum {
    ABREAST = VL == 16 ? 2 : 4
}; /* vectors of candidates side by side: sums wait for themselves */

/* Sums w x q and w q q of group g for all candidates, in the order of the elements. */
V_FN void set_moments(const struct iq_type *t, struct fit *f, int g)
{
    const int n_vectors = (2 * t->n_tries + VL) / VL, first = points_of(t) * g;

    for (int from = 0; from < n_vectors; from += ABREAST) {
        const int n = n_vectors - from < ABREAST ? n_vectors - from : ABREAST;
        vf xq[ABREAST], qq[ABREAST];
        for (int k = 0; k < n; k++)
            xq[k] = qq[k] = vf_set1(0);
        for (int p = first; p < first + points_of(t); p++) {
            vu code[ABREAST];
            for (int k = 0; k < n; k++)
                code[k] = (vu)vi_load(f->kept[p] + (from + k) * VL);
            for (int i = 0; i < t->dims; i++) {
                vf w = vf_set1(f->w[t->dims * p + i]), wx = vf_set1(f->wx[t->dims * p + i]);
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
}

/* The candidate that stays of those in bits, -1 for none; sets its scale of least squares. */
static inline int first_best(const struct fit *f, uint32_t bits, float *scale)
{
    float best = 0.0f;
    int at = -1;

    for (; bits; bits &= bits - 1) {
        const int k = __builtin_ctz(bits);
        if (f->qq[k] > 0.0f && f->xq[k] * f->xq[k] > best * f->qq[k]) {
            *scale = f->xq[k] / f->qq[k];
            best = *scale * f->xq[k];
            at = k;
        }
    }
    return at;
}

/* The same of n. A score xq^2 / qq as computed here is off by a few u, and so are both sides of the
 * comparison above, while xq^2 is a normal number. So where no score is between the greatest less
 * 2^-17 and less 2^-18 of it, the first one above that gap is kept whatever was kept before, and
 * none below it is after that: only those above count (several where candidates differ in nothing).
 */
V_FN int best_candidate(const struct fit *f, int n, float *scale)
{
    vf score[MAX_TRIES / VL], most = vf_set1(0), least_q = vf_set1(FLT_MAX), most_q = most;
    uint32_t above = 0, below = 0;

    for (int k = 0; k < n; k += VL) {
        vf xq = vf_load(f->xq + k), qq = vf_load(f->qq + k);
        vm counts = vi_lt(vi_load(v_lane + k % 16), vi_set1(n - k / 16 * 16));
        score[k / VL] = vf_select(counts, xq / qq * xq, vf_set1(0));
        most = vf_max(score[k / VL], most);
        least_q = vf_min(least_q, vf_select(counts, qq, vf_set1(1)));
        most_q = vf_max(most_q, vf_select(counts, qq, vf_set1(1)));
    }
    const float greatest = vf_hmax(most);
    for (int k = 0; k < n; k += VL) {
        above |= vm_bits(vf_ge(score[k / VL], vf_set1(greatest * (1.0f - 0x1p-18f)))) << k;
        below |= vm_bits(vf_ge(score[k / VL], vf_set1(greatest * (1.0f - 0x1p-17f)))) << k;
    }
    if (above == below && greatest >= 0x1p-60f && greatest <= 0x1p60f &&
        vf_hmin(least_q) >= 0x1p-60f && vf_hmax(most_q) <= 0x1p60f)
        return first_best(f, above, scale);
    return first_best(f, (1u << n) - 1, scale);
}

#endif
