/* Kernels against the reference, and the reference against its promises.
 *
 * For every type and every CPU level: many rows at once, with strides, guard pages behind every
 * buffer, lengths of 1 to 40 blocks, all classes of input, with and without weights; the bytes must be
 * those the portable C gives row by row. At level C itself this says that rows are independent and
 * nothing is touched beyond a row's end. Never a tolerance. A failure names what to run again.
 */
#include "lib/base/num.h"
#include "lib/quant/codebook.h"
#include "lib/quant/kernel.h"
#include "tests/check_main.h"
#include "tests/kern_inputs.h"

#include <fenv.h>
#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_BLOCKS = 40, MAX_ROWS = 3, MAX_COLS = MAX_BLOCKS * 256 };

/* ---- what is being run, for messages ---------------------------------------------------------- */

static char context[200];

static void on_fault(int sig)
{
    ssize_t n = write(STDERR_FILENO, context, strlen(context));
    (void)n;
    signal(sig, SIG_DFL);
    raise(sig);
}

/* ---- guarded memory --------------------------------------------------------------------------- */

struct guard {
    uint8_t *base, *end; /* end: where the page begins that can't be touched */
};

static struct guard guard_open(size_t nbytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (nbytes + page - 1) / page * page;
    struct guard g;
    g.base = mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(g.base != MAP_FAILED);
    g.end = g.base + whole;
    ck_assert_int_eq(mprotect(g.end, page, PROT_NONE), 0);
    return g;
}

struct bench {
    struct guard src, dst, weights, scratch;
    float *expect;      /* decoded by the reference */
    uint8_t *reference; /* encoded by the reference */
    struct qk_table c, level;
    struct qk_codebook *codebook; /* of the type being run, or NULL */
};

static void bench_open(struct bench *b, enum gg_cpu_level level)
{
    const size_t row = MAX_COLS * 8 + 64; /* the widest element has 8 bytes */
    b->src = guard_open(MAX_ROWS * row);
    b->dst = guard_open(MAX_ROWS * row);
    b->weights = guard_open(MAX_COLS * sizeof(float));
    b->scratch = guard_open(16 * MAX_COLS * sizeof(float));
    b->expect = malloc(MAX_COLS * sizeof(float));
    b->reference = malloc(row);
    ck_assert(b->expect != NULL && b->reference != NULL);
    qk_init(&b->c, GG_CPU_C);
    qk_init(&b->level, level);
    signal(SIGSEGV, on_fault);
    signal(SIGBUS, on_fault);
}

static void bench_close(struct bench *b)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const struct guard *g[] = {&b->src, &b->dst, &b->weights, &b->scratch};
    for (size_t i = 0; i < GG_COUNTOF(g); i++)
        munmap(g[i]->base, (size_t)(g[i]->end - g[i]->base) + page);
    free(b->expect);
    free(b->reference);
}

/* ---- encode ----------------------------------------------------------------------------------- */

struct trial {
    const struct qt_info *type;
    size_t n_rows, n_cols, src_stride, dst_stride, row_nbytes;
    int kind, weights;
    enum qk_search search;
    uint64_t seed;
};

static void *scratch_for(const struct bench *b, const struct qk_kernel *k, size_t n_cols)
{
    size_t n = k->scratch != NULL ? (k->scratch(n_cols) + 63) / 64 * 64 : 0;
    ck_assert_uint_le(n, (size_t)(b->scratch.end - b->scratch.base));
    return b->scratch.end - n;
}

/* Bytes between rows of dst must be what they were. */
static void check_gaps(const struct trial *t, const uint8_t *dst)
{
    for (size_t r = 0; r + 1 < t->n_rows; r++) {
        for (size_t i = t->row_nbytes; i < t->dst_stride; i++)
            ck_assert_msg(dst[r * t->dst_stride + i] == 0xa5, "%s: wrote past row %zu", context, r);
    }
}

/* What the reference gives for one row, cut in two where that is allowed. */
static void encode_reference(struct bench *b, const struct trial *t, const float *x,
                             const float *w, enum qk_search search)
{
    const struct qk_kernel *k = &b->c.k[t->type->type];
    size_t n_first = k->whole_rows && w != NULL ? 0 : t->n_cols / 2 / 256 * 256;
    size_t first_nbytes = n_first / t->type->block_nelems * t->type->block_nbytes;
    struct qk_args args = {.weights = w,
                           .codebook = b->codebook,
                           .scratch = scratch_for(b, k, t->n_cols),
                           .search = search};
    if (n_first > 0)
        qk_encode(k, b->reference, x, 1, n_first, t->row_nbytes, t->src_stride, &args);
    args.weights = w != NULL ? w + n_first : NULL;
    qk_encode(k, b->reference + first_nbytes, x + n_first, 1, t->n_cols - n_first, t->row_nbytes,
              t->src_stride, &args);
}

