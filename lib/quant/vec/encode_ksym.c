/* Encoders of Q3_K and Q6_K: lib/quant/ref/kquant_sym.c with a super-block in each lane. */
#include "lib/quant/vec/descent.h"
#include "lib/quant/vec/super.h"

enum { N_GROUPS = 16, GROUP = 16 };

/* VL super-blocks being encoded. */
struct sym_work {
    struct v_super b;
    vf scale[N_GROUPS], inverse[N_GROUPS]; /* of the groups, alone */
    vm zero[N_GROUPS];                     /* nothing in the group */
    vf mass[N_GROUPS];                     /* sums of weights */
    vf d;                                  /* common, through F16 */
    vu d_bits;
    vi code[N_GROUPS]; /* the group's scale is d * code */
    /* Q3_K without weights: sums w x q and w q q, and levels where they are asked for. */
    vf xq[N_GROUPS], qq[N_GROUPS], own[QT_SUPER];
};

/* The group's own levels, where its scale became 0. */
V_FN vi own_level(const struct sym_work *k, int j, int i, int nmax)
{
    struct v_signed fit = {k->scale[j], k->inverse[j], k->zero[j]};
    return v_signed_code(&fit, nmax, k->b.x[GROUP * j + i], false);
}

/* Levels of group j, as bytes of four words. */
V_FN void round_group(const struct sym_work *k, int j, int nmax, vu word[4])
{
    const vf *x = k->b.x + GROUP * j;
    vf d = k->d * vf_from_i(k->code[j]);
    vm own = vf_eq(d, vf_set1(0));
    V_UNROLL
    for (int i = 0; i < GROUP; i += 4) {
        vu level[4];
        V_UNROLL
        for (int e = 0; e < 4; e++)
            level[e] = (vu)(vi_clamp(v_nearest_wild(x[i + e] / d), -nmax, nmax - 1) + nmax);
        word[i / 4] = v_word_at(level, 0);
    }
    if (!vm_any(own))
        return;
    for (int i = 0; i < GROUP; i += 4) {
        vu level[4];
        for (int e = 0; e < 4; e++)
            level[e] = (vu)own_level(k, j, i + e, nmax);
        word[i / 4] = (vu)vi_select(own, (vi)v_word_at(level, 0), (vi)word[i / 4]);
    }
}

/* The scale of largest magnitude, with its sign. */
static vf largest_of(const vf *scale)
{
    vf best = vf_set1(0), value = best;
    for (int j = 0; j < N_GROUPS; j++) {
        vm more = vf_gt(vf_abs(scale[j]), best);
        best = vf_select(more, vf_abs(scale[j]), best);
        value = vf_select(more, scale[j], value);
    }
    return value;
}

/* Weights of all elements. */
static void sym_weights(struct sym_work *k, bool raw, vf w[QT_SUPER])
{
    const float *from[VL];
    if (k->b.weights == NULL) {
        for (int i = 0; i < QT_SUPER; i++)
            w[i] = k->b.x[i] * k->b.x[i];
    } else if (raw) {
        for (int i = 0; i < VL; i++)
            from[i] = k->b.weights + k->b.at.col[i];
        v_load_blocks(w, from, QT_SUPER, QT_SUPER);
    } else {
        v_importance(&k->b, 0, QT_SUPER, w);
    }
}

static void fit_groups(struct sym_work *k, int nmax, bool raw)
{
    struct v_signed fit[N_GROUPS];
    vf w[QT_SUPER];
    sym_weights(k, raw, w);
    v_fit_scales(N_GROUPS, GROUP, nmax, k->b.x, w, fit);
    for (int j = 0; j < N_GROUPS; j++) {
        if (k->b.weights != NULL && !raw)
            k->mass[j] = v_sum(w + GROUP * j, GROUP);
        k->scale[j] = fit[j].scale;
        k->inverse[j] = fit[j].inverse;
        k->zero[j] = fit[j].zero;
    }
}

/* Wraps to a signed byte. */
V_FN vi as_byte(vi a)
{
    return ((a + 128) & 255) - 128;
}

