/* Error sums, and looking for what is not finite. Lane i of sixteen takes elements i, i + 16, ...
 * and holds doubles: VL/2 to a vector. */
#include "lib/quant/stats_lanes.h"
#include "lib/quant/vec/v.h"

#include <math.h>
#include <string.h>

/* ---- error sums ------------------------------------------------------------------------------ */

enum { DOUBLES = VL / 2 };

/* Two vectors of lanes, from `lane` on, over n elements, a multiple of sixteen. */
V_FN void sum_lanes(struct qk_lanes *s, size_t lane, const float *x, const float *y, size_t n)
{
    const vd one = (vd){0} + 1.0;
    vd ee[2] = {{0}}, xx[2] = {{0}}, yy[2] = {{0}}, xy[2] = {{0}}, sum_e[2] = {{0}};
    for (size_t i = lane; i < n; i += QK_LANES) {
        V_UNROLL
        for (size_t h = 0; h < 2; h++) {
            vd a = vd_load(x + i + h * DOUBLES), b = vd_load(y + i + h * DOUBLES), e = b - a;
            ee[h] += e * e;
            xx[h] = vd_add_exact(xx[h], a, a);
            yy[h] = vd_add_exact(yy[h], b, b);
            xy[h] = vd_add_exact(xy[h], a, b);
            sum_e[h] = vd_add_exact(sum_e[h], e, one); /* where additions are the bottleneck */
        }
    }
    V_UNROLL
    for (size_t h = 0; h < 2; h++) {
        size_t at = lane + h * DOUBLES;
        *(vd_mem *)&s->v[QK_SUM_EE][at] = ee[h];
        *(vd_mem *)&s->v[QK_SUM_XX][at] = xx[h];
        *(vd_mem *)&s->v[QK_SUM_YY][at] = yy[h];
        *(vd_mem *)&s->v[QK_SUM_XY][at] = xy[h];
        *(vd_mem *)&s->v[QK_SUM_E][at] = sum_e[h];
    }
}

V_FN void sum_weighted(struct qk_lanes *s, size_t lane, const float *x, const float *y,
                       const float *w, size_t n)
{
    vd wee[2] = {{0}}, wxx[2] = {{0}};
    for (size_t i = lane; i < n; i += QK_LANES) {
        V_UNROLL
        for (size_t h = 0; h < 2; h++) {
            vd a = vd_load(x + i + h * DOUBLES), weight = vd_load(w + i + h * DOUBLES);
            vd e = vd_load(y + i + h * DOUBLES) - a;
            wee[h] += weight * (e * e);
            wxx[h] += weight * (a * a);
        }
    }
    V_UNROLL
    for (size_t h = 0; h < 2; h++) {
        *(vd_mem *)&s->v[QK_SUM_WEE][lane + h * DOUBLES] = wee[h];
        *(vd_mem *)&s->v[QK_SUM_WXX][lane + h * DOUBLES] = wxx[h];
    }
}

struct tile {
    float max;       /* largest difference */
    uint64_t n_same; /* elements */
};

V_FN struct tile measure_tile(const float *x, const float *y, size_t n)
{
    struct tile t = {0, 0};
    vf max = vf_set1(0);
    vi same = vi_set1(0);
    size_t i = 0;
    for (; i + VL <= n; i += VL) {
        vf a = vf_load(x + i), b = vf_load(y + i);
        max = vf_max(vf_abs(b - a), max); /* a NaN is no maximum */
        same = vi_inc(same, vf_eq(a, b));
    }
    t.max = vf_hmax(max);
    for (size_t k = 0; k < VL; k++)
        t.n_same += (uint64_t)same[k];
    for (; i < n; i++) {
        float a = fabsf(y[i] - x[i]);
        t.max = a > t.max ? a : t.max;
        t.n_same += x[i] == y[i];
    }
    return t;
}

/* The largest difference of each lane over a run, or NaN where there is one; *same counts the
 * elements that are equal. */
V_FN vf look_at_run(vi *same, const float *x, const float *y)
{
    vf max = vf_set1(0);
    V_UNROLL
    for (size_t i = 0; i < QK_RUN; i += VL) {
        vf a = vf_load(x + i), b = vf_load(y + i);
        max = vf_max_positive(vf_abs(b - a), max);
        *same = vi_inc(*same, vf_eq(a, b));
    }
    return max;
}

/* Notes the largest difference of a run; a NaN is no maximum. */
V_FN void add_peak(struct qk_peak *p, vf max, const float *x, const float *y, size_t first,
                   size_t n)
{
    if (vm_any(vi_gt((vi)max, vi_set1(0x7f800000))))
        max = vf_set1(measure_tile(x + first, y + first, n).max);
    if (vm_any(vf_ge(max, vf_set1(p->max))))
        qk_peak_add(p, vf_hmax(max), first, first + n);
}

