/* lib/stream: the same bytes, sums and messages for any number of workers and any memory. */
#include "lib/stream/grid.h"
#include "lib/sys/digest.h"
#include "tests/stream_make.h"

#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* Runs the plan in every way; bytes are those of plain kernel calls, numbers always the same.
 * Emulated processors are slow: on them in three ways. */
static void check_all_ways(void)
{
    struct gg_write_report first = {0};
    size_t step = getenv("GG_TEST_FEW") != NULL ? 2 : 1;
    for (size_t i = 0; i < GG_COUNTOF(hows); i += step) {
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
    tcase_set_timeout(t, 120);
    suite_add_tcase(s, t);
    return s;
}
