/* Encoders of Q2_K, Q4_K and Q5_K: lib/quant/ref/kquant_min.c by groups (groups.h). */
#include "lib/quant/vec/affine.h"
#include "lib/quant/vec/groups.h"
#include "lib/quant/vec/positive.h"

struct min_type {
    struct qk_min_search plain, weighted;
    int top;                     /* the largest integer for scale and minimum */
    float variance;              /* with weights: times the mean square of the super-block */
    int cut_plain, cut_weighted; /* of the codes of scales, which are bytes */
};

static const struct min_type q2_K = {{16, 3, 15, -0.5f, 0.1f, 1}, {16, 3, 36, -0.9f, 0.05f, 0},
                                     15, 1.0f, 255, 255};
static const struct min_type q4_K = {{32, 15, 20, -1.0f, 0.1f, 0}, {32, 15, 36, -0.9f, 0.05f, 0},
                                     63, 2.0f, 63, 255};
static const struct min_type q5_K = {{32, 31, 15, -0.5f, 0.1f, 0}, {32, 31, 36, -0.9f, 0.05f, 0},
                                     63, 2.0f, 63, 63};

/* VL super-blocks being encoded. */
struct min_work {
    struct v_batch b;
    /* Of groups, a group a lane; inverse and from: their own levels are inverse * (x - from). */
    vf scale[16], min[16], mass[16], inverse[16], from[16];
    /* Of super-blocks, a super-block a lane. */
    vi scale_code[16], min_code[16]; /* bytes */
    uint16_t d[VL], dmin[VL];        /* F16 */
    vf step[16], low[16];            /* of the groups: d * scale, dmin * min */
};

/* ---- fitting ----------------------------------------------------------------------------------
 */

/* Weights of vector v of groups of n. */
V_FN void min_weights(struct min_work *k, int n, int v, const vf *x, vf *w)
{
    vf level = vf_set1(0);
    if (k->b.weights != NULL) {
        v_load_importance(&k->b, QT_SUPER / n, v, x, w);
        k->mass[v] = v_sum(w, n);
        return;
    }
    for (int i = 0; n == 32 && i < n; i++)
        level += x[i] * x[i];
    level = vf_sqrt(level / 32.0f);
    for (int i = 0; i < n; i++)
        w[i] = level + vf_abs(x[i]);
}

/* Fits every group by search s. */
V_FN void fit_groups(const struct qk_min_search *s, struct min_work *k)
{
    const int n = s->n, n_groups = QT_SUPER / n;
    for (int v = 0; v < n_groups; v += SIDE) {
        struct affine_lanes a[SIDE];
        struct v_affine fit[SIDE];
        for (int u = 0; u < SIDE; u++) {
            v_load_groups(&k->b, n_groups, v + u, a[u].x);
            min_weights(k, n, v + u, a[u].x, a[u].w);
            v_ask_ahead(&k->b, n_groups, v + u, n_groups, 1);
        }
        v_search_affine(s, a, fit);
        for (int u = 0; u < SIDE; u++) {
            k->scale[v + u] = fit[u].scale;
            k->min[v + u] = -fit[u].min;
            k->inverse[v + u] = fit[u].inverse;
            k->from[v + u] = fit[u].from;
        }
    }
}

/* ---- common scales ----------------------------------------------------------------------------
 */

/* The largest becomes top. Returns the common scale. */
static vf common_plain(const struct min_type *t, int n, const vf *v, vi *code)
{
    vf max = vf_set1(0);
    for (int j = 0; j < n; j++)
        max = vf_max(v[j], max);
    vf inverse = (float)t->top / max;
    vm finite = vf_lt(vf_abs(inverse), vf_set1(V_INF));
    inverse = vf_select(finite, inverse, vf_set1(0));
    for (int j = 0; j < n; j++)
        code[j] = vi_min(v_nearest_wild(inverse * v[j]) & 255, vi_set1(t->cut_plain));
    return max / (float)t->top;
}

static vf common_weighted(const struct min_type *t, int n, const vf *v, const vf *mass, vi *code)
{
    vf d = v_search_positive(n, t->top, v, mass, code);
    for (int j = 0; j < n; j++)
        code[j] = vi_min(code[j], vi_set1(t->cut_weighted));
    return d;
}

