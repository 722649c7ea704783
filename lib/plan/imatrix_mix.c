#include "lib/plan/imatrix_mix.h"

#include "gguf/gguf.h"
#include "lib/base/buf.h"
#include "lib/base/map.h"
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/plan/imatrix_mix_impl.h"
#include "lib/quant/qtype.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_CHUNK_SIZE = 512, MAX_GGUF_NAME = 63 };

void gg_imatrix_mix_free(struct gg_imatrix_mix *m)
{
    if (m == NULL)
        return;
    ggf_layout_free(m->layout);
    gg_findings_free(&m->findings);
    gg_arena_free(&m->mem);
    free(m->entries);
    free(m);
}

size_t gg_imatrix_mix_n_entries(const struct gg_imatrix_mix *m)
{
    return m->n_entries;
}

uint64_t gg_imatrix_mix_nbytes(const struct gg_imatrix_mix *m)
{
    return m->nbytes;
}

const struct gg_findings *gg_imatrix_mix_findings(const struct gg_imatrix_mix *m)
{
    return &m->findings;
}

/* ---- which entries go together ---------------------------------------------------------------- */

static int fail_entry(const struct gg_imatrix_entry *e, struct gg_err *err, const char *what)
{
    char shown[160];
    return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "%s: '%s' %s", e->of->file,
                   gg_text_escape_into(shown, sizeof shown, e->name, strlen(e->name)), what);
}

/* Adds one input's entry to what becomes of its name. */
static int join(struct gg_imatrix_mix *m, struct mix_entry *to, size_t input,
                const struct gg_imatrix_entry *e, struct gg_err *err)
{
    if (to->parts[input] != NULL)
        return fail_entry(e, err, "and another entry get the same name");
    if (to->nvals != 0 && to->nvals != e->nvals)
        return fail_entry(e, err, "has another number of values than in a file before");
    if (to->nmat > 1 && e->nmat > 1 && to->nmat != e->nmat)
        return fail_entry(e, err, "has another number of experts than in a file before");
    if (e->nvals % gg_max_u64(to->nmat, e->nmat) != 0)
        return fail_entry(e, err, "cannot be divided among the experts of a file before");
    to->nvals = e->nvals;
    to->nmat = gg_max_u64(to->nmat, e->nmat);
    to->parts[input] = e;
    m->n_parts++;
    return GG_OK;
}

static int add_input(struct gg_imatrix_mix *m, size_t input, struct gg_map *names, struct gg_err *err)
{
    const struct gg_imatrix *im = m->in[input];
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < im->n_entries; i++) {
        const struct gg_imatrix_entry *e = &im->entries[i];
        uint64_t at = m->n_entries;
        if (m->opts.keep != NULL && !m->opts.keep(m->opts.ctx, e->name))
            continue;
        const char *name =
            m->opts.rename != NULL ? m->opts.rename(m->opts.ctx, &m->mem, e->name) : e->name;
        int added = name != NULL ? gg_map_add(names, name, strlen(name), at, &at) : -1;
        if (added > 0) {
            m->entries[at].name = name;
            m->entries[at].parts = gg_arena_zalloc(&m->mem, m->n_in, sizeof *m->entries[at].parts);
            m->n_entries++;
        }
        if (added < 0 || m->entries[at].parts == NULL)
            return gg_fail_nomem(err, "an importance matrix");
        rc = join(m, &m->entries[at], input, e, err);
    }
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct mix_entry *)a)->name, ((const struct mix_entry *)b)->name);
}

static int list_entries(struct gg_imatrix_mix *m, struct gg_err *err)
{
    struct gg_map names = GG_MAP_INIT;
    size_t most = 0;
    int rc = GG_OK;
    for (size_t k = 0; k < m->n_in; k++)
        most += m->in[k]->n_entries;
    m->entries = calloc(most + 1, sizeof *m->entries);
    if (m->entries == NULL)
        rc = gg_fail_nomem(err, "an importance matrix");
    for (size_t k = 0; rc == GG_OK && k < m->n_in; k++)
        rc = add_input(m, k, &names, err);
    gg_map_free(&names);
    if (rc == GG_OK && m->n_entries == 0)
        rc = gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "no entry is left");
    if (rc == GG_OK)
        qsort(m->entries, m->n_entries, sizeof *m->entries, by_name);
    return rc;
}

/* ---- counts ----------------------------------------------------------------------------------- */

/* Tokens of matrix i of an entry: legacy files count chunks. */
static double tokens(const struct gg_imatrix_mix *m, const struct gg_imatrix_entry *e, uint64_t i)
{
    return (double)e->counts[e->nmat > 1 ? i : 0] * (e->of->legacy ? m->chunk_size : 1);
}

