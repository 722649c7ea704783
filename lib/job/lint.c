#include "lib/job/lint_impl.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/job/ftype.h"
#include "lib/model/private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void gg_lint_note(struct gg_findings *f, enum gg_severity severity, const char *code,
                  const struct ggf_kv *kv, const char *fmt, ...)
{
    char text[600];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    gg_findings_add(f, severity, code, NULL, 0, kv != NULL ? kv->off : GG_NOWHERE, "%s", text);
}

static bool is_kind(const struct gg_desc *d, const char *kind)
{
    return ggf_str_eq(d->kind, kind);
}

/* ---- general --------------------------------------------------------------------------------- */

static void lint_file_type(const struct gg_model *m, const struct gg_desc *d, struct gg_findings *f)
{
    const struct ggf_kv *kv = ggf_meta_find(m->meta, "general.file_type");
    char a[32], b[32];
    if (d->all.n_tensors == 0 || (d->kind.nbytes > 0 && !is_kind(d, "model")))
        return;
    if (!d->has_ftype) {
        gg_lint_note(f, GG_WARN, "no-file-type", NULL,
                     "metadata key 'general.file_type': is absent; the tensors are %s",
                     gg_ftype_name(gg_ftype_found(d), a));
        return;
    }
    const char *stored = gg_ftype_name(d->ftype, a), *found = gg_ftype_name(gg_ftype_found(d), b);
    if (strcmp(stored, found) != 0)
        gg_lint_note(f, GG_NOTE, "file-type", kv,
                     "metadata key 'general.file_type': says %s; most tensors are as in %s", stored,
                     found);
}

static void lint_general(const struct gg_model *m, const struct gg_desc *d, struct gg_findings *f)
{
    bool quantized = false;
    for (size_t i = 0; i < m->n_tensors; i++) {
        const struct qt_info *t = qt_info(m->tensors[i].type);
        quantized |= t != NULL && (t->flags & QT_BLOCKS) != 0;
        if (t != NULL && (t->flags & QT_ACTIVATION) != 0)
            gg_findings_add(f, GG_WARN, "activation-type", m->tensors[i].name.p,
                            (size_t)m->tensors[i].name.nbytes, GG_NOWHERE,
                            "%s is a type of intermediate results, which no model stores", t->name);
    }
    if (d->arch.name.nbytes == 0 && !is_kind(d, "imatrix"))
        gg_lint_note(f, GG_WARN, "no-architecture", NULL,
                     "metadata key 'general.architecture': is absent, so llama.cpp does not load it");
    if (quantized && ggf_meta_find(m->meta, "general.quantization_version") == NULL)
        gg_lint_note(f, GG_NOTE, "no-quantization-version", NULL,
                     "metadata key 'general.quantization_version': is absent from a quantized model");
    if (m->alignment > 4096)
        gg_lint_note(f, GG_WARN, "big-alignment", ggf_meta_find(m->meta, "general.alignment"),
                     "an alignment of %u bytes pads every tensor to that", (unsigned)m->alignment);
    for (size_t i = 0; m->set != NULL && i < m->n_files; i++) {
        if (ggf_file_version(ggf_set_file(m->set, i)) == 1)
            gg_lint_note(f, GG_WARN, "old-version", NULL,
                         "is of version 1, which llama.cpp does not read any more");
    }
}

static bool all_hex(struct ggf_str s)
{
    for (uint64_t i = 0; i < s.nbytes; i++) {
        if (!memchr("0123456789abcdef", s.p[i], 16))
            return false;
    }
    return true;
}

/* Names that come from a folder somebody happened to be in. */
static void lint_name(const struct gg_model *m, const struct gg_desc *d, struct gg_findings *f)
{
    static const char *const odd[] = {".", "..", "models", "model", "snapshots", "tmp", "checkpoint"};
    const struct ggf_kv *kv = ggf_meta_find(m->meta, "general.name");
    bool bad = kv != NULL && d->name.nbytes == 0;
    for (size_t i = 0; i < GG_COUNTOF(odd); i++)
        bad |= kv != NULL && ggf_str_eq(d->name, odd[i]);
    bad |= (d->name.nbytes == 40 || d->name.nbytes == 64) && all_hex(d->name);
    char shown[128];
    if (bad)
        gg_lint_note(f, GG_WARN, "model-name", kv,
                     "metadata key 'general.name': '%s' is hardly the name of a model",
                     gg_text_escape_into(shown, sizeof shown, d->name.p, (size_t)d->name.nbytes));
}

