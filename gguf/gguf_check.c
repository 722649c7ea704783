/* Where tensor data lies, and what is odd about a file that can be read. */
#include "gguf/gguf_file.h"
#include "gguf/gguf_limits.h"
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/quant/qtype.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- noting ------------------------------------------------------------------------------- */

/* A kind of finding, with a bound on how often it is noted: a hostile file has millions. */
struct kind {
    enum gg_severity severity;
    const char *code;
    unsigned n;
};

GG_PRINTF(5, 6)
static void note(struct ggf_file *f, struct kind *k, const struct ggf_tensor *t, uint64_t off,
                 const char *fmt, ...)
{
    char text[512];
    va_list ap;
    if (k->n++ > GGF_MAX_FINDINGS)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (k->n > GGF_MAX_FINDINGS)
        gg_findings_add(&f->findings, k->severity, k->code, NULL, 0, GG_NOWHERE,
                        "there are more of this kind");
    else
        gg_findings_add(&f->findings, k->severity, k->code, t != NULL ? t->name.p : NULL,
                        t != NULL ? (size_t)t->name.nbytes : 0, off, "%s", text);
}

static char *shown_name(char dst[128], struct ggf_str s)
{
    return gg_text_escape_into(dst, 128, s.p, (size_t)s.nbytes);
}

/* What is odd about a text from the file; NULL when nothing is. */
static const char *odd_text(struct ggf_str s)
{
    const char *odd = NULL;
    for (uint64_t i = 0; i < s.nbytes; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '\0')
            return "a NUL byte";
        if ((c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7F)
            odd = "a control character";
    }
    return odd != NULL || gg_text_is_utf8(s.p, (size_t)s.nbytes) ? odd : "bytes that are not UTF-8";
}

/* The same for a name, where line ends are odd as well. */
static const char *odd_name(struct ggf_str s)
{
    const char *odd = odd_text(s);
    for (uint64_t i = 0; odd == NULL && i < s.nbytes; i++) {
        if ((unsigned char)s.p[i] < 0x20)
            odd = "a control character";
    }
    return odd;
}

/* ---- records ------------------------------------------------------------------------------ */

static void check_keys(struct ggf_file *f)
{
    struct kind wrong = {GG_WARN, "wrong-type-key", 0}, key = {GG_NOTE, "odd-key", 0},
                text = {GG_NOTE, "odd-text", 0}, boolean = {GG_NOTE, "odd-bool", 0};
    char name[128];
    for (size_t i = 0; i < ggf_meta_count(f->meta); i++) {
        const struct ggf_kv *kv = ggf_meta_at(f->meta, i);
        const struct ggf_value *v = &kv->value;
        const char *expected, *odd = odd_name(kv->key);
        struct ggf_str s;
        if (odd != NULL)
            note(f, &key, NULL, kv->off, "metadata key '%s' holds %s", shown_name(name, kv->key),
                 odd);
        if (ggf_as_str(v, &s) && (odd = odd_text(s)) != NULL)
            note(f, &text, NULL, kv->off, "the text of metadata key '%s' holds %s",
                 shown_name(name, kv->key), odd);
        if (v->type == GGF_BOOL && v->data[0] > 1)
            note(f, &boolean, NULL, kv->off, "the bool of metadata key '%s' is stored as %u",
                 shown_name(name, kv->key), v->data[0]);
        if (!ggf_key_type_ok(kv->key, v, &expected))
            note(f, &wrong, NULL, kv->off, "metadata key '%s' is of type %s%s%s where %s is wanted",
                 shown_name(name, kv->key), ggf_vtype_name(v->type),
                 v->type == GGF_ARR ? " of " : "",
                 v->type == GGF_ARR ? ggf_vtype_name(v->elem) : "", expected);
    }
}

static void check_tensors(struct ggf_file *f)
{
    struct kind name = {GG_NOTE, "odd-name", 0}, empty = {GG_NOTE, "empty-tensor", 0},
                unknown = {GG_WARN, "unknown-type", 0}, removed = {GG_WARN, "removed-type", 0},
                dialect = {GG_WARN, "dialect-type", 0};
    for (size_t i = 0; i < f->n_tensors; i++) {
        const struct ggf_tensor *t = &f->tensors[i];
        const char *odd = odd_name(t->name);
        char tmp[32];
        if (odd != NULL)
            note(f, &name, t, f->record_off[i], "the name holds %s", odd);
        if (t->name.nbytes == 0)
            note(f, &name, t, f->record_off[i], "the name is empty");
        if (t->name.nbytes > GGF_GGML_NAME_NBYTES)
            note(f, &name, t, f->record_off[i], "the name has %llu bytes; ggml takes %d",
                 (unsigned long long)t->name.nbytes, GGF_GGML_NAME_NBYTES);
        if (t->nelems == 0)
            note(f, &empty, t, f->record_off[i], "a dimension is zero, so there is no data");
        const struct qt_info *d = qt_dialect(t->type);
        if (!t->known)
            note(f, qt_is_removed(t->type) ? &removed : d != NULL ? &dialect : &unknown, t,
                 f->record_off[i],
                 d != NULL && d->plain != QT_NONE
                     ? "type id %u is %s: llama.cpp does not take it, requant decodes it"
                     : "type id %u is %s: its data cannot be used",
                 (unsigned)qt_stored_id(t->type), qt_name(t->type, tmp));
    }
}

