/* lib/stream: the same bytes, sums and messages for any number of workers and any memory. */
#include "lib/base/num.h"
#include "lib/quant/qtype.h"
#include "lib/stream/grid.h"
#include "lib/stream/stream.h"
#include "lib/sys/digest.h"
#include "tests/check_main.h"
#include "tests/scratch.h"

#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a model in memory ---------------------------------------------------------------------- */

enum { MAX_TENSORS = 20000 };

struct mem_source {
    struct gg_source base;
    const struct gg_tensor *tensors;
    uint8_t *data;   /* of all, tensor i at file_off */
    int fd;          /* a file of the same bytes, or -1 */
    size_t fails_at; /* reading this tensor fails */
};

static int mem_read(struct gg_source *s, size_t i, uint64_t first, uint64_t n, void *dst,
                    struct gg_err *err)
{
    struct mem_source *m = (struct mem_source *)s;
    const struct qt_info *t = qt_info(m->tensors[i].type);
    ck_assert(first % t->block_nelems == 0 && n % t->block_nelems == 0);
    ck_assert(gg_in_range(first, n, m->tensors[i].nelems));
    if (i == m->fails_at)
        return gg_fail_sys(err, 5, "tensor %zu", i);
    memcpy(dst, m->data + m->tensors[i].file_off + first / t->block_nelems * t->block_nbytes,
           n / t->block_nelems * t->block_nbytes);
    return GG_OK;
}

static bool mem_extent(struct gg_source *s, size_t i, struct gg_extent *out)
{
    struct mem_source *m = (struct mem_source *)s;
    *out = (struct gg_extent){m->fd, m->tensors[i].file_off, m->tensors[i].nbytes};
    return m->fd >= 0;
}

static const struct gg_source_ops mem_ops = {mem_read, mem_extent, NULL, NULL, NULL};

struct fixture {
    struct mem_source source;
    struct gg_model model;
    struct gg_tensor tensors[MAX_TENSORS];
    char names[MAX_TENSORS][16];
    struct gg_plan plan;
    struct gg_plan_output outputs[3];
    struct qk_table kernels;
    uint64_t nbytes;
    float *weights;
    uint8_t *images[3]; /* expected files, made when first asked for */
    void *scratch;
};

static struct fixture *fx;

static uint64_t rng_state;
static uint32_t rng(void)
{
    rng_state = rng_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(rng_state >> 33);
}

static void add(uint32_t type, uint64_t ne0, uint64_t ne1, uint64_t ne2)
{
    size_t i = fx->model.n_tensors++;
    struct gg_tensor *t = &fx->tensors[i];
    snprintf(fx->names[i], sizeof fx->names[i], "t%zu", i);
    *t = (struct gg_tensor){.name = {fx->names[i], strlen(fx->names[i])}, .type = type,
                            .n_dims = 3, .ne = {ne0, ne1, ne2, 1}, .nelems = ne0 * ne1 * ne2,
                            .known = true, .file_off = fx->nbytes};
    ck_assert(qt_tensor_nbytes(type, t->ne, &t->nbytes));
    fx->nbytes += (t->nbytes + 31) / 32 * 32;
}

static float *floats_of(size_t i)
{
    return (float *)(void *)(fx->source.data + fx->tensors[i].file_off);
}

/* Random numbers that are valid in each type used. */
static void fill(void)
{
    fx->source.data = calloc(1, fx->nbytes + 1);
    for (size_t i = 0; i < fx->model.n_tensors; i++) {
        const struct gg_tensor *t = &fx->tensors[i];
        for (uint64_t k = 0; t->type == QT_F32 && k < t->nelems; k++)
            floats_of(i)[k] = ((float)(rng() % 20001) - 10000.0f) / 7919.0f;
        for (uint64_t k = 0; t->type == QT_F16 && k < t->nelems; k++)
            gg_store_u16(fx->source.data + t->file_off + 2 * k, (uint16_t)(rng() % 0x7c00));
    }
    fx->source.tensors = fx->tensors;
    fx->source.fails_at = SIZE_MAX;
}

static void begin(void)
{
    scratch_begin();
    rng_state = 1;
    fx = calloc(1, sizeof *fx);
    fx->source.base.ops = &mem_ops;
    fx->source.fd = -1;
    fx->model.name = "memory";
    fx->model.tensors = fx->tensors;
    fx->model.source = &fx->source.base;
    fx->plan.outputs = fx->outputs;
    qk_init(&fx->kernels, GG_CPU_C);
    fx->scratch = aligned_alloc(64, 16 << 20);
}

