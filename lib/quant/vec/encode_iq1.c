/* Encoders of IQ1_S and IQ1_M. The reference (lib/quant/ref/iq1.c) says what is done, split1.h how
 * the best split is found: VL groups side by side. Points off the grid are looked up one by one.
 *
 * A super-block with values or weights out of the ordinary goes to the reference (split1.h;
 * weights must be in 0 .. 2^40).
 */
#include "lib/quant/ref/ref.h"
#include "lib/quant/ref/search.h"
#include "lib/quant/vec/nearest.h"
#include "lib/quant/vec/split1.h"
#include "lib/quant/vec/walk.h"

#include <assert.h>

#define S_EPS 1e-12f /* a group whose largest magnitude is below is zeros */
#define M_EPS 1e-7f
#define S_FUDGE 1.125f
#define M_FUDGE 1.1125f

enum { DIMS = 8, MAX_POINTS = 4 };
enum { S_AT_ONCE = VL > 8 ? 2 : 1 }; /* super-blocks of IQ1_S whose groups fill the lanes */

/* What was found in a group. */
struct group {
    float scale; /* 0: zeros */
    uint16_t row[MAX_POINTS];
    uint8_t deltas; /* bit p: point p has delta -1/8; IQ1_S: bit 0 for all */
    bool empty;     /* zeros, or without weights */
};

/* Groups of one or two super-blocks: values where they stand, weights one after the other. */
struct source {
    const struct qk_codebook *cb;
    const float *x[2];
    float w[2 * QT_SUPER];
};

/* ---- weights ----------------------------------------------------------------------------------
 */

/* False when a weight is out of the ordinary. */
V_FN bool set_weights(float *w, const float *x, const float *importance, float sigma2)
{
    vm fine = vm_from_bits((1u << VL) - 1);

    for (int i = 0; i < QT_SUPER; i += VL) {
        vf v = vf_load(x + i), xx = v * v;
        if (importance) {
            vf m = vf_load(importance + i);
            fine = vm_and(fine, vm_and(vf_ge(m, vf_set1(0)), vf_le(m, vf_set1(0x1p40f))));
            xx = m * vf_sqrt(sigma2 + xx);
        }
        vf_store(w + i, xx);
    }
    return vm_all(fine);
}

/* ---- rows -------------------------------------------------------------------------------------
 */

/* Levels in lanes after a split; levels are turned where the scale is negative. */
V_FN void set_codes(const struct lanes *l, int n, const struct split *s, int32_t code[][VL])
{
    int32_t from_1[VL], from_2[VL];
    unsigned turned = 0;

    for (int k = 0; k < VL; k++) {
        from_1[k] = s[k].from_1 - 1;
        from_2[k] = s[k].from_2 - 1;
        turned |= (unsigned)(s[k].scale < 0.0f) << k;
    }
    const vm turn = vm_from_bits(turned);
    const vi first = vi_load(from_1), second = vi_load(from_2);
    for (int p = 0; p < n / DIMS; p++) {
        vu bits = (vu)vi_set1(0);
        for (int i = 0; i < DIMS; i++) {
            vi rank = l->rank[DIMS * p + i], level = vi_set1(0);
            level = vi_inc(level, vi_lt(first, rank));
            level = vi_inc(level, vi_lt(second, rank));
            level = vi_select(turn, 2 - level, level);
            bits |= (vu)level << 2 * i;
        }
        vi_store(code[p], (vi)bits);
    }
}

static int32_t nearest(const struct source *s, int32_t row_of, const float *x, const float *w,
                       float scale, bool minus)
{
    const float *value = minus ? v_minus : v_plus;
    float q[16];
    struct v_costs costs;

    for (int i = 0; i < 16; i++)
        q[i] = scale * value[i % 4];
    vf at = vf_load(q);
    v_set_costs(&costs, DIMS, &at, x, w);
    const uint16_t *list = s->cb->spread_around + (-1 - row_of);
    return v_nearest(DIMS, list + 1, list[0], &costs);
}

