/* difforacle A B [IMATRIX]: what `ggtool diff` should say, by the plainest loops there are: whole
 * tensors decoded by the reference, sums in double from the first element to the last. GGUF only.
 *
 * One line of JSON for each tensor that both have in one shape, in the order of A:
 * {"name","rmse","nmse","max_abs","max_row","max_col","bias","cosine","row_error","exact","weighted"}
 */
#include "lib/model/model.h"
#include "lib/plan/imatrix.h"
#include "lib/quant/kernel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct qk_table kernels;

static _Noreturn void die(const char *msg)
{
    fprintf(stderr, "difforacle: %s\n", msg);
    exit(2);
}

static struct gg_model *open_model(const char *path)
{
    struct gg_model *m;
    struct gg_err err;
    if (gg_model_open_gguf(&m, path, GGF_STRICT, &err) != GG_OK)
        die(err.msg);
    return m;
}

static const struct gg_tensor *find(const struct gg_model *m, struct ggf_str name)
{
    for (size_t i = 0; i < m->n_tensors; i++) {
        const struct gg_tensor *t = &m->tensors[i];
        if (t->name.nbytes == name.nbytes && memcmp(t->name.p, name.p, name.nbytes) == 0)
            return t;
    }
    return NULL;
}

static float *decode(const struct gg_model *m, const struct gg_tensor *t)
{
    struct gg_err err;
    void *raw = malloc(t->nbytes);
    float *x = malloc(t->nelems * sizeof *x);
    if (raw == NULL || x == NULL)
        die("out of memory");
    if (m->source->ops->read(m->source, (size_t)(t - m->tensors), 0, t->nelems, raw, &err) != GG_OK)
        die(err.msg);
    kernels.k[t->type].dequant(x, raw, t->nelems / qt_info(t->type)->block_nelems);
    free(raw);
    return x;
}

static void number(const char *key, double v)
{
    if (isinf(v))
        printf(",\"%s\":\"%s\"", key, v > 0 ? "inf" : "-inf");
    else
        printf(",\"%s\":%.17g", key, v);
}

static void compare(const struct gg_tensor *t, const float *a, const float *b, const float *w)
{
    double ee = 0, aa = 0, bb = 0, ab = 0, e1 = 0, max = 0, wee = 0, waa = 0, row_error = 0;
    unsigned long long at = 0, exact = 0, n = t->nelems, cols = t->ne[0];
    for (unsigned long long row = 0; row < n / cols; row++) {
        double row_ee = 0, row_aa = 0;
        for (unsigned long long col = 0; col < cols; col++) {
            unsigned long long i = row * cols + col;
            double x = a[i], y = b[i], d = y - x;
            ee += d * d;
            aa += x * x;
            bb += y * y;
            ab += x * y;
            e1 += d;
            row_ee += d * d;
            row_aa += x * x;
            if (w != NULL) {
                double weight = w[row / t->ne[1] * cols + col];
                wee += weight * d * d;
                waa += weight * x * x;
            }
            exact += x == y;
            if (fabs(d) > max) {
                max = fabs(d);
                at = i;
            }
        }
        if (row_ee > 0 && sqrt(row_ee / row_aa) > row_error)
            row_error = sqrt(row_ee / row_aa);
    }
    printf("{\"name\":\"%.*s\"", (int)t->name.nbytes, t->name.p);
    number("rmse", sqrt(ee / (double)n));
    number("nmse", ee > 0 ? ee / aa : 0);
    number("max_abs", max);
    printf(",\"max_row\":%llu,\"max_col\":%llu", at / cols, at % cols);
    number("bias", e1 / (double)n);
    number("cosine", ee > 0 ? (aa > 0 && bb > 0 ? ab / sqrt(aa) / sqrt(bb) : 0) : 1);
    number("row_error", row_error);
    number("exact", (double)exact / (double)n);
    if (w != NULL)
        number("weighted", wee > 0 ? wee / waa : 0);
    else
        printf(",\"weighted\":null");
    printf("}\n");
}

int main(int argc, char **argv)
{
    struct gg_imatrix *im = NULL;
    struct gg_err err;
    if (argc < 3)
        die("usage: difforacle A B [IMATRIX]");
    qk_init(&kernels, GG_CPU_C);
    struct gg_model *m1 = open_model(argv[1]), *m2 = open_model(argv[2]);
    if (argc > 3 && gg_imatrix_open(&im, argv[3], &err) != GG_OK)
        die(err.msg);
    for (size_t i = 0; i < m1->n_tensors; i++) {
        const struct gg_tensor *t = &m1->tensors[i], *u = find(m2, t->name);
        const struct gg_imatrix_entry *w =
            im != NULL ? gg_imatrix_find(im, t->name.p, t->name.nbytes) : NULL;
        if (u == NULL || memcmp(t->ne, u->ne, sizeof t->ne) != 0)
            continue;
        float *a = decode(m1, t), *b = decode(m2, u);
        float *weights = w != NULL ? malloc(w->nvals * sizeof *weights) : NULL;
        if (w != NULL && w->weights.read(&w->weights, 0, w->nvals, weights, &err) != GG_OK)
            die(err.msg);
        compare(t, a, b, weights);
        free(weights);
        free(a);
        free(b);
    }
    gg_imatrix_free(im);
    gg_model_free(m1);
    gg_model_free(m2);
    return 0;
}
