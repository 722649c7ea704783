/* Encoders of F16, BF16 and Q4_0 .. Q8_0. Without weights neighbours are lanes, for a block knows
 * of no sum; with weights blocks are. */
#include "lib/quant/ref/encode.h"
#include "lib/quant/vec/affine.h"
#include "lib/quant/vec/walk.h"

#include <string.h>

/* ---- one number an element ------------------------------------------------------------------- */

static void quant_f16(void *dst, const float *src, size_t n_rows, size_t n_cols, size_t dst_stride,
                      size_t src_stride, const struct qk_args *args)
{
    (void)args;
    for (size_t r = 0; r < n_rows; r++) {
        const float *x = src + r * src_stride;
        uint8_t *y = (uint8_t *)dst + r * dst_stride;
        size_t i = 0;
        for (; i + VL <= n_cols; i += VL)
            vf_to_f16(y + 2 * i, vf_load(x + i));
        for (; i < n_cols; i++)
            qt_f16_store(y + 2 * i, x[i]);
    }
}

V_FN vi bf16_bits(vf x)
{
    vu u = (vu)x;
    vu rounded = (u + 0x7fffu + (u >> 16 & 1u)) >> 16;
    vm nan = vi_gt((vi)(u & 0x7fffffffu), vi_set1(0x7f800000));
    return vi_select(nan, (vi)(u >> 16 | 0x40u), (vi)rounded);
}

static void quant_bf16(void *dst, const float *src, size_t n_rows, size_t n_cols, size_t dst_stride,
                       size_t src_stride, const struct qk_args *args)
{
    (void)args;
    for (size_t r = 0; r < n_rows; r++) {
        const float *x = src + r * src_stride;
        uint8_t *y = (uint8_t *)dst + r * dst_stride;
        size_t i = 0;
        for (; i + VL <= n_cols; i += VL)
            vi_to_u16(y + 2 * i, bf16_bits(vf_load(x + i)));
        for (; i < n_cols; i++)
            gg_store_u16(y + 2 * i, qt_bf16_from_f32(x[i]));
    }
}

/* ---- blocks of 32 ---------------------------------------------------------------------------- */

enum { N = 32 / VL }; /* vectors in a block */

/* x ~ d * (level - half). False: the block is zeros. The value of largest magnitude, the first of
 * them, becomes level 0; of nothing but zeros it is +0. */
V_FN bool around_zero(const float *p, int half, vb level[2], float *d)
{
    vf x[N], a[N];
    vi q[N];
    float inverse;
    v_load_run(x, p, N);
    V_UNROLL
    for (int k = 0; k < N; k++)
        a[k] = vf_abs(x[k]);
    float amax = v_max_abs(x, N);
    float max = amax > 0 ? p[v_first(a, N, amax)] : 0.0f;
    *d = max / (float)-half;
    if (!qk_invert(*d, &inverse))
        return false;
    V_UNROLL
    for (int k = 0; k < N; k++) {
        q[k] = vi_trunc(x[k] * inverse + ((float)half + 0.5f));
        q[k] = vi_min(q[k], vi_set1(2 * half - 1));
    }
    level[0] = vb_from_vi(q);
    level[1] = vb_from_vi(q + V_PER16);
    return true;
}

/* x ~ d * level + min. Of equal extremes (+0 and -0) the first counts, for its sign is stored. */
V_FN bool above_min(const float *p, int nmax, vb level[2], float *d, float *min)
{
    vf x[N], lo, hi;
    vi q[N];
    float inverse;
    v_load_run(x, p, N);
    lo = hi = x[0];
    V_UNROLL
    for (int k = 1; k < N; k++) {
        lo = vf_min(lo, x[k]);
        hi = vf_max(hi, x[k]);
    }
    *min = p[v_first(x, N, -vf_hmax(-lo))];
    *d = (p[v_first(x, N, vf_hmax(hi))] - *min) / (float)nmax;
    if (!qk_invert(*d, &inverse))
        return false;
    level[0] = level[1] = vb_set1(0);
    if (*d > FLT_MAX)
        return true; /* the range overflows: stored as infinite, found by valid */
    V_UNROLL
    for (int k = 0; k < N; k++)
        q[k] = vi_min(vi_trunc((x[k] - *min) * inverse + 0.5f), vi_set1(nmax));
    level[0] = vb_from_vi(q);
    level[1] = vb_from_vi(q + V_PER16);
    return true;
}