/* Least squares again, for rows that are not what the split said: lanes of off. */
V_FN void refit(const struct lanes *l, int n, const int32_t code[][VL], const unsigned *minus,
                unsigned off, float *scale)
{
    vf qx = vf_set1(0), qq = qx;

    for (int p = 0; p < n / DIMS; p++) {
        vf delta = vf_select(vm_from_bits(minus[p]), vf_set1(-1.125f), vf_set1(-0.875f));
        vu bits = (vu)vi_load(code[p]);
        for (int i = 0; i < DIMS; i++) {
            vf q = vf_from_i((vi)(bits >> 2 * i & 3)) + delta;
            vf w = l->w[DIMS * p + i];
            qx += w * q * l->x[DIMS * p + i];
            qq += w * q * q;
        }
    }
    vm takes = vm_and(vf_gt(qx, vf_set1(0)), vf_gt(qq, vf_set1(0)));
    takes = vm_and(takes, vm_from_bits(off));
    vf_store(scale, vf_select(takes, qx / qq, vf_load(scale)));
}

/* Rows and scales of VL groups from their splits. */
V_FN void set_rows(const struct source *s, const struct lanes *l, int n, const float *const *x,
                   const float *const *w, const struct split *split, struct group *g)
{
    int32_t code[MAX_POINTS][VL];
    unsigned minus[MAX_POINTS] = {0}, off = 0;
    float scale[VL] = {0};

    set_codes(l, n, split, code);
    for (int k = 0; k < VL; k++) {
        if (split[k].deltas < 0)
            continue;
        const int deltas = split[k].deltas ^ (split[k].scale < 0.0f ? 3 : 0);
        g[k].deltas = (uint8_t)(n == S_GROUP ? deltas & 1 : deltas);
        scale[k] = split[k].scale < 0.0f ? -split[k].scale : split[k].scale;
        for (int p = 0; p < n / DIMS; p++) {
            bool m = g[k].deltas >> (n == S_GROUP ? 0 : p) & 1;
            int32_t row_of = s->cb->row_of[code[p][k]];
            minus[p] |= (unsigned)m << k;
            if (row_of >= 0)
                continue;
            off |= 1u << k;
            code[p][k] = nearest(s, row_of, x[k] + DIMS * p, w[k] + DIMS * p, scale[k], m);
        }
    }
    refit(l, n, (const int32_t(*)[VL])code, minus, off, scale);
    for (int k = 0; k < VL; k++) {
        if (split[k].deltas < 0)
            continue;
        g[k].empty = false;
        g[k].scale = scale[k];
        for (int p = 0; p < n / DIMS; p++)
            g[k].row[p] = (uint16_t)s->cb->row_of[code[p][k]];
    }
}

/* ---- groups -----------------------------------------------------------------------------------
 */

/* Fits VL groups from number j on; false bits: lanes the reference has to do. */
V_FN unsigned fit_lanes(const struct source *s, int n, int j, float eps, struct group *g)
{
    const float *x[VL], *w[VL];
    struct lanes l;
    struct split split[VL];

    for (int k = 0; k < VL; k++) {
        int at = (j + k) * n;
        x[k] = s->x[at / QT_SUPER] + at % QT_SUPER;
        w[k] = s->w + at;
    }
    v_load_columns(l.x, x, (size_t)n);
    v_load_columns(l.w, w, (size_t)n);
    vf most = vf_set1(0);
    for (int i = 0; i < n; i++)
        most = vf_max(most, vf_abs(l.x[i]));
    const unsigned zeros = vm_bits(vf_lt(most, vf_set1(eps)));
    set_ranks(&l, n);
    set_sums(&l, n);
    set_floor(&l, n);
    if (n == S_GROUP)
        find_hits_s(&l);
    else
        find_hits_m(&l);
    unsigned fine = vm_bits(split_fine(&l, n)) | zeros;
    for (int k = 0; k < VL; k++) {
        g[k] = (struct group){.empty = true};
        split[k] = (struct split){-1, -1, -1, 0.0f};
        if (zeros >> k & 1)
            continue;
        split[k] = best_split(&l, k);
        if (l.n_hits[k] > MAX_HITS)
            fine &= ~(1u << k);
    }
    if (fine == (1u << VL) - 1)
        set_rows(s, &l, n, x, w, split, g);
    return fine;
}

