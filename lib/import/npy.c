/* NumPy's files:
 *
 *     "\x93NUMPY", u8 major, u8 minor, u16 n (u32 from version 2), n bytes of header, data
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
 *
 * The header is a Python literal; only that form of it is taken, in any order of keys.
 */
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/import/dtype.h"
#include "lib/import/impl.h"
#include "lib/import/zip.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_HEADER_NBYTES = 64 << 10, PREFIX_NBYTES = 12 };

struct npy {
    const char *p; /* at work in the header, which ends in NUL */
    uint64_t data_off;
    char descr[16];
    bool has_descr, has_order, has_shape, fortran, swap;
    struct gg_ckpt_tensor t;
};

/* ---- the literal ----------------------------------------------------------------------------- */

static bool eat(struct npy *y, const char *token)
{
    while (*y->p == ' ' || *y->p == '\n')
        y->p++;
    size_t n = strlen(token);
    if (strncmp(y->p, token, n) != 0)
        return false;
    y->p += n;
    return true;
}

/* Text in quotes, without any escapes. */
static bool eat_text(struct npy *y, char *dst, size_t size)
{
    char quote[2] = "'";
    if (!eat(y, quote)) {
        quote[0] = '"';
        if (!eat(y, quote))
            return false;
    }
    size_t n = strcspn(y->p, quote);
    if (y->p[n] == '\0' || n >= size || memchr(y->p, '\\', n) != NULL)
        return false;
    memcpy(dst, y->p, n);
    dst[n] = '\0';
    y->p += n + 1;
    return true;
}

static bool eat_u64(struct npy *y, uint64_t *v)
{
    (void)eat(y, "");
    if (!isdigit((unsigned char)*y->p))
        return false;
    for (*v = 0; isdigit((unsigned char)*y->p); y->p++)
        if (!gg_mul_u64(*v, 10, v) || !gg_add_u64(*v, (uint64_t)(*y->p - '0'), v))
            return false;
    (void)eat(y, "L"); /* of Python 2 */
    return true;
}

static bool eat_shape(struct npy *y)
{
    if (!eat(y, "("))
        return false;
    while (!eat(y, ")")) {
        if (y->t.n_dims == GG_CKPT_MAX_DIMS || !eat_u64(y, &y->t.shape[y->t.n_dims++]))
            return false;
        if (!eat(y, ",")) {
            return eat(y, ")");
        }
    }
    return true;
}

static bool eat_entry(struct npy *y)
{
    char key[16];
    if (!eat_text(y, key, sizeof key) || !eat(y, ":"))
        return false;
    if (strcmp(key, "descr") == 0 && !y->has_descr)
        return y->has_descr = true, eat_text(y, y->descr, sizeof y->descr);
    if (strcmp(key, "fortran_order") == 0 && !y->has_order) {
        y->has_order = true;
        y->fortran = eat(y, "True");
        return y->fortran || eat(y, "False");
    }
    if (strcmp(key, "shape") == 0 && !y->has_shape)
        return y->has_shape = true, eat_shape(y);
    return false;
}

static bool eat_header(struct npy *y)
{
    if (!eat(y, "{"))
        return false;
    while (!eat(y, "}")) {
        if (!eat_entry(y))
            return false;
        if (!eat(y, ",")) {
            if (!eat(y, "}"))
                return false;
            break;
        }
    }
    (void)eat(y, "");
    return *y->p == '\0' && y->has_descr && y->has_order && y->has_shape;
}

/* "<f4", "|u1", ">i8": byte order, kind, bytes. */
static bool read_descr(struct npy *y)
{
    static const struct {
        const char *name;
        enum gg_dtype t;
    } KINDS[] = {
        {"f8", GG_DT_F64}, {"f4", GG_DT_F32}, {"f2", GG_DT_F16}, {"i8", GG_DT_I64},
        {"i4", GG_DT_I32}, {"i2", GG_DT_I16}, {"i1", GG_DT_I8},  {"u8", GG_DT_U64},
        {"u4", GG_DT_U32}, {"u2", GG_DT_U16}, {"u1", GG_DT_U8},  {"b1", GG_DT_BOOL},
    };
    char order = y->descr[0];
    if (order != '<' && order != '>' && order != '|')
        return false;
    for (size_t i = 0; i < GG_COUNTOF(KINDS); i++)
        if (strcmp(y->descr + 1, KINDS[i].name) == 0) {
            y->t.dtype = KINDS[i].t;
            y->swap = order == '>' && gg_dtype_nbits(KINDS[i].t) > 8;
            return order != '|' || gg_dtype_nbits(KINDS[i].t) == 8;
        }
    return false;
}

/* ---- files ----------------------------------------------------------------------------------- */

