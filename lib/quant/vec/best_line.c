/* The search for scales and minima: lib/quant/ref/best_line.c with a block in each lane. */
#include "lib/quant/vec/best_sums.h"

/* ---- a group alone ----------------------------------------------------------------------------
 */

V_FN vf gain_of(const struct given *g, const struct sums *s, struct line l)
{
    vf by_scale = l.scale * (2.0f * s->xq - l.scale * s->qq);
    vf by_min = l.min * (2.0f * (l.scale * s->q - g->sx) - l.min * g->sw);
    return by_scale + by_min;
}

/* The line of least squares, and in which lanes there is one. */
V_FN vm fit_line(const struct qk_line_search *t, const struct given *g, const struct sums *s,
                 struct line *l)
{
    const vf zero = vf_set1(0);
    vf det = g->sw * s->qq - s->q * s->q;
    vf inverse = 1.0f / det;
    vf scale = (g->sw * s->xq - g->sx * s->q) * inverse;
    vf min = (s->q * s->xq - s->qq * g->sx) * inverse;
    if (t->top != 0) {
        vm negative = vf_lt(min, zero);
        scale = vf_select(negative, s->xq / s->qq, scale);
        min = vf_select(negative, zero, min);
    }
    *l = (struct line){scale, min};
    return vf_gt(det, zero);
}

V_FN void take_fit(struct fit *best, vm wins, const struct fit *f)
{
    best->line.scale = vf_select(wins, f->line.scale, best->line.scale);
    best->line.min = vf_select(wins, f->line.min, best->line.min);
    take_sums(&best->s, wins, &f->s);
    best->gain = vf_select(wins, f->gain, best->gain);
}

/* Two lines at once. */
static void try_lines(const struct qk_line_search *t, const struct given *g, struct line l[PAIR],
                      struct fit *best)
{
    struct fit f[PAIR][QK_LINE_ROUNDS];
    vm alive[PAIR][QK_LINE_ROUNDS];
    for (int r = 0; r < t->rounds; r++) {
        struct sums s[PAIR];
        sums_of_pair(t, g, l, s);
        V_UNROLL
        for (int k = 0; k < PAIR; k++) {
            vm some = fit_line(t, g, &s[k], &l[k]);
            alive[k][r] = r == 0 ? some : vm_and(some, alive[k][r - 1]);
            f[k][r] = (struct fit){l[k], s[k], gain_of(g, &s[k], l[k])};
        }
    }
    for (int k = 0; k < PAIR; k++)
        for (int r = 0; r < t->rounds; r++)
            take_fit(best, vm_and(alive[k][r], vf_gt(f[k][r].gain, best->gain)), &f[k][r]);
}

static void fit_group(const struct qk_line_search *t, const struct given *g, struct line standard,
                      struct fit *best)
{
    const vf step = (g->hi - g->lo) / (float)t->nmax;
    const int n = 1 + t->n_ends * t->n_ends;
    struct line l[1 + QK_LINE_ENDS * QK_LINE_ENDS + 1] = {standard};
    sums_at(t, g, &standard, &best->s);
    best->line = standard;
    best->gain = gain_of(g, &best->s, standard);
    for (int k = 0; k < n - 1; k++) {
        vf lo = g->lo + step * (t->from + t->step * (float)(k % t->n_ends));
        vf hi = g->hi - step * (t->from + t->step * (float)(k / t->n_ends));
        l[1 + k] = (struct line){(hi - lo) / (float)t->nmax, -lo};
    }
    l[n] = l[n - 1]; /* the last's pair, where it has none */
    for (int k = 0; k < n; k += PAIR)
        try_lines(t, g, l + k, best);
    for (int k = t->rounds; k < QK_LINE_ROUNDS; k++) {
        l[0] = l[1] = best->line;
        try_lines(t, g, l, best);
    }
}

/* ---- common numbers ---------------------------------------------------------------------------
 */

struct state {
    vf d, dmin;
    vf scale[QK_BEST_GROUPS], min[QK_BEST_GROUPS];
};

V_FN vf code_of(const struct qk_line_search *t, vf v)
{
    return v_code(v, 0, (float)t->top);
}

V_FN vf min_of(const struct given *g, const struct sums *s, vf scale)
{
    return vf_max(v_finite_ratio(scale * s->q - g->sx, g->sw), vf_set1(0));
}

V_FN vf scale_codes(const struct qk_line_search *t, const struct given *g, const struct fit *fit,
                    vf d, vf *code)
{
    vf inverse = v_level_inverse(d), gain = vf_set1(0);
    for (int j = 0; j < t->type.nelems / t->n; j++) {
        code[j] = code_of(t, inverse * fit[j].line.scale);
        vf scale = d * code[j], min = min_of(&g[j], &fit[j].s, scale);
        gain += gain_of(&g[j], &fit[j].s, (struct line){scale, min});
    }
    return gain;
}