static void end(void)
{
    for (size_t o = 0; o < fx->plan.n_outputs; o++) {
        free(fx->outputs[o].tensors);
        if (fx->outputs[o].files != NULL)
            ggf_layout_free(fx->outputs[o].files->layout);
        free(fx->outputs[o].files);
        free(fx->images[o]);
    }
    free(fx->scratch);
    free(fx->weights);
    free(fx->source.data);
    free(fx);
    scratch_end();
}

/* Odd shapes: many rows, narrow rows, rows longer than a tile, experts, one number, nothing. */
static void odd_model(void)
{
    add(QT_F32, 4096, 130, 1);
    add(QT_F32, 32, 5001, 1);
    add(QT_F32, 2 * 65536 + 256, 5, 1);
    add(QT_F16, 64, 33, 20);
    add(QT_F32, 1, 1, 1);
    add(QT_F32, 0, 7, 1);
    add(QT_F32, 256, 300, 3);
    add(QT_F16, 65536, 9, 1);
    fill();
}

/* ---- plans ----------------------------------------------------------------------------------- */

/* An output that encodes to type what fills its blocks, and copies the rest. */
static void add_output(uint32_t type)
{
    struct gg_err err;
    struct gg_plan_output *o = &fx->outputs[fx->plan.n_outputs++];
    size_t n = fx->model.n_tensors;
    struct ggf_tensor_spec *specs = calloc(n, sizeof *specs);
    struct ggf_meta *meta;
    o->n_tensors = n;
    o->n_files = 1;
    o->tensors = calloc(n, sizeof *o->tensors);
    o->files = calloc(1, sizeof *o->files);
    for (size_t i = 0; i < n; i++) {
        const struct gg_tensor *t = &fx->tensors[i];
        bool encode = type != QT_NONE && t->ne[0] % qt_info(type)->block_nelems == 0;
        uint32_t to = encode ? type : t->type;
        o->tensors[i] = (struct gg_plan_tensor){.src = i, .name = t->name, .from = t->type, .to = to,
                                                .action = encode ? GG_ENCODE : GG_COPY};
        specs[i] = (struct ggf_tensor_spec){.name = t->name, .type = to, .n_dims = 3,
                                            .ne = {t->ne[0], t->ne[1], t->ne[2], 1}};
    }
    ck_assert_int_eq(ggf_meta_new(&meta, &err), GG_OK);
    ck_assert_int_eq(ggf_layout_new(&o->files->layout, meta, specs, n, &err), GG_OK);
    for (size_t i = 0; i < n; i++) {
        o->tensors[i].off = ggf_layout_tensor_off(o->files->layout, i);
        o->tensors[i].nbytes = ggf_layout_tensor_nbytes(o->files->layout, i);
    }
    o->files->nbytes = ggf_layout_file_nbytes(o->files->layout);
    ggf_meta_free(meta);
    free(specs);
}

static int read_weights(const struct gg_weights *w, uint64_t first, size_t n, float *dst,
                        struct gg_err *err)
{
    (void)w, (void)err;
    memcpy(dst, fx->weights + first, n * sizeof *dst);
    return GG_OK;
}

static const struct gg_weights weights_in_memory = {read_weights};

/* The same weights for every tensor of an output; experts get some of their own. */
static void add_weights(size_t output)
{
    enum { N = 4 * 65536 };
    fx->weights = malloc(N * sizeof *fx->weights);
    for (size_t i = 0; i < N; i++)
        fx->weights[i] = (float)(1 + rng() % 100) / 50.0f;
    for (size_t i = 0; i < fx->model.n_tensors; i++) {
        struct gg_plan_tensor *t = &fx->outputs[output].tensors[i];
        t->weights = t->action == GG_ENCODE ? &weights_in_memory : NULL;
        t->n_weight_mats = fx->tensors[i].ne[2];
    }
}