/* ---- Q6_K -------------------------------------------------------------------------------------
 */

static void pack_q6(const vu word[32], vu *ql, vu *qh)
{
    const vu low = (vu)vi_set1(0x0f0f0f0f), high = (vu)vi_set1(0x03030303);
    for (int i = 0; i < 8; i++) {
        vu a = word[i], b = word[8 + i], c = word[16 + i], d = word[24 + i];
        ql[i] = (a & low) | (c & low) << 4;
        ql[8 + i] = (b & low) | (d & low) << 4;
        qh[i] = ((a >> 4 & high) | (b >> 4 & high) << 2) |
                ((c >> 4 & high) << 4 | (d >> 4 & high) << 6);
    }
}

static void encode_q6_K(struct sym_work *k)
{
    vu word[52], level[32];
    fit_groups(k, 32, true);
    vf largest = largest_of(k->scale);
    vm empty = vf_lt(vf_abs(largest), vf_set1(QK_GROUP_EPS));
    vf inverse = -128.0f / largest;
    k->d = v_through_f16(1.0f / inverse, &k->d_bits);
    for (int j = 0; j < N_GROUPS; j++)
        k->code[j] = as_byte(vi_min(v_nearest_wild(inverse * k->scale[j]), vi_set1(127)));
    for (int h = 0; h < 2; h++) {
        for (int j = 0; j < 8; j++)
            round_group(k, 8 * h + j, 32, level + 4 * j);
        pack_q6(level, word + 16 * h, word + 32 + 8 * h);
    }
    for (int j = 0; j < N_GROUPS; j++)
        k->code[j] &= 255;
    for (int j = 0; j < 4; j++)
        word[48 + j] = v_word_at((const vu *)k->code, 4 * j);
    if (vm_any(empty))
        for (int j = 0; j < 52; j++)
            word[j] = (vu)vi_select(empty, vi_set1(0), (vi)word[j]);
    v_store_words(&k->b, 0, word, 52);
    v_store_halves(&k->b, 208, (vu)vi_select(empty, vi_set1(0), (vi)k->d_bits));
}

/* ---- Q3_K: fitting ----------------------------------------------------------------------------
 */

/* The first levels of group j, and their sums. */
static void start_group(struct sym_work *k, int j)
{
    const vf *x = k->b.x + GROUP * j;
    vf magnitude = vf_set1(0), largest = magnitude, xq = magnitude, qq = magnitude;
    for (int i = 0; i < GROUP; i++) {
        vm more = vf_gt(vf_abs(x[i]), magnitude);
        magnitude = vf_select(more, vf_abs(x[i]), magnitude);
        largest = vf_select(more, x[i], largest);
    }
    k->zero[j] = vf_lt(magnitude, vf_set1(QK_GROUP_EPS));
    k->inverse[j] = -4.0f / vf_select(k->zero[j], vf_set1(1), largest);
    for (int i = 0; i < GROUP; i++) {
        vf q = v_signed_level(k->inverse[j] * x[i], 4, false), w = x[i] * x[i];
        xq += w * x[i] * q;
        qq += w * q * q;
    }
    k->xq[j] = xq;
    k->qq[j] = qq;
}

/* Groups to be improved: number j of super-block k is VL * j + k. */
struct group_list {
    int n, at[N_GROUPS * VL];
};

/* A group whose largest value is positive has negative levels for positive values, and the other way
 * round: sum(w x q) is negative with or without any of its elements, and no level is ever changed.
 * The others (half of them) are collected, so that no lane is idle. */
static void list_groups(const struct sym_work *k, const vm *wanted, struct group_list *l)
{
    l->n = 0;
    for (int j = 0; j < N_GROUPS; j++) {
        vm m = vm_and(vf_gt(k->inverse[j], vf_set1(0)), vm_not(k->zero[j]));
        unsigned bits = vm_bits(wanted != NULL ? vm_and(m, wanted[j]) : m);
        for (; bits != 0; bits &= bits - 1)
            l->at[l->n++] = VL * j + __builtin_ctz(bits);
    }
}

