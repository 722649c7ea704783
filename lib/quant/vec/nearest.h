/* Of the rows around a point off the grid (codebook.h), the nearest by weight: rows are lanes.
 *
 * A row's distance is a sum over the point's elements of what the element costs at the row's level,
 * and levels are few. So a cost is worked out once for each element and level, as the reference
 * does it, and a row's terms are looked up and added in the reference's order. The first of the
 * least sums wins, as there. All sums must be finite.
 *
 * Skipping: terms are not negative, and adding one that is not negative never makes a sum smaller,
 * rounded or not. Rows whose first half already exceeds a sum that is known need no second half.
 */
#ifndef QK_VEC_NEAREST_H
#define QK_VEC_NEAREST_H

#include "lib/quant/codebook.h"
#include "lib/quant/vec/v.h"

#include <float.h>

/* By element the costs of its levels, each four lanes (eight elements) or eight (four) over again.
 */
struct v_costs {
    vf of[8];
};

/* Costs w (q - x)^2 of the elements of a point; q: the levels' values at the scale, repeated. */
V_FN void v_set_costs(struct v_costs *c, int dims, const vf *q, const float *x, const float *w)
{
    const int n = dims == 8 ? 1 : V_T8;

    for (int i = 0; i < dims; i++)
        for (int k = 0; k < n; k++) {
            vf diff = q[k] - vf_set1(x[i]);
            c->of[n * i + k] = vf_set1(w[i]) * diff * diff;
        }
}

/* sum and the costs of elements from .. to - 1 at the levels of (spread) codes. */
V_FN vf v_add_costs(const struct v_costs *c, vf sum, vu code, int dims, int from, int to)
{
    for (int i = from; i < to; i++) {
        vf term = dims == 8 ? vf_lookup4(c->of[i], (vi)(code >> 2 * i))
                            : vf_lookup8(c->of + V_T8 * i, (vi)(code >> 4 * i));
        sum = i == 0 ? term : sum + term;
    }
    return sum;
}

/* Lanes below n. */
V_FN vm v_below(int n)
{
    return vm_from_bits(n < VL ? (1u << n) - 1 : (1u << VL) - 1);
}

/* The spread code of the nearest of n rows in a list of spread codes; sixteen more can be read. */
V_FN int32_t v_nearest(int dims, const uint16_t *list, int n, const struct v_costs *c)
{
    int32_t at[VL];
    vi from = vi_set1(0);
    vf least = v_add_costs(c, vf_set1(0), (vu)vi_from_u16(list), dims, 0, dims);

    least = vf_select(v_below(n), least, vf_set1(FLT_MAX));
    const vf limit = vf_least(least);
    for (int j = VL; j < n; j += VL) {
        vu code = (vu)vi_from_u16(list + j);
        vf sum = v_add_costs(c, vf_set1(0), code, dims, 0, dims / 2);
        if (!vm_any(vf_le(sum, limit)))
            continue;
        sum = v_add_costs(c, sum, code, dims, dims / 2, dims);
        sum = vf_select(v_below(n - j), sum, vf_set1(FLT_MAX));
        from = vi_select(vf_lt(sum, least), vi_set1(j), from);
        least = vf_min(sum, least);
    }
    vi_store(at, from);
    int place = n;
    for (unsigned eq = vm_bits(vf_eq(least, vf_least(least))); eq; eq &= eq - 1) {
        int k = __builtin_ctz(eq);
        place = at[k] + k < place ? at[k] + k : place;
    }
    return list[place];
}

enum { V_SHORT = 16 }; /* rows */

/* Sums of the rows of a short list. They and the search for their least are apart so that many
 * points' can be under way at once. */
struct v_sums {
    const uint16_t *list;
    float of[V_SHORT];
};

V_FN void v_set_sums(struct v_sums *s, int dims, const uint16_t *list, int n,
                     const struct v_costs *c)
{
    s->list = list;
    for (int j = 0; j < V_SHORT; j += VL) {
        vf sum = v_add_costs(c, vf_set1(0), (vu)vi_from_u16(list + j), dims, 0, dims);
        vm in = vi_lt(v_lanes() + j, vi_set1(n));
        vf_store(s->of + j, vf_select(in, sum, vf_set1(FLT_MAX)));
    }
}

/* The spread code of the first of the least. */
V_FN int32_t v_first_least(const struct v_sums *s)
{
    vf least = vf_load(s->of);
    unsigned eq = 0;

    for (int j = VL; j < V_SHORT; j += VL)
        least = vf_min(least, vf_load(s->of + j));
    least = vf_least(least);
    for (int j = 0; j < V_SHORT; j += VL)
        eq |= vm_bits(vf_eq(vf_load(s->of + j), least)) << j;
    return s->list[__builtin_ctz(eq)];
}

#endif
