/* What the searches of --search best share, reference and vectors alike: the facts of each type,
 * reading scales from a block, writing a block from scales, and which of two blocks is better.
 *
 * The better block is the one with the smaller sum w (x - decoded)^2, w the importance weights (1
 * where there are none): the part of a tensor's error that its importance matrix predicts. Sums are
 * taken in double, in eight parts by element number, and the standard block stays unless it loses:
 * whatever a search comes up with, no block gets worse.
 *
 * A search gives scales alone, for on given scales each value has a nearest level.
 */
#ifndef QK_REF_BEST_H
#define QK_REF_BEST_H

#include "lib/quant/ref/ref.h"
#include "lib/quant/ref/rows.h"
#include "lib/quant/ref/search.h"

/* At most: groups, elements, bytes of a block. */
enum { QK_BEST_GROUPS = 16, QK_BEST_NELEMS = 256, QK_BEST_NBYTES = 256 };

/* Scales of a block as they are stored. A type with one scale has it in d; one with a minimum but
 * no groups has that in dmin, as the number that is added. */
struct qk_scales {
    uint16_t d, dmin; /* F16 */
    int16_t scale[QK_BEST_GROUPS], min[QK_BEST_GROUPS];
};

struct qk_best_type {
    int nelems, nbytes;
    void (*read)(const void *block, struct qk_scales *s);
    /* level: as stored, counted from the lowest or places in a table. */
    void (*write)(void *block, const uint8_t *level, const struct qk_scales *s);
};

/* Values a level can stand for, times a scale. */
enum qk_levels {
    QK_EVEN, /* the integers lo .. hi */
    QK_IQ4,  /* qk_iq4nl_values */
    QK_FP4,  /* qk_fp4_values */
    QK_SIGN, /* -1 and 1 */
};

/* What a scale is stored as. */
enum qk_scale_form {
    QK_SCALE_F16,
    QK_SCALE_CODES,  /* an F16 times a code, code_lo .. -code_lo - 1, for each group */
    QK_SCALE_E8M0,   /* in scale[0] */
    QK_SCALE_UE4M3,  /* in scale[], for each group */
};

/* Types with a scale alone. Candidates for the inverse scale of a group are the standard's, then
 * aim * (from + k * step) over the value of largest magnitude, k = 0 .. n_steps - 1, and, unless
 * levels are symmetric, the negatives of these. Where scales are codes of eight bits, all from the
 * standard's + code_lo on are tried, n_steps of them (a multiple of three). */
struct qk_scale_search {
    struct qk_best_type type;
    enum qk_levels levels;
    enum qk_scale_form form;
    int n; /* elements of a group */
    float lo, hi; /* the outermost levels */
    float aim, from, step;
    int n_steps;
    bool both;
    int code_lo;
};

/* Candidates for the common scale: the largest group scale over code_lo * (FIRST - k * STEP). */
#define QK_COMMON_FIRST 1.004f
#define QK_COMMON_STEP  0.01f
enum { QK_COMMON_STEPS = 32 };

extern const struct qk_scale_search qk_search_q4_0, qk_search_q5_0, qk_search_q8_0;
extern const struct qk_scale_search qk_search_iq4_nl, qk_search_iq4_xs;
extern const struct qk_scale_search qk_search_q3_K, qk_search_q6_K;
extern const struct qk_scale_search qk_search_mxfp4, qk_search_nvfp4;
extern const struct qk_scale_search qk_search_q1_0, qk_search_q2_0, qk_search_tq1_0, qk_search_tq2_0;

/* Types with a scale and a minimum: x ~ scale * level - min, levels 0 .. nmax. With top the codes of
 * scales and minima are 0 .. top, both times an F16 of the super-block. Lines to begin with end
 * from + k * step, k = 0 .. n_ends - 1, of a step between levels inside either end of the range. */
struct qk_line_search {
    struct qk_best_type type;
    int n, nmax, top;
    int n_ends;
    float from, step;
    int rounds; /* turns that every start takes; what QK_LINE_ROUNDS has more, only the best */
    int n_common; /* candidates for a common number */
    float along; /* as QK_ALONG. Of Q2_K: as much as leaves it 3 percent of the error itself */
};

/* At most: n_ends, rounds. Common scales that are looked at together with common minima. */
enum { QK_LINE_ENDS = 4, QK_LINE_ROUNDS = 2, QK_LINE_KEPT = 6 };

/* Candidates for a common number: the largest of the groups' over this. */
static inline float qk_line_divisor(const struct qk_line_search *t, int k)
{
    return (float)t->top * (1.0f - 0.38f * (float)k / (float)t->n_common) + 0.3f;
}

extern const struct qk_line_search qk_search_q4_1, qk_search_q5_1;
extern const struct qk_line_search qk_search_q2_K, qk_search_q4_K, qk_search_q5_K;

