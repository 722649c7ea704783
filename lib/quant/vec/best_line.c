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
        sums_at(t, g, l, s);
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
    enum { N = 1 + QK_LINE_ENDS * QK_LINE_ENDS };
    const vf step = QK_LINE_STEP * (g->hi - g->lo) / (float)t->nmax;
    struct line l[N + N % PAIR] = {standard, standard};
    struct sums s[PAIR];
    sums_at(t, g, l, s);
    *best = (struct fit){standard, s[0], gain_of(g, &s[0], standard)};
    for (int k = 0; k < N - 1; k++) {
        vf lo = g->lo + step * (float)(k % QK_LINE_ENDS);
        vf hi = g->hi - step * (float)(k / QK_LINE_ENDS);
        l[1 + k] = (struct line){(hi - lo) / (float)t->nmax, -lo};
    }
    if (N % PAIR != 0)
        l[N] = l[N - 1];
    for (int k = 0; k < N; k += PAIR)
        try_lines(t, g, l + k, best);
    for (int k = t->rounds; k < QK_LINE_ROUNDS; k++) {
        l[0] = l[1] = best->line;
        try_lines(t, g, l, best);
    }
}

/* ---- common numbers ---------------------------------------------------------------------------
 */

struct state {
    vf d, dmin, error;
    vf scale[QK_BEST_GROUPS], min[QK_BEST_GROUPS];
    vf dd, dm, mm, xd, xm;
};

V_FN vf code_of(const struct qk_line_search *t, vf v)
{
    return v_code(v, 0, (float)t->top);
}

V_FN vf min_code(const struct qk_line_search *t, const struct given *g, const struct sums *s,
                 vf scale, vf dmin)
{
    vf min = v_finite_ratio(scale * s->q - g->sx, g->sw);
    return code_of(t, v_finite_ratio(min, dmin));
}

static void turn_group(const struct qk_line_search *t, const struct given *g, struct state *s, int j)
{
    const vf was = s->scale[j], was_min = s->dmin * s->min[j], was_scale = s->d * was;
    struct line l[TRIPLE] = {{was_scale, was_min}, {was_scale, was_min}, {was_scale, was_min}}, fit;
    struct sums sums[TRIPLE], best;
    vf error[TRIPLE], scale[TRIPLE] = {was - 1.0f, was + 1.0f, was}, min[TRIPLE];
    errors_at(t, g, l, sums, error);
    const struct sums base = sums[0];
    vf least = error[0];
    best = base;
    vm some = fit_line(t, g, &base, &fit);
    scale[2] = vf_select(some, code_of(t, v_finite_ratio(fit.scale, s->d)), was);
    for (int k = 0; k < TRIPLE; k++) {
        scale[k] = vf_clamp(scale[k], 0, (float)t->top);
        min[k] = min_code(t, g, &base, s->d * scale[k], s->dmin);
        l[k] = (struct line){s->d * scale[k], s->dmin * min[k]};
    }
    errors_at(t, g, l, sums, error);
    for (int k = 0; k < TRIPLE; k++) {
        vm wins = vf_lt(error[k], least);
        least = vf_select(wins, error[k], least);
        take_sums(&best, wins, &sums[k]);
        s->scale[j] = vf_select(wins, scale[k], s->scale[j]);
        s->min[j] = vf_select(wins, min[k], s->min[j]);
    }
    s->error += least;
    s->dd += s->scale[j] * s->scale[j] * best.qq;
    s->dm += s->scale[j] * s->min[j] * best.q;
    s->mm += s->min[j] * s->min[j] * g->sw;
    s->xd += s->scale[j] * best.xq;
    s->xm += s->min[j] * g->sx;
}

static void turn_groups(const struct qk_line_search *t, const struct given *g, struct state *s)
{
    s->error = s->dd = s->dm = s->mm = s->xd = s->xm = vf_set1(0);
    for (int j = 0; j < t->type.nelems / t->n; j++)
        turn_group(t, &g[j], s, j);
}

static void turn_common(struct state *s)
{
    const vf zero = vf_set1(0);
    vf det = s->dd * s->mm - s->dm * s->dm;
    vf d = (s->mm * s->xd - s->dm * s->xm) / det, dmin = (s->dm * s->xd - s->dd * s->xm) / det;
    vm both = vm_and(vf_gt(det, 1e-5f * (s->dd * s->mm)),
                     vm_and(vf_gt(d, zero), vf_gt(dmin, zero)));
    vf alone = v_finite_ratio(s->xd + s->dmin * s->dm, s->dd);
    s->d = v_f16(vf_select(both, d, alone));
    s->dmin = vf_select(both, v_f16(dmin), s->dmin);
}

static void take_state(int n, struct state *s, vm wins, const struct state *other)
{
    s->d = vf_select(wins, other->d, s->d);
    s->dmin = vf_select(wins, other->dmin, s->dmin);
    s->error = vf_select(wins, other->error, s->error);
    for (int j = 0; j < n; j++) {
        s->scale[j] = vf_select(wins, other->scale[j], s->scale[j]);
        s->min[j] = vf_select(wins, other->min[j], s->min[j]);
    }
}