static int code_of_scale(float inverse, float scale)
{
    return qk_clamp_int(qk_nearest_int(0.5f * (inverse * scale - 1.0f)), 0, 7);
}

static float largest_scale(const struct group *g, int n)
{
    float largest = 0.0f;

    for (int j = 0; j < n; j++)
        largest = g[j].scale <= largest ? largest : g[j].scale;
    return largest;
}

/* ---- IQ1_S ------------------------------------------------------------------------------------
 */

static void pack_s(struct qt_block_iq1_s *b, const struct group *g)
{
    float largest = largest_scale(g, 8), d = largest / 15.0f, inverse = 1.0f / d;

    for (int j = 0; j < 8; j++) {
        unsigned high = 0;
        for (int k = 0; k < 4; k++) {
            b->qs[4 * j + k] = (uint8_t)g[j].row[k];
            high |= (unsigned)(g[j].row[k] >> 8) << 3 * k;
        }
        if (largest != 0.0f)
            high |= (unsigned)g[j].deltas << 15 |
                    (unsigned)code_of_scale(inverse, g[j].scale) << 12;
        gg_store_u16((uint8_t *)b->qh + 2 * j, (uint16_t)high);
    }
    gg_store_u16(&b->d, qt_f16_from_f32(d * S_FUDGE));
}

/* ---- IQ1_M ------------------------------------------------------------------------------------
 */

/* The common scale of least squares for the rounded scales, over all values in their order. */
static float common_scale(const struct source *s, const struct group *g, const int *code,
                          float fallback)
{
    float qx = 0.0f, qq = 0.0f, tx[QT_SUPER], tq[QT_SUPER];

    for (int i = 0; i < QT_SUPER; i++) {
        const struct group *at = &g[i / M_GROUP];
        int p = i % M_GROUP / DIMS;
        int level = s->cb->spread[at->row[p]] >> 2 * (i % DIMS) & 3;
        float q = (at->deltas >> p & 1 ? v_minus : v_plus)[level];
        q *= (float)(2 * code[i / M_GROUP] + 1);
        tx[i] = s->w[i] * q * s->x[0][i];
        tq[i] = s->w[i] * q * q;
    }
    for (int i = 0; i < QT_SUPER; i++) {
        qx += tx[i];
        qq += tq[i];
    }
    return qq > 0.0f ? qx / qq : fallback;
}

static void pack_m(struct qt_block_iq1_m *b, const struct source *s, const struct group *g)
{
    float largest = largest_scale(g, 16), d = largest / 15.0f, inverse = 1.0f / d;
    int code[16];
    unsigned word[4];

    memset(b, 0, sizeof *b);
    for (int j = 0; j < 16; j++) {
        b->qs[2 * j] = (uint8_t)g[j].row[0];
        b->qs[2 * j + 1] = (uint8_t)g[j].row[1];
        b->qh[j] = (uint8_t)(g[j].row[0] >> 8 | g[j].row[1] >> 8 << 4);
        code[j] = code_of_scale(inverse, g[j].scale);
    }
    if (largest == 0.0f)
        return;
    uint16_t bits = qt_f16_from_f32(common_scale(s, g, code, d) * M_FUDGE);
    for (int i = 0; i < 4; i++)
        word[i] = (unsigned)(bits >> 4 * i & 15) << 12;
    for (int j = 0; j < 16; j++) {
        word[j / 4] |= (unsigned)code[j] << 3 * (j % 4);
        b->qh[j] |= (uint8_t)((g[j].deltas & 1) << 3 | (g[j].deltas & 2) << 6);
    }
    for (int i = 0; i < 4; i++)
        gg_store_u16(b->scales + 2 * i, (uint16_t)word[i]);
}

/* ---- rows of a tensor -------------------------------------------------------------------------
 */

