/* Makes zip files, pickles and npy headers byte by byte, well or badly. */
#ifndef GG_TESTS_ZIP_MAKE_H
#define GG_TESTS_ZIP_MAKE_H

#include "lib/base/buf.h"
#include "lib/base/num.h"
#include "tests/scratch.h"

#include <stdio.h>

struct zip_make {
    struct gg_buf b, dir; /* members so far; their directory entries */
    unsigned n;
    bool zip64;              /* sizes and offsets in zip64 fields */
    uint16_t method, flags;  /* of the next member */
    const char *local_name;  /* if not NULL: what the local header says instead */
    int64_t dir_nbytes_more; /* lies about the next member, in the directory */
    int64_t local_off_more;
};

static inline void zm_u16(struct gg_buf *b, unsigned v)
{
    uint8_t raw[2];
    gg_store_u16(raw, (uint16_t)v);
    gg_buf_add(b, raw, 2);
}

static inline void zm_u32(struct gg_buf *b, uint64_t v)
{
    uint8_t raw[4];
    gg_store_u32(raw, (uint32_t)v);
    gg_buf_add(b, raw, 4);
}

static inline void zm_u64(struct gg_buf *b, uint64_t v)
{
    zm_u32(b, v);
    zm_u32(b, v >> 32);
}

static inline void zm_add(struct zip_make *z, const char *name, const void *data, size_t n)
{
    const char *local = z->local_name != NULL ? z->local_name : name;
    uint64_t off = z->b.nbytes + (uint64_t)z->local_off_more,
             size = n + (uint64_t)z->dir_nbytes_more;
    zm_u32(&z->b, 0x04034b50);
    zm_u16(&z->b, 20);
    zm_u16(&z->b, z->flags);
    zm_u16(&z->b, z->method);
    zm_u64(&z->b, 0); /* time, date, CRC */
    zm_u32(&z->b, n);
    zm_u32(&z->b, n);
    zm_u16(&z->b, (unsigned)strlen(local));
    zm_u16(&z->b, 0);
    gg_buf_adds(&z->b, local);
    gg_buf_add(&z->b, data, n);
    zm_u32(&z->dir, 0x02014b50);
    zm_u32(&z->dir, 20 | 20 << 16);
    zm_u16(&z->dir, z->flags);
    zm_u16(&z->dir, z->method);
    zm_u64(&z->dir, 0);
    zm_u32(&z->dir, z->zip64 ? UINT32_MAX : size);
    zm_u32(&z->dir, z->zip64 ? UINT32_MAX : size);
    zm_u16(&z->dir, (unsigned)strlen(name));
    zm_u16(&z->dir, z->zip64 ? 28 : 0);
    zm_u64(&z->dir, 0); /* comment, disk, attributes */
    zm_u16(&z->dir, 0);
    zm_u32(&z->dir, z->zip64 ? UINT32_MAX : off);
    gg_buf_adds(&z->dir, name);
    if (z->zip64) {
        zm_u32(&z->dir, 1 | 24 << 16);
        zm_u64(&z->dir, size);
        zm_u64(&z->dir, size);
        zm_u64(&z->dir, off);
    }
    z->n++;
}

static inline void zm_adds(struct zip_make *z, const char *name, const char *text)
{
    zm_add(z, name, text, strlen(text));
}

/* Ends the file in z->b. */
static inline void zm_end(struct zip_make *z)
{
    uint64_t dir_off = z->b.nbytes, end64 = dir_off + z->dir.nbytes;
    gg_buf_add(&z->b, z->dir.data, z->dir.nbytes);
    if (z->zip64) {
        zm_u32(&z->b, 0x06064b50);
        zm_u64(&z->b, 44);
        zm_u32(&z->b, 45 | 45 << 16);
        zm_u64(&z->b, 0);
        zm_u64(&z->b, z->n);
        zm_u64(&z->b, z->n);
        zm_u64(&z->b, z->dir.nbytes);
        zm_u64(&z->b, dir_off);
        zm_u32(&z->b, 0x07064b50);
        zm_u32(&z->b, 0);
        zm_u64(&z->b, end64);
        zm_u32(&z->b, 1);
    }
    zm_u32(&z->b, 0x06054b50);
    zm_u32(&z->b, 0);
    zm_u16(&z->b, z->zip64 ? 0xffff : z->n);
    zm_u16(&z->b, z->zip64 ? 0xffff : z->n);
    zm_u32(&z->b, z->zip64 ? UINT32_MAX : z->dir.nbytes);
    zm_u32(&z->b, z->zip64 ? UINT32_MAX : dir_off);
    zm_u16(&z->b, 0);
}

