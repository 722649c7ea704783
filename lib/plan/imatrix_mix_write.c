/* Writing a mix: entry after entry, a window of values at a time. */
#include "gguf/gguf.h"
#include "lib/base/buf.h"
#include "lib/base/num.h"
#include "lib/plan/imatrix_mix_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 16384 };

struct window {
    float sum[WINDOW], part[WINDOW];
    uint8_t bytes[4 * WINDOW];
};

/* Sums of one entry over all inputs, as raw sums of squares. */
static int add_up(const struct gg_imatrix_mix *m, const struct mix_entry *e, uint64_t first, size_t n,
                  struct window *w, struct gg_err *err)
{
    uint64_t each = e->nvals / e->nmat;
    memset(w->sum, 0, n * sizeof *w->sum);
    for (size_t k = 0; k < m->n_in; k++) {
        if (e->parts[k] == NULL)
            continue;
        float times = e->parts[k]->of->legacy ? (float)m->chunk_size : 1;
        int rc = gg_imatrix_sums(e->parts[k], first, n, w->part, err);
        if (rc != GG_OK)
            return rc;
        for (size_t i = 0; i < n; i++)
            w->sum[i] += w->part[i] * times;
    }
    for (size_t i = 0; m->opts.scale != 1 && i < n; i++)
        w->sum[i] *= e->factor[(first + i) / each];
    return GG_OK;
}

/* What a legacy file has in place of sums: means times the chunks of the whole entry. */
static void to_legacy(const struct mix_entry *e, uint64_t first, size_t n, int32_t calls, float *v)
{
    uint64_t each = e->nvals / e->nmat;
    for (size_t i = 0; i < n; i++) {
        float count = e->counts[(first + i) / each];
        v[i] = (count == 0 ? 1 : v[i] / count) * (float)calls;
    }
}

/* calls: of a legacy entry, 0 for GGUF. */
static int write_values(const struct gg_imatrix_mix *m, const struct mix_entry *e, int32_t calls,
                        uint64_t off, struct window *w, struct gg_sink *sink, struct gg_err *err)
{
    int rc = GG_OK;
    for (uint64_t first = 0; rc == GG_OK && first < e->nvals; first += WINDOW) {
        size_t n = (size_t)gg_min_u64(WINDOW, e->nvals - first);
        rc = add_up(m, e, first, n, w, err);
        if (rc != GG_OK)
            break;
        if (calls > 0)
            to_legacy(e, first, n, calls, w->sum);
        for (size_t i = 0; i < n; i++)
            gg_store_u32(w->bytes + 4 * i, gg_bits_from_f32(w->sum[i]));
        rc = gg_sink_write(sink, off + 4 * first, w->bytes, 4 * n, err);
    }
    return rc;
}

static int write_gguf(const struct gg_imatrix_mix *m, struct window *w, struct gg_sink *sink,
                      struct gg_err *err)
{
    static const uint8_t zeros[256];
    uint64_t end = 0;
    size_t nbytes;
    const void *header = ggf_layout_header(m->layout, &nbytes);
    int rc = gg_sink_write(sink, 0, header, nbytes, err);
    for (size_t i = 0; rc == GG_OK && i < m->n_entries; i++) {
        const struct mix_entry *e = &m->entries[i];
        rc = write_values(m, e, 0, ggf_layout_tensor_off(m->layout, 2 * i), w, sink, err);
        uint64_t off = ggf_layout_tensor_off(m->layout, 2 * i + 1);
        for (uint64_t k = 0; rc == GG_OK && k < e->nmat; k++) {
            uint8_t b[4];
            gg_store_u32(b, gg_bits_from_f32(e->counts[k]));
            rc = gg_sink_write(sink, off + 4 * k, b, sizeof b, err);
        }
        end = off + 4 * e->nmat;
    }
    for (; rc == GG_OK && end < m->nbytes; end += nbytes) {
        nbytes = (size_t)gg_min_u64(m->nbytes - end, sizeof zeros);
        rc = gg_sink_write(sink, end, zeros, nbytes, err);
    }
    return rc;
}

static void put_i32(struct gg_buf *b, uint64_t v)
{
    uint8_t bytes[4];
    gg_store_u32(bytes, (uint32_t)v);
    gg_buf_add(b, bytes, sizeof bytes);
}

/* Chunks in which the busiest expert saw its tokens, begun ones counted. */
static int32_t calls_of(const struct gg_imatrix_mix *m, const struct mix_entry *e)
{
    double most = 0;
    for (uint64_t k = 0; k < e->nmat; k++)
        most = fmax(most, e->counts[k]);
    return (int32_t)fmin(ceil(most / m->chunk_size), INT32_MAX);
}

/* Writes what b holds and empties it. */
static int put_out(struct gg_buf *b, uint64_t *off, struct gg_sink *sink, struct gg_err *err)
{
    if (b->failed)
        return gg_fail_nomem(err, "an entry's head");
    int rc = gg_sink_write(sink, *off, b->data, b->nbytes, err);
    *off += b->nbytes;
    gg_buf_reset(b);
    return rc;
}

static int write_legacy(const struct gg_imatrix_mix *m, struct window *w, struct gg_sink *sink,
                        struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT;
    const char *dataset = m->last_dataset != NULL ? m->last_dataset : "";
    uint64_t off = 0;
    int rc = GG_OK;
    put_i32(&b, m->n_entries);
    for (size_t i = 0; rc == GG_OK && i < m->n_entries; i++) {
        const struct mix_entry *e = &m->entries[i];
        int32_t calls = calls_of(m, e);
        put_i32(&b, strlen(e->name));
        gg_buf_adds(&b, e->name);
        put_i32(&b, (uint64_t)calls);
        put_i32(&b, e->nvals);
        rc = put_out(&b, &off, sink, err);
        if (rc == GG_OK)
            rc = write_values(m, e, calls, off, w, sink, err);
        off += 4 * e->nvals;
    }
    put_i32(&b, m->n_chunks);
    put_i32(&b, strlen(dataset));
    gg_buf_adds(&b, dataset);
    if (rc == GG_OK)
        rc = put_out(&b, &off, sink, err);
    gg_buf_free(&b);
    return rc;
}

int gg_imatrix_mix_write(struct gg_imatrix_mix *m, struct gg_sink *sink, struct gg_err *err)
{
    struct window *w = malloc(sizeof *w);
    if (w == NULL)
        return gg_fail_nomem(err, "a buffer");
    int rc = m->opts.format == GG_IMATRIX_GGUF ? write_gguf(m, w, sink, err)
                                               : write_legacy(m, w, sink, err);
    free(w);
    return rc;
}