/* What a tensor should become, by one kernel call for each matrix. */
static void expect(uint8_t *out, const struct gg_plan_tensor *t)
{
    const struct gg_tensor *s = &fx->tensors[t->src];
    const uint8_t *stored = fx->source.data + s->file_off;
    uint64_t row_nbytes;
    if (t->action == GG_COPY) {
        memcpy(out, stored, t->nbytes);
        return;
    }
    float *x = malloc((s->nelems + 1) * sizeof *x);
    fx->kernels.k[s->type].dequant(x, stored, s->nelems / qt_info(s->type)->block_nelems);
    ck_assert(qt_row_nbytes(t->to, s->ne[0], &row_nbytes));
    for (uint64_t m = 0; m < s->ne[2]; m++) {
        struct qk_args args = {.scratch = fx->scratch};
        if (t->weights != NULL)
            args.weights = fx->weights + (t->n_weight_mats > 1 ? m * s->ne[0] : 0);
        fx->kernels.k[t->to].quant(out + m * s->ne[1] * row_nbytes, x + m * s->ne[1] * s->ne[0],
                                   s->ne[1], s->ne[0], row_nbytes, s->ne[0], &args);
    }
    free(x);
}

/* The whole file an output should become: header, tensors, zeros between. */
static const uint8_t *image(size_t o)
{
    const struct gg_plan_output *out = &fx->outputs[o];
    size_t header_nbytes;
    if (fx->images[o] != NULL)
        return fx->images[o];
    const void *header = ggf_layout_header(out->files->layout, &header_nbytes);
    fx->images[o] = calloc(1, out->files->nbytes);
    memcpy(fx->images[o], header, header_nbytes);
    for (size_t i = 0; i < out->n_tensors; i++)
        expect(fx->images[o] + out->tensors[i].off, &out->tensors[i]);
    return fx->images[o];
}

/* ---- running --------------------------------------------------------------------------------- */

struct how {
    unsigned workers;
    uint64_t memory;
    bool plain; /* no digest */
};

static const struct how hows[] = {{1, 0, false}, {2, 0, false}, {7, 0, true},
                                  {1, 3 << 20, false}, {3, 7 << 20, true}};

static struct gg_write_opts options(const struct how *how)
{
    return (struct gg_write_opts){
        .stream = {.kernels = &fx->kernels, .n_workers = how->workers, .max_memory = how->memory},
        .stats = true, .sha256 = !how->plain};
}

static const char *out_name(size_t o)
{
    static const char *const names[] = {"out0", "out1", "out2"};
    return names[o];
}

static int write_all(const struct gg_write_opts *opts, struct gg_write_report *report,
                     struct gg_err *err)
{
    struct gg_sink *sinks[3] = {NULL};
    for (size_t o = 0; o < fx->plan.n_outputs; o++) {
        struct gg_sink_opts so = {.nbytes = fx->outputs[o].files->nbytes, .force = true};
        ck_assert_int_eq(gg_sink_open(&sinks[o], scratch_path(out_name(o)), &so, err), GG_OK);
    }
    int rc = gg_stream_write(&fx->model, &fx->plan, sinks, opts, report, err);
    for (size_t o = 0; o < fx->plan.n_outputs; o++) {
        if (rc == GG_OK)
            ck_assert_int_eq(gg_sink_finish(sinks[o], err), GG_OK);
        if (rc == GG_OK)
            ck_assert_int_eq(gg_sink_commit(sinks[o], err), GG_OK);
        gg_sink_free(sinks[o]);
    }
    return rc;
}

static void check_file(size_t o, const char *file, const struct gg_write_report *report)
{
    const struct gg_plan_output *out = &fx->outputs[o];
    size_t n;
    uint8_t digest[32];
    char *got = scratch_read(file, &n);
    ck_assert_ptr_nonnull(got);
    ck_assert_uint_eq(n, out->files->nbytes);
    for (size_t i = 0; i < out->n_tensors; i++)
        ck_assert_msg(memcmp(got + out->tensors[i].off, image(o) + out->tensors[i].off,
                             out->tensors[i].nbytes) == 0, "output %zu, tensor %zu", o, i);
    ck_assert_int_eq(memcmp(got, image(o), n), 0);
    if (report->sha256 != NULL) {
        struct gg_digest *d = gg_digest_new(GG_SHA256);
        gg_digest_add(d, got, n);
        gg_digest_end(d, digest);
        gg_digest_free(d);
        ck_assert_int_eq(memcmp(digest, report->sha256[o][0], 32), 0);
    }
    free(got);
}

static void check_same_results(const struct gg_write_report *a, const struct gg_write_report *b)
{
    for (size_t o = 0; o < fx->plan.n_outputs; o++)
        ck_assert_int_eq(memcmp(a->results[o], b->results[o],
                                fx->outputs[o].n_tensors * sizeof **a->results), 0);
}