static void common_scales(const struct qk_line_search *t, const struct given *g,
                          const struct fit *fit, vf d[QK_LINE_KEPT])
{
    vf largest = vf_set1(0), code[QK_BEST_GROUPS], gain[QK_LINE_KEPT];
    for (int i = 0; i < QK_LINE_KEPT; i++) {
        d[i] = vf_set1(0);
        gain[i] = vf_set1(-V_INF);
    }
    for (int j = 0; j < t->type.nelems / t->n; j++)
        largest = vf_max(largest, fit[j].line.scale);
    for (int k = 0; k < t->n_common; k++) {
        vf trial = largest / vf_set1(qk_line_divisor(t, k));
        vf explains = scale_codes(t, g, fit, trial, code);
        V_UNROLL
        for (int i = 0; i < QK_LINE_KEPT; i++) {
            vm more = vf_gt(explains, gain[i]);
            vf next = d[i], next_gain = gain[i];
            d[i] = vf_select(more, trial, next);
            gain[i] = vf_select(more, explains, next_gain);
            trial = vf_select(more, next, trial);
            explains = vf_select(more, next_gain, explains);
        }
    }
}

static vf common_min(const struct qk_line_search *t, const struct given *g, const struct fit *fit,
                     struct state *s)
{
    const int n = t->type.nelems / t->n;
    vf min[QK_BEST_GROUPS], largest = vf_set1(0), least = vf_set1(V_INF);
    s->dmin = vf_set1(0);
    for (int j = 0; j < n; j++) {
        min[j] = min_of(&g[j], &fit[j].s, s->d * s->scale[j]);
        largest = vf_max(largest, min[j]);
    }
    for (int k = 0; k < t->n_common; k++) {
        vf dmin = largest / vf_set1(qk_line_divisor(t, k));
        vf inverse = v_level_inverse(dmin), cost = vf_set1(0);
        for (int j = 0; j < n; j++) {
            vf diff = min[j] - dmin * code_of(t, inverse * min[j]);
            cost += g[j].sw * (diff * diff);
        }
        vm wins = vf_lt(cost, least);
        least = vf_select(wins, cost, least);
        s->dmin = vf_select(wins, dmin, s->dmin);
    }
    for (int j = 0; j < n; j++)
        s->min[j] = code_of(t, v_level_inverse(s->dmin) * min[j]);
    return least;
}

static void fit_common(const struct qk_line_search *t, const struct given *g, const struct fit *fit,
                       struct state *s)
{
    const vf zero = vf_set1(0);
    vf dd = zero, dm = zero, mm = zero, xd = zero, xm = zero;
    for (int j = 0; j < t->type.nelems / t->n; j++) {
        dd += s->scale[j] * s->scale[j] * fit[j].s.qq;
        dm += s->scale[j] * s->min[j] * fit[j].s.q;
        mm += s->min[j] * s->min[j] * g[j].sw;
        xd += s->scale[j] * fit[j].s.xq;
        xm += s->min[j] * g[j].sx;
    }
    vf det = dd * mm - dm * dm;
    vf d = (mm * xd - dm * xm) / det, dmin = (dm * xd - dd * xm) / det;
    vm both = vm_and(vf_gt(det, 1e-5f * (dd * mm)), vm_and(vf_gt(d, zero), vf_gt(dmin, zero)));
    dmin = vf_select(both, dmin, s->dmin);
    s->d = v_f16(vf_select(both, d, v_finite_ratio(xd + dmin * dm, dd)));
    s->dmin = v_f16(dmin);
}

static void turn_group(const struct qk_line_search *t, const struct given *g, struct state *s, int j)
{
    const vf was = s->scale[j];
    vf scale[TRIPLE] = {was - 1.0f, was + 1.0f, was}, min[TRIPLE];
    struct line l[TRIPLE] = {{s->d * was, s->dmin * s->min[j]}}, line;
    struct sums base, sums[TRIPLE];
    sums_at(t, g, l, &base);
    vf most = gain_of(g, &base, l[0]);
    vm some = fit_line(t, g, &base, &line);
    scale[2] = vf_select(some, code_of(t, v_finite_ratio(line.scale, s->d)), was);
    for (int k = 0; k < TRIPLE; k++) {
        scale[k] = vf_clamp(scale[k], 0, (float)t->top);
        min[k] = code_of(t, v_finite_ratio(min_of(g, &base, s->d * scale[k]), s->dmin));
        l[k] = (struct line){s->d * scale[k], s->dmin * min[k]};
    }
    sums_of_triple(t, g, l, sums);
    for (int k = 0; k < TRIPLE; k++) {
        vf gain = gain_of(g, &sums[k], l[k]);
        vm wins = vf_gt(gain, most);
        most = vf_select(wins, gain, most);
        s->scale[j] = vf_select(wins, scale[k], s->scale[j]);
        s->min[j] = vf_select(wins, min[k], s->min[j]);
    }
}

