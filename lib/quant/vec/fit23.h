/* Fitting one group of a codebook type (IQ2, IQ3: lib/quant/ref/iq23.c) at all candidate scales.
 *
 * A point's code changes a few times only as the inverse scale grows: its candidates come in runs of
 * one code, "spans". For a code on the grid the row is known. For one off the grid, the rows around
 * are the same for the whole span, and their lines (lines.h) are compared at all its candidates side
 * by side. Two things make this quick and still exact:
 *
 * Fewer rows. Rows that have another one between themselves and the code are not looked at
 * (codebook.h: near). For the reference they are never nearer: let q be an element's value in such a
 * row, p in the one between, c in the code, say c <= p < q, and D(v) = v s - x as computed, which
 * rounding keeps monotone in v. The value x rounded to c, so x < s (c + 1) <= s (p + q) / 2 and
 * |D(p)| <= |D(q)|, unless x / s is so close to c + 1 that rounding decides ("in doubt"). Each term
 * w D^2 is then no greater for p, so no sum is, and the row between comes first in the list: the
 * other is not taken. Where any element is in doubt, all rows are looked at, the reference's way.
 *
 * Estimates. Let t be the inverse of the scale s, N = sum w (q - t x)^2 the distance of a row over
 * s^2, M = sum w (q_top + t |x|)^2 and u = 2^-24. The reference's sum, over s^2, is within 14 u M of N
 * (six roundings in a term, relative to it or to its parts before they cancel, seven in the sum). A
 * lead is within 13 u M of what it stands for (the rounding of t = 1 / s included), its last bits
 * within 16 u M more. So a row that leads another by more than 86 u M is the nearer one for the
 * reference. Where the best leads by less, the reference's sums are taken. The margin's floor is
 * above what is lost where terms are not normal numbers (each by 2^-150, times one factor; all over
 * s^2).
 */
#ifndef QK_VEC_FIT23_H
#define QK_VEC_FIT23_H

#include "lib/quant/ref/search.h"
#include "lib/quant/vec/lines.h"
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

/* Lanes of a group: by candidate, then by point. */
enum { MAX_TRIES = 32, MAX_POINTS = 8, MAX_LANES = MAX_TRIES * MAX_POINTS, PAD = 16 };

enum { ROOM = 2 * (QK_NEAR_MAX + 1) }; /* for lines */

#define LEAD_MARGIN 6e-6f /* 86 u = 5.13e-6, and what rounding takes from the margin itself */
#define LEAD_FLOOR 0x1p-140f

/* Candidates a .. b of a point, with one code. */
struct span {
    int32_t near; /* codebook.h: near_of */
    uint8_t p, a, b;
};

/* Candidates at and after it, by bits, whose row was not decided. */
struct undecided {
    uint8_t p, at;
    uint16_t bits;
};

/* A group while it is fitted. */
struct fit {
    const struct qk_codebook *cb;
    const float *x, *w, *wx, *root_w, *root_wx2; /* root_wx2: 2 root_w x */
    float inverse[MAX_TRIES + PAD], scale[MAX_TRIES];
    float margin[MAX_POINTS + PAD];
    int32_t code[PAD + MAX_LANES]; /* of the lattice point, by lane; from PAD on */
    uint64_t doubt[MAX_LANES / 64], starts[MAX_LANES / 64]; /* bits by lane */
    int32_t kept[MAX_POINTS][MAX_TRIES + PAD];              /* of the row, spread */
    float xq[MAX_TRIES], qq[MAX_TRIES];
    int n_on, n_off, n_undecided;
    struct span span[MAX_LANES];
    uint8_t on[MAX_LANES], off[MAX_LANES]; /* spans on the grid and off it */
    struct undecided undecided[MAX_LANES];
    struct v_lines lines[MAX_POINTS];
    uint16_t rows_at[MAX_LANES]; /* where lines of a span off the grid begin */
    float level[ROOM + PAD], slope[ROOM + PAD];
};

