/* Encoders of Q3_K and Q6_K: lib/quant/ref/kquant_sym.c by groups (groups.h). */
#include "lib/quant/vec/descent.h"
#include "lib/quant/vec/groups.h"

enum { N_GROUPS = 16, GROUP = 16 };

/* VL super-blocks being encoded. */
struct sym_work {
    struct v_batch b;
    /* Of groups, a group a lane: alone. */
    vf scale[N_GROUPS], inverse[N_GROUPS];
    vm zero[N_GROUPS];   /* nothing in the group */
    vf mass[N_GROUPS];   /* sums of weights */
    /* Q3_K without weights: sums w x q, w q q of first levels; and levels, where they are asked for. */
    vf first_xq[N_GROUPS], first_qq[N_GROUPS];
    uint8_t own[VL * QT_SUPER];
    /* Of super-blocks, a super-block a lane. */
    uint16_t d[VL];    /* F16 */
    vi code[N_GROUPS]; /* the group's scale is d * code */
    vf step[N_GROUPS], per_step[N_GROUPS]; /* that, and 1 over that */
    vm far;            /* a group's step is 0 or far from the scale of its own */
};

/* ---- fitting ---------------------------------------------------------------------------------- */

/* Weights of vector v. */
V_FN void sym_weights(struct sym_work *k, bool raw, int v, const vf x[GROUP], vf w[GROUP])
{
    if (k->b.weights == NULL) {
        for (int i = 0; i < GROUP; i++)
            w[i] = x[i] * x[i];
    } else if (raw) {
        v_load_weights(&k->b, N_GROUPS, v, w);
    } else {
        v_load_importance(&k->b, N_GROUPS, v, x, w);
        k->mass[v] = v_sum(w, GROUP);
    }
}

