/* --hex: the first block of a tensor that differs, as numbers and as bytes. */
#include "cmds/diff.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/quant/qtype.h"

#include <stdlib.h>
#include <string.h>

/* Elements read at once: a multiple of every block. */
enum { STEP = 65536, PER_LINE = 8, BYTES_PER_LINE = 16 };

/* One side of a tensor. */
struct half {
    const struct gg_model *model;
    size_t index;
    const struct qt_info *type;
    uint8_t *raw;
    float *x;
};

struct hex {
    struct diff *d;
    struct qk_table *kernels;
    struct half side[2];
};

static int read_half(const struct hex *h, struct half *s, uint64_t first, uint64_t n,
                     struct gg_err *err)
{
    int rc = s->model->source->ops->read(s->model->source, s->index, first, n, s->raw, err);
    if (rc == GG_OK)
        h->kernels->k[s->type->type].dequant(s->x, s->raw, (size_t)(n / s->type->block_nelems));
    return rc;
}

/* First of n elements that differ: as bytes when both are of one type, so that equal values stored
 * differently are found too. */
static uint64_t first_of(const struct hex *h, uint64_t n)
{
    const struct half *a = &h->side[0], *b = &h->side[1];
    uint64_t block = a->type->block_nelems, nbytes = a->type->block_nbytes;
    for (uint64_t i = 0; a->type == b->type && i < n / block; i++) {
        if (memcmp(a->raw + i * nbytes, b->raw + i * nbytes, nbytes) != 0)
            return i * block;
    }
    for (uint64_t i = 0; a->type != b->type && i < n; i++) {
        if (memcmp(&a->x[i], &b->x[i], sizeof(float)) != 0 && a->x[i] != b->x[i])
            return i;
    }
    return n;
}

static void print_values(FILE *f, const float *x, const float *other, uint64_t n,
                         const struct gg_term *term)
{
    for (uint64_t i = 0; i < n; i++) {
        bool differs = memcmp(&x[i], &other[i], sizeof *x) != 0;
        if (i % PER_LINE == 0)
            fprintf(f, "%s     ", i > 0 ? "\n" : "");
        fprintf(f, " %s%11.5g%s", gg_term_style(term, differs ? GG_YELLOW : GG_DIM), (double)x[i],
                gg_term_style(term, GG_PLAIN));
    }
    fputc('\n', f);
}

static void print_bytes(FILE *f, const uint8_t *p, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        if (i % BYTES_PER_LINE == 0)
            fprintf(f, "%s      %04llx ", i > 0 ? "\n" : "", (unsigned long long)i);
        fprintf(f, " %02x", p[i]);
    }
    fputc('\n', f);
}

/* The larger of both blocks that holds the element, at least a line of values. */
static int print_block(struct hex *h, size_t item, uint64_t elem, struct gg_err *err)
{
    FILE *f = h->d->env->out;
    const struct gg_tensor *t = diff_tensor(h->d, item, 0);
    struct gg_buf name = GG_BUF_INIT;
    uint64_t block = gg_max_u64(h->side[0].type->block_nelems, h->side[1].type->block_nelems);
    block = gg_max_u64(block, PER_LINE);
    uint64_t first = elem / block * block, n = gg_min_u64(block, t->nelems - first);
    gg_text_escape(&name, t->name.p, t->name.nbytes, 0);
    fprintf(f, "\n  %s: first difference in row %llu, column %llu\n", gg_buf_str(&name),
            (unsigned long long)(elem / t->ne[0]), (unsigned long long)(elem % t->ne[0]));
    gg_buf_free(&name);
    for (size_t i = 0; i < 2; i++) {
        int rc = read_half(h, &h->side[i], first, n, err);
        if (rc != GG_OK)
            return rc;
    }
    for (size_t i = 0; i < 2; i++) {
        const struct half *s = &h->side[i];
        uint64_t nbytes = n / s->type->block_nelems * s->type->block_nbytes;
        fprintf(f, "    %c %s, %llu elements from column %llu, %llu bytes", (char)('A' + i),
                s->type->name, (unsigned long long)n, (unsigned long long)(first % t->ne[0]),
                (unsigned long long)nbytes);
        if (s->model->set != NULL)
            fprintf(f, " at %llu of the file",
                    (unsigned long long)(s->model->tensors[s->index].file_off +
                                         first / s->type->block_nelems * s->type->block_nbytes));
        fputc('\n', f);
        print_values(f, s->x, h->side[1 - i].x, n, &h->d->term);
        print_bytes(f, s->raw, nbytes);
    }
    return GG_OK;
}

static int show_item(struct hex *h, size_t item, struct gg_err *err)
{
    const struct gg_tensor *t = diff_tensor(h->d, item, 0);
    for (size_t i = 0; i < 2; i++) {
        h->side[i].model = h->d->models[i];
        h->side[i].index = h->d->match.items[item].tensor[i];
        h->side[i].type = qt_info(diff_tensor(h->d, item, i)->type);
    }
    for (uint64_t first = 0; first < t->nelems; first += STEP) {
        uint64_t n = gg_min_u64(STEP, t->nelems - first);
        int rc = read_half(h, &h->side[0], first, n, err);
        if (rc == GG_OK)
            rc = read_half(h, &h->side[1], first, n, err);
        uint64_t at = rc == GG_OK ? first_of(h, n) : n;
        if (rc != GG_OK || at < n)
            return rc != GG_OK ? rc : print_block(h, item, first + at, err);
    }
    return GG_OK;
}

int diff_hex(struct diff *d, struct gg_err *err)
{
    struct hex h = {.d = d, .kernels = malloc(sizeof *h.kernels)};
    bool ok = h.kernels != NULL;
    for (size_t i = 0; i < 2; i++) {
        h.side[i].raw = malloc(STEP * sizeof(double)); /* no type takes more an element */
        h.side[i].x = malloc(STEP * sizeof(float));
        ok = ok && h.side[i].raw != NULL && h.side[i].x != NULL;
    }
    int rc = ok ? GG_OK : gg_fail_nomem(err, "blocks");
    if (ok)
        qk_init(h.kernels, d->env->cpu);
    size_t n = diff_n_shown(d);
    for (size_t i = 0; rc == GG_OK && i < n; i++)
        rc = show_item(&h, d->order[i], err);
    for (size_t i = 0; rc == GG_OK && n == 0 && i < d->match.n; i++) { /* the same in other bytes */
        const struct gg_comparison *c = diff_result(d, i, 0);
        if (c != NULL && c->same == GG_SAME_VALUES && d->only != NULL)
            rc = show_item(&h, i, err);
    }
    for (size_t i = 0; i < 2; i++) {
        free(h.side[i].raw);
        free(h.side[i].x);
    }
    free(h.kernels);
    return rc;
}
