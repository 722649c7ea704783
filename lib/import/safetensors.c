/* The header of a safetensors file, little-endian:
 *
 *     u64 n;  n bytes of JSON, '{' first, spaces behind it allowed;  data
 *     {"__metadata__": {text: text}, NAME: {"dtype": T, "shape": [..], "data_offsets": [begin,
 * end]}}
 *
 * Offsets count from the data's start. As in the reference implementation the tensors must cover
 * the data without gaps and overlaps.
 */
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/import/dtype.h"
#include "lib/import/impl.h"
#include "lib/import/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_HEADER_NBYTES = 100000000, LENGTH_NBYTES = 8 };

struct span {
    uint64_t begin, end;
    size_t tensor;
};

struct st {
    struct gg_checkpoint *c;
    uint32_t file;
    char *text; /* the header */
    size_t nbytes;
    uint64_t data_off, data_nbytes;
    struct span *spans;
    size_t n_spans;
};

/* Offset in the file of the entry called name: where its name stands in quotes, or the header. */
static uint64_t offset_of(const struct st *s, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = s->text;
         (p = memmem(p, s->nbytes - (size_t)(p - s->text), name, n)) != NULL; p++)
        if (p > s->text && p[-1] == '"' && p + n < s->text + s->nbytes && p[n] == '"')
            return LENGTH_NBYTES + (uint64_t)(p - 1 - s->text);
    return LENGTH_NBYTES;
}

static int bad(const struct st *s, const char *name, enum gg_code code, struct gg_err *err,
               const char *why)
{
    char shown[160];
    uint64_t off = offset_of(s, name);
    return gg_fail(err, code, off, "tensor '%s': %s (header, byte %" PRIu64 ")",
                   gg_text_escape_into(shown, sizeof shown, name, strlen(name)), why, off);
}

/* A whole number that is not negative. */
static bool as_u64(const json_t *j, uint64_t *out)
{
    if (!json_is_integer(j) || json_integer_value(j) < 0)
        return false;
    *out = (uint64_t)json_integer_value(j);
    return true;
}

static int read_dtype(const struct st *s, const char *name, const json_t *j, enum gg_dtype *out,
                      struct gg_err *err)
{
    char why[128], shown[48];
    const char *text = json_string_value(json_object_get(j, "dtype"));
    if (text == NULL)
        return bad(s, name, GG_ERR_CORRUPT, err, "dtype is missing or no text");
    if (gg_dtype_by_name(text, out))
        return GG_OK;
    snprintf(why, sizeof why, "dtype '%s' is not one this program knows",
             gg_text_escape_into(shown, sizeof shown, text, strlen(text)));
    return bad(s, name, GG_ERR_UNSUPPORTED, err, why);
}

static int read_shape(const struct st *s, const char *name, const json_t *j,
                      struct gg_ckpt_tensor *t, struct gg_err *err)
{
    const json_t *shape = json_object_get(j, "shape");
    if (!json_is_array(shape))
        return bad(s, name, GG_ERR_CORRUPT, err, "shape is missing or no list");
    if (json_array_size(shape) > GG_CKPT_MAX_DIMS)
        return bad(s, name, GG_ERR_LIMIT, err, "shape has more than 8 dimensions");
    t->n_dims = (unsigned)json_array_size(shape);
    for (unsigned d = 0; d < t->n_dims; d++)
        if (!as_u64(json_array_get(shape, d), &t->shape[d]))
            return bad(s, name, GG_ERR_CORRUPT, err,
                       "shape holds something other than whole numbers "
                       "from 0 up");
    return GG_OK;
}

static int read_span(const struct st *s, const char *name, const json_t *j, struct span *out,
                     struct gg_err *err)
{
    const json_t *v = json_object_get(j, "data_offsets");
    if (!json_is_array(v) || json_array_size(v) != 2 ||
        !as_u64(json_array_get(v, 0), &out->begin) || !as_u64(json_array_get(v, 1), &out->end))
        return bad(s, name, GG_ERR_CORRUPT, err,
                   "data_offsets are not two whole numbers from 0 up");
    if (out->begin > out->end)
        return bad(s, name, GG_ERR_CORRUPT, err, "data_offsets run backwards");
    return GG_OK;
}

/* The span against the shape and against the file. */
static int check_span(const struct st *s, const char *name, const struct gg_ckpt_tensor *t,
                      const struct span *at, struct gg_err *err)
{
    char why[256];
    if (at->end - at->begin != t->nbytes) {
        snprintf(why, sizeof why,
                 "data_offsets span %" PRIu64 " bytes, but its shape and dtype %s "
                 "take %" PRIu64,
                 at->end - at->begin, gg_dtype_name(t->dtype), t->nbytes);
        return bad(s, name, GG_ERR_CORRUPT, err, why);
    }
    if (!gg_in_range(at->begin, t->nbytes, s->data_nbytes)) {
        snprintf(why, sizeof why,
                 "its data ends %" PRIu64 " bytes behind the end of the file: the "
                 "file is cut short, or the header is wrong",
                 at->end - s->data_nbytes);
        return bad(s, name, GG_ERR_TRUNCATED, err, why);
    }
    return GG_OK;
}