/* sum w (x - decoded)^2 of a block. */
static double block_error(const struct bench *b, const struct trial *t, const uint8_t *block,
                          const float *x, const float *w)
{
    float back[256];
    double sum = 0;
    b->c.k[t->type->type].dequant(back, block, 1);
    for (size_t i = 0; i < t->type->block_nelems; i++) {
        double diff = (double)x[i] - (double)back[i];
        sum += (w != NULL ? (double)w[i] : 1.0) * (diff * diff);
    }
    return sum;
}

/* No block of a row at y is worse than that of the standard search. The kernel adds in another
 * order: it may take blocks for better that differ in the last bits. */
static void check_never_worse(struct bench *b, const struct trial *t, const uint8_t *y,
                              const float *x, const float *w)
{
    size_t nelems = t->type->block_nelems, nbytes = t->type->block_nbytes;
    encode_reference(b, t, x, w, QK_SEARCH_STANDARD);
    for (size_t i = 0; i < t->n_cols / nelems; i++) {
        const float *bw = w != NULL ? w + i * nelems : NULL;
        double was = block_error(b, t, b->reference + i * nbytes, x + i * nelems, bw);
        double is = block_error(b, t, y + i * nbytes, x + i * nelems, bw);
        ck_assert_msg(is <= was * (1 + 1e-13) || !(was <= (double)FLT_MAX),
                      "%s: block %zu is worse: %g, was %g", context, i, is, was);
    }
}

static void check_encode(struct bench *b, const struct trial *t)
{
    const struct qk_kernel *k = &b->level.k[t->type->type];
    size_t n_src = (t->n_rows - 1) * t->src_stride + t->n_cols;
    size_t n_dst = (t->n_rows - 1) * t->dst_stride + t->row_nbytes;
    float *x = (float *)(void *)b->src.end - n_src;
    float *w = t->weights != 0 ? (float *)(void *)b->weights.end - t->n_cols : NULL;
    uint8_t *y = b->dst.end - n_dst;
    struct rng rng = {t->seed};
    snprintf(context, sizeof context,
             "encode %s, search %s, level %s, class %s, weights %s, seed %llu, %zu x %zu",
             t->type->name, t->search == QK_SEARCH_BEST ? "best" : "standard", gg_cpu_name(b->level.level), classes[t->kind].name,
             weight_names[t->weights], (unsigned long long)t->seed, t->n_rows, t->n_cols);
    for (size_t i = 0; i < n_src; i++)
        x[i] = classes[t->kind].at(&rng, i % t->src_stride);
    if (w != NULL)
        fill_weights(&rng, w, t->n_cols, t->weights);
    memset(y, 0xa5, n_dst);
    struct qk_args args = {.weights = w,
                           .codebook = b->codebook,
                           .scratch = scratch_for(b, k, t->n_cols),
                           .search = t->search};
    qk_encode(k, y, x, t->n_rows, t->n_cols, t->dst_stride, t->src_stride, &args);
    check_gaps(t, y);
    for (size_t r = 0; r < t->n_rows; r++) {
        encode_reference(b, t, x + r * t->src_stride, w, t->search);
        ck_assert_msg(memcmp(y + r * t->dst_stride, b->reference, t->row_nbytes) == 0,
                      "%s: row %zu differs from the reference", context, r);
        if (t->search == QK_SEARCH_BEST)
            check_never_worse(b, t, y + r * t->dst_stride, x + r * t->src_stride, w);
    }
}

/* ---- decode ----------------------------------------------------------------------------------- */

/* The same number, or both NaN: which NaN comes out of an operation IEEE 754 leaves open. */
static bool same_floats(const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (gg_bits_from_f32(a[i]) != gg_bits_from_f32(b[i]) && !(isnan(a[i]) && isnan(b[i])))
            return false;
    }
    return true;
}

/* Any bytes must decode: no index out of a table, no undefined shift or conversion (UBSan). */
static void check_decode(struct bench *b, const struct qt_info *t, size_t n_blocks, uint64_t seed)
{
    const struct qk_kernel *k = &b->level.k[t->type], *c = &b->c.k[t->type];
    size_t n = n_blocks * t->block_nelems, nbytes = n_blocks * t->block_nbytes;
    uint8_t *src = b->src.end - nbytes;
    float *dst = (float *)(void *)b->dst.end - n;
    struct rng rng = {seed};
    snprintf(context, sizeof context, "decode %s, level %s, seed %llu, %zu blocks", t->name,
             gg_cpu_name(b->level.level), (unsigned long long)seed, n_blocks);
    for (size_t i = 0; i < nbytes; i++)
        src[i] = (uint8_t)next_u32(&rng);
    memset(dst, 0xa5, n * sizeof *dst);
    k->dequant(dst, src, n_blocks);
    c->dequant(b->expect, src, n_blocks);
    ck_assert_msg(same_floats(dst, b->expect, n), "%s: differs from the reference", context);
    size_t at = k->valid(src, n_blocks);
    ck_assert_msg(at == c->valid(src, n_blocks) && at <= n_blocks, "%s: valid differs", context);
    if (at == n_blocks || t->type == QT_F64)
        return; /* a finite double may be too large for a float */
    for (size_t i = 0; i < at * t->block_nelems; i++)
        ck_assert_msg(isfinite(dst[i]), "%s: not finite before block %zu", context, at);
}