V_FN void pack_nibbles(uint8_t qs[16], const vb level[2])
{
    vb_store(qs, (level[0] & 15) | vb_shl(level[1], 4));
}

V_FN void pack_fifth_bits(uint8_t qh[4], const vb level[2])
{
    gg_store_u32(qh, vb_bits(vb_shl(level[0], 3)) | vb_bits(vb_shl(level[1], 3)) << 16);
}

static inline void encode_q4_0(void *block, const float *x)
{
    struct qt_block_q4_0 *b = block;
    vb level[2];
    float d;
    if (!around_zero(x, 8, level, &d)) {
        memset(b, 0, sizeof *b);
        return;
    }
    gg_store_u16(&b->d, v_f16_bits(d));
    pack_nibbles(b->qs, level);
}

static inline void encode_q4_1(void *block, const float *x)
{
    struct qt_block_q4_1 *b = block;
    vb level[2];
    float d, min;
    if (!above_min(x, 15, level, &d, &min)) {
        memset(b, 0, sizeof *b);
        return;
    }
    gg_store_u16(&b->d, v_f16_bits(d));
    gg_store_u16(&b->m, v_f16_bits(min));
    pack_nibbles(b->qs, level);
}

static inline void encode_q5_0(void *block, const float *x)
{
    struct qt_block_q5_0 *b = block;
    vb level[2];
    float d;
    if (!around_zero(x, 16, level, &d)) {
        memset(b, 0, sizeof *b);
        return;
    }
    gg_store_u16(&b->d, v_f16_bits(d));
    pack_nibbles(b->qs, level);
    pack_fifth_bits(b->qh, level);
}

static inline void encode_q5_1(void *block, const float *x)
{
    struct qt_block_q5_1 *b = block;
    vb level[2];
    float d, min;
    if (!above_min(x, 31, level, &d, &min)) {
        memset(b, 0, sizeof *b);
        return;
    }
    gg_store_u16(&b->d, v_f16_bits(d));
    gg_store_u16(&b->m, v_f16_bits(min));
    pack_nibbles(b->qs, level);
    pack_fifth_bits(b->qh, level);
}

static inline void encode_q8_0(void *block, const float *p)
{
    struct qt_block_q8_0 *b = block;
    vf x[N];
    vi q[N];
    float inverse;
    v_load_run(x, p, N);
    float d = v_max_abs(x, N) / 127.0f;
    if (!qk_invert(d, &inverse)) {
        memset(b, 0, sizeof *b);
        return;
    }
    gg_store_u16(&b->d, v_f16_bits(d));
    V_UNROLL
    for (int k = 0; k < N; k++)
        q[k] = vi_round(x[k] * inverse);
    vb_store(b->qs, vb_from_vi(q));
    vb_store(b->qs + 16, vb_from_vi(q + V_PER16));
}

/* ---- with weights: a block a lane ------------------------------------------------------------ */

enum weigh_kind { AROUND_ZERO, ABOVE_MIN };

/* SIDE groups of VL blocks and what they become: the search for a minimum wants so many. */
struct weighed {
    struct v_group g[SIDE];
    vf x[SIDE * 32], w[SIDE * 32];
    vf d[SIDE], min[SIDE];
    vi level[SIDE * 32];
};

/* Mean squares of the rows of a group's blocks. A row's sum is taken in the order of its elements,
 * so rows are lanes too, and only a row that was not met before is summed; unless the sums are
 * given, for the columns may be a piece of the rows. */