static void lint_paths(const struct gg_model *m, struct gg_findings *f)
{
    const struct ggf_kv *kv;
    struct ggf_str path;
    char key[128], shown[160];
    unsigned n = 0;
    for (size_t i = 0; n < GG_LINT_MOST && (kv = gg_private_next(m->meta, &i, &path)) != NULL; i++, n++)
        gg_lint_note(f, GG_WARN, "private-path", kv,
                     "metadata key '%s': holds a path of somebody's machine, '%s'",
                     gg_text_escape_into(key, sizeof key, kv->key.p, (size_t)kv->key.nbytes),
                     gg_text_escape_into(shown, sizeof shown, path.p, (size_t)path.nbytes));
}

/* A set was checked when it was opened; this is about a file that stands alone. */
static void lint_split(const struct gg_model *m, struct gg_findings *f)
{
    static const char *const keys[] = {"split.no", "split.count", "split.tensors.count"};
    uint64_t count = 0;
    size_t prefix;
    uint32_t no, of;
    ggf_meta_get_u64(m->meta, "split.count", &count);
    if (m->n_files > 1 || count > 1 || ggf_split_parse(m->name, &prefix, &no, &of))
        return;
    for (size_t i = 0; i < GG_COUNTOF(keys); i++) {
        const struct ggf_kv *kv = ggf_meta_find(m->meta, keys[i]);
        if (kv != NULL)
            gg_lint_note(f, GG_WARN, "stale-split", kv,
                         "metadata key '%s': is left over from a shard set; the file stands alone",
                         keys[i]);
    }
    uint64_t total = m->n_tensors;
    if (ggf_meta_get_u64(m->meta, "split.tensors.count", &total) && total != m->n_tensors)
        gg_lint_note(f, GG_WARN, "split-total", ggf_meta_find(m->meta, "split.tensors.count"),
                     "metadata key 'split.tensors.count': is %llu; there are %zu tensors",
                     (unsigned long long)total, m->n_tensors);
}

/* ---- layers ---------------------------------------------------------------------------------- */

/* "blk." and digits that are no number of a layer: too long for one. */
static bool odd_layer(struct ggf_str name)
{
    struct gg_layer l;
    return name.nbytes > 13 && memcmp(name.p, "blk.", 4) == 0 && name.p[4] >= '0' &&
           name.p[4] <= '9' && name.p[12] >= '0' && name.p[12] <= '9' && !gg_layer_of(name, &l);
}

static void lint_layers(const struct gg_model *m, const struct gg_desc *d, struct gg_findings *f)
{
    enum { MOST_LAYERS = 4096 };
    uint64_t n = d->arch.n_layers, n_shards = 0;
    ggf_meta_get_u64(m->meta, "split.count", &n_shards);
    if (n_shards > 1 && m->n_files != n_shards)
        return; /* not all of the model is here */
    bool *there = calloc(MOST_LAYERS, sizeof *there), any = false;
    unsigned n_said = 0;
    for (size_t i = 0; there != NULL && i < m->n_tensors && n_said < GG_LINT_MOST; i++) {
        const struct gg_tensor *t = &m->tensors[i];
        struct gg_layer l;
        bool is = gg_layer_of(t->name, &l) && ggf_str_eq(l.stack, "blk");
        if ((is && n > 0 && l.n >= n) || odd_layer(t->name)) {
            gg_findings_add(f, GG_WARN, "layer-number", t->name.p, (size_t)t->name.nbytes, GG_NOWHERE,
                            "the model has %llu layers by its metadata", (unsigned long long)n);
            n_said++;
        } else if (is && l.n < MOST_LAYERS) {
            there[l.n] = any = true;
        }
    }
    for (uint64_t k = 0; any && m->n_tensors > 0 && k < n && k < MOST_LAYERS && n_said < GG_LINT_MOST;
         k++) {
        if (there[k])
            continue;
        gg_lint_note(f, GG_WARN, "layer-count", NULL,
                     "layer %llu of %llu has no tensors", (unsigned long long)k, (unsigned long long)n);
        n_said++;
    }
    free(there);
}

void gg_lint(const struct gg_model *m, struct gg_findings *f)
{
    struct gg_desc d;
    uint64_t no = 0;
    if (ggf_meta_get_u64(m->meta, "split.no", &no) && no != 0)
        return; /* a later shard alone: the metadata is elsewhere */
    gg_describe(&d, m);
    lint_general(m, &d, f);
    lint_file_type(m, &d, f);
    lint_name(m, &d, f);
    lint_paths(m, f);
    lint_split(m, f);
    lint_layers(m, &d, f);
    gg_lint_vocab(m, &d, f);
}