static int parse(struct npy *y, const char *header, struct gg_err *err)
{
    char shown[64];
    y->p = header;
    if (!eat_header(y))
        return gg_fail(
            err, GG_ERR_CORRUPT, PREFIX_NBYTES,
            "npy: the header is not the dictionary of "
            "'descr', 'fortran_order' and 'shape' (up to %d dimensions) that it should be "
            "(at its byte %zu)",
            GG_CKPT_MAX_DIMS, (size_t)(y->p - header));
    if (!read_descr(y))
        return gg_fail(err, GG_ERR_UNSUPPORTED, PREFIX_NBYTES,
                       "npy: elements of type '%s' are not read%s",
                       gg_text_escape_into(shown, sizeof shown, y->descr, strlen(y->descr)),
                       strchr(y->descr, 'O') != NULL ? ": pickled objects may be programs" : "");
    return GG_OK;
}

static int read_header(struct npy *y, struct gg_input *in, struct gg_err *err)
{
    uint8_t b[PREFIX_NBYTES];
    size_t got;
    int rc = gg_input_read(in, 0, b, sizeof b, &got, err);
    if (rc != GG_OK)
        return rc;
    if (got < 10 || memcmp(b, "\x93NUMPY", 6) != 0)
        return gg_fail(err, GG_ERR_CORRUPT, 0, "npy: does not begin as such a file");
    if (b[6] < 1 || b[6] > 3)
        return gg_fail(err, GG_ERR_UNSUPPORTED, 6, "npy: version %d is not known", b[6]);
    uint64_t n = b[6] == 1 ? gg_load_u16(b + 8) : gg_load_u32(b + 8), off = b[6] == 1 ? 10 : 12;
    if (n > MAX_HEADER_NBYTES)
        return gg_fail(err, GG_ERR_LIMIT, 8,
                       "npy: the header has %" PRIu64 " bytes, over the limit of %d", n,
                       MAX_HEADER_NBYTES);
    char *text = malloc((size_t)n + 1);
    if (text == NULL)
        return gg_fail_nomem(err, "an npy header");
    rc = gg_input_read_all(in, off, text, (size_t)n, err);
    text[n] = '\0';
    y->data_off = off + n;
    if (rc == GG_OK)
        rc = parse(y, text, err);
    free(text);
    return rc;
}

/* Adds the array in `in` under a name; pos is where in the file it begins. */
static int add_array(struct gg_checkpoint *c, uint32_t file, struct gg_input *in, uint64_t pos,
                     const char *name, size_t n_name, struct gg_err *err)
{
    struct npy y = {.t = {.file = file, .name_nbytes = n_name}};
    char shown[160];
    gg_text_escape_into(shown, sizeof shown, name, n_name);
    int rc = read_header(&y, in, err);
    if (rc != GG_OK)
        return gg_err_prefix(err, "array '%s'", shown);
    y.t.name = gg_arena_strndup(&c->mem, name, n_name);
    if (y.t.name == NULL)
        return gg_fail_nomem(err, "a tensor");
    rc = gg_ckpt_measure(&y.t, err);
    if (rc != GG_OK)
        return rc;
    uint64_t has = gg_input_nbytes(in) - y.data_off; /* the header was read: it is inside */
    if (has != y.t.nbytes)
        return gg_fail(err, has < y.t.nbytes ? GG_ERR_TRUNCATED : GG_ERR_CORRUPT, y.data_off,
                       "array '%s': has %" PRIu64
                       " bytes of data, its shape and type take %" PRIu64,
                       shown, has, y.t.nbytes);
    struct gg_ckpt_place p = {.in = in,
                              .off = y.data_off,
                              .pos = pos + y.data_off,
                              .swap = y.swap,
                              .strided = y.fortran && y.t.n_dims > 1 && y.t.nelems > 0};
    uint64_t stride = 1;
    for (unsigned d = 0; d < y.t.n_dims && p.strided; d++) {
        p.strides[d] = stride;
        stride *= y.t.shape[d]; /* measured */
    }
    return gg_ckpt_add(c, &y.t, &p, err);
}

int gg_ckpt_load_npy(struct gg_checkpoint *c, uint32_t file, struct gg_err *err)
{
    const char *name = c->files[file].name, *slash = strrchr(name, '/');
    name = slash != NULL ? slash + 1 : name;
    size_t n = strlen(name);
    n -= n > 4 && strcmp(name + n - 4, ".npy") == 0 ? 4 : 0;
    return add_array(c, file, c->files[file].in, 0, name, n, err);
}

static bool is_npy(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && strcmp(name + n - 4, ".npy") == 0;
}

bool gg_zip_is_npz(const struct gg_store *zip)
{
    bool all = zip->n > 0;
    for (size_t i = 0; i < zip->n && all; i++)
        all = is_npy(zip->members[i].name);
    return all;
}

int gg_ckpt_load_npz(struct gg_checkpoint *c, uint32_t file, struct gg_store *zip,
                     struct gg_err *err)
{
    int rc = GG_OK;
    c->sequential |= zip->sequential;
    for (size_t i = 0; i < zip->n && rc == GG_OK; i++) {
        struct gg_input *in;
        const char *name = zip->members[i].name;
        rc = gg_store_open_member(zip, i, &in, err);
        if (rc == GG_OK)
            rc = gg_ckpt_keep_input(c, in, err);
        if (rc == GG_OK)
            rc = add_array(c, file, in, gg_store_zip_data_off(zip, i), name, strlen(name) - 4, err);
    }
    return rc;
}