static void take_state(int n, struct state *s, vm wins, const struct state *other)
{
    s->d = vf_select(wins, other->d, s->d);
    s->dmin = vf_select(wins, other->dmin, s->dmin);
    for (int j = 0; j < n; j++) {
        s->scale[j] = vf_select(wins, other->scale[j], s->scale[j]);
        s->min[j] = vf_select(wins, other->min[j], s->min[j]);
    }
}

static void store_common(struct v_best *b, vf d, vf dmin)
{
    uint16_t bits[2][VL];
    vf_to_f16(bits[0], d);
    vf_to_f16(bits[1], dmin);
    for (int k = 0; k < VL; k++) {
        b->s[k].d = bits[0][k];
        b->s[k].dmin = bits[1][k];
    }
}

static void choose_common(const struct qk_line_search *t, struct v_best *b, const struct given *g,
                          const struct fit *fit)
{
    const int n = t->type.nelems / t->n;
    struct state best, s;
    vf d[QK_LINE_KEPT], most = vf_set1(-V_INF);
    best.d = best.dmin = vf_set1(0);
    for (int j = 0; j < n; j++)
        best.scale[j] = best.min[j] = vf_set1(0);
    common_scales(t, g, fit, d);
    for (int i = 0; i < QK_LINE_KEPT; i++) {
        s.d = d[i];
        vf gain = scale_codes(t, g, fit, s.d, s.scale);
        gain -= common_min(t, g, fit, &s);
        vm wins = vf_gt(gain, most);
        most = vf_select(wins, gain, most);
        take_state(n, &best, wins, &s);
    }
    fit_common(t, g, fit, &best);
    for (int j = 0; j < n; j++)
        turn_group(t, &g[j], &best, j);
    store_common(b, best.d, best.dmin);
    for (int j = 0; j < n; j++) {
        float scale[VL], min[VL];
        vf_store(scale, best.scale[j]);
        vf_store(min, best.min[j]);
        for (int k = 0; k < VL; k++) {
            b->s[k].scale[j] = (int16_t)scale[k];
            b->s[k].min[j] = (int16_t)min[k];
        }
    }
}

/* ---- blocks -----------------------------------------------------------------------------------
 */

static struct line standard_line(const struct qk_line_search *t, const struct v_best *b, int j)
{
    float scale[VL], min[VL];
    for (int k = 0; k < VL; k++)
        qk_group_line(t, &b->s[k], j, &scale[k], &min[k]);
    return (struct line){vf_load(scale), vf_load(min)};
}

/* Here elements are lanes. */
static void write_block(const struct qk_line_search *t, const float *x, const struct qk_scales *s,
                        uint8_t *block)
{
    const vf top = vf_set1((float)t->nmax);
    uint8_t level[QK_BEST_NELEMS];
    for (int j = 0; j < t->type.nelems / t->n; j++) {
        float scale, min;
        qk_group_line(t, s, j, &scale, &min);
        vf inverse = v_level_inverse(vf_set1(scale));
        for (int i = t->n * j; i < t->n * (j + 1); i += 16) {
            vi q[V_PER16];
            V_UNROLL
            for (int k = 0; k < V_PER16; k++)
                q[k] = vi_trunc(level_at((vf_load(x + i + k * VL) + min) * inverse, top));
            vb_store(level + i, vb_from_vi(q));
        }
    }
    t->type.write(block, level, s);
}

static void improve(const struct qk_line_search *t, const struct qk_kernel *kernel,
                    struct v_walk *walk, const struct qk_args *args)
{
    struct v_best b;
    struct given g[QK_BEST_GROUPS];
    struct fit fit[QK_BEST_GROUPS];
    b.weights = args != NULL ? args->weights : NULL;
    while (v_next_best(walk, &t->type, &b)) {
        for (int j = 0; j < t->type.nelems / t->n; j++) {
            look_at(t, b.x + t->n * j, v_weights(&b, t->n * j), &g[j]);
            fit_group(t, &g[j], standard_line(t, &b, j), &fit[j]);
        }
        if (t->top != 0)
            choose_common(t, &b, g, fit);
        else
            store_common(&b, fit[0].line.scale, -fit[0].line.min);
        for (int k = 0; k < b.at.n; k++) {
            write_block(t, b.at.x[k], &b.s[k], b.other + k * t->type.nbytes);
        }
        v_take_better(kernel, &t->type, &b);
    }
}

/* ---- entries ----------------------------------------------------------------------------------
 */

#define TYPES(X)                                                                                   \
    X(Q4_1, q4_1)                                                                                  \
    X(Q5_1, q5_1)                                                                                  \
    X(Q2_K, q2_K)                                                                                  \
    X(Q4_K, q4_K)                                                                                  \
    X(Q5_K, q5_K)

TYPES(V_IMPROVE)

void V_NAME(qk_vec_best_line)(struct qk_table *table)
{
    TYPES(V_SET_IMPROVE)
}
