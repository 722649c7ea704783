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
    BATCH = 32, /* values */
    MAX_GROUPS = BATCH / 16,
    MAX_POINTS = BATCH / 4,
    MAX_TRIES = 32,
    MAX_LANES = BATCH / 32 * 8 * MAX_TRIES,
    MAX_WORDS = MAX_LANES / 64,
    PAD = 16,
    ROOM = 4 * (QK_NEAR_MAX + 1) /* for lines */
};

#define LEAD_MARGIN 6e-6f    /* 86 u = 5.13e-6, and what rounding takes from the margin itself */
#define LEAD_FLOOR 0x1p-125f /* a normal number: others are slow */

/* Candidates a .. b of a point, with one code. */
struct span {
    int32_t near; /* codebook.h: near_of */
    uint8_t p, a, b;
};

/* A vector of candidates of a span off the grid, in bits: where its list begins in near, in blocks,
 * and its lines (16 each); point, first candidate, how many from there to the span's end, blocks of
 * the list (8 each). */
typedef uint64_t question;

enum { N_KINDS = 3 }; /* of questions: about one block, two blocks, more */

/* A batch while it is fitted. Lanes: by group, which have whole words of bits, then by candidate,
 * then by point. */
struct fit {
    const struct qk_codebook *cb;
    const float *x, *w, *wx, *root_w, *root_wx2; /* root_wx2: 2 root_w x */
    float base[MAX_GROUPS];                      /* 0: zeros */
    float inverse[MAX_GROUPS][MAX_TRIES + PAD], scale[MAX_GROUPS][MAX_TRIES];
    float margin[MAX_POINTS];
    int32_t code[PAD + MAX_LANES];                /* of the lattice point, by lane; from PAD on */
    uint64_t doubt[MAX_WORDS], starts[MAX_WORDS]; /* bits by lane */
    int32_t kept[MAX_POINTS][MAX_TRIES + PAD];    /* of the row, spread; by candidate */
    float xq[MAX_TRIES], qq[MAX_TRIES];           /* of one group */
    int n_on, n_off, n_undecided;
    struct span on[MAX_LANES + 1], off[MAX_LANES + 1]; /* spans on the grid and off it */
    /* Candidates whose row was not decided, in bits: point, first candidate (8 each), and which. */
    uint32_t undecided[MAX_LANES];
    struct v_lines lines[MAX_POINTS];
    int n_asked[N_KINDS];
    question asked[N_KINDS][MAX_LANES + 1];
    float level[ROOM + PAD], slope[ROOM + PAD];
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

V_FN int words_of(const struct iq_type *t) /* for a group */
{
    return (candidates_of(t) * points_of(t) + 63) / 64;
}

static const float v_iota[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

V_FN void set_candidates(const struct iq_type *t, struct fit *f, int g)
{
    for (int k = 0; k < (candidates_of(t) + 15) / 16 * 16; k += VL) {
        vf at = vf_load(v_iota + k % 16) + (float)(k / 16 * 16 - t->n_tries);
        at = vf_min(at, vf_set1((float)t->n_tries));
        vf inverse = ((float)(2 * t->top - 1) + at * t->step) / f->base[g];
        vf_store(f->inverse[g] + k, inverse);
        vf_store(f->scale[g] + k, 1.0f / inverse);
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
V_FN vf inverse_of_lanes(const float *inverse, int j, int n_points)
{
    vf table[V_PER16];
    vi at = vi_trunc(vf_load(v_iota) * (1.0f / (float)n_points));

    if (n_points >= VL)
        return vf_set1(inverse[j / n_points]);
    for (int k = 0; k < V_PER16; k++)
        table[k] = vf_load(inverse + j / n_points / 16 * 16 + k * VL);
    return vf_lookup16(table, at + j / n_points % 16);
}

/* Codes of group g for all candidates; half: halves of its values, element by element, a stride
 * apart. The level nearest to (t x - 1) / 2 is the integer part of t (x / 2), for halves are exact
 * and so is subtracting 1 where it matters, except that an integer is in doubt, and so is what
 * rounds to one here. */
V_FN void set_codes(const struct iq_type *t, struct fit *f, int g, const float *half, int stride)
{
    const int n_points = points_of(t), n = candidates_of(t) * n_points;
    const int h = t->dims / 2, lowest = field_of(t, 0);
    int32_t *codes = f->code + PAD + 64 * words_of(t) * g;
    uint64_t *doubt = f->doubt + words_of(t) * g;

    for (int i = 0; i < words_of(t); i++)
        doubt[i] = 0;
    for (int j = 0; j < n; j += VL) {
        const vf inverse = inverse_of_lanes(f->inverse[g], j, n_points);
        vu code[2] = {(vu)vi_set1(0), (vu)vi_set1(0)};
        vi rest = vi_set1(INT32_MAX);
        for (int i = 0; i < t->dims; i++) {
            const int at = field_of(t, i);
            vf x = vf_repeat(half + i * stride + j % n_points, n_points);
            vf v = inverse * fenced(t, x, f->base[g]);
            if (t->top > 3)
                v = vf_min(v, vf_set1((float)t->top - 0.5f));
            vu sum = (vu)(v + field_one(t, i));
            rest = vi_min((vi)(sum & ((1u << at) - 1)), rest);
            code[i / h] |= sum & ((1u << t->bits) - 1) << at;
        }
        vi_store(codes + j, (vi)(code[0] >> lowest | code[1] >> lowest << t->bits * h));
        doubt[j / 64] |= (uint64_t)vm_bits(vi_eq(rest, vi_set1(0))) << j % 64;
    }
    doubt[(n - 1) / 64] &= ~0ull >> (63 - (n - 1) % 64);
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

/* Lanes of group g whose code is not that of the same point's candidate before. */
V_FN void set_starts(const struct iq_type *t, struct fit *f, int g)
{
    const int n_points = points_of(t), n = candidates_of(t) * n_points;
    const int32_t *code = f->code + PAD + 64 * words_of(t) * g;
    uint64_t *starts = f->starts + words_of(t) * g;

    for (int i = 0; i < words_of(t); i++)
        starts[i] = ~0ull;
    for (int j = 0; j < n; j += VL) {
        vm same = vi_eq(vi_load(code + j), vi_load(code + j - n_points));
        starts[j / 64] ^= (uint64_t)vm_bits(same) << j % 64;
    }
    starts[0] |= (1u << n_points) - 1;
    starts[(n - 1) / 64] &= ~0ull >> (63 - (n - 1) % 64);
}

/* The spans of all groups. */
V_FN void set_spans(const struct iq_type *t, struct fit *f)
{
    const int n_points = points_of(t), n_words = words_of(t);
    struct span *last[MAX_POINTS], none, *on = f->on, *off = f->off;

    for (int p = 0; p < BATCH / t->dims; p++)
        last[p] = &none;
    for (int i = 0; i < BATCH / t->group * n_words; i++)
        for (uint64_t bits = f->starts[i]; bits; bits &= bits - 1) {
            const unsigned lane = (unsigned)__builtin_ctzll(bits);
            const unsigned j = (unsigned)(i % n_words) * 64 + lane, a = j / (unsigned)n_points;
            const unsigned p = (unsigned)(i / n_words * n_points) + j % (unsigned)n_points;
            const int32_t near = f->cb->near_of[f->code[PAD + 64 * i + (int)lane]];
            struct span *s = near < 0 ? on : off;
            *s = (struct span){near, (uint8_t)p, (uint8_t)a, 0};
            last[p]->b = (uint8_t)(a - 1);
            last[p] = s;
            on += near < 0;
            off += near >= 0;
        }
    for (int p = 0; p < BATCH / t->dims; p++)
        last[p]->b = (uint8_t)(candidates_of(t) - 1);
    f->n_on = (int)(on - f->on);
    f->n_off = (int)(off - f->off);
}

#endif
