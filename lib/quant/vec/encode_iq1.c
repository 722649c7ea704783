/* Encoders of IQ1_S and IQ1_M. The reference (lib/quant/ref/iq1.c) says what is done, split1.h how
 * the best split is found: VL groups side by side. Points off the grid are looked up one by one.
 *
 * A super-block with values or weights out of the ordinary goes to the reference (split1.h;
 * weights must be in 0 .. 2^40).
 */
#include "lib/quant/ref/ref.h"
#include "lib/quant/ref/search.h"
#include "lib/quant/vec/book.h"
#include "lib/quant/vec/nearest.h"
#include "lib/quant/vec/split1.h"

#include <assert.h>

#define S_EPS 1e-12f /* a group whose largest magnitude is below is zeros */
#define M_EPS 1e-7f
#define S_FUDGE 1.125f
#define M_FUDGE 1.1125f

enum { DIMS = 8, MAX_POINTS = 4 };
enum { S_AT_ONCE = VL > 8 ? 2 : 1 }; /* super-blocks of IQ1_S whose groups fill the lanes */

/* What was found in a group. */
struct group {
    float scale; /* 0: zeros, or no weights */
    uint16_t row[MAX_POINTS];
    uint8_t deltas; /* bit p: point p has delta -1/8; IQ1_S: bit 0 for all */
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
V_FN void set_codes(const struct lanes *l, int n, const struct splits *s, int32_t code[][VL])
{
    const vm turn = vf_lt(vf_load(s->scale), vf_set1(0));
    const vi first = vi_load(s->from_1) - 1, second = vi_load(s->from_2) - 1;
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

/* Lanes where each level of point p is the nearest to its value by weight, and others are the
 * farther the farther they are: then rows that another row hides need not be looked at (codebook.h:
 * near). Costs are the reference's, to the bit. */
V_FN unsigned levels_fit(const struct lanes *l, int p, const int32_t *code, unsigned minus,
                         const float *scales)
{
    const vm m = vm_from_bits(minus);
    const vf scale = vf_load(scales);
    const vu bits = (vu)vi_load(code);
    vf q[3];
    vm fit = vm_from_bits((1u << VL) - 1);

    for (int v = 0; v < 3; v++)
        q[v] = scale * vf_select(m, vf_set1(v_minus[v]), vf_set1(v_plus[v]));
    for (int i = 0; i < DIMS; i++) {
        vi level = (vi)(bits >> 2 * i & 3);
        vf cost[3];
        for (int v = 0; v < 3; v++) {
            vf diff = q[v] - l->x[DIMS * p + i];
            cost[v] = l->w[DIMS * p + i] * diff * diff;
        }
        vm low = vi_lt(level, vi_set1(1)), high = vi_lt(vi_set1(1), level);
        vm up = vf_le(cost[1], cost[2]), down = vf_le(cost[1], cost[0]);
        up = vm_or(high, vm_and(up, vm_or(vm_not(low), vf_le(cost[0], cost[1]))));
        down = vm_or(low, vm_and(down, vm_or(vm_not(high), vf_le(cost[2], cost[1]))));
        fit = vm_and(fit, vm_and(up, down));
    }
    return vm_bits(fit);
}

static __attribute__((noinline)) int32_t nearest(const uint16_t *list, int n,
                                                 const struct v_costs *costs)
{
    return v_nearest(DIMS, list, n, costs);
}

static const float values_plus[16] = {-0.875f, 0.125f, 1.125f, 0, -0.875f, 0.125f, 1.125f, 0,
                                      -0.875f, 0.125f, 1.125f, 0, -0.875f, 0.125f, 1.125f, 0};
static const float values_minus[16] = {-1.125f, -0.125f, 0.875f, 0, -1.125f, -0.125f, 0.875f, 0,
                                       -1.125f, -0.125f, 0.875f, 0, -1.125f, -0.125f, 0.875f, 0};

/* Finds rows of points off the grid; fit: lanes of each point where levels fit. Bits: lanes that
 * had some. */
V_FN unsigned rows_off_grid(const struct qk_codebook *cb, int n, const float *const *x,
                            const float *const *w, const float *scale, const unsigned *minus,
                            const unsigned *fit, int32_t code[][VL])
{
    struct v_sums sums[MAX_POINTS * VL];
    int32_t *to[MAX_POINTS * VL];
    unsigned off = 0;
    int n_short = 0;

    for (int i = 0; i < n / DIMS * VL; i++) {
        const int p = i / VL, k = i % VL;
        const int32_t near = cb->near_of[code[p][k]];
        struct v_costs costs;
        if (near < 0)
            continue;
        off |= 1u << k;
        const vf q = scale[k] * vf_load(minus[p] >> k & 1 ? values_minus : values_plus);
        v_set_costs(&costs, DIMS, &q, x[k] + DIMS * p, w[k] + DIMS * p);
        const uint16_t *list = cb->near + (near >> 8) * 8, *all = cb->spread_around;
        all += -1 - cb->row_of[code[p][k]];
        if (!(fit[p] >> k & 1)) {
            code[p][k] = nearest(all + 1, all[0], &costs);
        } else if ((near & 255) > 16) {
            code[p][k] = nearest(list, near & 255, &costs);
        } else {
            to[n_short] = &code[p][k];
            v_set_sums(&sums[n_short++], DIMS, list, near & 255, &costs);
        }
    }
    for (int i = 0; i < n_short; i++)
        *to[i] = v_first_least(&sums[i]);
    return off;
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
                   const float *const *w, const struct splits *split, struct group *g)
{
    int32_t code[MAX_POINTS][VL];
    unsigned minus[MAX_POINTS] = {0}, fit[MAX_POINTS], found = 0;
    float scale[VL] = {0};

    set_codes(l, n, split, code);
    for (int k = 0; k < VL; k++) {
        if (split->deltas[k] < 0)
            continue;
        const int deltas = split->deltas[k] ^ (split->scale[k] < 0.0f ? 3 : 0);
        found |= 1u << k;
        g[k].deltas = (uint8_t)(n == S_GROUP ? deltas & 1 : deltas);
        scale[k] = split->scale[k] < 0.0f ? -split->scale[k] : split->scale[k];
        for (int p = 0; p < n / DIMS; p++)
            minus[p] |= (unsigned)(g[k].deltas >> (n == S_GROUP ? 0 : p) & 1) << k;
    }
    for (int p = 0; p < n / DIMS; p++)
        fit[p] = levels_fit(l, p, code[p], minus[p], scale);
    const unsigned off = rows_off_grid(s->cb, n, x, w, scale, minus, fit, code) & found;
    refit(l, n, (const int32_t(*)[VL])code, minus, off, scale);
    for (int k = 0; k < VL; k++) {
        if (split->deltas[k] < 0)
            continue;
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
    struct splits split;

    for (int k = 0; k < VL; k++) {
        int at = (j + k) * n;
        x[k] = s->x[at / QT_SUPER] + at % QT_SUPER;
        w[k] = s->w + at;
    }
    l.n = n;
    v_load_columns(l.x, x, (size_t)n);
    v_load_columns(l.w, w, (size_t)n);
    vf most = vf_set1(0);
    for (int i = 0; i < n; i++)
        most = vf_max(most, vf_abs(l.x[i]));
    const unsigned zeros = vm_bits(vf_lt(most, vf_set1(eps)));
    set_ranks(&l);
    set_sums(&l);
    set_floor(&l);
    const unsigned over = n == S_GROUP ? find_hits_s(&l) : find_hits_m(&l);
    const unsigned fine = (split_fine(&l) & ~over) | zeros;
    for (int k = 0; k < VL; k++) {
        g[k] = (struct group){0};
        if (zeros >> k & 1)
            l.n_hits[k] = 0;
    }
    if (fine != (1u << VL) - 1)
        return fine;
    best_splits(&l, &split);
    set_rows(s, &l, n, x, w, &split, g);
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
            high |= (unsigned)g[j].deltas << 15 | (unsigned)code_of_scale(inverse, g[j].scale)
                                                      << 12;
        gg_store_u16((uint8_t *)b->qh + 2 * j, (uint16_t)high);
    }
    gg_store_u16(&b->d, qt_f16_from_f32(d * S_FUDGE));
}

/* ---- IQ1_M ------------------------------------------------------------------------------------
 */

enum {
    M_AT_ONCE = 4
}; /* super-blocks whose sums are taken side by side: one's wait for themselves */

/* A super-block while it is encoded. */
struct block_m {
    struct source s;
    struct group g[16];
    int code[16]; /* of the groups' scales */
    float scale;
    float xq[QT_SUPER], qq[QT_SUPER]; /* w x q and w q q, where q is a value's level times code */
};

V_FN void set_terms(struct block_m *b)
{
    const struct source *s = &b->s;

    for (int i = 0; i < QT_SUPER; i += VL) {
        const struct group *at = &b->g[i / M_GROUP];
        const unsigned part = (unsigned)i % M_GROUP;
        uint32_t levels = s->cb->spread[at->row[0]] | (uint32_t)s->cb->spread[at->row[1]] << 16;
        uint32_t minus = (at->deltas & 1 ? 0xffu : 0) | (at->deltas & 2 ? 0xff00u : 0);
        vu bits = (vu)vi_set1((int32_t)(levels >> 2 * part));
        vf q = vf_from_i((vi)(vu_shrv(bits, (vu)v_lanes() * 2) & 3));
        q += vf_select(vm_from_bits(minus >> part & ((1u << VL) - 1)), vf_set1(-1.125f),
                       vf_set1(-0.875f));
        q *= (float)(2 * b->code[i / M_GROUP] + 1);
        vf w = vf_load(s->w + i);
        vf_store(b->xq + i, w * q * vf_load(s->x[0] + i));
        vf_store(b->qq + i, w * q * q);
    }
}

/* Scales of the groups as they are stored, and a common one to begin with. */
static void set_scales_m(struct block_m *b)
{
    float d = largest_scale(b->g, 16) / 15.0f, inverse = 1.0f / d;

    b->scale = d;
    for (int j = 0; j < 16; j++)
        b->code[j] = code_of_scale(inverse, b->g[j].scale);
}

/* The common scales of least squares for the rounded ones, over all values in their order. */
static void common_scales(struct block_m *b, int n)
{
    const struct block_m *at[M_AT_ONCE];
    float xq[M_AT_ONCE] = {0.0f}, qq[M_AT_ONCE] = {0.0f};

    for (int k = 0; k < M_AT_ONCE; k++)
        at[k] = &b[k < n ? k : 0];
    for (int i = 0; i < QT_SUPER; i++)
        for (int k = 0; k < M_AT_ONCE; k++) {
            xq[k] += at[k]->xq[i];
            qq[k] += at[k]->qq[i];
        }
    for (int k = 0; k < n; k++)
        if (qq[k] > 0.0f)
            b[k].scale = xq[k] / qq[k];
}

static void pack_m(struct qt_block_iq1_m *dst, const struct block_m *b)
{
    const struct group *g = b->g;
    unsigned word[4];

    memset(dst, 0, sizeof *dst);
    for (int j = 0; j < 16; j++) {
        dst->qs[2 * j] = (uint8_t)g[j].row[0];
        dst->qs[2 * j + 1] = (uint8_t)g[j].row[1];
        dst->qh[j] = (uint8_t)(g[j].row[0] >> 8 | g[j].row[1] >> 8 << 4);
    }
    if (largest_scale(g, 16) == 0.0f)
        return;
    uint16_t bits = qt_f16_from_f32(b->scale * M_FUDGE);
    for (int i = 0; i < 4; i++)
        word[i] = (unsigned)(bits >> 4 * i & 15) << 12;
    for (int j = 0; j < 16; j++) {
        word[j / 4] |= (unsigned)b->code[j] << 3 * (j % 4);
        dst->qh[j] |= (uint8_t)((g[j].deltas & 1) << 3 | (g[j].deltas & 2) << 6);
    }
    for (int i = 0; i < 4; i++)
        gg_store_u16(dst->scales + 2 * i, (uint16_t)word[i]);
}

/* ---- rows of a tensor -------------------------------------------------------------------------
 */

/* Bit k: super-block `first + k` of n_blocks was fitted. */
V_FN unsigned fit_blocks(const struct v_group *v, const float *sum, int first, int n_blocks, int n,
                         float eps, const struct qk_args *args, struct source *s, struct group *g)
{
    const int n_groups = QT_SUPER / n;
    unsigned fine = 0;

    s->cb = args->codebook;
    for (int k = 0; k < n_blocks; k++) {
        int at = first + k < v->n ? first + k : first;
        s->x[k] = v->x[at];
        fine |= (unsigned)set_weights(s->w + QT_SUPER * k, v->x[at], v_weights_of(args, v, at),
                                      2.0f * sum[at] / (float)QT_SUPER)
                << k;
    }
    for (int j = 0; j < n_blocks * n_groups; j += VL) {
        unsigned lanes = fit_lanes(s, n, j, eps, g + j);
        if (lanes != (1u << VL) - 1)
            fine = 0;
    }
    return fine;
}

static void encode_s(const void *type, const struct v_group *v, int first, int n, const float *sum,
                     const struct qk_args *args)
{
    struct source s;
    struct group g[8 * S_AT_ONCE];

    (void)type;
    assert(args->weights && args->codebook && args->codebook->dims == DIMS);
    const unsigned fine = fit_blocks(v, sum, first, S_AT_ONCE, S_GROUP, S_EPS, args, &s, g);
    for (int k = 0; k < n; k++) {
        if (fine >> k & 1)
            pack_s((struct qt_block_iq1_s *)(void *)v->y[first + k], g + 8 * k);
        else
            v_encode_plain(qk_ref_quant_iq1_s, v, first + k, args);
    }
}

static void encode_m(const void *type, const struct v_group *v, int first, int n, const float *sum,
                     const struct qk_args *args)
{
    struct block_m b[M_AT_ONCE];
    bool fine[M_AT_ONCE];

    (void)type;
    assert(args->codebook && args->codebook->dims == DIMS);
    for (int k = 0; k < n; k++) {
        fine[k] = fit_blocks(v, sum, first + k, 1, M_GROUP, M_EPS, args, &b[k].s, b[k].g);
        set_scales_m(&b[k]);
        set_terms(&b[k]);
    }
    common_scales(b, n);
    for (int k = 0; k < n; k++) {
        if (fine[k])
            pack_m((struct qt_block_iq1_m *)(void *)v->y[first + k], &b[k]);
        else
            v_encode_plain(qk_ref_quant_iq1_m, v, first + k, args);
    }
}

V_QUANT_ROWS(iq1_s, encode_s, NULL, S_AT_ONCE)
V_QUANT_ROWS(iq1_m, encode_m, NULL, M_AT_ONCE)

void V_NAME(qk_vec_encode_iq1)(struct qk_table *table)
{
    table->k[QT_IQ1_S].quant = quant_iq1_s;
    table->k[QT_IQ1_M].quant = quant_iq1_m;
}
