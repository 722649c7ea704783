/* Spans (fit23.h): the candidates of groups of a codebook type, where the codes of their points
 * change, and what they are. */
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
    MAX_POINTS = QT_SUPER / 4, /* of a super-block */
    MAX_GROUPS = QT_SUPER / 16,
    MAX_TRIES = 32,
    PLACES = 2 * MAX_TRIES, /* of a point: as many more can be written behind its candidates */
    MAX_SPANS =
        MAX_POINTS * (1 + 4 * 3), /* four elements, three rises (rises_of()); or 32 (1 + 8) */
    PAD = 32,
    MAX_ASKED = MAX_SPANS + MAX_POINTS * MAX_TRIES / VL,
    ROOM = 6 * V_BLOCK * MAX_POINTS /* rows there is room for; any list fits */
};

#define LEAD_MARGIN 6e-6f    /* 86 u = 5.13e-6, and what rounding takes from the margin itself */
#define LEAD_FLOOR 0x1p-125f /* a normal number: others are slow */

/* Spans, each a word: its point times 64 plus its first candidate, and how many more there are from
 * bit 16 on. near: what near_of says of their codes, later (and on the grid) their (spread) rows.
 */
struct spans {
    _Alignas(64) int32_t what[MAX_SPANS + PAD], near[MAX_SPANS + PAD];
    int n;
};

/* By span of a list: the inverse scales of its ends, its margin, who leads there (numbers in its
 * list, from bit 8 on that at the end); bits of VL spans, see find_leaders(). */
struct ends {
    _Alignas(64) float t[2][MAX_SPANS + PAD], margin[MAX_SPANS + PAD];
    int32_t rows[MAX_SPANS + PAD];
    uint8_t clear[(MAX_SPANS + PAD) / VL], two[(MAX_SPANS + PAD) / VL];
};

/* Spans whose first and last candidate have different rows, here and there: these are numbers in
 * their lists, there from bit 8 on. lines: where their lines are. t: where the two lines meet,
 * limit: what they cost there, and a margin. */
struct mixed {
    struct spans s;
    int32_t ends[MAX_SPANS + PAD], lines[MAX_SPANS + PAD];
    float t[MAX_SPANS + PAD], limit[MAX_SPANS + PAD];
    int32_t behind[MAX_SPANS + PAD], row[MAX_SPANS + PAD], close[MAX_SPANS + PAD];
};

/* Candidates of a span, from number k on, to compare all rows at. */
struct question {
    int32_t what, near;
    uint16_t lines, k;
};

/* A super-block while its groups are fitted. A candidate of a point has a place: the point times 64
 * and the candidate. */
