/* Fuzz target: the bytes as a GGUF file, opened strictly and partly, walked and written again. What
 * must hold is checked with abort, so that replaying the corpus is a test as well. */
#include "gguf/gguf.h"
#include "lib/base/num.h"
#include "lib/quant/qtype.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool ok)
{
    if (!ok)
        abort();
}

/* Touches every byte of a value; returns something that depends on them. */
static uint64_t walk(const struct ggf_value *v)
{
    struct ggf_value e;
    struct ggf_str s;
    uint64_t sum = 0, u = 0, n = 0;
    int64_t i = 0;
    double d = 0;
    bool b = false;
    if (v->type == GGF_ARR) {
        for (struct ggf_iter it = ggf_iter_begin(v); ggf_iter_next(&it, &e); n++)
            sum += walk(&e);
        must(n == v->count); /* what the reader took is whole */
        return sum;
    }
    if (ggf_as_str(v, &s)) {
        for (uint64_t k = 0; k < s.nbytes; k++)
            sum += (unsigned char)s.p[k];
        return sum;
    }
    sum = ggf_as_u64(v, &u) + ggf_as_i64(v, &i) + ggf_as_f64(v, &d) + ggf_as_bool(v, &b);
    must(sum > 0 || v->type == GGF_U64 || v->type == GGF_I64);
    return sum + u + (uint64_t)i + b;
}

static void walk_file(const struct ggf_file *f, size_t n)
{
    const struct ggf_meta *m = ggf_file_meta(f);
    const struct gg_findings *g = ggf_file_findings(f);
    for (size_t i = 0; i < ggf_meta_count(m); i++) {
        const struct ggf_kv *kv = ggf_meta_at(m, i);
        must(ggf_meta_find_n(m, kv->key.p, (size_t)kv->key.nbytes) == kv && kv->key.nbytes > 0);
        must(kv->off < n);
        walk(&kv->value);
    }
    for (size_t i = 0; i < ggf_file_n_tensors(f); i++) {
        const struct ggf_tensor *t = ggf_file_tensor(f, i);
        must(ggf_file_find_tensor(f, t->name) == t && t->off % ggf_file_alignment(f) == 0);
    }
    for (size_t i = 0; i < g->n; i++)
        must(g->v[i].text[0] != '\0');
    must(ggf_file_header_nbytes(f) <= n);
}

/* A file that reads well is written, when the sizes of its types are known, and what is written reads
 * the same. */
static void rewrite(const struct ggf_file *f, const uint8_t *data)
{
    size_t n = ggf_file_n_tensors(f), nbytes;
    uint64_t ignored;
    struct ggf_tensor_spec *s = calloc(n + 1, sizeof *s);
    struct ggf_layout *l = NULL;
    struct ggf_file *again;
    bool known = true;
    must(s != NULL);
    for (size_t i = 0; i < n; i++) {
        const struct ggf_tensor *t = ggf_file_tensor(f, i);
        s[i] = (struct ggf_tensor_spec){t->name, t->type, t->n_dims, {0}};
        memcpy(s[i].ne, t->ne, sizeof s[i].ne);
        known &= qt_tensor_nbytes(t->type, t->ne, &ignored);
    }
    int rc = ggf_layout_new(&l, ggf_file_meta(f), s, n, NULL);
    must((rc == GG_OK) == known);
    if (rc == GG_OK) {
        const void *header = ggf_layout_header(l, &nbytes);
        if (ggf_file_canonical(f)) {
            must(nbytes == ggf_file_data_off(f) && ggf_layout_file_nbytes(l) == ggf_file_nbytes(f));
            must(memcmp(header, data, (size_t)ggf_file_header_nbytes(f)) == 0);
        }
        must(ggf_file_open_mem(&again, header, nbytes, "again", GGF_HEADER_ONLY, NULL) == GG_OK);
        must(ggf_meta_count(ggf_file_meta(again)) == ggf_meta_count(ggf_file_meta(f)));
        walk_file(again, nbytes);
        for (size_t i = 0; i < n; i++)
            must(ggf_file_tensor(again, i)->file_off == ggf_layout_tensor_off(l, i));
        ggf_file_free(again);
    }
    ggf_layout_free(l);
    free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ggf_file *f;
    struct gg_err err = {0};
    int strict = ggf_file_open_mem(&f, data, n, "fuzz", GGF_STRICT, &err);
    must((strict == GG_OK) == (f != NULL));
    if (f != NULL) {
        must(ggf_file_complete(f) && ggf_file_end_off(f) <= n);
        rewrite(f, data);
    } else {
        must(err.code == (enum gg_code)strict && strncmp(err.msg, "fuzz: ", 6) == 0);
        must(strchr(err.msg, '\n') == NULL);
    }
    ggf_file_free(f);
    int partial = ggf_file_open_mem(&f, data, n, "fuzz", GGF_PARTIAL, &err);
    must(partial == strict && (f != NULL) == (strict == GG_OK || strict == GG_ERR_TRUNCATED));
    if (f != NULL) {
        walk_file(f, n);
        must(strict == GG_OK || ggf_file_needs_nbytes(f) > n);
    }
    ggf_file_free(f);
    return 0;
}