/* Codes of the groups' scales and minima on common ones. */
V_FN void set_common(const struct min_type *t, struct min_work *k)
{
    const int n = QT_SUPER / t->plain.n;
    vf scale[16], min[16], mass[16], d, dmin;
    v_to_supers(scale, k->scale, n);
    v_to_supers(min, k->min, n);
    if (k->b.weights != NULL) {
        v_to_supers(mass, k->mass, n);
        d = common_weighted(t, n, scale, mass, k->scale_code);
        dmin = common_weighted(t, n, min, mass, k->min_code);
    } else {
        d = common_plain(t, n, scale, k->scale_code);
        dmin = common_plain(t, n, min, k->min_code);
    }
    vf_to_f16(k->d, d);
    vf_to_f16(k->dmin, dmin);
}

/* Defines fit_TYPE: scales and minima. Each search is a function, in which its numbers are constants. */
#define MIN_FIT(type)                                                                              \
    static __attribute__((noinline)) void fit_plain_##type(struct min_work *k)                     \
    {                                                                                              \
        fit_groups(&type.plain, k);                                                                \
    }                                                                                              \
    static __attribute__((noinline)) void fit_weighted_##type(struct min_work *k)                  \
    {                                                                                              \
        fit_groups(&type.weighted, k);                                                             \
    }                                                                                              \
    static void fit_##type(struct min_work *k)                                                     \
    {                                                                                              \
        if (k->b.weights != NULL) {                                                                \
            v_set_sigma2(&k->b, type.variance);                                                    \
            fit_weighted_##type(k);                                                                \
        } else {                                                                                   \
            fit_plain_##type(k);                                                                   \
        }                                                                                          \
        set_common(&type, k);                                                                      \
    }

MIN_FIT(q2_K)
MIN_FIT(q4_K)
MIN_FIT(q5_K)

/* What the codes, as they are read again, stand for. */
V_FN void set_steps(struct min_work *k, int n)
{
    vf d = vf_from_f16(k->d), dmin = vf_from_f16(k->dmin);
    for (int j = 0; j < n; j++) {
        k->step[j] = d * vf_from_i(k->scale_code[j]);
        k->low[j] = dmin * vf_from_i(k->min_code[j]);
    }
}

/* Levels of group j of super-block s on scale d * scale and minimum dmin * min; where the scale is 0
 * those of its own fit. */
V_FN void round_group(const struct min_type *t, const struct min_work *k, int s, int j,
                      uint8_t *level)
{
    const int n = t->plain.n;
    const float *x = k->b.at.x[s] + n * j;
    const float d = ((const float *)k->step)[j * VL + s];
    const int own = s * (QT_SUPER / n) + j;
    vf step = vf_set1(d), low = vf_set1(((const float *)k->low)[j * VL + s]), v[V_PER16];
    vf inverse = vf_set1(((const float *)k->inverse)[own]);
    vf from = vf_set1(((const float *)k->from)[own]);
    V_UNROLL
    for (int i = 0; i < n; i += 16) {
        V_UNROLL
        for (int h = 0; h < V_PER16; h++) {
            vf a = vf_load(x + i + h * VL);
            v[h] = d != 0 ? (a + low) / step : inverse * (a - from);
        }
        vb_store(level + i, v_cut_codes(v, 0, t->plain.nmax));
    }
}

V_FN void round_super(const struct min_type *t, const struct min_work *k, int s,
                      uint8_t level[QT_SUPER])
{
    const int n = t->plain.n;
    for (int j = 0; j < QT_SUPER / n; j++)
        round_group(t, k, s, j, level + n * j);
}

/* ---- Q2_K -------------------------------------------------------------------------------------
 */

static void encode_q2_K(struct min_work *k)
{
    vu word[4];
    fit_q2_K(k);
    for (int j = 0; j < 16; j++) {
        vu s = (vu)((k->scale_code[j] | (vi)((vu)k->min_code[j] << 4)) & 255);
        k->scale_code[j] = (vi)(s & 15u);
        k->min_code[j] = (vi)(s >> 4);
        word[j / 4] = j % 4 == 0 ? s : word[j / 4] | s << 8 * (j % 4);
    }
    set_steps(k, 16);
    for (int s = 0; s < k->b.at.n; s++) {
        struct qt_block_q2_K *b = (struct qt_block_q2_K *)(void *)k->b.at.y[s];
        uint8_t level[QT_SUPER];
        round_super(&q2_K, k, s, level);
        for (int j = 0; j < 4; j++)
            gg_store_u32(b->scales + 4 * j, v_lane_of(&word[j], s));
        for (int i = 0; i < 64; i += 16) {
            const uint8_t *q = level + i / 32 * 128 + i % 32;
            vb_store(b->qs + i, (vb_load(q) | vb_shl(vb_load(q + 32), 2)) |
                                    (vb_shl(vb_load(q + 64), 4) | vb_shl(vb_load(q + 96), 6)));
        }
        gg_store_u16(&b->d, k->d[s]);
        gg_store_u16(&b->dmin, k->dmin[s]);
    }
}