struct fit {
    const struct qk_codebook *cb;
    const float *x, *w, *wx, *root_w, *root_wx2; /* root_wx2: 2 root_w x */
    const float *half;                           /* halves of x, element by element */
    float base[MAX_GROUPS];                      /* 0: zeros */
    _Alignas(64) float base_of[MAX_POINTS];      /* that of a point's group; 1 for zeros */
    float inverse[MAX_GROUPS * MAX_TRIES + PAD]; /* of scales, by candidate */
    _Alignas(64) float margin[MAX_POINTS];
    _Alignas(64) uint16_t kept[MAX_POINTS][PLACES]; /* spread codes of rows, by candidate */
    /* Levels at the first candidate, four elements to a word, and where they rise; see
     * set_crossings(). */
    _Alignas(64) uint32_t first[2][MAX_POINTS], rise[3][MAX_POINTS];
    uint32_t doubt[MAX_POINTS], starts[MAX_POINTS]; /* bits by candidate */
    uint32_t unsure[MAX_POINTS]; /* the same: no row leads by a margin, the reference's was found */
    /* By group: candidates, those again left out that are the one before's in all points (which);
     * their rows by point, their sums. */
    int32_t n_different[MAX_GROUPS + PAD];
    uint16_t which[MAX_GROUPS][PLACES], different[MAX_POINTS][PLACES];
    float xq[MAX_GROUPS][MAX_TRIES], qq[MAX_GROUPS][MAX_TRIES];
    /* The same: the candidate that stays, -1 for none, and its scale of least squares. */
    int32_t best[MAX_GROUPS + PAD];
    float scale[MAX_GROUPS + PAD];
    /* Where spans begin, and all spans; then those on the grid, and those off the grid by the
     * blocks of rows around: one, two, up to four; more, or without room for their lines. */
    _Alignas(64) uint16_t place[MAX_SPANS + PAD];
    struct spans all, on, few, some, many, crowded;
    struct ends ends;
    struct mixed mixed;
    struct spans split; /* the parts of mixed spans from another row on */
    int n_asked, n_undecided;
    struct question asked[MAX_ASKED];
    /* Candidates whose row was not decided, in bits: place of the first (10), and which. */
    uint32_t undecided[MAX_POINTS * MAX_TRIES + 1];
    _Alignas(64) vf lines[MAX_POINTS * 8 * V_T8]; /* of levels */
    _Alignas(64) float level[ROOM + 4 * V_BLOCK * VL], slope[ROOM + 4 * V_BLOCK * VL]; /* lines */
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

V_FN int all_points(const struct iq_type *t) /* of a super-block */
{
    return QT_SUPER / t->dims;
}

/* The inverse scales of candidates of groups with these bases. */
V_FN vf inverse_at(const struct iq_type *t, vi k, vf base)
{
    return ((float)(2 * t->top - 1) + vf_from_i(k - t->n_tries) * t->step) / base;
}

V_FN void set_candidates(const struct iq_type *t, struct fit *f, int g)
{
    const vf base = vf_set1(f->base[g]);

    for (int k = 0; k < candidates_of(t); k += VL) {
        const vi at = vi_min(v_lanes() + k, vi_set1(2 * t->n_tries));
        vf_store(f->inverse + MAX_TRIES * g + k, inverse_at(t, at, base));
    }
}

/* ---- codes ------------------------------------------------------------------------------------
 */

/* How often the level of an element can rise at most: no more levels above 0 than these are between
 * h T and h T', or equal to one of the two, where T and T' are the first and the last inverse scale
 * and h is at most half the base. (From v on to v + m takes T' / T >= (v + m) / v, with the last of
 * them at most top - 1.) */
V_FN int rises_of(const struct iq_type *t)
{
    return t->top == 3 ? 1 : t->n_tries > 9 ? 3 : 2;
}

#define RISE_MARGIN 0x1p-13f /* of a step from one candidate to the next */

/* What an element's level is at the first candidate, and at which candidates it rises, for the
 * points from p on: they are lanes.
 *
 * With E = 2 top - 1, the step d, n candidates on each side and u = 2^-24, candidate k's inverse
 * scale is T = (E + (k - n) d) / base but for 2.3 u of it. The reference's level is v or more where
 * T x >= 2 v but for 4.3 u (it multiplies and takes 1 away): that is from k = v base / (h d) -
 * (E / d - n) on, h = x / 2, but for 4.3 u (E + n d) / d <= 390 u. This number as computed here is
 * off by 550 u at most, where it is a candidate's: four roundings of its first part, which is at
 * most 90, those of the second, at most 66, and the sum's. So unless it is within 2^-13 = 2048 u of
 * a candidate, the level there is the reference's, and T x is more than 16 u of itself away from
 * 2 v; else the value is in doubt at that candidate. The level to begin with is taken at slightly
 * less than the first inverse scale, so that it rises there where that is in doubt.
 *
 * Below half a step of the lowest scale all are level 0; with three levels, all that are base or
 * more are level 2 at any candidate. */
V_FN void set_crossings(const struct iq_type *t, struct fit *f, int p)
{
    const float top = (float)(2 * t->top - 1), begin = top - (float)t->n_tries * t->step;
    const vf base = vf_load(f->base_of + p), first = begin * (1.0f - 0x1p-18f) / base;
    vu level[2], rise[3], starts = (vu)vi_set1(1), doubt = (vu)vi_set1(0);

    level[0] = level[1] = rise[0] = rise[1] = rise[2] = (vu)vi_set1(0);
    for (int i = 0; i < t->dims; i++) {
        vf half = vf_load(f->half + all_points(t) * i + p);
        half = vf_max(half, base * (0.25f / top));
        if (t->top == 3)
            half = vf_min(half, 0.5f * base);
        const vi low = vi_trunc(first * half);
        const vf pace = base / half * (1.0f / t->step);
        vf v = vf_from_i(low);
        level[i / 4] |= (vu)low << 8 * (i % 4);
        for (int j = 0; j < rises_of(t); j++) {
            v += 1.0f;
            vf at = vf_min(v * pace - (begin / t->step - 0.5f), vf_set1(31));
            if (t->top > 3)
                at = vf_select(vf_lt(v, vf_set1((float)t->top)), at, vf_set1(31));
            const vi k = vi_nearest(at);
            const vf over = at - vf_from_i(k); /* nearly half: from candidate k, or k - 1 */
            const vu bit = (vu)vi_set1(1) << (vu)k;
            const vm close = vf_ge(vf_abs(over), vf_set1(0.5f - RISE_MARGIN));
            starts |= bit;
            doubt |= (vu)vi_select(close, (vi)(bit >> ((vu)over >> 31)), vi_set1(0));
            rise[j + i / 4] |= (vu)k << 8 * (i % 4);
        }
    }
    for (int k = 0; k < 2; k++)
        vi_store((int32_t *)f->first[k] + p, (vi)level[k]);
    for (int k = 0; k < 3; k++)
        vi_store((int32_t *)f->rise[k] + p, (vi)rise[k]);
    vi_store((int32_t *)f->starts + p, (vi)(starts & ~0u >> (32 - candidates_of(t))));
    vi_store((int32_t *)f->doubt + p, (vi)(doubt & ~0u >> (32 - candidates_of(t))));
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

/* ---- spans ------------------------------------------------------------------------------------
 */

/* Where spans begin. */
V_FN void list_spans(const struct iq_type *t, struct fit *f)
{
    int n = 0;

    for (int p = 0; p < all_points(t); p++) {
        const bool zeros = f->base[p / points_of(t)] == 0.0f;
        n += v_number_bits(f->place + n, zeros ? 0 : f->starts[p], candidates_of(t), PLACES * p);
    }
    vi_to_u16(f->place + n, vi_set1(PLACES * MAX_POINTS));
    f->all.n = n;
}

V_FN vf float_at(const struct iq_type *t, const float *of_points, vu point)
{
    vf at = vf_set1(0), table[V_PER16];

    for (int p = 0; p < all_points(t); p += 16) {
        for (int k = 0; k < V_PER16; k++)
            table[k] = vf_load(of_points + p + k * VL);
        const vf these = vf_lookup16(table, (vi)point);
        at = p == 0 ? these : vf_select(vi_lt((vi)point, vi_set1(p)), at, these);
    }
    return at;
}

V_FN vu word_at(const struct iq_type *t, const uint32_t *of_points, vu point)
{
    return (vu)float_at(t, (const float *)(const void *)of_points, point);
}

/* Levels of four elements, a byte each, packed. */
V_FN vu pack_levels(const struct iq_type *t, vu level)
{
    if (t->bits == 3) {
        level = (level | level >> 5) & 0x003f003f;
        return (level | level >> 10) & 0xfff;
    }
    level = (level | level >> 6) & 0x000f000f;
    return (level | level >> 12) & 0xff;
}

/* Codes of the VL spans of points that begin at candidates k: those at the first candidate, and one
 * more for each rise that is not behind k. */
V_FN vi codes_of(const struct iq_type *t, const struct fit *f, vu point, vu k)
{
    const vu at = (k + 128) * 0x01010101u;
    vu level = word_at(t, f->first[0], point);

    for (int j = 0; j < rises_of(t); j++)
        level += (at - word_at(t, f->rise[j], point)) >> 7 & 0x01010101u;
    if (t->dims == 4)
        return (vi)pack_levels(t, level);
    vu other = word_at(t, f->first[1], point);
    other += (at - word_at(t, f->rise[1], point)) >> 7 & 0x01010101u;
    return (vi)(pack_levels(t, level) | pack_levels(t, other) << 8);
}

V_FN vu load_words(const uint32_t *p)
{
    return (vu)vi_load((const int32_t *)p);
}

/* The spread codes of the points from p on at a candidate each. */
V_FN vi spread_codes(const struct iq_type *t, const struct fit *f, int p, vu k)
{
    const vu at = (k + 128) * 0x01010101u;
    vu level = load_words(f->first[0] + p);

    for (int j = 0; j < rises_of(t); j++)
        level += (at - load_words(f->rise[j] + p)) >> 7 & 0x01010101u;
    if (t->dims == 4) {
        level = (level | level >> 4) & 0x00ff00ff;
        return (vi)((level | level >> 8) & 0xffff);
    }
    vu other = load_words(f->first[1] + p);
    other += (at - load_words(f->rise[1] + p)) >> 7 & 0x01010101u;
    return (vi)(pack_levels(t, level) | pack_levels(t, other) << 8);
}

/* What spans are, and their codes. */
V_FN void set_spans(const struct iq_type *t, struct fit *f, int32_t *code)
{
    for (int i = 0; i < f->all.n; i += VL) {
        const vi place = vi_from_u16(f->place + i);
        const vu point = (vu)place / PLACES, k = (vu)place % PLACES;
        const vi end = vi_min(vi_from_u16(f->place + i + 1), place - (vi)k + candidates_of(t));
        vi_store(f->all.what + i, place | (vi)((vu)(end - place - 1) << 16));
        vi_store(code + i, codes_of(t, f, point, k));
    }
}

/* Adds those of VL spans whose bits are set. */
V_FN void add_spans(struct spans *s, vi what, vi near, uint32_t bits)
{
    v_pack(s->what + s->n, what, bits);
    v_pack(s->near + s->n, near, bits);
    s->n += __builtin_popcount(bits);
}

/* The list's last vector holds spans, whose lists are looked up with the others. */
V_FN void fill_up(struct spans *s)
{
    vi_store(s->what + s->n, vi_set1(0));
    vi_store(s->near + s->n, vi_set1(0));
}

V_FN void move_last(struct spans *to, struct spans *from)
{
    const int n = --from->n;

    to->what[to->n] = from->what[n];
    to->near[to->n++] = from->near[n];
}

/* Looks spans up, and sorts them. */
static __attribute__((noinline)) void sort_spans(struct fit *f, const int32_t *code)
{
    const int32_t *near_of = f->cb->near_of;
    const int n = f->all.n;

    f->on.n = f->few.n = f->some.n = f->many.n = f->crowded.n = 0;
    for (int i = 0; i < n; i++)
        f->all.near[i] = near_of[code[i]];
    for (int i = 0; i < n; i += VL) {
        const vi what = vi_load(f->all.what + i), near = vi_load(f->all.near + i);
        const vi rows = near & 255;
        const uint32_t all = n - i < VL ? (1u << (n - i)) - 1 : (1u << VL) - 1;
        const uint32_t on = all & vm_bits(vi_lt(near, vi_set1(0))), off = all & ~on;
        const uint32_t few = vm_bits(vi_lt(rows, vi_set1(V_BLOCK + 1)));
        const uint32_t some = vm_bits(vi_lt(rows, vi_set1(2 * V_BLOCK + 1)));
        add_spans(&f->on, what, near, on);
        add_spans(&f->few, what, near, off & few);
        add_spans(&f->some, what, near, off & some & ~few);
        add_spans(&f->many, what, near, off & ~some);
    }
}

/* Spans whose lines there is no room for are crowded, and those with more rows than bits. */
static __attribute__((noinline)) void make_room(struct fit *f)
{
    int n = 0;

    for (int i = 0; i < f->many.n; i++) {
        const int32_t what = f->many.what[i], near = f->many.near[i];
        struct spans *to = (near & 255) > 4 * V_BLOCK ? &f->crowded : &f->many;
        const int at = to == &f->many ? n++ : to->n++;
        to->what[at] = what;
        to->near[at] = near;
    }
    f->many.n = n;
    while (f->many.n > 0 && (f->few.n + 2 * f->some.n + 4 * f->many.n) * V_BLOCK > ROOM)
        move_last(&f->crowded, &f->many);
    while (f->some.n > 0 && (f->few.n + 2 * f->some.n) * V_BLOCK > ROOM)
        move_last(&f->crowded, &f->some);
    while (f->few.n * V_BLOCK > ROOM)
        move_last(&f->crowded, &f->few);
    fill_up(&f->few);
    fill_up(&f->some);
    fill_up(&f->many);
}

#endif
