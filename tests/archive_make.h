/* Archives for tests, made by libarchive. */
#ifndef GG_TESTS_ARCHIVE_MAKE_H
#define GG_TESTS_ARCHIVE_MAKE_H

#include "tests/scratch.h"
#include "tests/zip_make.h"

#include <archive.h>
#include <archive_entry.h>
#include <check.h>

enum form { TAR, TAR_GZ, TAR_ZST, ZIP_STORED, ZIP_PACKED };
static const char *const ARCHIVE_NAMES[] = {"m.tar", "m.tar.gz", "m.tar.zst", "m.zip", "m.packed.zip"};

static inline struct archive *archive_begin(enum form f, const char *name)
{
    struct archive *a = archive_write_new();
    if (f == ZIP_STORED || f == ZIP_PACKED)
        archive_write_set_format_zip(a);
    else
        archive_write_set_format_pax_restricted(a);
    if (f == ZIP_STORED)
        archive_write_zip_set_compression_store(a);
    if (f == TAR_GZ)
        archive_write_add_filter_gzip(a);
    if (f == TAR_ZST)
        archive_write_add_filter_zstd(a);
    archive_write_set_bytes_in_last_block(a, 1);
    ck_assert_int_eq(archive_write_open_filename(a, scratch_path(name)), ARCHIVE_OK);
    return a;
}

static inline void archive_put(struct archive *a, const char *name, const void *p, size_t n)
{
    struct archive_entry *e = archive_entry_new();
    archive_entry_set_pathname(e, name);
    archive_entry_set_size(e, (la_int64_t)n);
    archive_entry_set_filetype(e, AE_IFREG);
    archive_entry_set_perm(e, 0644);
    ck_assert_int_eq(archive_write_header(a, e), ARCHIVE_OK);
    ck_assert_int_eq(archive_write_data(a, p, n), (la_ssize_t)n);
    archive_entry_free(e);
}

static inline void archive_end(struct archive *a)
{
    ck_assert_int_eq(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
}

static inline uint8_t archive_byte(uint64_t seed, uint64_t i)
{
    uint64_t x = (i + 1) * 0x9E3779B97F4A7C15u ^ seed * 0xBF58476D1CE4E5B9u;
    return (uint8_t)(x >> 56 & 0x3f);
}

/* A safetensors file of two U8 tensors of n bytes each. */
static inline void archive_make_st(struct gg_buf *b, const char *one, const char *two, size_t n, uint64_t seed)
{
    struct gg_buf h = GG_BUF_INIT;
    gg_buf_reset(b);
    gg_buf_addf(&h, "{\"%s\":{\"dtype\":\"U8\",\"shape\":[%zu],\"data_offsets\":[0,%zu]},", one, n,
                n);
    gg_buf_addf(&h, "\"%s\":{\"dtype\":\"U8\",\"shape\":[%zu],\"data_offsets\":[%zu,%zu]}}", two, n,
                n, 2 * n);
    zm_u64(b, h.nbytes);
    gg_buf_add(b, h.data, h.nbytes);
    for (size_t i = 0; i < 2 * n; i++)
        gg_buf_addc(b, (char)archive_byte(seed + i / n, i % n));
    gg_buf_free(&h);
}

#define S1 "model-00001-of-00002.safetensors"
#define S2 "model-00002-of-00002.safetensors"

/* A sharded checkpoint in a folder of the archive; the shard read first is stored last. */
static inline void archive_make_model(enum form f, size_t n)
{
    struct gg_buf b = GG_BUF_INIT;
    struct archive *a = archive_begin(f, ARCHIVE_NAMES[f]);
    archive_put(a, "x/config.json", "{\"a\":1}", 7);
    archive_make_st(&b, "c", "d", n, 2);
    archive_put(a, "x/" S2, b.data, b.nbytes);
    archive_make_st(&b, "a", "b", n, 0);
    archive_put(a, "x/" S1, b.data, b.nbytes);
    const char *index =
        "{\"weight_map\":{\"a\":\"" S1 "\",\"b\":\"" S1 "\",\"c\":\"" S2 "\",\"d\":\"" S2 "\"}}";
    archive_put(a, "x/model.safetensors.index.json", index, strlen(index));
    archive_end(a);
    gg_buf_free(&b);
}

#endif
