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

/* What levels add to a row's line, first to its level, then to its slope: by element, four lanes
 * (eight elements) or eight lanes (four) over again. Where sixteen floats are looked up as fast,
 * two elements of eight make one of sixteen levels. */
V_FN int v_lines_of(int dims) /* vectors of a point */
{
    return dims == 4 ? 8 * V_T8 : V_HAS_LOOKUP16 ? 8 * V_PER16 : 16;
}

static const float v_odd4[16] = {1, 3, 5, 7, 1, 3, 5, 7, 1, 3, 5, 7, 1, 3, 5, 7};
static const float v_odd8[16] = {1, 3, 5, 7, 9, 11, 13, 15, 1, 3, 5, 7, 9, 11, 13, 15};
static const float v_odd4_of_two[16] = {1, 1, 1, 1, 3, 3, 3, 3, 5, 5, 5, 5, 7, 7, 7, 7};

/* The same of elements i and i + 1. */
V_FN void v_set_pair(vf *level, vf *slope, const float *w, const float *wx2)
{
    for (int k = 0; k < V_PER16; k++) {
        const vf q = vf_load(v_odd4 + k * VL), r = vf_load(v_odd4_of_two + k * VL);
        level[k] = vf_set1(w[0]) * (q * q) + vf_set1(w[1]) * (r * r);
        slope[k] = vf_set1(wx2[0]) * q + vf_set1(wx2[1]) * r;
    }
}

/* w, wx2: of a point's elements, w and 2 w x. */
V_FN void v_set_lines(vf *l, int dims, const float *w, const float *wx2)
{
    const int n = dims == 8 ? 1 : V_T8;
    vf *slope = l + v_lines_of(dims) / 2;

    if (dims == 8 && V_HAS_LOOKUP16) {
        for (int i = 0; i < 4; i++)
            v_set_pair(l + V_PER16 * i, slope + V_PER16 * i, w + 2 * i, wx2 + 2 * i);
        return;
    }
    for (int k = 0; k < n; k++) {
        const vf q = vf_load((dims == 8 ? v_odd4 : v_odd8) + k * VL), qq = q * q;
        for (int i = 0; i < dims; i++) {
            l[n * i + k] = vf_set1(w[i]) * qq;
            slope[n * i + k] = vf_set1(wx2[i]) * q;
        }
    }
}

/* What part i of the rows' codes adds. */
V_FN vf v_row_part(const vf *l, int dims, vu code, int i)
{
    if (dims == 4)
        return vf_lookup8(l + V_T8 * i, (vi)(code >> 4 * i));
    return V_HAS_LOOKUP16 ? vf_lookup16(l + V_PER16 * i, (vi)(code >> 4 * i))
                          : vf_lookup4(l[i], (vi)(code >> 2 * i));
}

/* Level and slope of the VL rows at list. Terms are added two by two: no sum waits long. */
V_FN void v_row_lines(const vf *l, int dims, const uint16_t *list, vf *level, vf *slope)
{
    const int n_parts = dims == 8 && V_HAS_LOOKUP16 ? 4 : dims;
    const vu code = (vu)vi_from_u16(list);
    vf a[8], b[8];

    for (int i = 0; i < n_parts; i++) {
        a[i] = v_row_part(l, dims, code, i);
        b[i] = v_row_part(l + v_lines_of(dims) / 2, dims, code, i);
    }
    for (int n = n_parts / 2; n > 0; n /= 2)
        for (int i = 0; i < n; i++) {
            a[i] += a[i + n];
            b[i] += b[i + n];
        }
    *level = a[0];
    *slope = b[0];
}

/* What rows that stand in for none cost: they never lead. From -n & 7 on for a block with n & 7
 * rows. */
static const float v_stand_ins[2 * V_BLOCK] __attribute__((aligned(64))) = {
    0, 0, 0, 0, 0, 0, 0, 0, FLT_MAX, FLT_MAX, FLT_MAX, FLT_MAX, FLT_MAX, FLT_MAX, FLT_MAX, FLT_MAX};

/* Lines of the n rows of a list, in n_blocks blocks. */
V_FN void v_set_rows(const vf *l, int dims, const uint16_t *list, int n, int n_blocks, float *level,
                     float *slope)
{
    const float *stand_in = v_stand_ins + (-n & (V_BLOCK - 1));

    for (int j = 0; j < n_blocks * V_BLOCK; j += VL) {
        vf a, b;
        v_row_lines(l, dims, list + j, &a, &b);
        if (j >= (n_blocks - 1) * V_BLOCK)
            a += vf_load(stand_in + j % V_BLOCK);
        vf_store(level + j, a);
        vf_store(slope + j, b);
    }
}

/* Which rows, in at most four blocks, cost no more than a limit at the inverse scale t. */
V_FN uint32_t v_rows_within(const float *level, const float *slope, int n_blocks, float t,
                            float limit)
{
    uint32_t bits = 0;

    for (int j = 0; j < n_blocks * V_BLOCK; j += VL) {
        const vf cost = vf_load(level + j) - vf_set1(t) * vf_load(slope + j);
        bits |= (uint32_t)vm_bits(vf_le(cost, vf_set1(limit))) << j;
    }
    return bits;
}

/* For scales a lane. */
struct v_lead {
    vi code;         /* of the row that leads, spread */
    vf first, other; /* by how much: its lead, and the second best's */
};

/* A lead over nothing, the number of its row in the last bits. */
V_FN vf v_numbered(vf lead, int k)
{
    return (vf)(((vu)lead & ~(V_BLOCK - 1u)) | (unsigned)k);
}

/* The two best of two pairs. */
V_FN void v_merge(vf *first, vf *other, vf first_2, vf other_2)
{
    *other = vf_max(vf_min(*first, first_2), vf_max(*other, other_2));
    *first = vf_max(*first, first_2);
}

/* The two best of a block's leads. */
V_FN void v_two_best(const vf lead[V_BLOCK], vf *first, vf *other)
{
    vf a[V_BLOCK / 2], b[V_BLOCK / 2];

    for (int k = 0; k < V_BLOCK / 2; k++) {
        a[k] = vf_max(lead[2 * k], lead[2 * k + 1]);
        b[k] = vf_min(lead[2 * k], lead[2 * k + 1]);
    }
    v_merge(&a[0], &b[0], a[1], b[1]);
    v_merge(&a[2], &b[2], a[3], b[3]);
    v_merge(&a[0], &b[0], a[2], b[2]);
    *first = a[0];
    *other = b[0];
}

/* Those at the inverse scales t. */
V_FN void v_compare_block(const float *level, const float *slope, vf t, vf *first, vf *other)
{
    vf lead[V_BLOCK];

    for (int k = 0; k < V_BLOCK; k++)
        lead[k] = v_numbered(t * slope[k] - level[k], k);
    v_two_best(lead, first, other);
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
