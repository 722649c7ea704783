/* Sample: a model seen through some rows of each matrix, to estimate sums over all of them. */
#ifndef GG_SAMPLE_H
#define GG_SAMPLE_H

#include "lib/model/model.h"

/* Of every matrix (each of ne2 * ne3 in a stack) with more than n_rows rows just n_rows: one out of
 * each of as many equal runs, where in it is drawn from seed, the tensor's name, the matrix and the run
 * alone. So every row is as likely as any other of its run, and a sum over the sample times
 * gg_sample_scale is an unbiased estimate of that over all rows. *out shares everything with model,
 * which outlives it, and is freed with gg_model_free. */
GG_MUST_CHECK int gg_model_sample(struct gg_model **out, const struct gg_model *model, uint64_t n_rows,
                                  uint64_t seed, struct gg_err *err);
/* Rows of tensor i in model over those in the sample. */
double gg_sample_scale(const struct gg_model *sample, const struct gg_model *model, size_t i);

#endif
