/* Which row near a point off the grid is nearest, by estimates.
 *
 * Over the square of the scale 1 / t, a row's distance is sum w (q - t x)^2, and what rows differ
 * by is a line in t: sum w q^2 - t sum 2 w x q, its level and its slope. Rows are lanes when lines
 * are looked up, by element and level, and at the ends of a run of scales; scales are lanes when
 * lines are compared at all of a run. Rows are those of codebook.h's `near`, eight at a time.
 *
 * An estimate is not the reference's sum: it decides only where it leads by more than a margin.
 * What margin is enough, fit23.h says.
 */
#ifndef QK_VEC_LINES_H
#define QK_VEC_LINES_H

#include "lib/quant/codebook.h"
#include "lib/quant/vec/v.h"

#include <float.h>

enum { V_BLOCK = 8 }; /* rows */

/* By element, what its levels add to a row's line, four lanes (eight elements) or eight lanes
 * (four) over again. */
struct v_lines {
    vf level[8], slope[8];
};

static const float v_odd4[16] = {1, 3, 5, 7, 1, 3, 5, 7, 1, 3, 5, 7, 1, 3, 5, 7};
static const float v_odd8[16] = {1, 3, 5, 7, 9, 11, 13, 15, 1, 3, 5, 7, 9, 11, 13, 15};

/* w, wx2: of a point's elements, w and 2 w x. */
V_FN void v_set_lines(struct v_lines *l, int dims, const float *w, const float *wx2)
{
    const int n = dims == 8 ? 1 : V_T8;

    for (int k = 0; k < n; k++) {
        const vf q = vf_load((dims == 8 ? v_odd4 : v_odd8) + k * VL), qq = q * q;
        for (int i = 0; i < dims; i++) {
            l->level[n * i + k] = vf_set1(w[i]) * qq;
            l->slope[n * i + k] = vf_set1(wx2[i]) * q;
        }
    }
}

/* Level and slope of the VL rows at list. Terms are added two by two: no sum waits long. */
V_FN void v_row_lines(const struct v_lines *l, int dims, const uint16_t *list, vf *level, vf *slope)
{
    const vu code = (vu)vi_from_u16(list);
    vf a[8], b[8];

    for (int i = 0; i < dims; i++) {
        vi at = (vi)(code >> 16 / dims * i);
        a[i] = dims == 8 ? vf_lookup4(l->level[i], at) : vf_lookup8(l->level + V_T8 * i, at);
        b[i] = dims == 8 ? vf_lookup4(l->slope[i], at) : vf_lookup8(l->slope + V_T8 * i, at);
    }
    for (int n = dims / 2; n > 0; n /= 2)
        for (int i = 0; i < n; i++) {
            a[i] += a[i + n];
            b[i] += b[i + n];
        }
    *level = a[0];
    *slope = b[0];
}

/* Lines of the rows of n_blocks blocks of a list. With sixteen lanes eight more are written. */
V_FN void v_set_rows(const struct v_lines *l, int dims, const uint16_t *list, int n_blocks,
                     float *level, float *slope)
{
    for (int j = 0; j < n_blocks * V_BLOCK; j += VL) {
        vf a, b;
        v_row_lines(l, dims, list + j, &a, &b);
        vf_store(level + j, a);
        vf_store(slope + j, b);
    }
}

/* Which rows, in at most four blocks, come within a margin of the best at the inverse scale t. */
V_FN uint32_t v_rivals(const float *level, const float *slope, int n_blocks, float t, float margin)
{
    vf cost[32 / VL], least = vf_set1(FLT_MAX);
    uint32_t bits = 0;

    for (int j = 0; j < n_blocks * V_T8; j++) {
        cost[j] = vf_load(level + j * VL) - vf_set1(t) * vf_load(slope + j * VL);
        least = j == 0 ? cost[j] : vf_min(cost[j], least);
    }
    least = vf_least(least) + margin;
    for (int j = 0; j < n_blocks * V_T8; j++)
        bits |= (uint32_t)vm_bits(vf_le(cost[j], least)) << j * VL;
    return bits;
}

/* The same rows, all that are as good as number k or worse by less than the margin. */
V_FN uint32_t v_rivals_of(const float *level, const float *slope, int n_blocks, float t,
                          float margin, int k)
{
    const vf limit = vf_set1(level[k] - t * slope[k] + margin);
    uint32_t bits = 0;

    for (int j = 0; j < n_blocks * V_T8; j++)
        bits |= (uint32_t)vm_bits(
                    vf_le(vf_load(level + j * VL) - vf_set1(t) * vf_load(slope + j * VL), limit))
                << j * VL;
    return bits;
}

/* For scales a lane. */
struct v_lead {
    vi code;         /* of the row that leads, spread */
    vf first, other; /* by how much: its lead, and the second best's */
};

/* Leads over nothing at the inverse scales t; in the last bits the number of the row. */
V_FN vf v_lead(const float *level, const float *slope, vf t, int k)
{
    vf lead = t * slope[k] - level[k];
    return (vf)(((vu)lead & ~(V_BLOCK - 1u)) | (unsigned)k);
}

/* The two best of two pairs. */
V_FN void v_merge(vf *first, vf *other, vf first_2, vf other_2)
{
    *other = vf_max(vf_min(*first, first_2), vf_max(*other, other_2));
    *first = vf_max(*first, first_2);
}

V_FN void v_compare_block(const float *level, const float *slope, vf t, vf *first, vf *other)
{
    vf a[V_BLOCK / 2], b[V_BLOCK / 2];

    for (int k = 0; k < V_BLOCK / 2; k++) {
        vf x = v_lead(level, slope, t, 2 * k), y = v_lead(level, slope, t, 2 * k + 1);
        a[k] = vf_max(x, y);
        b[k] = vf_min(x, y);
    }
    v_merge(&a[0], &b[0], a[1], b[1]);
    v_merge(&a[2], &b[2], a[3], b[3]);
    v_merge(&a[0], &b[0], a[2], b[2]);
    *first = a[0];
    *other = b[0];
}

/* Compares the lines of n_blocks blocks of a list at the inverse scales t. Leads end in three bits
 * that number the rows of a block, so they are off by less than eight units in the last place. */
V_FN struct v_lead v_compare(const uint16_t *list, int n_blocks, const float *level,
                             const float *slope, vf t)
{
    struct v_lead r;

    for (int j = 0; j < n_blocks; j++) {
        vf first, other, codes[V_T8];
        v_compare_block(level + V_BLOCK * j, slope + V_BLOCK * j, t, &first, &other);
        for (int k = 0; k < V_T8; k++)
            codes[k] = (vf)vi_sides_from_u16(list + V_BLOCK * j + k * VL);
        const vi code = (vi)vf_lookup8(codes, (vi)first);
        if (j == 0) {
            r = (struct v_lead){code, first, other};
            continue;
        }
        r.code = vi_select(vf_lt(r.first, first), code, r.code);
        v_merge(&r.first, &r.other, first, other);
    }
    return r;
}

#endif