struct row_means {
    size_t first, n; /* rows first .. first + n - 1 are known */
    float mean[VL];
};

static void find_means(struct row_means *m, const struct v_walk *w, size_t row,
                       const struct qk_args *args)
{
    const float *x[VL];
    vf sum = vf_set1(0), tile[4];
    m->first = row;
    m->n = gg_min_u64(VL, w->n_rows - row);
    for (size_t k = 0; args->row_sumx2 != NULL && k < m->n; k++)
        m->mean[k] = args->row_sumx2[row + k] / (float)args->row_n_cols;
    if (args->row_sumx2 != NULL)
        return;
    for (size_t k = 0; k < VL; k++)
        x[k] = w->src + (row + (k < m->n ? k : m->n - 1)) * w->src_stride;
    for (size_t i = 0; i < w->n_cols; i += 4) {
        v_load_columns4(tile, x, i);
        V_UNROLL
        for (int j = 0; j < 4; j++)
            sum += tile[j] * tile[j];
    }
    vf_store(m->mean, sum / (float)w->n_cols);
}

/* A group's values and weights. */
V_FN void load_group(const struct v_group *g, const float *weights, vf mean, vf x[32], vf w[32])
{
    const float *from[VL];
    for (int k = 0; k < VL; k++)
        from[k] = weights + g->col[k];
    v_load_columns(x, g->x, 32);
    v_load_columns(w, from, 32);
    for (int i = 0; i < 32; i++)
        w[i] *= vf_sqrt(mean + x[i] * x[i]);
}

V_FN void weigh_around_zero(struct weighed *b, int half)
{
    struct v_signed fit[SIDE];
    v_fit_scales(SIDE, 32, half, b->x, b->w, fit);
    V_UNROLL
    for (int u = 0; u < SIDE; u++) {
        b->d[u] = fit[u].scale;
        for (int i = 32 * u; i < 32 * u + 32; i++)
            b->level[i] = v_signed_code(&fit[u], half, b->x[i], false);
    }
}

V_FN void weigh_above_min(struct weighed *b, int nmax)
{
    const struct qk_min_search search = {
        .n = 32, .nmax = nmax, .nstep = 36, .rmin = -0.9f, .rdelta = 0.05f, .use_mad = 0};
    struct v_affine best;
    v_search_affine(&search, b->x, b->w, &best);
    V_UNROLL
    for (int u = 0; u < SIDE; u++) {
        b->d[u] = best.scale[u];
        b->min[u] = best.min[u];
        for (int i = 32 * u; i < 32 * u + 32; i++) {
            vf v = best.inverse[u] * (b->x[i] - best.from[u]);
            b->level[i] = vi_clamp(v_nearest_wild(v), 0, nmax);
        }
    }
}

/* Blocks are d, min (ABOVE_MIN), fifth bits (32 levels), nibbles, one after the other. */
V_FN void store_group(const struct weighed *b, int u, enum weigh_kind kind, int n_levels)
{
    const struct v_group *g = &b->g[u];
    const vi *level = b->level + 32 * u;
    uint16_t d[VL], min[VL];
    int32_t word[4][VL], high[VL];
    vu fifth = (vu)vi_set1(0);
    for (int j = 0; j < 32; j++)
        fifth |= ((vu)level[j] >> 4 & 1u) << j;
    V_UNROLL
    for (int m = 0; m < 4; m++) {
        vu bytes = (vu)vi_set1(0);
        V_UNROLL
        for (int j = 4 * m; j < 4 * m + 4; j++)
            bytes |= (((vu)level[j] & 15u) | ((vu)level[j + 16] & 15u) << 4) << 8 * (j % 4);
        vi_store(word[m], (vi)bytes);
    }
    vi_store(high, (vi)fifth);
    vf_to_f16(d, b->d[u]);
    vf_to_f16(min, kind == ABOVE_MIN ? b->min[u] : b->d[u]);
    for (int k = 0; k < g->n; k++) {
        uint8_t *y = g->y[k];
        memcpy(y, &d[k], 2);
        memcpy(y + 2, &min[k], 2);
        y += kind == ABOVE_MIN ? 4 : 2;
        if (n_levels == 32)
            gg_store_u32(y, (uint32_t)high[k]);
        y += n_levels == 32 ? 4 : 0;
        V_UNROLL
        for (int m = 0; m < 4; m++)
            gg_store_u32(y + 4 * m, (uint32_t)word[m][k]);
    }
}

