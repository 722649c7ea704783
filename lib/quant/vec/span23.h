/* Spans (fit23.h): the candidates of groups of a codebook type, the codes of their points, and
 * where these change. */
#ifndef QK_VEC_SPAN23_H
#define QK_VEC_SPAN23_H

#include "lib/quant/ref/search.h"
#include "lib/quant/vec/lines.h"

enum refit {
    REFIT_ALL,       /* every point is looked up again */
    REFIT_OFF_GRID,  /* those that were off the grid */
    REFIT_ALL_IF_ANY /* all of them when one was off the grid */
};

enum stand_in {
    NONE,
    SQUARE,
    SQUARE_AND_MEAN
}; /* for absent weights: x^2, x^2 + mean square / 2 */

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

enum {
    MAX_POINTS = 16, /* of a batch */
    MAX_BATCH = 8 * MAX_POINTS /* values */,
    MAX_GROUPS = MAX_BATCH / 16,
    MAX_TRIES = 32,
    MAX_LANES = MAX_POINTS * MAX_TRIES,
    PAD = 16,
    ROOM = 16 * V_BLOCK * MAX_POINTS /* rows there is room for; any list fits */
};

#define LEAD_MARGIN 6e-6f    /* 86 u = 5.13e-6, and what rounding takes from the margin itself */
#define LEAD_FLOOR 0x1p-125f /* a normal number: others are slow */

/* Candidates of a point with one code, in bits: codebook.h's near_of (32), the place of the first
 * (place_of; 10), the candidate behind the last (6), number of the span (10). */
typedef uint64_t span;

/* A candidate of a point as a number: the point times 32, and the candidate. */
V_FN int place_of(span s)
{
    return (int)(s >> 32 & 1023);
}

V_FN int32_t near_of(span s)
{
    return (int32_t)(uint32_t)s;
}

V_FN int end_of(span s)
{
    return (int)(s >> 42 & 63);
}

V_FN int number_of(span s)
{
    return (int)(s >> 48);
}

/* A vector of candidates of a span off the grid, in bits: where its list begins in near, in blocks,
 * and its lines (16 each); place of the first candidate (10), how many from there to the span's end
 * (6), blocks of the list. */
typedef uint64_t question;

/* A batch while it is fitted. */
struct fit {
    const struct qk_codebook *cb;
    const float *x, *w, *wx, *root_w, *root_wx2; /* root_wx2: 2 root_w x */
    float base[MAX_GROUPS];                      /* 0: zeros */
    float half[MAX_BATCH];                       /* halves of x, see fence() */
    float inverse[MAX_GROUPS * MAX_TRIES + PAD], scale[MAX_GROUPS * MAX_TRIES]; /* by candidate */
    float margin[MAX_POINTS];
    int32_t code[MAX_LANES + PAD];                  /* of the lattice point, by place */
    int32_t kept[MAX_POINTS][2 * MAX_TRIES];        /* of the row, spread; by candidate */
    uint32_t doubt[MAX_POINTS], starts[MAX_POINTS]; /* bits by candidate */
    /* Of one group: candidates' rows, those again left out that are the one before's in all points
     * (which), and their sums. */
    int n_different;
    uint8_t which[MAX_TRIES + 1];
    int32_t different[4][MAX_TRIES];
    float xq[MAX_TRIES], qq[MAX_TRIES];
    /* All spans, and the spread code of a row for each; those off the grid by the blocks of rows
     * around, one, two, more. */
    int n_all, n_few, n_some, n_many, n_mixed, n_undecided;
    span all[MAX_LANES + 1], few[MAX_LANES + 1], some[MAX_LANES + 1], many[MAX_LANES + 1];
    uint16_t row[MAX_LANES + 1];
    /* Those with several rows, maybe: place of the lines (16), rivals (v_rivals; 32). */
    span mixed[MAX_LANES + 1];
    uint64_t rivals[MAX_LANES + 1];
    /* Candidates whose row was not decided, in bits: place of the first (10), and which. */
    uint32_t undecided[MAX_LANES];
    struct v_lines lines[MAX_POINTS];
    int n_asked;
    question asked[MAX_LANES + 1];
    float level[ROOM + 4 * V_BLOCK], slope[ROOM + 4 * V_BLOCK]; /* lines */
};

/* Numbers that follow from a type's. */
V_FN int candidates_of(const struct iq_type *t)
{
    return 2 * t->n_tries + 1;
}

V_FN int points_of(const struct iq_type *t) /* in a group */
{
    return t->group / t->dims;
}

V_FN int batch_of(const struct iq_type *t) /* values */
{
    return MAX_POINTS * t->dims;
}

V_FN int vectors_of(const struct iq_type *t) /* of candidates */
{
    return (candidates_of(t) + VL - 1) / VL;
}