/* Runs the plan in every way; bytes are those of plain kernel calls, numbers always the same. */
static void check_all_ways(void)
{
    struct gg_write_report first = {0};
    for (size_t i = 0; i < GG_COUNTOF(hows); i++) {
        struct gg_err err = {0};
        struct gg_write_report report;
        struct gg_write_opts opts = options(&hows[i]);
        int rc = write_all(&opts, i == 0 ? &first : &report, &err);
        ck_assert_msg(rc == GG_OK, "%s", err.msg);
        struct gg_write_report *r = i == 0 ? &first : &report;
        for (size_t o = 0; o < fx->plan.n_outputs; o++)
            check_file(o, out_name(o), r);
        if (hows[i].memory != 0)
            ck_assert_uint_le(r->usage.memory_nbytes, hows[i].memory);
        if (i > 0) {
            check_same_results(&first, &report);
            gg_write_report_free(&report);
        }
    }
    gg_write_report_free(&first);
}

/* ---- tests ----------------------------------------------------------------------------------- */

START_TEST(test_grid)
{
    static const uint64_t shapes[][4] = {{1, 1, 1, 1}, {3, 70000, 1, 1}, {4096, 100, 8, 1},
                                         {65536, 3, 2, 2}, {65537, 3, 2, 1}, {200000, 2, 1, 3},
                                         {8, 4, 1000, 2}, {0, 5, 5, 5}, {5, 5, 0, 1}};
    for (size_t i = 0; i < GG_COUNTOF(shapes) * 2; i++) {
        struct gg_grid g;
        const uint64_t *ne = shapes[i / 2];
        uint64_t next = 0;
        gg_grid_init(&g, ne, i % 2);
        for (uint64_t k = 0; k < g.n_tiles; k++) {
            struct gg_cell c;
            gg_grid_cell(&g, k, &c);
            ck_assert_uint_eq(c.first, next);
            ck_assert_uint_eq(c.first, c.row * ne[0] + c.col);
            ck_assert_uint_eq(c.nelems, c.n_rows * c.n_cols);
            ck_assert(c.nelems > 0 && c.nelems <= gg_grid_tile_nelems(&g));
            ck_assert(c.nelems <= GG_TILE_NELEMS && c.col % GG_TILE_NELEMS == 0);
            ck_assert(c.n_rows == 1 || c.n_cols == ne[0]);
            if (i % 2)
                ck_assert_uint_eq(c.row / ne[1], (c.row + c.n_rows - 1) / ne[1]);
            next += c.nelems;
        }
        ck_assert_uint_eq(next, ne[0] * ne[1] * ne[2] * ne[3]);
        ck_assert_uint_eq(gg_grid_elem(&g, g.n_tiles), next);
    }
}
END_TEST

START_TEST(test_encode)
{
    odd_model();
    add_output(QT_Q8_0);
    add_output(QT_F16);
    add_output(QT_Q8_0); /* shares the encoding of the first */
    check_all_ways();
}
END_TEST

START_TEST(test_weights)
{
    odd_model();
    add_output(QT_Q6_K);
    add_output(QT_IQ4_NL);
    add_weights(0);
    check_all_ways();
}
END_TEST

/* Stands in for the kernels that sum over a row: its output depends on the sum's every bit. */
static void quant_by_row_sum(void *dst, const float *src, size_t n_rows, size_t n_cols,
                             size_t dst_stride, size_t src_stride, const struct qk_args *args)
{
    for (size_t r = 0; r < n_rows; r++) {
        const float *x = src + r * src_stride;
        size_t width = n_cols;
        float sum = 0;
        if (args->row_sumx2 != NULL) {
            sum = args->row_sumx2[r];
            width = args->row_n_cols;
        } else {
            for (size_t i = 0; i < n_cols; i++)
                sum += x[i] * x[i];
        }
        for (size_t i = 0; i < n_cols; i++) {
            float y = x[i] * args->weights[i] + sum / (float)width;
            memcpy((char *)dst + r * dst_stride + 4 * i, &y, 4);
        }
    }
}