V_FN void weigh_rows(struct v_walk w, const struct qk_args *args, enum weigh_kind kind,
                     int n_levels)
{
    struct weighed b;
    struct row_means means = {0, 0, {0}};
    while (v_next_group(&w, &b.g[0])) {
        for (int u = 1; u < SIDE; u++)
            v_next_group(&w, &b.g[u]);
        for (int u = 0; u < SIDE; u++) {
            float mean[VL];
            if (b.g[u].n == 0) { /* past the end: anything */
                memcpy(b.x + 32 * u, b.x, 32 * sizeof *b.x);
                memcpy(b.w + 32 * u, b.w, 32 * sizeof *b.w);
                continue;
            }
            for (int k = 0; k < VL; k++) {
                if (b.g[u].row[k] >= means.first + means.n)
                    find_means(&means, &w, b.g[u].row[k], args);
                mean[k] = means.mean[b.g[u].row[k] - means.first];
            }
            load_group(&b.g[u], args->weights, vf_load(mean), b.x + 32 * u, b.w + 32 * u);
        }
        if (kind == AROUND_ZERO)
            weigh_around_zero(&b, n_levels / 2);
        else
            weigh_above_min(&b, n_levels - 1);
        V_UNROLL
        for (int u = 0; u < SIDE; u++)
            store_group(&b, u, kind, n_levels);
    }
}

/* ---- entries --------------------------------------------------------------------------------- */

#define QUANT(type, kind, n_levels)                                                                \
    static void quant_##type(void *dst, const float *src, size_t n_rows, size_t n_cols,            \
                             size_t dst_stride, size_t src_stride, const struct qk_args *args)     \
    {                                                                                              \
        const size_t nbytes = sizeof(struct qt_block_##type);                                      \
        struct v_walk w = {dst, src, n_rows, n_cols, dst_stride, src_stride, 32, nbytes, 0, 0};    \
        if (args != NULL && args->weights != NULL)                                                 \
            weigh_rows(w, args, kind, n_levels);                                                   \
        else                                                                                       \
            qk_each_block(dst, src, n_rows, n_cols, dst_stride, src_stride, 32, nbytes,            \
                          encode_##type);                                                          \
    }

QUANT(q4_0, AROUND_ZERO, 16)
QUANT(q4_1, ABOVE_MIN, 16)
QUANT(q5_0, AROUND_ZERO, 32)
QUANT(q5_1, ABOVE_MIN, 32)
#undef QUANT

static void quant_q8_0(void *dst, const float *src, size_t n_rows, size_t n_cols, size_t dst_stride,
                       size_t src_stride, const struct qk_args *args)
{
    (void)args;
    qk_each_block(dst, src, n_rows, n_cols, dst_stride, src_stride, 32,
                  sizeof(struct qt_block_q8_0), encode_q8_0);
}

void V_NAME(qk_vec_encode)(struct qk_table *table)
{
    struct qk_kernel *k = table->k;
    k[QT_F16].quant = quant_f16;
    k[QT_BF16].quant = quant_bf16;
    k[QT_Q4_0].quant = quant_q4_0;
    k[QT_Q4_1].quant = quant_q4_1;
    k[QT_Q5_0].quant = quant_q5_0;
    k[QT_Q5_1].quant = quant_q5_1;
    k[QT_Q8_0].quant = quant_q8_0;
}