/* ---- Q4_K and Q5_K ----------------------------------------------------------------------------
 */

/* The twelve bytes of scales as words; codes become what is read from them. */
static void pack_scales(struct min_work *k, vu word[3])
{
    vu *scale = (vu *)k->scale_code, *min = (vu *)k->min_code, p[12];
    for (int j = 0; j < 4; j++) {
        vu s = scale[j + 4], m = min[j + 4];
        p[j] = (scale[j] | s >> 4 << 6) & 255;
        p[j + 4] = (min[j] | m >> 4 << 6) & 255;
        p[j + 8] = (s & 15) | (m & 15) << 4;
    }
    for (int j = 0; j < 4; j++) {
        scale[j] = p[j] & 63;
        min[j] = p[j + 4] & 63;
        scale[j + 4] = (p[j + 8] & 15) | p[j] >> 6 << 4;
        min[j + 4] = p[j + 8] >> 4 | p[j + 4] >> 6 << 4;
    }
    for (int j = 0; j < 3; j++)
        word[j] = v_word_of(p, 4 * j);
}

/* Sixteen bytes of the pair of groups at q: low nibbles of both. */
V_FN vb pair_nibbles(const uint8_t *q)
{
    return (vb_load(q) & 15) | vb_shl(vb_load(q + 32), 4);
}

V_FN void put_nibbles(uint8_t qs[128], const uint8_t level[QT_SUPER])
{
    for (int i = 0; i < 128; i += 16)
        vb_store(qs + i, pair_nibbles(level + i / 32 * 64 + i % 32));
}

/* d, dmin and scales of super-block s, with which both kinds of block begin. */
V_FN void put_scales(const struct min_work *k, const vu word[3], int s, void *block)
{
    struct qt_block_q4_K *b = block;
    gg_store_u16(&b->d, k->d[s]);
    gg_store_u16(&b->dmin, k->dmin[s]);
    for (int j = 0; j < 3; j++)
        gg_store_u32(b->scales + 4 * j, v_lane_of(&word[j], s));
}

static void encode_q4_K(struct min_work *k)
{
    vu word[3];
    fit_q4_K(k);
    pack_scales(k, word);
    set_steps(k, 8);
    for (int s = 0; s < k->b.at.n; s++) {
        struct qt_block_q4_K *b = (struct qt_block_q4_K *)(void *)k->b.at.y[s];
        uint8_t level[QT_SUPER];
        round_super(&q4_K, k, s, level);
        put_scales(k, word, s, b);
        put_nibbles(b->qs, level);
    }
}

static void encode_q5_K(struct min_work *k)
{
    vu word[3];
    fit_q5_K(k);
    pack_scales(k, word);
    set_steps(k, 8);
    for (int s = 0; s < k->b.at.n; s++) {
        struct qt_block_q5_K *b = (struct qt_block_q5_K *)(void *)k->b.at.y[s];
        uint8_t level[QT_SUPER];
        round_super(&q5_K, k, s, level);
        put_scales(k, word, s, b);
        put_nibbles(b->qs, level);
        for (int i = 0; i < 32; i += 16) {
            vb high = vb_set1(0);
            V_UNROLL
            for (int g = 0; g < 8; g++) {
                vb bit = vb_load(level + 32 * g + i) & 16;
                high |= g < 4 ? vb_shr(bit, 4 - g) : vb_shl(bit, g - 4);
            }
            vb_store(b->qh + i, high);
        }
    }
}

/* ---- entries ----------------------------------------------------------------------------------
 */

V_QUANT_BATCH(q2_K, struct min_work)
V_QUANT_BATCH(q4_K, struct min_work)
V_QUANT_BATCH(q5_K, struct min_work)

void V_NAME(qk_vec_encode_kmin)(struct qk_table *table)
{
    struct qk_kernel *k = table->k;
    k[QT_Q2_K].quant = quant_q2_K;
    k[QT_Q4_K].quant = quant_q4_K;
    k[QT_Q5_K].quant = quant_q5_K;
}