/* A lane whose turn did not help is done: what its next turns find is not taken. */
static void descend(const struct qk_line_search *t, const struct given *g, struct state *s)
{
    vm active = vm_not(vm_from_bits(0));
    turn_groups(t, g, s);
    struct state turn = *s;
    for (int k = 0; k < QK_DESCENT_ROUNDS; k++) {
        turn_common(&turn);
        turn_groups(t, g, &turn);
        active = vm_and(active, vf_lt(turn.error, s->error));
        if (!vm_any(active))
            return;
        take_state(t->type.nelems / t->n, s, active, &turn);
    }
}

static void widen_group(const struct qk_line_search *t, const struct given *g, struct state *s,
                        int j)
{
    const vf was = s->scale[j], top = vf_set1((float)t->top);
    struct line l[TRIPLE] = {{s->d * was, s->dmin * s->min[j]}};
    struct sums sums[TRIPLE];
    vf error[TRIPLE];
    l[1] = l[2] = l[0];
    errors_at(t, g, l, sums, error);
    const struct sums base = sums[0];
    vf least = error[0];
    for (int k = -t->wide; k <= t->wide; k++) {
        vf c = vf_clamp(was + (float)k, 0, (float)t->top), m[TRIPLE];
        vf fits = min_code(t, g, &base, s->d * c, s->dmin);
        for (int i = 0; i < TRIPLE; i++) {
            m[i] = vf_max(vf_min(fits + (float)(i - 1), top), vf_set1(0));
            l[i] = (struct line){s->d * c, s->dmin * m[i]};
        }
        errors_at(t, g, l, sums, error);
        for (int i = 0; i < TRIPLE; i++) {
            vm wins = vf_lt(error[i], least);
            least = vf_select(wins, error[i], least);
            s->scale[j] = vf_select(wins, c, s->scale[j]);
            s->min[j] = vf_select(wins, m[i], s->min[j]);
        }
    }
}

/* ---- where to begin ---------------------------------------------------------------------------
 */

static void common_scale(const struct qk_line_search *t, const struct given *g,
                         const struct fit *fit, struct state *s)
{
    const vf zero = vf_set1(0);
    vf largest = zero, best = vf_set1(-V_INF);
    s->d = zero;
    for (int j = 0; j < t->type.nelems / t->n; j++)
        largest = vf_max(largest, fit[j].line.scale);
    for (int k = 0; k < QK_LINE_COMMON; k++) {
        vf d = v_f16(largest / vf_set1(qk_line_divisor(t, k)));
        vf inverse = v_level_inverse(d), gain = zero;
        for (int j = 0; j < t->type.nelems / t->n; j++) {
            vf scale = d * code_of(t, inverse * fit[j].line.scale);
            vf min = v_finite_ratio(scale * fit[j].s.q - g[j].sx, g[j].sw);
            gain += gain_of(&g[j], &fit[j].s, (struct line){scale, vf_max(min, zero)});
        }
        vm wins = vf_gt(gain, best);
        best = vf_select(wins, gain, best);
        s->d = vf_select(wins, d, s->d);
    }
    for (int j = 0; j < t->type.nelems / t->n; j++)
        s->scale[j] = code_of(t, v_level_inverse(s->d) * fit[j].line.scale);
}

static void common_min(const struct qk_line_search *t, const struct given *g, const struct fit *fit,
                       struct state *s)
{
    const int n = t->type.nelems / t->n;
    vf min[QK_BEST_GROUPS], largest = vf_set1(0), least = vf_set1(V_INF);
    s->dmin = vf_set1(0);
    for (int j = 0; j < n; j++) {
        min[j] = v_finite_ratio(s->d * s->scale[j] * fit[j].s.q - g[j].sx, g[j].sw);
        largest = vf_max(largest, min[j]);
    }
    for (int k = 0; k < QK_LINE_COMMON; k++) {
        vf dmin = v_f16(largest / vf_set1(qk_line_divisor(t, k)));
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
}

static void load_state(int n, const struct v_best *b, struct state *s)
{
    float d[VL], dmin[VL], scale[VL], min[VL];
    for (int k = 0; k < VL; k++) {
        d[k] = qt_f32_from_f16(b->s[k].d);
        dmin[k] = qt_f32_from_f16(b->s[k].dmin);
    }
    s->d = vf_load(d);
    s->dmin = vf_load(dmin);
    for (int j = 0; j < n; j++) {
        for (int k = 0; k < VL; k++) {
            scale[k] = (float)b->s[k].scale[j];
            min[k] = (float)b->s[k].min[j];
        }
        s->scale[j] = vf_load(scale);
        s->min[j] = vf_load(min);
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
    struct state best, other;
    load_state(n, b, &best);
    descend(t, g, &best);
    common_scale(t, g, fit, &other);
    common_min(t, g, fit, &other);
    descend(t, g, &other);
    take_state(n, &best, vf_lt(other.error, best.error), &other);
    for (int j = 0; t->wide > 0 && j < n; j++)
        widen_group(t, &g[j], &best, j);
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