static int add_counts(struct gg_imatrix_mix *m, struct mix_entry *e, struct gg_err *err)
{
    e->counts = gg_arena_zalloc(&m->mem, (size_t)e->nmat, sizeof *e->counts);
    e->factor = gg_arena_zalloc(&m->mem, (size_t)e->nmat, sizeof *e->factor);
    if (e->counts == NULL || e->factor == NULL)
        return gg_fail_nomem(err, "counts");
    for (uint64_t i = 0; i < e->nmat; i++) {
        double sum = 0;
        for (size_t k = 0; k < m->n_in; k++)
            sum += e->parts[k] != NULL ? tokens(m, e->parts[k], i) : 0;
        /* a scaled count is still a whole number, and sums go with it so that means stay */
        double scaled = m->opts.scale == 1 || sum == 0 ? sum : fmax(1, round(sum * m->opts.scale));
        e->counts[i] = (float)scaled;
        e->factor[i] = sum > 0 ? (float)(scaled / sum) : 1;
        e->n_zero += scaled == 0;
        m->max_count = fmax(m->max_count, scaled);
    }
    return GG_OK;
}

static void report_zeros(struct gg_imatrix_mix *m, const struct mix_entry *e)
{
    bool legacy = m->opts.format == GG_IMATRIX_LEGACY;
    if (e->n_zero == e->nmat)
        gg_findings_add(&m->findings, GG_WARN, "imatrix-empty", e->name, strlen(e->name), GG_NOWHERE,
                        legacy ? "has no data and is left out" : "has no data");
    else if (e->n_zero > 0)
        gg_findings_add(&m->findings, GG_WARN, "imatrix-zero-experts", e->name, strlen(e->name),
                        GG_NOWHERE, "%" PRIu64 " of %" PRIu64 " experts have no data%s", e->n_zero,
                        e->nmat, legacy ? ", and become 1" : "");
}

static int count_all(struct gg_imatrix_mix *m, struct gg_err *err)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n_entries; i++) {
        struct mix_entry *e = &m->entries[i];
        int rc = add_counts(m, e, err);
        if (rc != GG_OK)
            return rc;
        report_zeros(m, e);
        if (m->opts.format == GG_IMATRIX_GGUF || e->n_zero < e->nmat)
            m->entries[n++] = *e; /* legacy has no way to say that there is nothing */
    }
    m->n_entries = n;
    m->n_chunks = (uint32_t)fmin(m->max_count / m->chunk_size, UINT32_MAX);
    return n > 0 ? GG_OK : gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "no entry has data");
}

/* What all inputs but legacy ones say a chunk is. */
static int settle_chunk_size(struct gg_imatrix_mix *m, struct gg_err *err)
{
    bool legacy = m->opts.format == GG_IMATRIX_LEGACY, known = false;
    m->chunk_size = m->opts.chunk_size;
    for (size_t k = 0; k < m->n_in; k++) {
        legacy |= m->in[k]->legacy;
        known |= m->in[k]->chunk_size > 0;
        if (m->chunk_size == 0)
            m->chunk_size = m->in[k]->chunk_size;
    }
    if (m->chunk_size == 0)
        m->chunk_size = DEFAULT_CHUNK_SIZE;
    if (legacy && !known && m->opts.chunk_size == 0)
        gg_findings_add(&m->findings, GG_NOTE, "imatrix-chunk-size", NULL, 0, GG_NOWHERE,
                        "legacy files do not say how many tokens a chunk has; %u are taken",
                        m->chunk_size);
    if (m->chunk_size > 1u << 24)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "a chunk of %u tokens", m->chunk_size);
    return GG_OK;
}

/* ---- GGUF ------------------------------------------------------------------------------------- */

static int set_datasets(const struct gg_imatrix_mix *m, struct ggf_meta *meta, struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT;
    uint64_t n = 0;
    for (size_t k = 0; k < m->n_in; k++) {
        for (size_t i = 0; i < m->in[k]->n_datasets; i++, n++) {
            uint8_t len[8];
            gg_store_u64(len, strlen(m->in[k]->datasets[i]));
            gg_buf_add(&b, len, sizeof len);
            gg_buf_adds(&b, m->in[k]->datasets[i]);
        }
    }
    struct ggf_value v = {.type = GGF_ARR, .elem = GGF_STR, .count = n,
                          .data = (const uint8_t *)gg_buf_str(&b), .nbytes = b.nbytes};
    int rc = b.failed ? gg_fail_nomem(err, "names of data sets")
                      : ggf_meta_set(meta, ggf_str("imatrix.datasets"), &v, err);
    gg_buf_free(&b);
    return rc;
}

static int set_keys(const struct gg_imatrix_mix *m, struct ggf_meta *meta, struct gg_err *err)
{
    int rc = ggf_meta_set_str(meta, "general.type", ggf_str("imatrix"), err);
    if (rc == GG_OK)
        rc = set_datasets(m, meta, err);
    if (rc == GG_OK)
        rc = ggf_meta_set_u32(meta, "imatrix.chunk_count", m->n_chunks, err);
    return rc == GG_OK ? ggf_meta_set_u32(meta, "imatrix.chunk_size", m->chunk_size, err) : rc;
}

