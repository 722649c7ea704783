/* Bins of errors, for histograms. Private to lib/stream.
 *
 * Errors are binned by the upper bits of a float: sign (always 0), exponent, two bits of fraction; so
 * one pass is enough, whatever their range turns out to be. */
#ifndef GG_STREAM_BINS_H
#define GG_STREAM_BINS_H

#include "lib/stream/compare.h"

enum { GG_BIN_SHIFT = 21, GG_N_BINS = 1 << 10 };

/* Counts the differences of n elements. */
void gg_bins_add(uint32_t bins[GG_N_BINS], const float *x, const float *y, size_t n);

/* Deals bins, which are not of one width in octaves, out to those of a histogram of errors relative to
 * the tensor's root mean square (sums). bins NULL: all nelems are exact. */
void gg_bins_deal(struct gg_error_histogram *h, const uint64_t *bins, const struct qk_err_sums *sums,
                  uint64_t nelems);

#endif