START_TEST(test_row_sums)
{
    add(QT_F32, 7 * 65536 + 96, 2, 1);
    add(QT_F32, 65536 + 32, 11, 1);
    add(QT_F32, 3 * 65536, 2, 2);
    fill();
    fx->kernels.k[QT_F32].quant = quant_by_row_sum;
    fx->kernels.k[QT_F32].whole_rows = true;
    add_output(QT_F32);
    add_output(QT_Q5_1); /* and the real thing */
    ck_assert(fx->kernels.k[QT_Q5_1].whole_rows);
    fx->weights = malloc(8 * 65536 * sizeof(float));
    for (int i = 0; i < 8 * 65536; i++)
        fx->weights[i] = (float)(rng() % 1000) / 1000.0f;
    for (int i = 0; i < 6; i++) {
        struct gg_plan_tensor *t = &fx->outputs[i % 2].tensors[i / 2];
        t->weights = &weights_in_memory;
        t->n_weight_mats = fx->tensors[i / 2].ne[2];
    }
    check_all_ways();
}
END_TEST

START_TEST(test_copy)
{
    struct gg_write_report r;
    struct gg_err err;
    odd_model();
    add_output(QT_NONE);
    check_all_ways(); /* through buffers */
    scratch_write("in", fx->source.data, fx->nbytes);
    fx->source.fd = open(scratch_path("in"), O_RDONLY);
    struct gg_write_opts opts = options(&hows[2]);
    ck_assert_int_eq(write_all(&opts, &r, &err), GG_OK);
    check_file(0, "out0", &r);
    ck_assert_uint_eq(r.usage.read_nbytes, 0);
    uint64_t data = 0;
    for (size_t i = 0; i < fx->model.n_tensors; i++)
        data += fx->tensors[i].nbytes;
    ck_assert_uint_eq(r.usage.copied_nbytes, data);
    gg_write_report_free(&r);
    close(fx->source.fd);
}
END_TEST

static void expect_failure(enum gg_code code, const char *msg)
{
    for (size_t i = 0; i < GG_COUNTOF(hows); i++) {
        struct gg_err err = {0};
        struct gg_write_opts opts = options(&hows[i]);
        ck_assert_int_eq(write_all(&opts, NULL, &err), code);
        ck_assert_str_eq(err.msg, msg);
    }
    ck_assert_uint_eq(scratch_count(), 0);
}

START_TEST(test_nonfinite)
{
    odd_model();
    add_output(QT_Q8_0);
    floats_of(6)[256 * 301 + 40] = -INFINITY;
    expect_failure(GG_ERR_CORRUPT, "memory: tensor 't6': matrix 1, row 1, column 40: not finite (-Inf)");
    floats_of(2)[(2 * 65536 + 256) * 3 + 70000] = INFINITY;
    floats_of(2)[(2 * 65536 + 256) * 3 + 70001] = NAN;
    expect_failure(GG_ERR_CORRUPT, "memory: tensor 't2': row 3, column 70000: not finite (Inf)");
    floats_of(0)[4096 * 17 + 40] = NAN;
    expect_failure(GG_ERR_CORRUPT, "memory: tensor 't0': row 17, column 40: not finite (NaN)");
    for (size_t i = 0; i < GG_COUNTOF(hows); i++) {
        struct gg_err err;
        struct gg_write_report r;
        struct gg_write_opts opts = options(&hows[i]);
        opts.nonfinite = GG_NONFINITE_ZERO;
        ck_assert_int_eq(write_all(&opts, &r, &err), GG_OK);
        ck_assert_uint_eq(r.results[0][0].n_zeroed, 1);
        ck_assert_uint_eq(r.results[0][1].n_zeroed, 0);
        ck_assert_uint_eq(r.results[0][2].n_zeroed, 2);
        ck_assert_uint_eq(r.results[0][6].n_zeroed, 1);
        gg_write_report_free(&r);
    }
}
END_TEST

START_TEST(test_overflow)
{
    struct gg_err err;
    struct gg_write_report r;
    odd_model();
    add_output(QT_Q4_0);
    floats_of(1)[32 * 4000 + 7] = -1e6f;
    floats_of(1)[32 * 4001 + 8] = 1e6f;
    expect_failure(GG_ERR_UNSUPPORTED, "memory: tensor 't1': row 4000, column 7: scale of the block "
                                       "overflows F16 in q4_0: value -1e+06");
    struct gg_write_opts opts = options(&hows[2]);
    opts.note_overflow = true;
    ck_assert_int_eq(gg_stream_write(&fx->model, &fx->plan, NULL, &opts, &r, &err), GG_OK);
    ck_assert_uint_eq(r.results[0][1].n_overflow, 2);
    ck_assert_uint_eq(r.results[0][1].overflow.row, 4000);
    ck_assert_uint_eq(r.results[0][0].n_overflow, 0);
    ck_assert(r.results[0][0].encoded && !r.results[0][4].encoded);
    gg_write_report_free(&r);
    bool only[MAX_TENSORS] = {[0] = true};
    opts.note_overflow = false;
    opts.only = only;
    ck_assert_int_eq(gg_stream_write(&fx->model, &fx->plan, NULL, &opts, &r, &err), GG_OK);
    ck_assert(r.results[0][0].encoded && !r.results[0][1].encoded);
    gg_write_report_free(&r);
}
END_TEST