/* ---- loops ------------------------------------------------------------------------------------ */

static void check_type(struct bench *b, const struct qt_info *t, int n_combos)
{
    struct trial trial = {.type = t};
    bool few = getenv("GG_TEST_FEW") != NULL; /* emulated processors are slow */
    b->codebook = NULL;
    if (qk_codebook_wanted(t->type))
        ck_assert_int_eq(qk_codebook_new(&b->codebook, t->type, NULL), GG_OK);
    for (size_t n = 1; n <= MAX_BLOCKS; n += few ? 1 + n / 2 : 1) {
        uint64_t seed = t->type * 1000003ull + n * 7919 + 1;
        check_decode(b, t, n, seed);
        if (b->level.k[t->type].quant == NULL)
            continue;
        for (int i = 0; i < n_combos; i++) {
            /* A walk that meets every class with every kind of weights within 39 steps. */
            size_t number = n * (size_t)n_combos + (size_t)i, step = number * 7;
            trial.kind = (int)(step % N_CLASSES);
            trial.weights = (int)(step % N_WEIGHTS);
            if ((t->flags & QT_NEEDS_WEIGHTS) && trial.weights == 0)
                trial.weights = 1;
            trial.seed = seed + (uint64_t)i;
            trial.n_rows = 1 + step % MAX_ROWS;
            trial.n_cols = n * t->block_nelems;
            trial.row_nbytes = n * t->block_nbytes;
            /* Every other time with no gaps, as in files, whatever the class and the rows. */
            trial.src_stride = trial.n_cols + (number / 39 % 2 ? step % 4 : 0);
            trial.dst_stride = trial.row_nbytes + (number / 39 % 2 ? step % 5 : 0);
            trial.search = QK_SEARCH_STANDARD;
            check_encode(b, &trial);
            if (b->level.k[t->type].improve == NULL || (size_t)i != n % (size_t)n_combos)
                continue;
            trial.search = QK_SEARCH_BEST;
            check_encode(b, &trial);
        }
    }
    qk_codebook_free(b->codebook);
}

/* Level C runs one combination a length, levels with kernels of their own more. */
START_TEST(test_levels)
{
    enum gg_cpu_level level = (enum gg_cpu_level)_i;
    struct bench b;
    if (!gg_cpu_has(level))
        return;
    bench_open(&b, level);
    if (b.level.level == level) {
        for (size_t i = 0; i < qt_count(); i++)
            check_type(&b, qt_at(i), level == GG_CPU_C ? 1 : 3);
    }
    bench_close(&b);
}
END_TEST

/* Where 1/d is not finite the reference is undefined and we say: zeros. */
START_TEST(test_vanishing_blocks)
{
    static const enum qt_type types[] = {QT_Q4_0,  QT_Q4_1,  QT_Q5_0, QT_Q5_1, QT_Q8_0,
                                         QT_TQ1_0, QT_TQ2_0, QT_Q2_0, QT_MXFP4};
    struct qk_table table;
    float x[256];
    uint8_t y[512];
    qk_init(&table, (enum gg_cpu_level)_i);
    for (size_t i = 0; i < 256; i++)
        x[i] = i % 3 == 0 ? 1e-39f : i % 3 == 1 ? -2e-39f : 1e-42f;
    for (size_t i = 0; gg_cpu_has((enum gg_cpu_level)_i) && i < GG_COUNTOF(types); i++) {
        uint64_t nbytes;
        ck_assert(qt_row_nbytes(types[i], 256, &nbytes) && nbytes <= sizeof y);
        memset(y, 0xa5, sizeof y);
        table.k[types[i]].quant(y, x, 1, 256, (size_t)nbytes, 256, NULL);
        for (size_t j = 0; j < nbytes; j++)
            ck_assert_msg(y[j] == 0, "%s: byte %zu", qt_info(types[i])->name, j);
    }
}
END_TEST

