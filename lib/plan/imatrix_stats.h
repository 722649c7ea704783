/* Numbers about an entry of an importance matrix, those of llama-imatrix --show-statistics
 * (2026-08-21), over the mean squared activations of all matrices that have data; sums are doubles. */
#ifndef GG_IMATRIX_STATS_H
#define GG_IMATRIX_STATS_H

#include "lib/plan/imatrix.h"

struct gg_imatrix_stats {
    uint64_t n; /* activations, without those of experts that have no data */
    double sum, min, max, mean, sigma;
    double active;       /* share above 1e-5 */
    double entropy;      /* bits, of the activations as shares of their sum */
    double entropy_norm; /* over log2 n, the most there can be */
    double zd;           /* z-score distribution: share more than one sigma above the mean */
    double cosine;       /* of the stored sums with those of the same tensor one layer before */
    bool has_cosine;     /* there is such a tensor, of the same size */
};

/* Reads the entry two or three times. n is 0 when it has no data. */
GG_MUST_CHECK int gg_imatrix_stats(const struct gg_imatrix_entry *e, struct gg_imatrix_stats *out,
                                   struct gg_err *err);

#endif