START_TEST(test_read_failure)
{
    odd_model();
    add_output(QT_Q8_0);
    fx->source.fails_at = 3;
    expect_failure(GG_ERR_IO, "tensor 3: Input/output error");
}
END_TEST

struct drained {
    char *p;
    size_t n, cap;
};

static void *drain(void *arg)
{
    struct drained *d = arg;
    int fd = open(scratch_path("fifo"), O_RDONLY);
    for (ssize_t r; (r = read(fd, d->p + d->n, d->cap - d->n)) > 0;)
        d->n += (size_t)r;
    close(fd);
    return NULL;
}

START_TEST(test_pipe)
{
    odd_model();
    add_output(QT_Q8_0);
    ck_assert_int_eq(mkfifo(scratch_path("fifo"), 0600), 0);
    for (size_t i = 0; i < GG_COUNTOF(hows); i++) {
        struct gg_err err;
        struct gg_sink *sink;
        pthread_t reader;
        struct drained d = {malloc(fx->nbytes + (1 << 20)), 0, fx->nbytes + (1 << 20)};
        struct gg_sink_opts so = {.nbytes = fx->outputs[0].files->nbytes};
        struct gg_write_opts opts = options(&hows[i]);
        struct gg_write_report r;
        ck_assert_int_eq(pthread_create(&reader, NULL, drain, &d), 0);
        ck_assert_int_eq(gg_sink_open(&sink, scratch_path("fifo"), &so, &err), GG_OK);
        ck_assert_int_eq(gg_stream_write(&fx->model, &fx->plan, &sink, &opts, &r, &err), GG_OK);
        ck_assert_int_eq(gg_sink_finish(sink, &err), GG_OK);
        gg_sink_free(sink);
        pthread_join(reader, NULL);
        scratch_write("piped", d.p, d.n);
        check_file(0, "piped", &r);
        gg_write_report_free(&r);
        free(d.p);
    }
}
END_TEST

START_TEST(test_memory_limit)
{
    struct gg_err err;
    struct gg_write_report r;
    struct how how = {4, 1000, true};
    odd_model();
    add_output(QT_F16);
    struct gg_write_opts opts = options(&how);
    ck_assert_int_eq(write_all(&opts, &r, &err), GG_ERR_LIMIT);
    const char *least = strstr(err.msg, "at least ");
    ck_assert_ptr_nonnull(least);
    opts.stream.max_memory = strtoull(least + 9, NULL, 10);
    gg_write_report_free(&r);
    ck_assert_int_eq(write_all(&opts, &r, &err), GG_OK);
    ck_assert_uint_eq(r.usage.n_workers, 1);
    ck_assert_uint_le(r.usage.memory_nbytes, opts.stream.max_memory);
    check_file(0, "out0", &r);
    gg_write_report_free(&r);
}
END_TEST

struct watch {
    uint64_t done, total;
    bool broken;
};

static void watch(void *ctx, uint64_t done, uint64_t total)
{
    struct watch *w = ctx;
    w->broken |= done < w->done || done > total;
    w->done = done;
    w->total = total;
}

START_TEST(test_tiny_tensors)
{
    struct gg_err err;
    struct watch seen = {0};
    for (int i = 0; i < MAX_TENSORS; i++)
        add(QT_F32, 32, 1, 1);
    fill();
    add_output(QT_F16);
    struct gg_write_opts opts = options(&hows[2]);
    struct gg_write_report r;
    opts.stream.progress = watch;
    opts.stream.progress_ctx = &seen;
    ck_assert_int_eq(write_all(&opts, &r, &err), GG_OK);
    check_file(0, "out0", &r);
    ck_assert(!seen.broken);
    ck_assert_uint_eq(seen.total, MAX_TENSORS * 128);
    ck_assert_uint_eq(seen.done, seen.total);
    gg_write_report_free(&r);
}
END_TEST