/* Only an element whose difference rounds to max can be it. */
V_FN void find_peak(struct qk_err_sums *out, const struct qk_peak *p, const float *x,
                    const float *y)
{
    size_t i = p->first;
    for (; i + VL <= p->end && p->max > 0; i += VL) {
        if (vm_any(vf_eq(vf_abs(vf_load(y + i) - vf_load(x + i)), vf_set1(p->max))))
            qk_peak_look(out, x, y, i, i + VL);
    }
    if (p->max > 0)
        qk_peak_look(out, x, y, i, p->end);
}

static void find_max(struct qk_err_sums *out, const float *x, const float *y, size_t n)
{
    struct qk_peak peak = {0};
    vi same = vi_set1(0);
    size_t i = 0;
    for (; i + QK_RUN <= n; i += QK_RUN) {
        vf max = look_at_run(&same, x + i, y + i);
        add_peak(&peak, max, x, y, i, QK_RUN);
    }
    if (i < n) {
        struct tile rest = measure_tile(x + i, y + i, n - i);
        qk_peak_add(&peak, rest.max, i, n);
        out->n_same += rest.n_same;
    }
    for (size_t k = 0; k < VL; k++)
        out->n_same += (uint64_t)same[k];
    find_peak(out, &peak, x, y);
}

static void err_row(struct qk_err_sums *out, const float *x, const float *y, const float *w,
                    size_t n)
{
    struct qk_lanes s;
    size_t whole = n / QK_LANES * QK_LANES;
    memset(out, 0, sizeof *out);
    for (size_t lane = 0; lane < QK_LANES; lane += VL)
        sum_lanes(&s, lane, x, y, whole);
    for (size_t lane = 0; w != NULL && lane < QK_LANES; lane += VL)
        sum_weighted(&s, lane, x, y, w, whole);
    qk_lanes_add(&s, x + whole, y + whole, n - whole);
    if (w != NULL)
        qk_lanes_add_weighted(&s, x + whole, y + whole, w + whole, n - whole);
    find_max(out, x, y, n);
    qk_lanes_finish(out, &s, w != NULL);
    out->n = n;
}

/* ---- quick sums ------------------------------------------------------------------------------ */

struct quick {
    struct qk_quick sums;
    struct qk_peak peak;
};

V_FN void add_doubles(double *lane, vf f)
{
    *(vd_mem *)lane += vd_from_lo(f);
    *(vd_mem *)(lane + DOUBLES) += vd_from_hi(f);
}

/* Vectors of lanes summed side by side, so that none of their sums waits for itself. */
enum { TOGETHER = VL < 8 ? 1 : QK_LANES / VL };

/* Sums that are wanted: of weights; of all, or of squares only. */
struct wanted {
    bool weighted, all;
};

/* What a vector of lanes adds up over a run. */
struct run_sums {
    vf ee, xx, xe, e, wee, wxx;
};

V_FN void add_vector(struct run_sums *s, vf *max, const float *x, const float *y, const float *w,
                     struct wanted u)
{
    vf a = vf_load(x), e = vf_load(y) - a, e2 = e * e, a2 = a * a;
    s->ee += e2;
    s->xx += a2;
    if (u.all) {
        s->xe += a * e;
        s->e = vf_add_aside(s->e, e);
    }
    *max = vf_max_positive(vf_abs(e), *max);
    if (u.weighted) {
        s->wee += vf_load(w) * e2;
        s->wxx += vf_load(w) * a2;
    }
}

V_FN void add_run_sums(struct quick *q, size_t lane, const struct run_sums *s, struct wanted u)
{
    add_doubles(&q->sums.v[QK_QUICK_EE][lane], s->ee);
    add_doubles(&q->sums.v[QK_QUICK_XX][lane], s->xx);
    if (u.all) {
        add_doubles(&q->sums.v[QK_QUICK_XE][lane], s->xe);
        add_doubles(&q->sums.v[QK_QUICK_E][lane], s->e);
    }
    if (u.weighted) {
        add_doubles(&q->sums.v[QK_QUICK_WEE][lane], s->wee);
        add_doubles(&q->sums.v[QK_QUICK_WXX][lane], s->wxx);
    }
}

/* A run of n elements, a multiple of sixteen. Returns the largest difference of each lane, or NaN
 * where there is one. */