static void load_descent(const struct sym_work *k, const int at[VL], struct v_descent *d)
{
    const float *from[VL], *inverse = (const float *)k->inverse;
    float part[3][VL];
    for (int i = 0; i < VL; i++) {
        from[i] = k->b.at.x[at[i] % VL] + at[i] / VL * GROUP;
        part[0][i] = inverse[at[i]];
        part[1][i] = ((const float *)k->xq)[at[i]];
        part[2][i] = ((const float *)k->qq)[at[i]];
    }
    v_load_columns(d->x, from, GROUP);
    vf magnitude = vf_set1(0);
    for (int i = 0; i < GROUP; i++)
        magnitude = vf_max(magnitude, vf_abs(d->x[i]));
    d->tame = vm_all(vf_lt(magnitude, vf_set1(1e10f)));
    d->sum_xq = vf_load(part[1]);
    d->sum_qq = vf_load(part[2]);
    for (int i = 0; i < GROUP; i++) {
        d->w[i] = d->x[i] * d->x[i];
        descent_set(d, i, v_signed_level(vf_load(part[0]) * d->x[i], 4, false));
    }
}

/* Takes over what was found for n groups: their sums, or their levels (in k->own). */
static void keep_descent(struct sym_work *k, const int at[VL], int n, const struct v_descent *d,
                         bool levels)
{
    for (int i = 0; i < n; i++) {
        float *own = (float *)k->own + at[i] / VL * GROUP * VL + at[i] % VL;
        for (int e = 0; levels && e < GROUP; e++)
            own[e * VL] = ((const float *)d->q)[e * VL + i];
        if (!levels) {
            ((float *)k->xq)[at[i]] = ((const float *)&d->sum_xq)[i];
            ((float *)k->qq)[at[i]] = ((const float *)&d->sum_qq)[i];
        }
    }
}

/* Improves the groups listed. Lanes left over repeat a group. */
static void improve_groups(struct sym_work *k, const struct group_list *l, bool levels)
{
    for (int first = 0; first < l->n; first += DESCENT_SIDE * VL) {
        int at[DESCENT_SIDE][VL];
        struct v_descent d[DESCENT_SIDE];
        for (int u = 0; u < DESCENT_SIDE; u++) {
            for (int i = 0; i < VL; i++) {
                int j = first + u * VL + i;
                at[u][i] = l->at[j < l->n ? j : first];
            }
            load_descent(k, at[u], &d[u]);
        }
        v_descend(d);
        for (int u = 0; u < DESCENT_SIDE; u++) {
            int n = l->n - first - u * VL;
            keep_descent(k, at[u], n < VL ? n : VL, &d[u], levels);
        }
    }
}

static vf fit_q3_plain(struct sym_work *k)
{
    const vf zero = vf_set1(0);
    struct group_list list;
    for (int j = 0; j < N_GROUPS; j++)
        start_group(k, j);
    list_groups(k, NULL, &list);
    improve_groups(k, &list, false);
    for (int j = 0; j < N_GROUPS; j++) {
        vf scale = vf_select(vf_gt(k->qq[j], zero), k->xq[j] / k->qq[j], zero);
        k->scale[j] = vf_select(k->zero[j], zero, scale);
    }
    vf largest = largest_of(k->scale);
    vm empty = vf_eq(largest, zero);
    vf inverse = -32.0f / largest;
    for (int j = 0; j < N_GROUPS; j++) {
        vi q = vi_clamp(as_byte(v_nearest_wild(inverse * k->scale[j])), -32, 31);
        k->code[j] = vi_select(empty, vi_set1(0), q + 32);
    }
    return vf_select(empty, zero, 1.0f / inverse);
}

