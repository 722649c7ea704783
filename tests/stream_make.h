/* A model in memory for tests of lib/stream, and the ways in which a stream is run. */
#ifndef STREAM_MAKE_H
#define STREAM_MAKE_H

#include "lib/base/num.h"
#include "lib/quant/qtype.h"
#include "lib/stream/stream.h"
#include "tests/check_main.h"
#include "tests/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a model in memory ---------------------------------------------------------------------- */

enum { MAX_TENSORS = 20000 };

struct mem_source {
    struct gg_source base;
    const struct gg_tensor *tensors;
    uint8_t *data;   /* of all, tensor i at file_off */
    int fd;          /* a file of the same bytes, or -1 */
    size_t fails_at; /* reading this tensor fails */
};

static inline int mem_read(struct gg_source *s, size_t i, uint64_t first, uint64_t n, void *dst,
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

static inline bool mem_extent(struct gg_source *s, size_t i, struct gg_extent *out)
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
static inline uint32_t rng(void)
{
    rng_state = rng_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(rng_state >> 33);
}

static inline void add(uint32_t type, uint64_t ne0, uint64_t ne1, uint64_t ne2)
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

static inline float *floats_of(size_t i)
{
    return (float *)(void *)(fx->source.data + fx->tensors[i].file_off);
}

/* Random numbers that are valid in each type used. */
static inline void fill(void)
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

static inline void begin(void)
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

static inline void end(void)
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
static inline void odd_model(void)
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

/* ---- running --------------------------------------------------------------------------------- */

struct how {
    unsigned workers;
    uint64_t memory;
    bool plain; /* no digest */
};

static const struct how hows[] = {{1, 0, false}, {2, 0, false}, {7, 0, true},
                                  {1, 3 << 20, false}, {3, 7 << 20, true}};

static inline struct gg_write_opts options(const struct how *how)
{
    return (struct gg_write_opts){
        .stream = {.kernels = &fx->kernels, .n_workers = how->workers, .max_memory = how->memory},
        .stats = true, .sha256 = !how->plain};
}

#endif