V_FN vf add_run(struct quick *s, const float *x, const float *y, const float *w, struct wanted u,
                size_t n)
{
    const vf zero = vf_set1(0);
    vf max = zero;
    for (size_t lane = 0; lane < QK_LANES; lane += TOGETHER * VL) {
        struct run_sums a = {zero, zero, zero, zero, zero, zero}, b = a;
        for (size_t i = lane; i < n; i += QK_LANES) {
            add_vector(&a, &max, x + i, y + i, w + i, u);
            if (TOGETHER == 2)
                add_vector(&b, &max, x + i + VL, y + i + VL, w + i + VL, u);
        }
        add_run_sums(s, lane, &a, u);
        if (TOGETHER == 2)
            add_run_sums(s, lane + VL, &b, u);
    }
    return max;
}

/* The whole runs; how many elements that is. */
V_FN size_t add_runs(struct quick *s, const float *x, const float *y, const float *w,
                     struct wanted u, size_t n)
{
    size_t i = 0;
    for (; i + QK_RUN <= n; i += QK_RUN) {
        vf max = add_run(s, x + i, y + i, w + i, u, QK_RUN);
        add_peak(&s->peak, max, x, y, i, QK_RUN);
    }
    return i;
}

/* The last elements, less than a run. */
V_FN void add_rest(struct quick *s, const float *x, const float *y, const float *w, struct wanted u,
                   size_t first, size_t n)
{
    size_t m = n - first;
    if (m % QK_LANES == 0) {
        vf max = add_run(s, x + first, y + first, w + first, u, m);
        add_peak(&s->peak, max, x, y, first, m);
    } else {
        x += first;
        y += first;
        qk_quick_add(&s->sums, x, y, u.weighted ? w + first : NULL, m);
        qk_peak_add(&s->peak, measure_tile(x, y, m).max, first, n);
    }
}

V_FN void add_all(struct quick *s, const float *x, const float *y, const float *w, struct wanted u,
                  size_t n)
{
    size_t i = add_runs(s, x, y, w, u, n);
    add_rest(s, x, y, w, u, i, n);
}

static void err_quick(struct qk_err_sums *out, const float *x, const float *y, const float *w,
                      size_t n, bool all, double known)
{
    struct quick s;
    memset(&s, 0, sizeof s);
    memset(out, 0, sizeof *out);
    if (w != NULL && all)
        add_all(&s, x, y, w, (struct wanted){true, true}, n);
    else if (w != NULL)
        add_all(&s, x, y, w, (struct wanted){true, false}, n);
    else if (all)
        add_all(&s, x, y, x, (struct wanted){false, true}, n);
    else
        add_all(&s, x, y, x, (struct wanted){false, false}, n);
    if (qk_peak_counts(&s.peak, known))
        find_peak(out, &s.peak, x, y);
    out->n = n;
    if (!qk_quick_finish(out, &s.sums, w != NULL, all))
        err_row(out, x, y, w, n);
    qk_quick_trim(out, all);
}

/* ---- ranges ---------------------------------------------------------------------------------- */

V_FN vi magnitude(const float *p)
{
    return (vi)((vu)vf_load(p) & 0x7fffffffu);
}

static size_t find_beyond(const float *x, size_t n, float limit)
{
    size_t i = 0;
    int32_t below;
    memcpy(&below, &limit, sizeof below);
    below--;
    for (; i + 16 * VL <= n; i += 16 * VL) {
        vi most = magnitude(x + i);
        V_UNROLL
        for (size_t k = 1; k < 16; k++)
            most = vi_max(most, magnitude(x + i + k * VL));
        if (vm_any(vi_gt(most, vi_set1(below))))
            break;
    }
    return i + qk_find_beyond(x + i, n - i, limit);
}

static uint64_t count_f16_flushed(const float *x, size_t n)
{
    size_t whole = n / VL * VL;
    uint64_t all = qk_count_f16_flushed(x + whole, n - whole);
    for (size_t from = 0; from < whole; from += 65536) {
        size_t end = whole - from < 65536 ? whole : from + 65536;
        vi flushed = vi_set1(0);
        for (size_t i = from; i < end; i += VL) {
            vi a = magnitude(x + i);
            flushed = vi_inc(flushed, vm_and(vi_gt(a, vi_set1(0)), vi_lt(a, vi_set1(0x33000001))));
        }
        for (size_t k = 0; k < VL; k++)
            all += (uint64_t)flushed[k];
    }
    return all;
}

void V_NAME(qk_vec_stats)(struct qk_table *table)
{
    table->err_row = err_row;
    table->err_quick = err_quick;
    table->find_beyond = find_beyond;
    table->count_f16_flushed = count_f16_flushed;
}
