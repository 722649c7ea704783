/* Numbers about rows: error sums between two rows, ranges of one row, finiteness.
 *
 * All sums are doubles, taken in one fixed order that vector code can follow: element i of a row is
 * added to lane i mod 16, and lanes are combined pairwise (0+8, 1+9, ... then 0+4, ... 0+1). So the
 * numbers don't depend on CPU, threads or slab size, as long as rows are combined in row order.
 */
#ifndef QK_STATS_H
#define QK_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sums over a row of x (what was) and y (what became of it). */
struct qk_err_sums {
    double ee;       /* sum (x-y)^2 */
    double xx;       /* sum x^2 */
    double yy;       /* sum y^2 */
    double xy;       /* sum x*y */
    double wee;      /* sum w*(x-y)^2, when weights were given */
    double wxx;      /* sum w*x^2 */
    double e;        /* sum (y-x): bias */
    double max_abs;  /* max |x-y| */
    uint64_t max_at; /* element of it: lowest index on ties */
    uint64_t n_same; /* elements with x == y */
    uint64_t n;      /* elements */
};

/* Those that run over every element have vector forms, in the kernel table (kernel.h); these
 * are the portable ones. */
typedef void qk_err_row_fn(struct qk_err_sums *out, const float *x, const float *y, const float *w,
                           size_t n);
typedef void qk_err_quick_fn(struct qk_err_sums *out, const float *x, const float *y, const float *w,
                             size_t n, bool all, double known);
typedef size_t qk_find_beyond_fn(const float *x, size_t n, float limit);
typedef uint64_t qk_count_f16_flushed_fn(const float *x, size_t n);

/* Sums over n elements; w may be NULL. All of it in double, the differences too. */
qk_err_row_fn qk_err_row;
/* The same for an encoder's own report, several times as fast: in runs of 512 elements a lane adds its
 * thirty-two terms in float, and runs are added to the lane in double, so that a sum of squares is off
 * by some parts in 10^7. y is seen through e = y - x: sum xy is sum xx + sum xe, and sum yy is sum xx +
 * 2 sum xe + sum ee, which keeps what differs when y is close to x. Where that would not do (squares
 * beyond a float's range, y far smaller than x, zeros) the sums are qk_err_row's. What is no sum is
 * as there, but n_same is not counted: 0, and the largest difference is not looked for when none, as a
 * float, comes up to `known`, one that was found elsewhere: max_abs and max_at are 0. Without `all` the
 * sums that only cosine and bias need, xy, yy and e, are left out: 0. */
qk_err_quick_fn qk_err_quick;
/* *acc += *row, where row's first element is element `first` of acc's run. */
void qk_err_add(struct qk_err_sums *acc, const struct qk_err_sums *row, uint64_t first);

/* Index of the first element that is NaN or of a magnitude >= limit (> 0; INFINITY finds what is not
 * finite), n when there is none. */
qk_find_beyond_fn qk_find_beyond;

/* Of n elements those that are not 0 and become it when narrowed to F16. */
qk_count_f16_flushed_fn qk_count_f16_flushed;

#endif