/* Codebook types: a group's scale is d * (2 code + 1), codes 0 .. top; write changes scales alone. */
struct qk_grid; /* below */
struct qk_grid_search {
    struct qk_best_type type;
    int n, top;
    float along; /* as QK_ALONG */
    const struct qk_grid *grid; /* NULL: points stay */
};

/* How many codes around a group's own are tried with points chosen anew: odd. */
enum { QK_GRID_COMMON = 24, QK_GRID_ROUNDS = 3, QK_GRID_CODES = 7 };

/* Points of a super-block: rows of the grid, and the signs of eight elements a byte. */
struct qk_points {
    uint16_t row[QK_BEST_NELEMS / 4];
    uint8_t signs[QK_BEST_NELEMS / 8];
};

/* What points can be chosen from. Rows are codes as in grids.h: `dims` elements of `bits` bits each,
 * value[] what a level stands for in a block of scale 1. Sums over a row are those over its two halves, of
 * which there are not so many. */
struct qk_grid {
    const uint16_t *row;
    int n_rows, dims, bits, n_levels;
    float value[8];
    bool even; /* the minus signs of eight elements are even */
    void (*put)(void *block, const struct qk_points *points);
};

/* At most: rows, codes of half a row, points of a group. */
enum { QK_GRID_ROWS = 1024, QK_HALF_CODES = 256, QK_GROUP_POINTS = 8 };

/* How much more an error counts that points along the values themselves. The sum of squares weighs
 * errors as if inputs had nothing to do with the weights, but a trained matrix is what its inputs made
 * it: its outputs are larger than chance says, and so is the harm when all of them shrink. The scale of
 * least squares shrinks values by the relative error, which is nothing at four bits and a tenth at two.
 * Where points stay, of 0, 1, 3, 8 and 30, 8 had the least KL divergence, and 0 more than the standard
 * search; where they are chosen anew, 1, 2 and 4 had the least, alike, and 0 the most. */
#define QK_ALONG       8.0f
#define QK_ALONG_POINT 2.0f

static inline float qk_grid_divisor(const struct qk_grid_search *t, int k)
{
    return (2.0f * (float)t->top + 1.0f) * (1.02f - 0.02f * (float)k);
}

extern const struct qk_grid_search qk_search_iq2_xxs, qk_search_iq2_xs, qk_search_iq2_s;
extern const struct qk_grid_search qk_search_iq3_xxs, qk_search_iq3_s;
extern const struct qk_grid_search qk_search_iq1_s, qk_search_iq1_m;

/* A copy of a block with scale 1: what it decodes to are its points. */
void qk_unit_block(const struct qk_best_type *t, const void *block, void *unit);

/* The line of a group as numbers. */
void qk_group_line(const struct qk_line_search *t, const struct qk_scales *s, int group, float *scale,
                   float *min);

/* Scales of eight bits, and number k of the codes to be tried around the standard's. */
float qk_scale_of_code(enum qk_scale_form form, int code);
int qk_code_near(const struct qk_scale_search *t, int standard, int k);

/* The scale of a group as a number. */
float qk_group_scale(const struct qk_scale_search *t, const struct qk_scales *s, int group);

/* Keeps the better of two encodings of a block: `other` is copied to `block` if its error is less. */
void qk_take_better(const struct qk_kernel *kernel, const struct qk_best_type *t, void *block,
                    const void *other, const float *x, const float *w);

/* sum w (x - decoded)^2 of a block. */
double qk_block_error(const struct qk_kernel *kernel, int nelems, const void *block, const float *x,
                      const float *w);

/* How the eight parts of such a sum are added. */
static inline double qk_add_parts(const double part[8])
{
    return ((part[0] + part[4]) + (part[1] + part[5])) +
           ((part[2] + part[6]) + (part[3] + part[7]));
}

/* Defines qk_ref_improve_TYPE from improve_block(facts, kernel, block, x, w) of the file it stands in;
 * the weights are there. */
typedef void qk_improve_block_fn(const struct qk_kernel *kernel, void *block, const float *x,
                                 const float *w);
void qk_improve_rows(const struct qk_kernel *kernel, const struct qk_best_type *t,
                     qk_improve_block_fn *fn, const struct qk_rows *r);
#define QK_IMPROVE(type_)                                                                          \
    static void improve_##type_(const struct qk_kernel *kernel, void *block, const float *x,       \
                                const float *w)                                                    \
    {                                                                                              \
        improve_block(&qk_search_##type_, kernel, block, x, w);                                    \
    }                                                                                              \
    void qk_ref_improve_##type_(const struct qk_kernel *kernel, void *dst, const float *src,       \
                                size_t n_rows, size_t n_cols, size_t dst_stride,                   \
                                size_t src_stride, const struct qk_args *args)                     \
    {                                                                                              \
        struct qk_rows r = {dst, src, n_rows, n_cols, dst_stride, src_stride, args};               \
        qk_improve_rows(kernel, &qk_search_##type_.type, improve_##type_, &r);                     \
    }

/* The weights of a block's columns where there are none. */
extern const float qk_ones[QK_BEST_NELEMS];

#endif