V_FN void sums_of_squares(const struct v_group *g, float *sum)
{
    vf s = vf_set1(0);

    for (size_t i = 0; i < QT_SUPER; i += 16) {
        const float *p[VL];
        vf x[16];
        for (int k = 0; k < VL; k++)
            p[k] = g->x[k] + i;
        v_load_columns(x, p, 16);
        for (int j = 0; j < 16; j++)
            s += x[j] * x[j];
    }
    vf_store(sum, s);
}

/* Bit k: super-block `first + k` of n_blocks was fitted. */
V_FN unsigned fit_blocks(const struct v_group *v, const float *sum, int first, int n_blocks, int n,
                         float eps, const struct qk_args *args, struct source *s, struct group *g)
{
    const int n_groups = QT_SUPER / n;
    unsigned fine = 0;

    s->cb = args->codebook;
    for (int k = 0; k < n_blocks; k++) {
        int at = first + k < v->n ? first + k : first;
        const float *imp = args->weights ? args->weights + v->col[at] : NULL;
        s->x[k] = v->x[at];
        fine |= (unsigned)set_weights(s->w + QT_SUPER * k, v->x[at], imp,
                                      2.0f * sum[at] / (float)QT_SUPER) << k;
    }
    for (int j = 0; j < n_blocks * n_groups; j += VL) {
        unsigned lanes = fit_lanes(s, n, j, eps, g + j);
        if (lanes != (1u << VL) - 1)
            fine = 0;
    }
    return fine;
}

static void encode_reference(qk_quant_fn *reference, const struct v_group *v, int k,
                             const struct qk_args *args)
{
    struct qk_args a = *args;

    a.weights = a.weights ? a.weights + v->col[k] : NULL;
    reference(v->y[k], v->x[k], 1, QT_SUPER, 0, 0, &a);
}

static void quant_iq1_s(void *dst, const float *src, size_t n_rows, size_t n_cols,
                        size_t dst_stride, size_t src_stride, const struct qk_args *args)
{
    struct v_walk w = {dst,        src,      n_rows, n_cols, dst_stride, src_stride, QT_SUPER,
                       sizeof(struct qt_block_iq1_s), 0, 0};
    struct v_group v;

    assert(args && args->weights && args->codebook && args->codebook->dims == DIMS);
    while (v_next_group(&w, &v)) {
        float sum[VL];
        sums_of_squares(&v, sum);
        for (int first = 0; first < v.n; first += S_AT_ONCE) {
            struct source s;
            struct group g[8 * S_AT_ONCE];
            unsigned fine =
                fit_blocks(&v, sum, first, S_AT_ONCE, S_GROUP, S_EPS, args, &s, g);
            for (int k = 0; k < S_AT_ONCE && first + k < v.n; k++) {
                if (fine >> k & 1)
                    pack_s((struct qt_block_iq1_s *)(void *)v.y[first + k], g + 8 * k);
                else
                    encode_reference(qk_ref_quant_iq1_s, &v, first + k, args);
            }
        }
    }
}

static void quant_iq1_m(void *dst, const float *src, size_t n_rows, size_t n_cols,
                        size_t dst_stride, size_t src_stride, const struct qk_args *args)
{
    struct v_walk w = {dst,        src,      n_rows, n_cols, dst_stride, src_stride, QT_SUPER,
                       sizeof(struct qt_block_iq1_m), 0, 0};
    struct v_group v;

    assert(args && args->codebook && args->codebook->dims == DIMS);
    while (v_next_group(&w, &v)) {
        float sum[VL];
        sums_of_squares(&v, sum);
        for (int first = 0; first < v.n; first++) {
            struct source s;
            struct group g[16];
            if (fit_blocks(&v, sum, first, 1, M_GROUP, M_EPS, args, &s, g))
                pack_m((struct qt_block_iq1_m *)(void *)v.y[first], &s, g);
            else
                encode_reference(qk_ref_quant_iq1_m, &v, first, args);
        }
    }
}

void V_NAME(qk_vec_encode_iq1)(struct qk_table *table)
{
    table->k[QT_IQ1_S].quant = quant_iq1_s;
    table->k[QT_IQ1_M].quant = quant_iq1_m;
}