/* ---- looking --------------------------------------------------------------------------------- */

struct compared {
    double diff, sum;
    uint64_t n_tiles, next[MAX_TENSORS];
    size_t item;
    bool broken;
};

static int compare_tile(void *ctx, const struct gg_tile *t, void *part, void *scratch,
                        struct gg_err *err)
{
    double *p = part;
    (void)ctx;
    if (p[0] != 0 || p[1] != 0)
        return gg_fail(err, GG_ERR_BUG, 0, "a part is not zero");
    memset(scratch, 1, 1000);
    for (size_t i = 0; i < t->nelems; i++) {
        p[0] += fabs((double)t->x[0][i] - (double)t->x[1][i]);
        p[1] += (double)t->x[0][i];
    }
    if (t->raw_nbytes[0] != t->nelems * 4)
        return gg_fail(err, GG_ERR_BUG, 0, "raw bytes are off");
    return GG_OK;
}

static int combine_tile(void *ctx, const struct gg_tile *t, void *part, struct gg_err *err)
{
    struct compared *c = ctx;
    const double *p = part;
    (void)err;
    c->broken |= t->item < c->item || t->first != c->next[t->item];
    c->item = t->item;
    c->next[t->item] = t->first + t->nelems;
    c->diff += p[0];
    c->sum += p[1];
    c->n_tiles++;
    return GG_OK;
}

START_TEST(test_visit_two)
{
    struct gg_err err;
    struct gg_tensor others[MAX_TENSORS];
    struct mem_source other;
    const size_t pair[4][2] = {{6, 6}, {0, 0}, {5, 5}, {2, 2}};
    struct gg_visit_list list = {&pair[0][0], 4};
    odd_model();
    memcpy(others, fx->tensors, sizeof others);
    other = fx->source;
    other.data = malloc(fx->nbytes);
    other.tensors = others;
    memcpy(other.data, fx->source.data, fx->nbytes);
    ((float *)(void *)(other.data + others[2].file_off))[99999] += 0.5f;
    struct gg_model second = fx->model;
    second.source = &other.base;
    second.tensors = others;
    const struct gg_model *models[2] = {&fx->model, &second};
    double sum = 0;
    for (size_t i = 0; i < GG_COUNTOF(hows); i++) {
        struct compared *c = calloc(1, sizeof *c);
        struct gg_visitor v = {GG_SEE_FLOATS, 2 * sizeof(double), 1000, compare_tile, combine_tile,
                               c};
        struct gg_stream_opts o = options(&hows[i]).stream;
        ck_assert_int_eq(gg_stream_visit(models, 2, &list, &v, &o, NULL, &err), GG_OK);
        ck_assert(!c->broken);
        ck_assert(fabs(c->diff - 0.5) < 1e-6);
        ck_assert_uint_eq(c->next[3], fx->tensors[2].nelems);
        ck_assert(i == 0 || c->sum == sum);
        sum = c->sum;
        free(c);
    }
    free(other.data);
}
END_TEST

static int sum_present(void *ctx, const struct gg_tile *t, void *part, void *scratch,
                       struct gg_err *err)
{
    double *p = part;
    (void)ctx, (void)scratch, (void)err;
    for (size_t m = 0; m < 3; m++) {
        if ((t->tensor[m] == GG_NO_TENSOR) != (t->x[m] == NULL && t->raw[m] == NULL))
            return gg_fail(err, GG_ERR_BUG, 0, "a tensor that is not there is shown");
        for (size_t i = 0; t->x[m] != NULL && i < t->nelems; i++)
            p[m] += t->x[m][i];
    }
    return GG_OK;
}

static int add_present(void *ctx, const struct gg_tile *t, void *part, struct gg_err *err)
{
    const double *p = part;
    (void)err;
    for (size_t m = 0; m < 3; m++)
        ((double(*)[3])ctx)[t->item][m] += p[m];
    return GG_OK;
}