/* A scale beyond F16 is stored as infinity, and valid points at its block. */
START_TEST(test_overflowing_scale)
{
    static const enum qt_type types[] = {QT_F16,   QT_Q4_0,  QT_Q4_1, QT_Q5_0, QT_Q5_1, QT_Q8_0,
                                         QT_TQ1_0, QT_TQ2_0, QT_Q2_0, QT_Q1_0};
    struct qk_table table;
    float x[1024];
    uint8_t y[4096];
    qk_init(&table, (enum gg_cpu_level)_i);
    for (size_t i = 0; i < 1024; i++)
        x[i] = i >= 512 && i < 768 ? (i % 2 ? -3e38f : 3e38f) : 1.0f;
    for (size_t i = 0; gg_cpu_has((enum gg_cpu_level)_i) && i < GG_COUNTOF(types); i++) {
        const struct qt_info *t = qt_info(types[i]);
        size_t n_blocks = 1024 / t->block_nelems;
        table.k[types[i]].quant(y, x, 1, 1024, sizeof y, 1024, NULL);
        ck_assert_uint_eq(table.k[types[i]].valid(y, n_blocks), 512 / t->block_nelems);
    }
}
END_TEST

/* Rows given in pieces of 256 columns, with the sums of the whole rows, make the bytes of rows given
 * whole: at every level, for every type that sums over its row. */
START_TEST(test_row_pieces)
{
    enum { COLS = 1024, ROWS = 20 }; /* more rows than lanes */
    static float x[ROWS * COLS], w[COLS], sums[ROWS];
    static uint8_t whole[ROWS * COLS], pieces[ROWS * COLS];
    struct qk_table table;
    struct rng rng = {77};
    qk_init(&table, (enum gg_cpu_level)_i);
    fill_weights(&rng, w, COLS, 1);
    for (size_t i = 0; i < ROWS * COLS; i++) /* pieces that differ, and sums that are finite */
        x[i] = in_normal(&rng, i) * (float)(1 + 3 * (i / 256 % 4));
    for (size_t r = 0; r < ROWS; r++) {
        sums[r] = 0;
        for (size_t i = 0; i < COLS; i++)
            sums[r] += x[r * COLS + i] * x[r * COLS + i];
    }
    for (size_t i = 0; gg_cpu_has((enum gg_cpu_level)_i) && i < qt_count(); i++) {
        const struct qt_info *t = qt_at(i);
        const struct qk_kernel *k = &table.k[t->type];
        if (!k->whole_rows)
            continue;
        size_t stride = COLS / t->block_nelems * t->block_nbytes;
        size_t piece = 256 / t->block_nelems * t->block_nbytes;
        struct qk_args args = {.weights = w};
        ck_assert(k->scratch == NULL);
        k->quant(whole, x, ROWS, COLS, stride, COLS, &args);
        args.row_sumx2 = sums;
        args.row_n_cols = COLS;
        for (size_t at = 0; at < COLS / 256; at++) {
            args.weights = w + at * 256;
            k->quant(pieces + at * piece, x + at * 256, ROWS, 256, stride, COLS, &args);
        }
        ck_assert_msg(memcmp(whole, pieces, ROWS * stride) == 0, "%s", t->name);
    }
}
END_TEST

START_TEST(test_environment)
{
    static const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    ck_assert(qk_env_ok());
    for (size_t i = 0; i < GG_COUNTOF(modes); i++) {
        ck_assert_int_eq(fesetround(modes[i]), 0);
        bool ok = qk_env_ok();
        fesetround(FE_TONEAREST);
        ck_assert(!ok);
    }
}
END_TEST

#if defined(__SSE2__)
#include <xmmintrin.h>

START_TEST(test_flush_to_zero)
{
    static const unsigned bits[] = {0x8000, 0x0040}; /* results, operands */
    for (size_t i = 0; i < GG_COUNTOF(bits); i++) {
        unsigned was = _mm_getcsr();
        _mm_setcsr(was | bits[i]);
        bool ok = qk_env_ok();
        _mm_setcsr(was);
        ck_assert(!ok && qk_env_ok());
    }
}
END_TEST
#else
START_TEST(test_flush_to_zero)
{
}
END_TEST
#endif

Suite *suite(void)
{
    Suite *s = suite_create("kernels");
    TCase *t = tcase_create("kernels");
    tcase_set_timeout(t, 300); /* sanitizers are slow */
    tcase_add_loop_test(t, test_levels, 0, GG_CPU_LEVEL_COUNT);
    tcase_add_loop_test(t, test_vanishing_blocks, 0, GG_CPU_LEVEL_COUNT);
    tcase_add_loop_test(t, test_overflowing_scale, 0, GG_CPU_LEVEL_COUNT);
    tcase_add_loop_test(t, test_row_pieces, 0, GG_CPU_LEVEL_COUNT);
    tcase_add_test(t, test_environment);
    tcase_add_test(t, test_flush_to_zero);
    suite_add_tcase(s, t);
    return s;
}
