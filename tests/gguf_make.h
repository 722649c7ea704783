/* Makes GGUF files by hand, byte by byte, so that tests do not lean on the writer they test. */
#ifndef GG_TESTS_GGUF_MAKE_H
#define GG_TESTS_GGUF_MAKE_H

#include "gguf/gguf.h"
#include "lib/base/buf.h"
#include "lib/base/num.h"

#include <check.h>
#include <stdio.h>

struct make {
    struct gg_buf b;
    uint32_t version;
    bool big_endian;
};

static inline void mk_u8(struct make *m, uint8_t v)
{
    gg_buf_addc(&m->b, (char)v);
}

static inline void mk_u16(struct make *m, uint16_t v)
{
    uint8_t raw[2];
    gg_store_u16(raw, m->big_endian ? gg_swap_u16(v) : v);
    gg_buf_add(&m->b, raw, 2);
}

static inline void mk_u32(struct make *m, uint32_t v)
{
    uint8_t raw[4];
    gg_store_u32(raw, m->big_endian ? gg_swap_u32(v) : v);
    gg_buf_add(&m->b, raw, 4);
}

static inline void mk_u64(struct make *m, uint64_t v)
{
    uint8_t raw[8];
    gg_store_u64(raw, m->big_endian ? gg_swap_u64(v) : v);
    gg_buf_add(&m->b, raw, 8);
}

/* A length: 32 bits in version 1. */
static inline void mk_len(struct make *m, uint64_t v)
{
    if (m->version == 1)
        mk_u32(m, (uint32_t)v);
    else
        mk_u64(m, v);
}

static inline void mk_str(struct make *m, const char *s)
{
    mk_len(m, strlen(s));
    gg_buf_adds(&m->b, s);
}

static inline void mk_head(struct make *m, uint64_t n_tensors, uint64_t n_kv)
{
    gg_buf_adds(&m->b, "GGUF");
    mk_u32(m, m->version);
    mk_len(m, n_tensors);
    mk_len(m, n_kv);
}

static inline void mk_key(struct make *m, const char *key, uint32_t vtype)
{
    mk_str(m, key);
    mk_u32(m, vtype);
}

static inline void mk_kv_u32(struct make *m, const char *key, uint32_t v)
{
    mk_key(m, key, GGF_U32);
    mk_u32(m, v);
}

static inline void mk_kv_u16(struct make *m, const char *key, uint16_t v)
{
    mk_key(m, key, GGF_U16);
    mk_u16(m, v);
}

static inline void mk_kv_i32(struct make *m, const char *key, int32_t v)
{
    mk_key(m, key, GGF_I32);
    mk_u32(m, (uint32_t)v);
}

static inline void mk_kv_str(struct make *m, const char *key, const char *v)
{
    mk_key(m, key, GGF_STR);
    mk_str(m, v);
}

/* A tensor record; ne[1] = 0 for one dimension, else two. */
static inline void mk_tensor(struct make *m, const char *name, uint64_t ne0, uint64_t ne1,
                             uint32_t type, uint64_t off)
{
    mk_str(m, name);
    mk_u32(m, ne1 ? 2 : 1);
    mk_len(m, ne0);
    if (ne1)
        mk_len(m, ne1);
    mk_u32(m, type);
    mk_u64(m, off);
}

static inline void mk_pad(struct make *m, size_t align)
{
    while (m->b.nbytes % align != 0)
        mk_u8(m, 0);
}

static inline void mk_data(struct make *m, size_t nbytes)
{
    for (size_t i = 0; i < nbytes; i++)
        mk_u8(m, (uint8_t)(i * 7 + 1));
}

static inline void mk_save(const struct make *m, const char *path)
{
    FILE *f = fopen(path, "wb");
    ck_assert_msg(f != NULL, "cannot write %s", path);
    ck_assert_uint_eq(fwrite(m->b.data, 1, m->b.nbytes, f), m->b.nbytes);
    ck_assert_int_eq(fclose(f), 0);
}

static inline int mk_open(const struct make *m, unsigned flags, struct ggf_file **out,
                          struct gg_err *err)
{
    return ggf_file_open_mem(out, m->b.data, m->b.nbytes, "made.gguf", flags, err);
}

/* Reads path whole; *data is the caller's. */
static inline void slurp(const char *path, struct gg_buf *b)
{
    char chunk[65536];
    size_t n;
    FILE *f = fopen(path, "rb");
    ck_assert_msg(f != NULL, "cannot read %s", path);
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        gg_buf_add(b, chunk, n);
    fclose(f);
    ck_assert(!b->failed);
}

/* The n-th finding of a code, NULL when there are not so many. */
static inline const struct gg_finding *found(const struct ggf_file *f, const char *code, size_t n)
{
    const struct gg_findings *g = ggf_file_findings(f);
    for (size_t i = 0; i < g->n; i++) {
        if (strcmp(g->v[i].code, code) == 0 && n-- == 0)
            return &g->v[i];
    }
    return NULL;
}

#endif
