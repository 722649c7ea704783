/* Compare: the values of models against those of a base, tensor by tensor, in one pass over the base.
 *
 * Tensors whose stored bytes are equal are not decoded. All sums are doubles in a fixed order, so
 * that numbers are the same for any number of workers and any memory.
 */
#ifndef GG_COMPARE_H
#define GG_COMPARE_H

#include "lib/stream/stream.h"

enum gg_sameness {
    GG_SAME_BYTES,  /* one type, one run of bytes */
    GG_SAME_VALUES, /* all decode to equal values */
    GG_OTHER_VALUES,
};

/* One tensor of one model against that of the base. x: the base, y: the other. */
struct gg_comparison {
    enum gg_sameness same;
    /* Over elements that are finite on both sides; weighted with the item's weights. Only n for
     * GG_SAME_BYTES. max_at counts from the tensor's begin. */
    struct qk_err_sums sums;
    uint64_t n_nan[2], n_inf[2]; /* base, other; not counted for GG_SAME_BYTES */
    uint64_t n_odd;              /* elements not finite on one side, or not the same infinity */
    struct gg_spot odd[2];       /* the first of these, with either side's value */
    double row_nmse;             /* the worst row: sum (x-y)^2 / sum x^2; infinite when all x are 0 */
    uint64_t row;                /* which; counted over all matrices */
};

/* Numbers people use, made of sums. */
struct gg_error {
    double rmse;     /* sqrt(sum (x-y)^2 / n) */
    double nmse;     /* sum (x-y)^2 / sum x^2; infinite when all x are 0 and not all y are */
    double snr_db;   /* -10 log10 nmse; infinite for no error */
    double max_abs;
    double bias;     /* sum (y-x) / n */
    double cosine;   /* of x and y as vectors; 1 when both are 0 */
    double weighted; /* sum w (x-y)^2 / sum w x^2; nmse where there are no weights */
};
/* n = 0: no error. */
struct gg_error gg_error_of(const struct qk_err_sums *s);

/* How errors are distributed: |x-y| over the root mean square of the tensor's x, by quarter octaves:
 * bin i counts from 2^((i - GG_ERROR_BIN_ONE) / 4) up. The outermost bins hold all beyond. */
enum { GG_ERROR_BINS = 112, GG_ERROR_BIN_ONE = 96 };
struct gg_error_histogram {
    uint64_t n_exact;
    uint64_t bin[GG_ERROR_BINS];
};

struct gg_compare {
    const struct gg_model *const *models; /* the base, then the others */
    size_t n_models;                      /* 2 to GG_VISIT_MAX */
    const size_t *tensor; /* n items as in gg_visit_list; one that no other has is passed over */
    size_t n;
    /* By item, each NULL or ne0 * ne2 * ne3 weights; NULL: none at all. */
    const struct gg_weights *const *weights;
    /* NULL, or for result r the histogram that its errors are added to, or NULL. */
    struct gg_error_histogram *const *histogram;
};

/* Fills result[i * (n_models - 1) + m - 1] for item i of model m. A tensor of which some parts are
 * equal byte for byte and others not is read twice. Errors: those of gg_stream_visit. */
GG_MUST_CHECK int gg_compare_run(const struct gg_compare *c, const struct gg_stream_opts *opts,
                                 struct gg_comparison *result, struct gg_stream_usage *usage,
                                 struct gg_err *err);

#endif
