#include "lib/stream/bins.h"

#include "lib/base/num.h"

#include <math.h>

void gg_bins_add(uint32_t bins[GG_N_BINS], const float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bins[(gg_bits_from_f32(y[i] - x[i]) & 0x7fffffff) >> GG_BIN_SHIFT]++;
}

/* Where a magnitude lies among the bins of a histogram. */
static double place_of(double magnitude, double rms)
{
    double at = 4 * log2(magnitude / rms) + GG_ERROR_BIN_ONE;
    return !(at > 0) ? 0 : at > GG_ERROR_BINS - 1 ? GG_ERROR_BINS - 1 : at;
}

void gg_bins_deal(struct gg_error_histogram *h, const uint64_t *bins, const struct qk_err_sums *sums,
                  uint64_t nelems)
{
    double rms = sums->n > 0 && sums->xx > 0 ? sqrt(sums->xx / (double)sums->n) : 1;
    if (bins == NULL) {
        h->n_exact += nelems;
        return;
    }
    h->n_exact += bins[0]; /* and those too small for a normal float */
    for (uint32_t i = 1; i < GG_N_BINS; i++) {
        if (bins[i] == 0)
            continue;
        double from = place_of((double)gg_f32_from_bits(i << GG_BIN_SHIFT), rms);
        double to = place_of((double)gg_f32_from_bits((i + 1) << GG_BIN_SHIFT), rms);
        double share = to > floor(from) + 1 ? (floor(from) + 1 - from) / (to - from) : 1;
        uint64_t first = (uint64_t)((double)bins[i] * share + 0.5);
        h->bin[(size_t)from] += first;
        h->bin[(size_t)from + (share < 1)] += bins[i] - first;
    }
}
