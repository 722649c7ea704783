/* Encoders of Q2_K, Q4_K and Q5_K: lib/quant/ref/kquant_min.c with a super-block in each lane. */
#include "lib/quant/vec/affine.h"
#include "lib/quant/vec/positive.h"
#include "lib/quant/vec/super.h"

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
    struct v_super b;
    vf scale[16], min[16];    /* of the groups */
    vf mass[16];              /* sums of their weights */
    vf inverse[16], from[16]; /* their own levels: inverse * (x - from) */
    vf d, dmin;               /* common; through F16 */
    vu d_bits, dmin_bits;
    vi scale_code[16], min_code[16]; /* bytes */
};

/* ---- fitting ----------------------------------------------------------------------------------
 */

/* Weights of SIDE groups from first on. */
static void min_weights(struct min_work *k, int n, int first, vf *w)
{
    V_UNROLL
    for (int u = 0; u < SIDE; u++, first += n, w += n) {
        const vf *x = k->b.x + first;
        vf level = vf_set1(0);
        if (k->b.weights != NULL) {
            v_importance(&k->b, first, n, w);
            k->mass[first / n] = v_sum(w, n);
            continue;
        }
        if (n == 32)
            level = vf_sqrt(v_sum_squares(x, n) / 32.0f);
        for (int i = 0; i < n; i++)
            w[i] = level + vf_abs(x[i]);
    }
}

static void fit_groups(const struct min_type *t, struct min_work *k)
{
    const struct qk_min_search *s = k->b.weights != NULL ? &t->weighted : &t->plain;
    if (k->b.weights != NULL)
        k->b.sigma2 = t->variance * v_sum_squares(k->b.x, QT_SUPER) / (float)QT_SUPER;
    for (int j = 0; j < QT_SUPER / s->n; j += SIDE) {
        vf w[SIDE * QK_GROUP_MAX];
        struct v_affine fit;
        min_weights(k, s->n, j * s->n, w);
        v_search_affine(s, k->b.x + j * s->n, w, &fit);
        V_UNROLL
        for (int u = 0; u < SIDE; u++) {
            k->scale[j + u] = fit.scale[u];
            k->min[j + u] = -fit.min[u];
            k->inverse[j + u] = fit.inverse[u];
            k->from[j + u] = fit.from[u];
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

static void fit(const struct min_type *t, struct min_work *k)
{
    const int n = QT_SUPER / t->plain.n;
    vf d, dmin;
    fit_groups(t, k);
    if (k->b.weights != NULL) {
        d = common_weighted(t, n, k->scale, k->mass, k->scale_code);
        dmin = common_weighted(t, n, k->min, k->mass, k->min_code);
    } else {
        d = common_plain(t, n, k->scale, k->scale_code);
        dmin = common_plain(t, n, k->min, k->min_code);
    }
    k->d = v_through_f16(d, &k->d_bits);
    k->dmin = v_through_f16(dmin, &k->dmin_bits);
}

/* Levels of group j on scale d * scale and minimum dmin * min; where the scale is 0 those of its own
 * fit. */
V_FN void round_group(const struct min_type *t, const struct min_work *k, int j, vi scale, vi min,
                      vu *level)
{
    const int n = t->plain.n, nmax = t->plain.nmax;
    const vf *x = k->b.x + n * j;
    vf d = k->d * vf_from_i(scale), m = k->dmin * vf_from_i(min);
    vm own = vf_eq(d, vf_set1(0));
    for (int i = 0; i < n; i++)
        level[i] = (vu)vi_clamp(v_nearest_wild((x[i] + m) / d), 0, nmax);
    if (!vm_any(own))
        return;
    for (int i = 0; i < n; i++) {
        vf v = k->inverse[j] * (x[i] - k->from[j]);
        level[i] = (vu)vi_select(own, vi_clamp(v_nearest_wild(v), 0, nmax), (vi)level[i]);
    }
}

/* ---- Q2_K -------------------------------------------------------------------------------------
 */

static void encode_q2_K(struct min_work *k)
{
    vu word[21], level[128];
    fit(&q2_K, k);
    for (int j = 0; j < 16; j++)
        k->scale_code[j] = (k->scale_code[j] | (vi)((vu)k->min_code[j] << 4)) & 255;
    for (int j = 0; j < 16; j += 4)
        word[j / 4] = v_word_at((const vu *)k->scale_code, j);
    for (int h = 0; h < 2; h++) {
        for (int j = 0; j < 8; j++) {
            vi s = k->scale_code[8 * h + j];
            round_group(&q2_K, k, 8 * h + j, s & 15, (vi)((vu)s >> 4), level + 16 * j);
        }
        for (int i = 0; i < 32; i += 4)
            word[4 + 8 * h + i / 4] = (v_word_at(level, i) | v_word_at(level, i + 32) << 2) |
                                      (v_word_at(level, i + 64) << 4 | v_word_at(level, i + 96) << 6);
    }
    word[20] = k->d_bits | k->dmin_bits << 16;
    v_store_words(&k->b, 0, word, 21);
}

/* ---- Q4_K and Q5_K ----------------------------------------------------------------------------
 */

/* The twelve bytes of scales, to byte[] and to words; codes become what is read from them. */
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
        word[j] = v_word_at(p, 4 * j);
}

V_FN void round_pair(const struct min_type *t, const struct min_work *k, int j, vu level[64])
{
    round_group(t, k, j, k->scale_code[j], k->min_code[j], level);
    round_group(t, k, j + 1, k->scale_code[j + 1], k->min_code[j + 1], level + 32);
}

static void encode_q4_K(struct min_work *k)
{
    vu word[36], level[64];
    fit(&q4_K, k);
    word[0] = k->d_bits | k->dmin_bits << 16;
    pack_scales(k, word + 1);
    for (int p = 0; p < 4; p++) {
        round_pair(&q4_K, k, 2 * p, level);
        for (int i = 0; i < 32; i += 4)
            word[4 + 8 * p + i / 4] = v_word_at(level, i) | v_word_at(level, i + 32) << 4;
    }
    v_store_words(&k->b, 0, word, 36);
}

static void encode_q5_K(struct min_work *k)
{
    vu word[44], level[64], high[8];
    fit(&q5_K, k);
    word[0] = k->d_bits | k->dmin_bits << 16;
    pack_scales(k, word + 1);
    memset(high, 0, sizeof high);
    for (int p = 0; p < 4; p++) {
        round_pair(&q5_K, k, 2 * p, level);
        for (int i = 0; i < 32; i += 4) {
            vu a = v_word_at(level, i), b = v_word_at(level, i + 32);
            word[12 + 8 * p + i / 4] = (a & 0x0f0f0f0fu) | (b & 0x0f0f0f0fu) << 4;
            high[i / 4] |= ((a >> 4 & 0x01010101u) | (b >> 3 & 0x02020202u)) << 2 * p;
        }
    }
    memcpy(word + 4, high, sizeof high);
    v_store_words(&k->b, 0, word, 44);
}

/* ---- entries ----------------------------------------------------------------------------------
 */

V_QUANT_SUPER(q2_K, struct min_work)
V_QUANT_SUPER(q4_K, struct min_work)
V_QUANT_SUPER(q5_K, struct min_work)

void V_NAME(qk_vec_encode_kmin)(struct qk_table *table)
{
    struct qk_kernel *k = table->k;
    k[QT_Q2_K].quant = quant_q2_K;
    k[QT_Q4_K].quant = quant_q4_K;
    k[QT_Q5_K].quant = quant_q5_K;
}