START_TEST(test_visit_three)
{
    struct gg_err err;
    const size_t tensor[2][3] = {{0, GG_NO_TENSOR, 0}, {2, 2, GG_NO_TENSOR}};
    struct gg_visit_list list = {&tensor[0][0], 2};
    odd_model();
    const struct gg_model *models[3] = {&fx->model, &fx->model, &fx->model};
    double first[2][3] = {{0}};
    for (size_t i = 0; i < GG_COUNTOF(hows); i++) {
        double sum[2][3] = {{0}};
        struct gg_visitor v = {GG_SEE_FLOATS, sizeof sum[0], 0, sum_present, add_present, sum};
        struct gg_stream_opts o = options(&hows[i]).stream;
        ck_assert_int_eq(gg_stream_visit(models, 3, &list, &v, &o, NULL, &err), GG_OK);
        ck_assert(sum[0][0] != 0 && sum[0][0] == sum[0][2] && sum[0][1] == 0);
        ck_assert(sum[1][0] != 0 && sum[1][0] == sum[1][1] && sum[1][2] == 0);
        if (i == 0)
            memcpy(first, sum, sizeof first);
        ck_assert_int_eq(memcmp(first, sum, sizeof first), 0);
    }
}
END_TEST

START_TEST(test_scan)
{
    struct gg_err err;
    struct gg_scan_result r[8], again[2];
    odd_model();
    floats_of(0)[5000] = INFINITY;
    floats_of(0)[4999] = NAN;
    floats_of(0)[500000] = NAN;
    floats_of(2)[140000] = -77.5f;
    floats_of(2)[140001] = 77.5f;
    fx->tensors[3].known = false;
    for (size_t i = 0; i < GG_COUNTOF(hows); i++) {
        struct gg_stream_opts o = options(&hows[i]).stream;
        ck_assert_int_eq(gg_stream_scan(&fx->model, NULL, 8, &o, r, &err), GG_OK);
        ck_assert_uint_eq(r[0].n_nan, 2);
        ck_assert_uint_eq(r[0].n_inf, 1);
        ck_assert_uint_eq(r[0].first.row, 1);
        ck_assert_uint_eq(r[0].first.col, 903);
        ck_assert(r[0].max_abs > 1.2f && r[0].max_abs < 1.3f);
        ck_assert(r[2].max_abs == 77.5f && r[2].max.elem == 140000 && r[2].max.row == 1);
        ck_assert_uint_eq(r[3].n_nan + r[3].n_inf + (r[3].max_abs > 0), 0);
        size_t some[2] = {2, 0};
        ck_assert_int_eq(gg_stream_scan(&fx->model, some, 2, &o, again, &err), GG_OK);
        ck_assert_int_eq(memcmp(&again[0], &r[2], sizeof r[2]), 0);
        ck_assert_uint_eq(again[1].n_nan, 2);
    }
    ck_assert_int_eq(gg_stream_scan(&fx->model, (size_t[]){3}, 1,
                                    &(struct gg_stream_opts){.kernels = &fx->kernels}, r, &err),
                     GG_ERR_UNSUPPORTED);
}
END_TEST

static int stop_at(void *ctx, const struct gg_tile *t, void *part, void *scratch, struct gg_err *err)
{
    (void)ctx;
    (void)part;
    (void)scratch;
    if (t->tensor[0] >= 1 && t->first > 0)
        return gg_fail(err, GG_ERR_CORRUPT, t->first, "tensor %zu at %llu", t->tensor[0],
                       (unsigned long long)t->first);
    return GG_OK;
}

START_TEST(test_visit_stops)
{
    odd_model();
    const struct gg_model *m = &fx->model;
    for (size_t i = 0; i < GG_COUNTOF(hows); i++) {
        struct gg_err err = {0};
        struct gg_visitor v = {.visit = stop_at};
        struct gg_stream_opts o = options(&hows[i]).stream;
        ck_assert_int_eq(gg_stream_visit(&m, 1, NULL, &v, &o, NULL, &err), GG_ERR_CORRUPT);
        ck_assert_str_eq(err.msg, "tensor 1 at 65536");
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("stream");
    TCase *t = tcase_create("stream");
    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, test_grid);
    tcase_add_test(t, test_encode);
    tcase_add_test(t, test_weights);
    tcase_add_test(t, test_row_sums);
    tcase_add_test(t, test_copy);
    tcase_add_test(t, test_nonfinite);
    tcase_add_test(t, test_overflow);
    tcase_add_test(t, test_read_failure);
    tcase_add_test(t, test_pipe);
    tcase_add_test(t, test_memory_limit);
    tcase_add_test(t, test_tiny_tensors);
    tcase_add_test(t, test_visit_two);
    tcase_add_test(t, test_visit_three);
    tcase_add_test(t, test_scan);
    tcase_add_test(t, test_visit_stops);
    tcase_set_timeout(t, 120);
    suite_add_tcase(s, t);
    return s;
}