void ggf_check_records(struct ggf_file *f)
{
    check_keys(f);
    check_tensors(f);
}

/* ---- data --------------------------------------------------------------------------------- */

static int by_offset(const void *a, const void *b)
{
    const struct ggf_tensor *x = *(const struct ggf_tensor *const *)a;
    const struct ggf_tensor *y = *(const struct ggf_tensor *const *)b;
    return x->off != y->off ? (x->off < y->off ? -1 : 1) : (x > y) - (x < y);
}

/* The tensors as their data lies; *ordered: that is the order of their records. */
static const struct ggf_tensor **in_order(const struct ggf_file *f, size_t *first_unordered)
{
    const struct ggf_tensor **v = malloc((f->n_tensors + 1) * sizeof(struct ggf_tensor *));
    *first_unordered = 0;
    if (v == NULL)
        return NULL;
    for (size_t i = 0; i < f->n_tensors; i++) {
        v[i] = &f->tensors[i];
        if (i > 0 && v[i]->off < v[i - 1]->off && *first_unordered == 0)
            *first_unordered = i;
    }
    if (*first_unordered != 0)
        qsort(v, f->n_tensors, sizeof(struct ggf_tensor *), by_offset);
    return v;
}

static uint64_t record_of(const struct ggf_file *f, const struct ggf_tensor *t)
{
    return f->record_off[t - f->tensors];
}

/* Gaps and overlaps; v in order of offsets. */
static void check_spans(struct ggf_file *f, const struct ggf_tensor *const *v)
{
    struct kind gap = {GG_NOTE, "gap", 0}, overlap = {GG_FAULT, "overlap", 0},
                perhaps = {GG_WARN, "overlap", 0}; /* two dialects may have one id */
    const struct ggf_tensor *last = NULL; /* the one whose data ends last so far */
    uint64_t end = 0, padded = 0;
    bool end_known = true;
    char name[128];
    for (size_t i = 0; i < f->n_tensors; i++) {
        const struct ggf_tensor *t = v[i];
        if (t->nelems == 0)
            continue;
        if (last != NULL && t->off < end)
            note(f, last->known && t->known ? &overlap : &perhaps, t, record_of(f, t), "the data overlaps that of '%s' by %llu bytes",
                 shown_name(name, last->name),
                 (unsigned long long)(gg_min_u64(end, t->off + gg_max_u64(t->nbytes, 1)) - t->off));
        else if (end_known && t->off > padded)
            note(f, &gap, t, record_of(f, t), "%llu unused bytes lie before the data",
                 (unsigned long long)(t->off - padded));
        end_known = t->known || t->nbytes > 0;
        if (t->off + t->nbytes >= end) {
            end = t->off + t->nbytes;
            padded = (end + f->alignment - 1) & ~((uint64_t)f->alignment - 1);
            last = t;
        }
    }
}

/* Id 36 was given twice: which it is in this file, the first such tensor shows that has just the room of one.
 * The last one's room is known when the file's end is. */
void ggf_tell_apart(struct ggf_file *f)
{
    size_t ignored;
    bool is = false, any = false;
    uint64_t n, mask = (uint64_t)f->alignment - 1, data = (f->header_nbytes + mask) & ~mask;
    for (size_t i = 0; i < f->n_tensors; i++)
        any |= f->tensors[i].type == qt_stored_id(QT_I2_S);
    const struct ggf_tensor **v = any ? in_order(f, &ignored) : NULL;
    for (size_t i = 0; v != NULL && i < f->n_tensors && !is; i++) {
        uint64_t end = i + 1 < f->n_tensors ? v[i + 1]->off : f->nbytes != GG_NOWHERE ? gg_max_u64(f->nbytes, data) - data : 0;
        uint64_t room = end > v[i]->off ? end - v[i]->off : 0;
        if (v[i]->type != qt_stored_id(QT_I2_S) || !qt_tensor_nbytes(QT_I2_S, v[i]->ne, &n))
            continue;
        is = room == ((n + mask) & ~mask) && room != ((v[i]->nbytes + mask) & ~mask);
        if (room == ((v[i]->nbytes + mask) & ~mask))
            break;
    }
    for (size_t i = 0; is && i < f->n_tensors; i++) {
        struct ggf_tensor *t = &f->tensors[i];
        if (t->type != qt_stored_id(QT_I2_S) || !qt_tensor_nbytes(QT_I2_S, t->ne, &n))
            continue;
        t->type = QT_I2_S;
        t->nbytes = n;
    }
    free(v);
}

