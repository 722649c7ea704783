/* Small checkpoints for tests, and how opening them must end. */
#ifndef GG_TESTS_CKPT_MAKE_H
#define GG_TESTS_CKPT_MAKE_H

#include "lib/base/buf.h"
#include "lib/base/num.h"
#include "lib/import/checkpoint.h"
#include "tests/scratch.h"

#include <check.h>

/* A safetensors file whose header is said to have header_nbytes bytes. */
static inline void st_write_raw(const char *name, uint64_t header_nbytes, const char *header,
                                size_t n_header, size_t n_data)
{
    struct gg_buf b = GG_BUF_INIT;
    uint8_t raw[8];
    gg_store_u64(raw, header_nbytes);
    gg_buf_add(&b, raw, 8);
    gg_buf_add(&b, header, n_header);
    for (size_t i = 0; i < n_data; i++)
        gg_buf_addc(&b, (char)(i * 7 + 1));
    scratch_write(name, b.data, b.nbytes);
    gg_buf_free(&b);
}

static inline void st_write(const char *name, const char *header, size_t n_data)
{
    st_write_raw(name, strlen(header), header, strlen(header), n_data);
}

static inline struct gg_checkpoint *ckpt_open_ok(const char *path, struct gg_findings *f)
{
    struct gg_checkpoint *c = NULL;
    struct gg_err err = {0};
    ck_assert_msg(gg_checkpoint_open(&c, path, f, &err) == GG_OK, "%s", err.msg);
    return c;
}

/* Opening must fail with one line that holds `text` and names the file or the tensor. */
static inline void ckpt_open_bad(const char *path, enum gg_code code, const char *text)
{
    struct gg_checkpoint *c = NULL;
    struct gg_err err = {0};
    ck_assert_msg(gg_checkpoint_open(&c, path, NULL, &err) != GG_OK, "%s was taken (%s)", path,
                  text);
    ck_assert_ptr_null(c);
    ck_assert_msg(strstr(err.msg, text) != NULL, "'%s' is not in: %s", text, err.msg);
    ck_assert_msg(err.code == code, "code %d, not %d: %s", (int)err.code, (int)code, err.msg);
    ck_assert_ptr_null(strchr(err.msg, '\n'));
    ck_assert_msg(strstr(err.msg, "ggtool-test-") != NULL || strncmp(err.msg, "tensor '", 8) == 0,
                  "no file named in: %s", err.msg);
}

#endif