static const float v_iota[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

V_FN void set_candidates(const struct iq_type *t, struct fit *f, float base)
{
    const int n = 2 * t->n_tries + 1;

    for (int k = 0; k < (n + 15) / 16 * 16; k += VL) {
        vf at = vf_load(v_iota + k % 16) + (float)(k / 16 * 16 - t->n_tries);
        at = vf_min(at, vf_set1((float)t->n_tries));
        vf inverse = ((float)(2 * t->top - 1) + at * t->step) / base;
        vf_store(f->inverse + k, inverse);
        vf_store(f->scale + k, 1.0f / inverse);
    }
}

/* ---- codes ------------------------------------------------------------------------------------
 */

/* Halves of magnitudes as set_codes wants them. Below half a step of the lowest scale all are level
 * 0, and in no doubt; with three levels, all that are base or more are level 2 at any candidate. */
V_FN vf fenced(const struct iq_type *t, vf half, float base)
{
    half = vf_max(half, vf_set1(base * (0.25f / (float)(2 * t->top - 1))));
    return t->top == 3 ? vf_min(half, vf_set1(0.5f * base)) : half;
}

/* Where in a sum with field_one() an element's level stands, in halves of a point's elements. The
 * last has seventeen bits below it, so that half their last is 2^-18: more than the 6 u top that
 * rounding can take. */
V_FN int field_of(const struct iq_type *t, int i)
{
    return 17 - t->bits * (t->dims / 2 - 1 - i % (t->dims / 2));
}

/* A float whose sum with a smaller one has that one's integer part from field_of() on. */
V_FN vf field_one(const struct iq_type *t, int i)
{
    return vf_set1((float)(1 << (23 - field_of(t, i))));
}

/* Inverse scales of lanes from j on. */
V_FN vf inverse_of_lanes(const struct fit *f, int j, int n_points)
{
    vf table[V_PER16];
    vi at = vi_trunc(vf_load(v_iota) * (1.0f / (float)n_points));

    if (n_points >= VL)
        return vf_set1(f->inverse[j / n_points]);
    for (int k = 0; k < V_PER16; k++)
        table[k] = vf_load(f->inverse + j / n_points / 16 * 16 + k * VL);
    return vf_lookup16(table, at + j / n_points % 16);
}

/* Codes for all candidates; half: halves of the group's values, element by element, a stride apart.
 * The level nearest to (t x - 1) / 2 is the integer part of t (x / 2), for halves are exact and so is
 * subtracting 1 where it matters, except that an integer is in doubt, and so is what rounds to one
 * here. */
V_FN void set_codes(const struct iq_type *t, struct fit *f, const float *half, int stride,
                    float base)
{
    const int n_points = t->group / t->dims, n = (2 * t->n_tries + 1) * n_points;
    const int h = t->dims / 2, lowest = field_of(t, 0);

    memset(f->doubt, 0, sizeof f->doubt);
    for (int j = 0; j < n; j += VL) {
        const vf inverse = inverse_of_lanes(f, j, n_points);
        vu code[2] = {(vu)vi_set1(0), (vu)vi_set1(0)};
        vi rest = vi_set1(INT32_MAX);
        for (int i = 0; i < t->dims; i++) {
            const int at = field_of(t, i);
            vf v = inverse * fenced(t, vf_repeat(half + i * stride + j % n_points, n_points), base);
            if (t->top > 3)
                v = vf_min(v, vf_set1((float)t->top - 0.5f));
            vu sum = (vu)(v + field_one(t, i));
            rest = vi_min((vi)(sum & ((1u << at) - 1)), rest);
            code[i / h] |= sum & ((1u << t->bits) - 1) << at;
        }
        vi_store(f->code + PAD + j, (vi)(code[0] >> lowest | code[1] >> lowest << t->bits * h));
        f->doubt[j / 64] |= (uint64_t)vm_bits(vi_eq(rest, vi_set1(0))) << j % 64;
    }
    f->doubt[(n - 1) / 64] &= ~0ull >> (63 - (n - 1) % 64);
}

/* The code of a point at an inverse scale as the reference finds it. */
static int32_t exact_code(const struct iq_type *t, const float *x, float inverse)
{
    int32_t code = 0;

    for (int i = 0; i < t->dims; i++)
        code |= qk_clamp_int(qk_nearest_int(0.5f * (inverse * x[i] - 1.0f)), 0, t->top - 1)
                << t->bits * i;
    return code;
}

/* Lanes whose code is not that of the same point's candidate before. */
V_FN void set_starts(const struct iq_type *t, struct fit *f)
{
    const int n_points = t->group / t->dims, n = (2 * t->n_tries + 1) * n_points;
    const int32_t *code = f->code + PAD;

    memset(f->starts, 0, sizeof f->starts);
    for (int j = 0; j < n; j += VL) {
        vm same = vi_eq(vi_load(code + j), vi_load(code + j - n_points));
        f->starts[j / 64] |= (uint64_t)vm_bits(same) << j % 64;
    }
    for (int i = 0; i <= (n - 1) / 64; i++)
        f->starts[i] = ~f->starts[i];
    f->starts[0] |= (1u << n_points) - 1;
    f->starts[(n - 1) / 64] &= ~0ull >> (63 - (n - 1) % 64);
}

V_FN void set_spans(const struct iq_type *t, struct fit *f)
{
    const int n_points = t->group / t->dims, n_tries = 2 * t->n_tries + 1;
    struct span *last[MAX_POINTS], none, *s = f->span;
    int n_on = 0, n_off = 0;

    for (int p = 0; p < n_points; p++)
        last[p] = &none;
    for (int i = 0; i <= (n_tries * n_points - 1) / 64; i++)
        for (uint64_t bits = f->starts[i]; bits; bits &= bits - 1, s++) {
            const int j = 64 * i + __builtin_ctzll(bits), p = j % n_points, a = j / n_points;
            const int32_t near = f->cb->near_of[f->code[PAD + j]];
            s->near = near;
            s->p = (uint8_t)p;
            s->a = (uint8_t)a;
            last[p]->b = (uint8_t)(a - 1);
            last[p] = s;
            f->on[n_on] = f->off[n_off] = (uint8_t)(s - f->span);
            n_on += near < 0;
            n_off += near >= 0;
        }
    for (int p = 0; p < n_points; p++)
        last[p]->b = (uint8_t)(n_tries - 1);
    f->n_on = n_on;
    f->n_off = n_off;
}

/* ---- rows -------------------------------------------------------------------------------------
 */

V_FN void set_lines(const struct iq_type *t, struct fit *f)
{
    for (int p = 0; p < t->group / t->dims; p++)
        v_set_lines(&f->lines[p], t->dims, f->root_w + t->dims * p, f->root_wx2 + t->dims * p);
}

V_FN const uint16_t *list_of(const struct fit *f, const struct span *s)
{
    return f->cb->near + (s->near >> 8) * V_BLOCK;
}

V_FN void keep_on_grid(struct fit *f)
{
    for (int i = 0; i < f->n_on; i++) {
        const struct span *s = &f->span[f->on[i]];
        for (int k = s->a; k <= s->b; k += VL)
            vi_store_first(f->kept[s->p] + k, vi_set1(s->near & 0xffff), s->b + 1 - k);
    }
}

/* Looks lines up for spans off the grid from number i on, while there is room; returns the number of
 * the first that has none. */
V_FN int set_rows(const struct iq_type *t, struct fit *f, int i)
{
    for (int used = 0; i < f->n_off; i++) {
        const struct span *s = &f->span[f->off[i]];
        const int n = s->near & 255, full = (n + V_BLOCK - 1) / V_BLOCK * V_BLOCK;
        if (used + full > ROOM)
            break;
        f->rows_at[i] = (uint16_t)used;
        v_set_rows(&f->lines[s->p], t->dims, list_of(f, s), n, f->level + used, f->slope + used);
        used += full;
    }
    return i;
}

/* Finds the rows for all candidates of a span off the grid. */
V_FN void compare_rows(struct fit *f, int i)
{
    const struct span *s = &f->span[f->off[i]];
    const float *level = f->level + f->rows_at[i], *slope = f->slope + f->rows_at[i];

    for (int k = s->a; k <= s->b; k += VL) {
        const int n = s->b + 1 - k;
        struct v_lead r =
            v_compare(list_of(f, s), s->near & 255, level, slope, vf_load(f->inverse + k));
        unsigned close = vm_bits(vf_le(r.first - r.other, vf_set1(f->margin[s->p])));
        close &= (n < VL ? 1u << n : 1u << VL) - 1;
        vi_store_first(f->kept[s->p] + k, r.code, n);
        f->undecided[f->n_undecided] = (struct undecided){s->p, (uint8_t)k, (uint16_t)close};
        f->n_undecided += close != 0;
    }
}

/* The reference's way: all rows around the code, at a scale. x and root_w: of the point. */
V_FN int32_t exact_row(int dims, const struct qk_codebook *cb, int32_t code, const float *x,
                       const float *root_w, float scale)
{
    const uint16_t *list = cb->spread_around + (-1 - cb->row_of[code]);
    struct v_costs costs;
    vf q[V_T8];

    for (int k = 0; k < V_T8; k++)
        q[k] = scale * vf_load((dims == 8 ? v_odd4 : v_odd8) + k * VL);
    v_set_costs(&costs, dims, q, x, root_w);
    return v_nearest(dims, list + 1, list[0], &costs);
}

static __attribute__((noinline)) int32_t exact_row8(const struct qk_codebook *cb, int32_t code,
                                                    const float *x, const float *root_w,
                                                    float scale)
{
    return exact_row(8, cb, code, x, root_w, scale);
}

static __attribute__((noinline)) int32_t exact_row4(const struct qk_codebook *cb, int32_t code,
                                                    const float *x, const float *root_w,
                                                    float scale)
{
    return exact_row(4, cb, code, x, root_w, scale);
}

V_FN void keep_exact(const struct iq_type *t, struct fit *f, int p, int k, int32_t code)
{
    const int at = t->dims * p;
    const int32_t near = f->cb->near_of[code];

    f->kept[p][k] = near < 0 ? near & 0xffff
                             : (t->dims == 8 ? exact_row8 : exact_row4)(
                                   f->cb, code, f->x + at, f->root_w + at, f->scale[k]);
}

V_FN void settle_undecided(const struct iq_type *t, struct fit *f)
{
    const int n_points = t->group / t->dims;

    for (int i = 0; i < f->n_undecided; i++) {
        const int p = f->undecided[i].p;
        for (unsigned bits = f->undecided[i].bits; bits; bits &= bits - 1) {
            const int k = f->undecided[i].at + __builtin_ctz(bits);
            keep_exact(t, f, p, k, f->code[PAD + k * n_points + p]);
        }
    }
}

V_FN void settle_doubts(const struct iq_type *t, struct fit *f)
{
    const int n_points = t->group / t->dims, n_tries = 2 * t->n_tries + 1;

    for (int i = 0; i <= (n_tries * n_points - 1) / 64; i++)
        for (uint64_t bits = f->doubt[i]; bits; bits &= bits - 1) {
            const int j = 64 * i + __builtin_ctzll(bits), p = j % n_points, k = j / n_points;
            f->code[PAD + j] = exact_code(t, f->x + t->dims * p, f->inverse[k]);
            keep_exact(t, f, p, k, f->code[PAD + j]);
        }
}

/* Finds the rows of all points for all candidates, step by step for all spans: a step's results
 * need not wait for one another. */
V_FN void set_kept(const struct iq_type *t, struct fit *f)
{
    set_starts(t, f);
    set_spans(t, f);
    keep_on_grid(f);
    set_lines(t, f);
    f->n_undecided = 0;
    for (int i = 0; i < f->n_off;) {
        const int end = set_rows(t, f, i);
        for (; i < end; i++)
            compare_rows(f, i);
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

/* The candidate that stays, -1 for none; sets its scale of least squares. */
static inline int first_best(const struct fit *f, int n, float *scale)
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

/* The same. A score xq^2 / qq as computed here is off by a few u, and so are both sides of the
 * comparison above, while xq^2 is a normal number. So when one candidate's is above all others by
 * 2^-18, that one is kept whatever was kept before, and none after it. */
V_FN int best_candidate(const struct fit *f, int n, float *scale)
{
    vf score[MAX_TRIES / VL], most = vf_set1(0);
    unsigned near = 0;

    for (int k = 0; k < n; k += VL) {
        vf xq = vf_load(f->xq + k), qq = vf_load(f->qq + k);
        vm counts = vi_lt(vi_load(v_lane + k % 16), vi_set1(n - k / 16 * 16));
        counts = vm_and(counts, vf_gt(qq, vf_set1(0)));
        score[k / VL] = vf_select(counts, xq / qq * xq, vf_set1(0));
        most = vf_max(score[k / VL], most);
    }
    const float greatest = vf_hmax(most);
    for (int k = 0; k < n; k += VL)
        near |= vm_bits(vf_ge(score[k / VL], vf_set1(greatest * (1.0f - 0x1p-18f)))) << k;
    if (!(greatest >= 0x1p-60f && greatest <= 0x1p60f) || (near & (near - 1)))
        return first_best(f, n, scale);
    const int at = __builtin_ctz(near);
    if (!(f->qq[at] >= 0x1p-60f && f->qq[at] <= 0x1p60f))
        return first_best(f, n, scale);
    *scale = f->xq[at] / f->qq[at];
    return at;
}

#endif
