/* What the encoders of IQ4_NL and IQ4_XS and the searches of best.h share. VL blocks are encoded at a
 * time, one a lane, and so is all that belongs to them: element i of all is a vector, and so are a
 * group's scale, a sum over the block, or a word of the encoded blocks. */
#ifndef QK_VEC_SUPER_H
#define QK_VEC_SUPER_H

#include "lib/quant/blocks.h"
#include "lib/quant/vec/search.h"
#include "lib/quant/vec/walk.h"

struct v_super {
    struct v_group at;
    const float *weights; /* of all columns; NULL: none */
    vf x[QT_SUPER];
    vf sigma2; /* with weights: what is added to x^2 */
};

/* Columns of the blocks at p, which mostly follow each other: then one pointer does. */
V_FN void v_load_blocks(vf *out, const float *const p[VL], size_t n, size_t nelems)
{
    const float *from[VL];
    bool run = true;
    for (int k = 1; k < VL; k++)
        run &= p[k] == p[0] + nelems * (size_t)k;
    if (!run) {
        v_load_columns(out, p, n);
        return;
    }
    for (int k = 0; k < VL; k++)
        from[k] = p[0] + nelems * (size_t)k;
    v_load_columns(out, from, n);
}

/* Sum of x^2 in the order of the elements. */
V_FN vf v_sum_squares(const vf *x, int n)
{
    vf sum = vf_set1(0);
    for (int i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sum;
}

/* w[i] = importance * sqrt(sigma2 + x^2) for n elements from first on. */
V_FN void v_importance(const struct v_super *b, int first, int n, vf *w)
{
    const float *from[VL];
    for (int k = 0; k < VL; k++)
        from[k] = b->weights + b->at.col[k] + first;
    v_load_blocks(w, from, (size_t)n, QT_SUPER);
    for (int i = 0; i < n; i++) {
        vf x = b->x[first + i];
        w[i] *= vf_sqrt(b->sigma2 + x * x);
    }
}

/* Lane k of n words to byte `first` of block k. */
V_FN void v_store_words(const struct v_super *b, size_t first, const vu *word, int n)
{
    for (int k = 0; k < b->at.n; k++) {
        const uint32_t *from = (const uint32_t *)(const void *)word + k;
        for (int j = 0; j < n; j++)
            gg_store_u32(b->at.y[k] + first + 4 * (size_t)j, from[(size_t)j * VL]);
    }
}

/* Four levels (or bytes), below 256, to a word. */
V_FN vu v_bytes(vu a, vu b, vu c, vu d)
{
    return (a | b << 8) | (c << 16 | d << 24);
}

/* Word of bytes level[i] .. level[i + 3]. */
V_FN vu v_word_at(const vu *level, int i)
{
    return v_bytes(level[i], level[i + 1], level[i + 2], level[i + 3]);
}

/* Lane k of halves (low 16 bits) to byte `first` of block k. */
V_FN void v_store_halves(const struct v_super *b, size_t first, vu half)
{
    uint16_t h[VL];
    vi_to_u16(h, (vi)half);
    for (int k = 0; k < b->at.n; k++)
        gg_store_u16(b->at.y[k] + first, h[k]);
}

/* F16 of d, as a number and as bits. */
V_FN vf v_through_f16(vf d, vu *bits)
{
    uint16_t h[VL];
    vf_to_f16(h, d);
    *bits = (vu)vi_from_u16(h);
    return vf_from_f16(h);
}

#endif