static vf fit_q3_weighted(struct sym_work *k)
{
    struct v_signed fit;
    k->b.sigma2 = 2.0f * v_sum_squares(k->b.x, QT_SUPER) / (float)QT_SUPER;
    fit_groups(k, 4, false);
    v_fit_scale_wild(N_GROUPS, 32, k->scale, k->mass, &fit);
    for (int j = 0; j < N_GROUPS; j++)
        k->code[j] = v_signed_code(&fit, 32, k->scale[j], true);
    return fit.scale;
}

/* ---- Q3_K: packing ----------------------------------------------------------------------------
 */

static void pack_scale6(const vi *scale, vu word[3])
{
    const vu *code = (const vu *)scale;
    vu p[12];
    for (int j = 0; j < 8; j++)
        p[j] = (code[j] & 15) | (code[j + 8] & 15) << 4;
    for (int j = 0; j < 4; j++)
        p[j + 8] = (code[j] >> 4 | code[j + 4] >> 4 << 2) |
                   (code[j + 8] >> 4 << 4 | code[j + 12] >> 4 << 6);
    for (int j = 0; j < 3; j++)
        word[j] = v_word_at(p, 4 * j);
}

/* Where groups have scale 0 and levels that were improved, those. */
static void take_improved(struct sym_work *k, const vm *improved, int j, vu word[4])
{
    for (int i = 0; i < GROUP; i += 4) {
        vu level[4];
        for (int e = 0; e < 4; e++)
            level[e] = (vu)(vi_trunc(k->own[GROUP * j + i + e]) + 4);
        word[i / 4] = (vu)vi_select(improved[j], (vi)v_word_at(level, 0), (vi)word[i / 4]);
    }
}

/* Finds those groups. */
static bool find_improved(struct sym_work *k, vm improved[N_GROUPS])
{
    struct group_list list;
    for (int j = 0; j < N_GROUPS; j++) {
        vm own = vf_eq(k->d * vf_from_i(k->code[j]), vf_set1(0));
        vm better = vm_and(vf_gt(k->inverse[j], vf_set1(0)), vm_not(k->zero[j]));
        improved[j] = vm_and(own, better);
    }
    list_groups(k, improved, &list);
    for (int j = 0; list.n > 0 && j < N_GROUPS; j++)
        start_group(k, j); /* the sums again */
    improve_groups(k, &list, true);
    return list.n > 0;
}

static void encode_q3_K(struct sym_work *k)
{
    const vu two = (vu)vi_set1(0x03030303), one = (vu)vi_set1(0x01010101);
    vu word[27], level[32];
    vm improved[N_GROUPS];
    vf d = k->b.weights != NULL ? fit_q3_weighted(k) : fit_q3_plain(k);
    k->d = v_through_f16(d, &k->d_bits);
    pack_scale6(k->code, word + 24);
    for (int j = 0; j < N_GROUPS; j++)
        k->code[j] -= 32;
    bool some = k->b.weights == NULL && find_improved(k, improved);
    memset(word, 0, 8 * sizeof *word);
    for (int h = 0; h < 2; h++) {
        for (int j = 0; j < 8; j++) {
            round_group(k, 8 * h + j, 4, level + 4 * j);
            if (some)
                take_improved(k, improved, 8 * h + j, level + 4 * j);
        }
        for (int i = 0; i < 8; i++) {
            vu q = (vu)vi_set1(0), high = q;
            for (int p = 0; p < 4; p++) {
                vu a = level[8 * p + i];
                q |= (a & two) << 2 * p;
                high |= (a >> 2 & one) << p;
            }
            word[8 + 8 * h + i] = q;
            word[i] |= high << 4 * h;
        }
    }
    v_store_words(&k->b, 0, word, 27);
    v_store_halves(&k->b, 108, k->d_bits);
}

/* ---- entries ----------------------------------------------------------------------------------
 */

V_QUANT_SUPER(q3_K, struct sym_work)
V_QUANT_SUPER(q6_K, struct sym_work)

void V_NAME(qk_vec_encode_ksym)(struct qk_table *table)
{
    struct qk_kernel *k = table->k;
    k[QT_Q3_K].quant = quant_q3_K;
    k[QT_Q6_K].quant = quant_q6_K;
}