static int set_spec(struct gg_imatrix_mix *m, struct ggf_tensor_spec *t, const char *stem,
                    const char *suffix, uint64_t ne0, uint64_t ne1, struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT;
    gg_buf_addf(&b, "%s%s", stem, suffix);
    const char *name = b.failed ? NULL : gg_arena_strndup(&m->mem, b.data, b.nbytes);
    size_t nbytes = b.nbytes;
    gg_buf_free(&b);
    if (name == NULL)
        return gg_fail_nomem(err, "a name");
    if (nbytes > MAX_GGUF_NAME)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "'%.100s': GGUF names have at most %d bytes, %zu for a weight's", stem,
                       MAX_GGUF_NAME, MAX_GGUF_NAME - strlen(".in_sum2"));
    *t = (struct ggf_tensor_spec){ggf_str(name), QT_F32, ne1 > 1 ? 2 : 1, {ne0, ne1, 1, 1}};
    return GG_OK;
}

static int plan_gguf(struct gg_imatrix_mix *m, struct gg_err *err)
{
    struct ggf_meta *meta = NULL;
    struct ggf_tensor_spec *t = gg_arena_zalloc(&m->mem, 2 * m->n_entries, sizeof *t);
    int rc = t != NULL ? ggf_meta_new(&meta, err) : gg_fail_nomem(err, "a list of tensors");
    if (rc == GG_OK)
        rc = set_keys(m, meta, err);
    for (size_t i = 0; rc == GG_OK && i < m->n_entries; i++) {
        const struct mix_entry *e = &m->entries[i];
        rc = set_spec(m, &t[2 * i], e->name, ".in_sum2", e->nvals / e->nmat, e->nmat, err);
        if (rc == GG_OK)
            rc = set_spec(m, &t[2 * i + 1], e->name, ".counts", 1, e->nmat, err);
    }
    if (rc == GG_OK)
        rc = ggf_layout_new(&m->layout, meta, t, 2 * m->n_entries, err);
    if (rc == GG_OK)
        m->nbytes = ggf_layout_file_nbytes(m->layout);
    ggf_meta_free(meta);
    return rc;
}

/* ---- legacy ----------------------------------------------------------------------------------- */

static int plan_legacy(struct gg_imatrix_mix *m, struct gg_err *err)
{
    size_t n_sets = 0;
    m->nbytes = 4 + 8;
    for (size_t k = 0; k < m->n_in; k++) {
        n_sets += m->in[k]->n_datasets;
        if (m->in[k]->n_datasets > 0)
            m->last_dataset = m->in[k]->datasets[m->in[k]->n_datasets - 1];
    }
    if (n_sets > 1)
        gg_findings_add(&m->findings, GG_NOTE, "imatrix-datasets", NULL, 0, GG_NOWHERE,
                        "a legacy file names one data set: the last of %zu", n_sets);
    m->nbytes += m->last_dataset != NULL ? strlen(m->last_dataset) : 0;
    for (size_t i = 0; i < m->n_entries; i++) {
        const struct mix_entry *e = &m->entries[i];
        if (e->nvals > INT32_MAX || strlen(e->name) > INT32_MAX)
            return fail_entry(e->parts[0], err, "has more values than a legacy file can say");
        m->nbytes += 12 + strlen(e->name) + 4 * e->nvals;
        if (e->nmat > 1)
            m->n_stacked++;
    }
    if (m->n_stacked > 0)
        gg_findings_add(&m->findings, GG_NOTE, "imatrix-counts", NULL, 0, GG_NOWHERE,
                        "a legacy file has one count for all experts; that of %zu entr%s is lost",
                        m->n_stacked, m->n_stacked == 1 ? "y" : "ies");
    return GG_OK;
}

int gg_imatrix_mix_new(struct gg_imatrix_mix **out, const struct gg_imatrix *const *in, size_t n_in,
                       const struct gg_imatrix_mix_opts *opts, struct gg_err *err)
{
    struct gg_imatrix_mix *m = calloc(1, sizeof *m);
    if (m == NULL)
        return gg_fail_nomem(err, "an importance matrix");
    m->in = in;
    m->n_in = n_in;
    m->opts = *opts;
    int rc = settle_chunk_size(m, err);
    if (rc == GG_OK)
        rc = list_entries(m, err);
    if (rc == GG_OK)
        rc = count_all(m, err);
    if (rc == GG_OK)
        rc = opts->format == GG_IMATRIX_GGUF ? plan_gguf(m, err) : plan_legacy(m, err);
    if (rc != GG_OK) {
        gg_imatrix_mix_free(m);
        return rc;
    }
    *out = m;
    return GG_OK;
}
