#include "lib/quant/stats.h"

#include "lib/base/num.h"
#include "lib/quant/stats_lanes.h"

#include <math.h>
#include <string.h>

/* ---- error sums ------------------------------------------------------------------------------ */

/* Two passes over a run cost less than one that the search for a place keeps from vectorising. */
static inline float measure_run(const float *x, const float *y, size_t n, uint64_t *n_same)
{
    float max = 0;
    unsigned same = 0;
    for (size_t j = 0; j < n; j++) {
        float a = fabsf(y[j] - x[j]);
        max = a > max ? a : max;
        same += x[j] == y[j];
    }
    *n_same += same;
    return max;
}

/* The largest difference, where it comes up to one that is known, and how many are none. */
static void find_max(struct qk_err_sums *out, const float *x, const float *y, size_t n, double known)
{
    struct qk_peak peak = {0};
    for (size_t i = 0; i < n; i += 256) {
        size_t m = n - i < 256 ? n - i : 256;
        qk_peak_add(&peak, measure_run(x + i, y + i, m, &out->n_same), i, i + m);
    }
    if (qk_peak_counts(&peak, known))
        qk_peak_look(out, x, y, peak.first, peak.end);
}

void qk_err_row(struct qk_err_sums *out, const float *x, const float *y, const float *w, size_t n)
{
    struct qk_lanes s;
    memset(&s, 0, sizeof s);
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < n; i += QK_LANES) {
        size_t m = n - i < QK_LANES ? n - i : QK_LANES;
        if (m == QK_LANES)
            qk_lanes_add(&s, x + i, y + i, QK_LANES);
        else
            qk_lanes_add(&s, x + i, y + i, m);
        if (w != NULL)
            qk_lanes_add_weighted(&s, x + i, y + i, w + i, m);
    }
    find_max(out, x, y, n, 0);
    qk_lanes_finish(out, &s, w != NULL);
    out->n = n;
}

void qk_err_quick(struct qk_err_sums *out, const float *x, const float *y, const float *w, size_t n,
                  bool all, double known)
{
    struct qk_quick s;
    memset(&s, 0, sizeof s);
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < n; i += QK_RUN) {
        size_t m = n - i < QK_RUN ? n - i : QK_RUN;
        qk_quick_add(&s, x + i, y + i, w != NULL ? w + i : NULL, m);
    }
    find_max(out, x, y, n, known);
    out->n = n;
    if (!qk_quick_finish(out, &s, w != NULL, all))
        qk_err_row(out, x, y, w, n);
    qk_quick_trim(out, all);
}

void qk_err_add(struct qk_err_sums *acc, const struct qk_err_sums *row, uint64_t first)
{
    acc->ee += row->ee;
    acc->xx += row->xx;
    acc->yy += row->yy;
    acc->xy += row->xy;
    acc->wee += row->wee;
    acc->wxx += row->wxx;
    acc->e += row->e;
    if (row->max_abs > acc->max_abs) {
        acc->max_abs = row->max_abs;
        acc->max_at = first + row->max_at;
    }
    acc->n_same += row->n_same;
    acc->n += row->n;
}

/* ---- ranges ---------------------------------------------------------------------------------- */

static inline uint32_t magnitude_at(const float *x, size_t i)
{
    uint32_t u;
    memcpy(&u, x + i, sizeof u);
    return u & 0x7fffffff;
}

/* As whole numbers, magnitudes are in order and NaN lies beyond infinity. */
size_t qk_find_beyond(const float *x, size_t n, float limit)
{
    uint32_t least = magnitude_at(&limit, 0);
    for (size_t i = 0; i < n; i += 256) {
        size_t end = n - i < 256 ? n : i + 256;
        uint32_t bad = 0;
        for (size_t j = i; j < end; j++)
            bad |= magnitude_at(x, j) >= least;
        for (size_t j = i; bad && j < end; j++) {
            if (magnitude_at(x, j) >= least)
                return j;
        }
    }
    return n;
}

/* F16 rounds 2^-25 and less to zero. */
uint64_t qk_count_f16_flushed(const float *x, size_t n)
{
    uint64_t all = 0;
    for (size_t i = 0; i < n; i += 1024) {
        size_t end = n - i < 1024 ? n : i + 1024;
        uint32_t flushed = 0;
        for (size_t j = i; j < end; j++) {
            uint32_t a = magnitude_at(x, j);
            flushed += (a != 0) & (a <= 0x33000000);
        }
        all += flushed;
    }
    return all;
}