static void fit_groups(struct sym_work *k, int nmax, bool raw)
{
    struct v_signed fit[N_GROUPS];
    struct v_trials t;
    vf x[GROUP], w[GROUP];
    for (int v = 0; v < N_GROUPS; v++) {
        v_load_groups(&k->b, N_GROUPS, v, x);
        v_ask_ahead(&k->b, N_GROUPS, v, 4, 1);
        sym_weights(k, raw, v, x, w);
        v_fit_next(&t, v, GROUP, nmax, x, w, NULL, fit);
    }
    for (int v = 0; v < N_GROUPS; v++) {
        k->scale[v] = fit[v].scale;
        k->inverse[v] = fit[v].inverse;
        k->zero[v] = fit[v].zero;
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

/* Wraps to a signed byte. */
V_FN vi as_byte(vi a)
{
    return ((a + 128) & 255) - 128;
}

/* ---- levels ----------------------------------------------------------------------------------- */

/* d and what codes stand for: the groups' scales. */
static void set_steps(struct sym_work *k, vf d, int code_zero)
{
    vf inverse[N_GROUPS];
    vm near = vm_not(vm_from_bits(0));
    vf_to_f16(k->d, d);
    d = vf_from_f16(k->d);
    v_to_supers(inverse, k->inverse, N_GROUPS);
    for (int j = 0; j < N_GROUPS; j++) {
        k->step[j] = d * vf_from_i(k->code[j] - code_zero);
        k->per_step[j] = 1.0f / k->step[j];
        near = vm_and(near, vf_ge(vf_abs(k->step[j] * inverse[j]), vf_set1(0x1p-12f)));
    }
    k->far = vm_not(near);
}

/* The group's own levels, where its scale became 0. */
static void own_levels(const struct sym_work *k, const float *x, int g, int nmax, uint8_t *level)
{
    const vf inverse = vf_set1(((const float *)k->inverse)[g]);
    vf v[V_PER16];
    for (int h = 0; h < V_PER16; h++)
        v[h] = inverse * vf_load(x + h * VL);
    vb q = v_cut_codes(v, -nmax, nmax - 1);
    vb_store(level, vm_bits(k->zero[g / VL]) >> g % VL & 1 ? vb_set1(0) : q);
}

/* Levels of super-block s by quotients; improved: those found for groups whose scale became 0, or
 * NULL. */
static __attribute__((noinline)) void round_exactly(const struct sym_work *k, int s, int nmax,
                                                    const vm *improved, uint8_t level[QT_SUPER])
{
    const float *x = k->b.at.x[s];
    for (int j = 0; j < N_GROUPS; j++, x += GROUP, level += GROUP) {
        const float d = ((const float *)k->step)[j * VL + s];
        const int g = s * N_GROUPS + j;
        vf v[V_PER16];
        V_UNROLL
        for (int h = 0; h < V_PER16; h++)
            v[h] = vf_load(x + h * VL) / vf_set1(d);
        vb_store(level, v_cut_codes(v, -nmax, nmax - 1));
        if (d != 0)
            continue;
        if (improved != NULL && vm_bits(improved[g / VL]) >> g % VL & 1)
            vb_store(level, vb_load(k->own + g * GROUP));
        else
            own_levels(k, x, g, nmax, level);
    }
}

/* Levels of super-block s, from products with 1 / d for quotients: off by three roundings at most, less
 * than 2^-16 where they are below 64 (beyond, both are cut). Where no product comes that near to a
 * middle between levels, levels are the same. Where no group is far, products stay below 2^18. */
V_FN void round_super(const struct sym_work *k, int s, int nmax, const vm *improved,
                      uint8_t level[QT_SUPER])
{
    const vf magic = vf_set1(12582912.0f);
    const float *x = k->b.at.x[s], *per_step = (const float *)k->per_step + s;
    vf off = vf_set1(0);
    _Pragma("GCC unroll 4") /* not all: that is slower */
    for (int j = 0; j < N_GROUPS; j++) {
        vi q[V_PER16];
        V_UNROLL
        for (int h = 0; h < V_PER16; h++) {
            vf v = vf_load(x + j * GROUP + h * VL) * vf_set1(per_step[j * VL]), t = v + magic;
            off = vf_max_positive(vf_abs(v - (t - magic)), off);
            q[h] = vi_min(vi_max((vi)t, (vi)magic - nmax), (vi)magic + (nmax - 1));
        }
        vb_store(level + j * GROUP, vb_from_vi(q) + vb_set1((uint8_t)nmax));
    }
    if (vm_bits(k->far) >> s & 1 || vm_any(vf_gt(off, vf_set1(0.5f - 0x1p-16f))))
        round_exactly(k, s, nmax, improved, level);
}

/* ---- Q6_K ------------------------------------------------------------------------------------- */

static void pack_q6(const uint8_t *level, struct qt_block_q6_K *b)
{
    V_UNROLL
    for (int i = 0; i < 64; i += 16) {
        const uint8_t *p = level + i / 32 * 128 + i % 32;
        uint8_t *ql = b->ql + i / 32 * 64 + i % 32;
        vb q0 = vb_load(p), q1 = vb_load(p + 32), q2 = vb_load(p + 64), q3 = vb_load(p + 96);
        vb_store(ql, (q0 & 15) | vb_shl(q2, 4));
        vb_store(ql + 32, (q1 & 15) | vb_shl(q3, 4));
        vb_store(b->qh + i, (vb_shr(q0, 4) | vb_shl(vb_shr(q1, 4), 2)) |
                                (vb_shl(vb_shr(q2, 4), 4) | vb_shl(vb_shr(q3, 4), 6)));
    }
}

static void encode_q6_K(struct sym_work *k)
{
    vf scale[N_GROUPS];
    vu word[4];
    fit_groups(k, 32, true);
    v_to_supers(scale, k->scale, N_GROUPS);
    vf largest = largest_of(scale), inverse = -128.0f / largest;
    unsigned empty = vm_bits(vf_lt(vf_abs(largest), vf_set1(QK_GROUP_EPS)));
    for (int j = 0; j < N_GROUPS; j++)
        k->code[j] = as_byte(vi_min(v_nearest_wild(inverse * scale[j]), vi_set1(127)));
    set_steps(k, 1.0f / inverse, 0);
    for (int j = 0; j < N_GROUPS; j++)
        k->code[j] &= 255;
    for (int j = 0; j < 4; j++)
        word[j] = v_word_of((const vu *)k->code, 4 * j);
    for (int s = 0; s < k->b.at.n; s++) {
        struct qt_block_q6_K *b = (struct qt_block_q6_K *)(void *)k->b.at.y[s];
        uint8_t level[QT_SUPER];
        if (empty >> s & 1) {
            memset(b, 0, sizeof *b);
            continue;
        }
        round_super(k, s, 32, NULL, level);
        pack_q6(level, b);
        for (int j = 0; j < 4; j++)
            gg_store_u32((uint8_t *)b->scales + 4 * j, v_lane_of(&word[j], s));
        gg_store_u16(&b->d, k->d[s]);
    }
}

/* ---- Q3_K: fitting ---------------------------------------------------------------------------- */

/* Groups whose levels may be improved. Of most none changes: those that may are collected, so that no
 * lane is idle. */
struct group_list {
    int n;
    int32_t at[DESCENT_ROOM]; /* number * 2^16 and its wavers */
};

static __attribute__((noinline)) void open_groups(struct sym_work *k, int v, struct v_start *s)
{
    const float *at[VL], *from[VL];
    struct v_extremes e = {vi_set1(0), vi_set1(0)};
    vf magnitude;
    v_group_starts(&k->b, N_GROUPS, v, at);
    v_run_starts(at, N_GROUPS, from);
    for (int i = 0; i < GROUP; i += 4) {
        vf x[4];
        v_load_columns4(x, from, (size_t)i);
        V_UNROLL
        for (int j = 0; j < 4; j++) {
            v_extremes_add(&e, x[j]);
            s->x[i + j] = x[j];
        }
    }
    vf largest = v_find_largest(s->x, GROUP, &e, &magnitude);
    k->zero[v] = vf_lt(magnitude, vf_set1(QK_GROUP_EPS));
    s->inverse = -4.0f / vf_select(k->zero[v], vf_set1(1), largest);
    k->inverse[v] = s->inverse;
}

static __attribute__((noinline)) void start_groups(struct v_start *s)
{
    v_descent_start(s);
}

/* Their scales; lists groups that have wavers, of those wanted, and returns which they are. */
static __attribute__((noinline)) unsigned list_groups(struct sym_work *k, int v,
                                                      const struct v_start *s, unsigned wanted,
                                                      struct group_list *l)
{
    const vi wavers = v_descent_wavers(s);
    const unsigned bits = vm_bits(vi_gt(wavers, vi_set1(0))) & wanted;
    const vm none = vm_or(k->zero[v], vm_not(vf_gt(s->sum.qq, vf_set1(0))));
    k->scale[v] = vf_select(none, vf_set1(0), s->sum.xq / s->sum.qq);
    k->first_xq[v] = s->sum.xq;
    k->first_qq[v] = s->sum.qq;
    v_pack(l->at + l->n, (v_lanes() + v * VL) * 65536 + wavers, bits);
    l->n += __builtin_popcount(bits);
    return bits;
}

/* All groups, listing those that are wanted (NULL: all), which are left to be those listed. Each step of
 * a vector is a long chain: steps of three vectors take turns. */
static void list_all(struct sym_work *k, vm *wanted, struct group_list *l)
{
    struct v_start s[3];
    l->n = 0;
    for (int v = 0; v < N_GROUPS + 2; v++) {
        if (v < N_GROUPS) {
            v_ask_ahead(&k->b, N_GROUPS, v, 4, 1);
            open_groups(k, v, &s[v % 3]);
        }
        if (v >= 1 && v < N_GROUPS + 1)
            start_groups(&s[(v - 1) % 3]);
        if (v < 2)
            continue;
        unsigned bits = list_groups(k, v - 2, &s[(v - 2) % 3],
                                    wanted != NULL ? vm_bits(wanted[v - 2]) : ~0u, l);
        if (wanted != NULL)
            wanted[v - 2] = vm_from_bits(bits);
    }
}

/* Improves what is listed; keeps scales, or levels. */
static __attribute__((noinline)) void improve_groups(struct sym_work *k, const struct group_list *l,
                                                     bool levels)
{
    struct v_descent d;
    d.n = 0;
    for (int i = 0; i < l->n; i++) {
        const unsigned at = (unsigned)l->at[i], g = at >> 16;
        v_descent_add(&d, k->b.at.x[g / N_GROUPS] + g % N_GROUPS * GROUP,
                      ((const float *)k->inverse)[g], ((const float *)k->first_xq)[g],
                      ((const float *)k->first_qq)[g], (int32_t)(at & DESCENT_ALL));
    }
    v_descend(&d);
    for (int i = 0; i < d.n; i += VL) {
        const vf xq = vf_load(d.xq + i), qq = vf_load(d.qq + i), zero = vf_set1(0);
        vf_store(d.xq + i, vf_select(vf_gt(qq, zero), xq / qq, zero));
    }
    for (int i = 0; i < d.n; i++) {
        const int g = l->at[i] >> 16;
        for (int e = 0; levels && e < GROUP; e++)
            k->own[g * GROUP + e] = (uint8_t)(int)(d.q[i][e] + 4);
        if (!levels)
            ((float *)k->scale)[g] = d.xq[i];
    }
}

static vf fit_q3_plain(struct sym_work *k)
{
    const vf zero = vf_set1(0);
    struct group_list list;
    vf scale[N_GROUPS];
    list_all(k, NULL, &list);
    improve_groups(k, &list, false);
    v_to_supers(scale, k->scale, N_GROUPS);
    vf largest = largest_of(scale);
    vm empty = vf_eq(largest, zero);
    vf inverse = -32.0f / largest;
    for (int j = 0; j < N_GROUPS; j++) {
        vi q = vi_clamp(as_byte(v_nearest_wild(inverse * scale[j])), -32, 31);
        k->code[j] = vi_select(empty, vi_set1(0), q + 32);
    }
    return vf_select(empty, zero, 1.0f / inverse);
}

static vf fit_q3_weighted(struct sym_work *k)
{
    struct v_signed fit;
    vf scale[N_GROUPS], mass[N_GROUPS];
    v_set_sigma2(&k->b, 2.0f);
    fit_groups(k, 4, false);
    v_to_supers(scale, k->scale, N_GROUPS);
    v_to_supers(mass, k->mass, N_GROUPS);
    v_fit_scale_wild(N_GROUPS, 32, scale, mass, &fit);
    for (int j = 0; j < N_GROUPS; j++)
        k->code[j] = v_signed_code(&fit, 32, scale[j], true);
    return fit.scale;
}

/* ---- Q3_K: packing ---------------------------------------------------------------------------- */

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
        word[j] = v_word_of(p, 4 * j);
}

/* Where groups have scale 0, levels that were improved. False where there are none. */
static bool find_improved(struct sym_work *k, vm improved[N_GROUPS])
{
    struct group_list list;
    vm any = vm_from_bits(0);
    for (int j = 0; j < N_GROUPS; j++)
        any = vm_or(any, vf_eq(k->step[j], vf_set1(0)));
    if (!vm_any(any))
        return false;
    for (int v = 0; v < N_GROUPS; v++) {
        unsigned bits = 0;
        for (int i = 0, g = v * VL; i < VL; i++, g++) {
            float step = ((const float *)k->step)[g % N_GROUPS * VL + g / N_GROUPS];
            bits |= (unsigned)(step == 0) << i;
        }
        improved[v] = vm_from_bits(bits);
    }
    list_all(k, improved, &list);
    const bool some = list.n > 0;
    improve_groups(k, &list, true);
    return some;
}

static void pack_q3(const uint8_t *level, struct qt_block_q3_K *b)
{
    V_UNROLL
    for (int i = 0; i < 32; i += 16) {
        vb high = vb_set1(0);
        V_UNROLL
        for (int h = 0; h < 2; h++) {
            vb q = high ^ high;
            V_UNROLL
            for (int p = 0; p < 4; p++) {
                vb a = vb_load(level + 128 * h + 32 * p + i);
                q |= vb_shl(a & 3, 2 * p);
                high |= vb_shl(vb_shr(a, 2), 4 * h + p);
            }
            vb_store(b->qs + 32 * h + i, q);
        }
        vb_store(b->hmask + i, high);
    }
}

static void encode_q3_K(struct sym_work *k)
{
    vu word[3];
    vm improved[N_GROUPS];
    vf d = k->b.weights != NULL ? fit_q3_weighted(k) : fit_q3_plain(k);
    pack_scale6(k->code, word);
    set_steps(k, d, 32);
    bool some = k->b.weights == NULL && find_improved(k, improved);
    for (int s = 0; s < k->b.at.n; s++) {
        struct qt_block_q3_K *b = (struct qt_block_q3_K *)(void *)k->b.at.y[s];
        uint8_t level[QT_SUPER];
        round_super(k, s, 4, some ? improved : NULL, level);
        pack_q3(level, b);
        for (int j = 0; j < 3; j++)
            gg_store_u32(b->scales + 4 * j, v_lane_of(&word[j], s));
        gg_store_u16(&b->d, k->d[s]);
    }
}

/* ---- entries ---------------------------------------------------------------------------------- */

V_QUANT_BATCH(q3_K, struct sym_work)
V_QUANT_BATCH(q6_K, struct sym_work)

void V_NAME(qk_vec_encode_ksym)(struct qk_table *table)
{
    struct qk_kernel *k = table->k;
    k[QT_Q3_K].quant = quant_q3_K;
    k[QT_Q6_K].quant = quant_q6_K;
}