static const float v_iota[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

V_FN void set_candidates(const struct iq_type *t, struct fit *f, int g)
{
    for (int k = 0; k < (candidates_of(t) + 15) / 16 * 16; k += VL) {
        vf at = vf_load(v_iota + k % 16) + (float)(k / 16 * 16 - t->n_tries);
        at = vf_min(at, vf_set1((float)t->n_tries));
        vf inverse = ((float)(2 * t->top - 1) + at * t->step) / f->base[g];
        vf_store(f->inverse + MAX_TRIES * g + k, inverse);
        vf_store(f->scale + MAX_TRIES * g + k, 1.0f / inverse);
    }
}

/* ---- codes ------------------------------------------------------------------------------------
 */

/* Sets halves of a group's magnitudes as set_codes wants them. Below half a step of the lowest
 * scale all are level 0, and in no doubt; with three levels, all that are base or more are level 2
 * at any candidate. */
V_FN void fence(const struct iq_type *t, struct fit *f, int g)
{
    const float least = f->base[g] * (0.25f / (float)(2 * t->top - 1));

    for (int i = t->group * g; i < t->group * (g + 1); i += VL) {
        vf half = vf_max(0.5f * vf_load(f->x + i), vf_set1(least));
        vf_store(f->half + i, t->top == 3 ? vf_min(half, vf_set1(0.5f * f->base[g])) : half);
    }
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

/* Codes of a point for all candidates. The level nearest to (t x - 1) / 2 is the integer part of
 * t (x / 2), for halves are exact and so is subtracting 1 where it matters, except that an integer
 * is in doubt, and so is what rounds to one here. */
V_FN void set_codes(const struct iq_type *t, struct fit *f, int p)
{
    const float *inverse = f->inverse + p / points_of(t) * MAX_TRIES;
    const int h = t->dims / 2, lowest = field_of(t, 0), n = vectors_of(t);
    vu code[2][MAX_TRIES / VL];
    vi rest[MAX_TRIES / VL];

    for (int k = 0; k < n; k++) {
        code[0][k] = code[1][k] = (vu)vi_set1(0);
        rest[k] = vi_set1(INT32_MAX);
    }
    for (int i = 0; i < t->dims; i++) {
        const int at = field_of(t, i);
        const vf half = vf_set1(f->half[t->dims * p + i]);
        for (int k = 0; k < n; k++) {
            vf v = vf_load(inverse + k * VL) * half;
            if (t->top > 3)
                v = vf_min(v, vf_set1((float)t->top - 0.5f));
            vu sum = (vu)(v + field_one(t, i));
            rest[k] = vi_min((vi)(sum & ((1u << at) - 1)), rest[k]);
            code[i / h][k] |= sum & ((1u << t->bits) - 1) << at;
        }
    }
    f->doubt[p] = 0;
    for (int k = 0; k < n; k++) {
        vu all = code[0][k] >> lowest | code[1][k] >> lowest << t->bits * h;
        vi_store(f->code + MAX_TRIES * p + k * VL, (vi)all);
        f->doubt[p] |= (uint32_t)vm_bits(vi_eq(rest[k], vi_set1(0))) << k * VL;
    }
    f->doubt[p] &= ~0u >> (32 - candidates_of(t));
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

/* Candidates whose code is not that of the one before. */
V_FN void set_starts(const struct iq_type *t, struct fit *f, int p)
{
    const int32_t *code = f->code + MAX_TRIES * p;
    uint32_t same = 0;

    for (int k = 0; k < vectors_of(t); k++)
        same |= (uint32_t)vm_bits(vi_eq(vi_load(code + k * VL), vi_load(code + k * VL + 1)))
                << k * VL;
    f->starts[p] = ~(same << 1) & ~0u >> (32 - candidates_of(t));
}

/* The spans of all points, two points at a time. Each is put down everywhere and counted where
 * it belongs: which it is cannot be predicted. */
V_FN void set_spans(const struct iq_type *t, struct fit *f)
{
    const uint64_t both = 1ull << candidates_of(t) | 1ull << (32 + candidates_of(t));
    unsigned all = 0, few = 0, some = 0, many = 0;

    for (int p = 0; p < MAX_POINTS; p += 2) {
        const uint64_t starts = f->starts[p] | (uint64_t)f->starts[p + 1] << 32;
        const uint64_t ends = starts | both;
        for (uint64_t bits = starts; bits; bits &= bits - 1) {
            const unsigned at = (unsigned)__builtin_ctzll(bits);
            const unsigned end = (unsigned)__builtin_ctzll(ends & -2ull << at) & 31;
            const unsigned place = (unsigned)p * MAX_TRIES + at;
            const int32_t near = f->cb->near_of[f->code[place]];
            /* 1 .. 255 where off the grid, else much more */
            const unsigned n = (uint32_t)near >> 31 << 8 | (near & 255);
            const span s = (uint32_t)near | (span)(place | end << 10 | all << 16) << 32;
            f->row[all] = (uint16_t)near;
            f->all[all++] = s;
            f->few[few] = s;
            f->some[some] = s;
            f->many[many] = s;
            few += n <= V_BLOCK;
            some += n - V_BLOCK - 1 < V_BLOCK;
            many += n - 2 * V_BLOCK - 1 < 255 - 2 * V_BLOCK;
        }
    }
    f->n_all = (int)all;
    f->n_few = (int)few;
    f->n_some = (int)some;
    f->n_many = (int)many;
}

#endif