/* Ends it, writes it to the scratch folder and starts anew. */
static inline void zm_write(struct zip_make *z, const char *name)
{
    zm_end(z);
    scratch_write(name, z->b.data, z->b.nbytes);
    gg_buf_free(&z->b);
    gg_buf_free(&z->dir);
    *z = (struct zip_make){0};
}

/* ---- pickles --------------------------------------------------------------------------------- */

static inline void pk_text(struct gg_buf *b, const char *s)
{
    gg_buf_addc(b, 'X');
    zm_u32(b, strlen(s));
    gg_buf_adds(b, s);
}

static inline void pk_int(struct gg_buf *b, int64_t v)
{
    gg_buf_adds(b, "\x8a\x08"); /* LONG1 */
    zm_u64(b, (uint64_t)v);
}

static inline void pk_global(struct gg_buf *b, const char *module, const char *name)
{
    gg_buf_addf(b, "c%s\n%s\n", module, name);
}

static inline void pk_ints(struct gg_buf *b, const int64_t *v, unsigned n)
{
    gg_buf_addc(b, '(');
    for (unsigned i = 0; i < n; i++)
        pk_int(b, v[i]);
    gg_buf_addc(b, 't');
}

static inline void pk_begin(struct gg_buf *b)
{
    gg_buf_adds(b, "\x80\x02}(");
}

static inline void pk_end(struct gg_buf *b)
{
    gg_buf_adds(b, "u.");
}

struct pk_tensor {
    const char *name, *storage; /* "BFloat16Storage" */
    const char *key;
    int64_t storage_nelems, offset;
    unsigned n_dims;
    int64_t shape[4], strides[4];
};

/* The tensor alone, as PyTorch pickles it. */
static inline void pk_tensor_value(struct gg_buf *b, const struct pk_tensor *t)
{
    pk_global(b, "torch._utils", "_rebuild_tensor_v2");
    gg_buf_adds(b, "((");
    pk_text(b, "storage");
    pk_global(b, "torch", t->storage);
    pk_text(b, t->key);
    pk_text(b, "cpu");
    pk_int(b, t->storage_nelems);
    gg_buf_adds(b, "tQ");
    pk_int(b, t->offset);
    pk_ints(b, t->shape, t->n_dims);
    pk_ints(b, t->strides, t->n_dims);
    gg_buf_addc(b, (char)0x89);
    pk_global(b, "collections", "OrderedDict");
    gg_buf_adds(b, ")RtR");
}

/* An entry of the dictionary between pk_begin and pk_end. */
static inline void pk_tensor(struct gg_buf *b, const struct pk_tensor *t)
{
    pk_text(b, t->name);
    pk_tensor_value(b, t);
}

/* ---- npy ------------------------------------------------------------------------------------- */

/* Version 1 with a header as given, and n bytes of data 0, 1, 2... */
static inline void npy_make(struct gg_buf *b, const char *header, size_t n)
{
    gg_buf_adds(b, "\x93NUMPY\x01");
    gg_buf_addc(b, '\0');
    zm_u16(b, (unsigned)strlen(header));
    gg_buf_adds(b, header);
    for (size_t i = 0; i < n; i++)
        gg_buf_addc(b, (char)i);
}

/* The pickle of a checkpoint of these tensors. */
static inline void zm_add_pickle(struct zip_make *z, const struct pk_tensor *t, unsigned n)
{
    struct gg_buf b = GG_BUF_INIT;
    pk_begin(&b);
    for (unsigned i = 0; i < n; i++)
        pk_tensor(&b, &t[i]);
    pk_end(&b);
    zm_add(z, "m/data.pkl", b.data, b.nbytes);
    gg_buf_free(&b);
}

#endif