/* Sets the offsets that need the whole table. Overflow is impossible: the reader has bounded each
 * end well below 2^63. */
static void place(struct ggf_file *f)
{
    uint64_t mask = (uint64_t)f->alignment - 1, next = 0;
    bool packed = true;
    f->data_off = (f->header_nbytes + mask) & ~mask;
    f->end_off = f->header_nbytes;
    for (size_t i = 0; i < f->n_tensors; i++) {
        struct ggf_tensor *t = &f->tensors[i];
        t->file_off = f->data_off + t->off;
        packed &= t->known && t->off == next;
        next = (t->off + t->nbytes + mask) & ~mask;
        if (t->nelems != 0)
            f->end_off = gg_max_u64(f->end_off, t->file_off + t->nbytes);
    }
    f->needs_nbytes = f->end_off;
    f->canonical = packed && f->version == 3 && !f->big_endian && f->nbytes == f->data_off + next;
}

/* True when the data that lies last is of a type unknown to us, so that it ends where nobody knows.
 */
static bool open_ended(const struct ggf_file *f)
{
    for (size_t i = 0; i < f->n_tensors; i++) {
        const struct ggf_tensor *t = &f->tensors[i];
        if (!t->known && t->nelems != 0 && t->file_off == f->end_off)
            return true;
    }
    return false;
}

/* What stands, or does not, behind the data. */
static void check_end(struct ggf_file *f)
{
    struct kind pad = {GG_NOTE, "no-final-padding", 0}, more = {GG_NOTE, "trailing-bytes", 0};
    uint64_t mask = (uint64_t)f->alignment - 1, end = (f->end_off + mask) & ~mask;
    if (f->nbytes == GG_NOWHERE || f->nbytes < f->end_off)
        return;
    if (f->nbytes < end && f->n_tensors > 0)
        note(f, &pad, NULL, f->nbytes, "%llu bytes of padding are missing behind the data",
             (unsigned long long)(end - f->nbytes));
    if (f->nbytes > end && !open_ended(f))
        note(f, &more, NULL, end, "%llu bytes follow behind the data",
             (unsigned long long)(f->nbytes - end));
}

/* Data behind the end of the input; v in order of offsets. */
static int check_missing(struct ggf_file *f, const struct ggf_tensor *const *v, struct gg_err *err)
{
    struct kind missing = {GG_FAULT, "missing-data", 0};
    const struct ggf_tensor *first = NULL;
    char name[128];
    if (f->nbytes == GG_NOWHERE || f->end_off <= f->nbytes)
        return GG_OK;
    for (size_t i = 0; i < f->n_tensors; i++) {
        const struct ggf_tensor *t = v[i];
        if (t->nelems == 0 || t->file_off + t->nbytes <= f->nbytes)
            continue;
        first = first != NULL ? first : t;
        uint64_t there = f->nbytes > t->file_off ? f->nbytes - t->file_off : 0;
        note(f, &missing, t, t->file_off, "%llu of %llu bytes of data are missing",
             (unsigned long long)(t->nbytes - gg_min_u64(there, t->nbytes)),
             (unsigned long long)t->nbytes);
    }
    if (first == NULL)
        return GG_OK;
    return gg_fail(
        err, GG_ERR_TRUNCATED, f->nbytes,
        "%s: needs %llu bytes, has %llu, %llu missing, first tensor hit: '%s' (byte %llu)",
        f->shown, (unsigned long long)f->end_off, (unsigned long long)f->nbytes,
        (unsigned long long)(f->end_off - f->nbytes), shown_name(name, first->name),
        (unsigned long long)first->file_off);
}

int ggf_check_data(struct ggf_file *f, bool ask_data, struct gg_err *err)
{
    struct kind unordered = {GG_NOTE, "unordered", 0};
    size_t i;
    place(f);
    const struct ggf_tensor **v = in_order(f, &i);
    if (v == NULL)
        return gg_fail_nomem(err, "tensors");
    if (i != 0)
        note(f, &unordered, &f->tensors[i], f->record_off[i],
             "the data lies before that of the tensor listed before it");
    check_spans(f, v);
    check_end(f);
    int rc = ask_data ? check_missing(f, v, err) : GG_OK;
    free(v);
    return rc;
}