static int read_tensor(struct st *s, const char *name, const json_t *j, struct gg_err *err)
{
    struct gg_ckpt_tensor t = {.file = s->file, .name_nbytes = strlen(name)};
    struct span *at = &s->spans[s->n_spans];
    if (!json_is_object(j))
        return bad(s, name, GG_ERR_CORRUPT, err, "is described by something other than an object");
    t.name = gg_arena_strndup(&s->c->mem, name, t.name_nbytes);
    if (t.name == NULL)
        return gg_fail_nomem(err, "a tensor");
    int rc = read_dtype(s, name, j, &t.dtype, err);
    if (rc == GG_OK)
        rc = read_shape(s, name, j, &t, err);
    if (rc == GG_OK)
        rc = read_span(s, name, j, at, err);
    if (rc == GG_OK)
        rc = gg_ckpt_measure(&t, err);
    if (rc == GG_OK)
        rc = check_span(s, name, &t, at, err);
    if (rc != GG_OK)
        return rc;
    struct gg_ckpt_place p = {.in = s->c->files[s->file].in, .off = s->data_off + at->begin};
    p.pos = p.off;
    at->tensor = s->c->n;
    s->n_spans++;
    return gg_ckpt_add(s->c, &t, &p, err);
}

static int check_metadata(const struct st *s, json_t *j, struct gg_err *err)
{
    const char *key;
    json_t *v;
    char shown[96];
    uint64_t off = offset_of(s, "__metadata__");
    if (!json_is_object(j))
        return gg_fail(err, GG_ERR_CORRUPT, off,
                       "__metadata__ is not an object (header, byte %" PRIu64 ")", off);
    json_object_foreach(j, key, v) if (!json_is_string(v)) return gg_fail(
        err, GG_ERR_CORRUPT, off,
        "__metadata__: the value of '%s' is not text "
        "(header, byte %" PRIu64 ")",
        gg_text_escape_into(shown, sizeof shown, key, strlen(key)), off);
    return GG_OK;
}

static int by_begin(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static int check_cover(struct st *s, struct gg_err *err)
{
    char why[160];
    uint64_t end = 0;
    if (s->n_spans > 0)
        qsort(s->spans, s->n_spans, sizeof *s->spans, by_begin);
    for (size_t i = 0; i < s->n_spans; i++) {
        const struct span *at = &s->spans[i];
        if (at->begin != end) {
            snprintf(why, sizeof why, "its data begins at byte %" PRIu64 " of the data, %s",
                     at->begin,
                     at->begin < end ? "within another tensor's" : "after bytes no tensor covers");
            return bad(s, s->c->tensors[at->tensor].name, GG_ERR_CORRUPT, err, why);
        }
        end = at->end;
    }
    if (end != s->data_nbytes)
        return gg_fail(err, GG_ERR_CORRUPT, s->data_off + end,
                       "%" PRIu64 " bytes from byte %" PRIu64 " on belong to no tensor",
                       s->data_nbytes - end, s->data_off + end);
    return GG_OK;
}

static int read_entries(struct st *s, json_t *root, struct gg_err *err)
{
    const char *key;
    json_t *v;
    int rc = GG_OK;
    if (!json_is_object(root))
        return gg_fail(err, GG_ERR_CORRUPT, LENGTH_NBYTES, "the header is not a JSON object");
    s->spans = malloc((json_object_size(root) + 1) * sizeof *s->spans);
    if (s->spans == NULL)
        return gg_fail_nomem(err, "a list of tensors");
    json_object_foreach(root, key, v)
    {
        if (strcmp(key, "__metadata__") == 0)
            rc = check_metadata(s, v, err);
        else
            rc = read_tensor(s, key, v, err);
        if (rc != GG_OK)
            return rc;
    }
    return check_cover(s, err);
}

/* The length, checked against the file and the limit, then the text. */
static int read_text(struct st *s, struct gg_err *err)
{
    uint8_t raw[LENGTH_NBYTES];
    struct gg_input *in = s->c->files[s->file].in;
    uint64_t size = gg_input_nbytes(in);
    if (size < LENGTH_NBYTES)
        return gg_fail(err, GG_ERR_TRUNCATED, size,
                       "has %" PRIu64 " bytes: too short for the header "
                       "length of a safetensors file",
                       size);
    int rc = gg_input_read_all(in, 0, raw, sizeof raw, err);
    if (rc != GG_OK)
        return rc;
    uint64_t n = gg_load_u64(raw);
    if (n > MAX_HEADER_NBYTES)
        return gg_fail(err, GG_ERR_LIMIT, 0,
                       "header length at byte 0 is %" PRIu64 ", over the "
                       "format's limit of %d bytes: damaged, or not a safetensors file",
                       n, MAX_HEADER_NBYTES);
    if (n > size - LENGTH_NBYTES)
        return gg_fail(err, GG_ERR_TRUNCATED, size,
                       "header length at byte 0 is %" PRIu64 ", but the "
                       "file has only %" PRIu64 " bytes",
                       n, size);
    s->text = malloc((size_t)n + 1);
    if (s->text == NULL)
        return gg_fail_nomem(err, "a safetensors header");
    s->nbytes = (size_t)n;
    s->data_off = LENGTH_NBYTES + n;
    s->data_nbytes = size - s->data_off;
    rc = gg_input_read_all(in, LENGTH_NBYTES, s->text, s->nbytes, err);
    if (rc == GG_OK && (n == 0 || s->text[0] != '{'))
        rc = gg_fail(err, GG_ERR_CORRUPT, LENGTH_NBYTES,
                     "the header at byte 8 does not begin with "
                     "'{'");
    return rc;
}

int gg_ckpt_load_safetensors(struct gg_checkpoint *c, uint32_t file, struct gg_err *err)
{
    struct st s = {.c = c, .file = file};
    json_t *root = NULL;
    int rc = read_text(&s, err);
    if (rc == GG_OK &&
        (rc = gg_json_parse(&root, s.text, s.nbytes, GG_JSON_FEW_VALUES, err)) != GG_OK)
        gg_err_prefix(err, "the header at byte 8");
    if (rc == GG_OK)
        rc = read_entries(&s, root, err);
    json_decref(root);
    free(s.text);
    free(s.spans);
    return rc;
}
