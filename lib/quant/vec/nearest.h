/* Of the rows around a point off the grid (codebook.h), the nearest by weight: rows are lanes.
 *
 * A row's distance is a sum over the point's elements of what the element costs at the row's level,
 * and levels are few. So a cost is worked out once for each element and level, as the reference
 * does it, and a row's terms are looked up and added in the reference's order. The first of the
 * least sums wins, as there. All sums must be finite.
 *
 * Questions come in pairs, two scales for one list: at sixteen lanes they share a vector, a side
 * each (most lists have no more than eight rows); elsewhere they have one each.
 *
 * Skipping: terms are not negative, and adding one that is not negative never makes a sum smaller,
 * rounded or not. Rows whose first half already exceeds a sum that is known need no second half.
 */
#ifndef QK_VEC_NEAREST_H
#define QK_VEC_NEAREST_H

#include "lib/quant/codebook.h"
#include "lib/quant/vec/v.h"

#include <float.h>

/* A vector of questions. */
struct v_ask {
    vf cost[8]; /* by element the costs of its levels, each four lanes (eight elements) or eight
                   lanes (four) over again */
    vf margin;  /* rows that cost this much more than the nearest, or less, count as rivals */
};

struct v_answer {
    int32_t code; /* of the nearest row, spread (codebook.h) */
    bool alone;   /* it has no rivals */
};

/* Costs w (q - x)^2 of the elements of a point; q: the levels' values at the scale, repeated. */
V_FN void v_set_costs(struct v_ask *a, int dims, const vf *q, const float *x, const float *w)
{
    const int n = dims == 8 ? 1 : V_T8;

    for (int i = 0; i < dims; i++)
        for (int k = 0; k < n; k++) {
            vf diff = q[k] - vf_set1(x[i]);
            a->cost[n * i + k] = vf_set1(w[i]) * diff * diff;
        }
}

/* sum and the costs of elements from .. to - 1 at the levels of codes. */
V_FN vf v_add_costs(const struct v_ask *a, vf sum, vu code, int dims, int from, int to)
{
    for (int i = from; i < to; i++) {
        vf term;
        if (dims == 8)
            term = vf_lookup4(a->cost[i], (vi)(code >> 2 * i));
        else if (V_SIDES == 2)
            term = vf_lookup16(a->cost + i, (vi)(code >> 4 * i));
        else
            term = vf_lookup8(a->cost + V_T8 * i, (vi)(code >> 4 * i));
        sum = i == 0 ? term : sum + term;
    }
    return sum;
}

/* The next codes of a list, on each side. With two sides, bit 3 of an element's four says which: a
 * look-up finds the side's costs by it. */
V_FN vu v_codes(int sides, int dims, const uint16_t *codes)
{
    vu code = sides == 1 ? (vu)vi_from_u16(codes) : (vu)vi_sides_from_u16(codes);

    if (sides == 2 && dims == 4)
        code |= (vu)vf_sides(0.0f, gg_f32_from_bits(0x8888));
    return code;
}

/* Lanes of each side that are below n. */
V_FN vm v_below(int sides, int n)
{
    const int width = VL / sides;
    unsigned bits = n < width ? (1u << n) - 1 : (1u << width) - 1;
    return vm_from_bits(sides == 2 ? bits | bits << width : bits);
}

V_FN vf v_least(int sides, vf a)
{
    return sides == V_SIDES ? vf_side_min(a) : vf_set1(vf_hmin(a));
}

/* The best of each lane so far. */
struct v_best {
    vf least, second; /* of the sums that were not passed over; FLT_MAX when there is none */
    vi at;            /* of the least: where its part of the list begins */
};

enum { V_ASKS = 2 / V_SIDES }; /* vectors of a pair of questions */

/* Takes in the rest of the list, behind its first part. */
V_FN void v_nearest_rest(int sides, int n_asks, int dims, const uint16_t *codes, int n,
                         const struct v_ask *ask, struct v_best *best)
{
    const int width = VL / sides;
    vf limit[2];

    for (int e = 0; e < n_asks; e++)
        limit[e] = v_least(sides, best[e].least) + ask[e].margin;
    for (int j = width; j < n; j += width) {
        vu code = v_codes(sides, dims, codes + j);
        vm in = v_below(sides, n - j), near = v_below(sides, 0);
        vf sum[2] = {vf_set1(0), vf_set1(0)};
        for (int e = 0; e < n_asks; e++) {
            sum[e] = v_add_costs(&ask[e], sum[e], code, dims, 0, dims / 2);
            near = vm_or(near, vf_le(sum[e], limit[e]));
        }
        if (!vm_any(near))
            continue;
        for (int e = 0; e < n_asks; e++) {
            struct v_best *b = &best[e];
            vf s = v_add_costs(&ask[e], sum[e], code, dims, dims / 2, dims);
            s = vf_select(in, s, vf_set1(FLT_MAX));
            b->second = vf_min(b->second, vf_max(b->least, s));
            b->at = vi_select(vf_lt(s, b->least), vi_set1(j), b->at);
            b->least = vf_min(b->least, s);
        }
    }
}

/* Place in the list of the first of the least sums, lanes eq from lane `first` on. */
V_FN int v_first_place(const struct v_best *b, unsigned eq, int first)
{
    int32_t at[VL];
    int place = INT32_MAX;

    vi_store(at, b->at);
    for (; eq; eq &= eq - 1) {
        int k = __builtin_ctz(eq);
        place = at[first + k] + k < place ? at[first + k] + k : place;
    }
    return place;
}

V_FN void v_answer(int sides, const uint16_t *codes, int n, const struct v_ask *ask,
                   const struct v_best *best, struct v_answer *answer)
{
    const int width = VL / sides;
    const unsigned lanes = (1u << width) - 1;
    vf least = v_least(sides, best->least), limit = least + ask->margin;
    unsigned eq = vm_bits(vf_eq(best->least, least));
    unsigned near = vm_bits(vf_le(best->least, limit)), also = 0;

    if (n > width)
        also = vm_bits(vf_le(best->second, limit));
    for (int s = 0; s < sides; s++) {
        unsigned first = eq >> s * width & lanes, side = near >> s * width & lanes;
        answer[s].alone = (side & (side - 1)) == 0 && !(also >> s * width & lanes);
        answer[s].code = n <= width ? codes[__builtin_ctz(first)]
                                    : codes[v_first_place(best, first, s * width)];
    }
}

/* Answers n_asks vectors of `sides` questions about one list (of codebook.h's spread_around, from
 * its count on). */
V_FN void v_nearest(int sides, int n_asks, int dims, const uint16_t *list, const struct v_ask *ask,
                    struct v_answer *answer)
{
    const int n = list[0];
    vu code = v_codes(sides, dims, list + 1);
    struct v_best best[2];

    for (int e = 0; e < n_asks; e++) {
        vf s = v_add_costs(&ask[e], vf_set1(0), code, dims, 0, dims);
        best[e].least = vf_select(v_below(sides, n), s, vf_set1(FLT_MAX));
        best[e].second = vf_set1(FLT_MAX);
        best[e].at = vi_set1(0);
    }
    if (n > VL / sides)
        v_nearest_rest(sides, n_asks, dims, list + 1, n, ask, best);
    for (int e = 0; e < n_asks; e++)
        v_answer(sides, list + 1, n, &ask[e], &best[e], answer + sides * e);
}

#endif
