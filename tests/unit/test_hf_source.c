/* What becomes of stored values on their way into a model: types that GGUF lacks. */
#include "lib/hf/hf_impl.h"
#include "lib/quant/qtype.h"
#include "tests/check_main.h"
#include "tests/ckpt_make.h"

#include <stdio.h>
#include <stdlib.h>

/* The model of one tensor "x" with these bytes, all names kept. */
static struct gg_model *raw_model(const char *dtype, size_t n, const void *p, size_t nbytes)
{
    static const struct gg_hf_opts opts = {.arch = "raw"};
    struct gg_buf b = GG_BUF_INIT, header = GG_BUF_INIT;
    struct gg_checkpoint *c = NULL;
    struct gg_model *m = NULL;
    struct gg_err err = {0};
    uint8_t len[8];
    gg_buf_addf(&header, "{\"x\":{\"dtype\":\"%s\",\"shape\":[%zu],\"data_offsets\":[0,%zu]}}", dtype,
                n, nbytes);
    gg_store_u64(len, header.nbytes);
    gg_buf_add(&b, len, 8);
    gg_buf_add(&b, header.data, header.nbytes);
    gg_buf_add(&b, p, nbytes);
    scratch_write("m.safetensors", b.data, b.nbytes);
    gg_buf_free(&b);
    gg_buf_free(&header);
    ck_assert_msg(gg_checkpoint_open(&c, scratch_path("m.safetensors"), NULL, &err) == GG_OK, "%s", err.msg);
    ck_assert_msg(gg_hf_open(&m, c, &opts, &err) == GG_OK, "%s", err.msg);
    return m;
}

static int read_all(struct gg_model *m, void *dst, struct gg_err *err)
{
    return m->source->ops->read(m->source, 0, 0, m->tensors[0].nelems, dst, err);
}

START_TEST(test_integers)
{
    static const struct {
        const char *dtype;
        uint32_t type;
        uint64_t bits, value; /* of the last of three elements */
        size_t size;
    } cases[] = {
        {"U8", QT_I16, 0xff, 255, 1},
        {"U16", QT_I32, 0xffff, 65535, 2},
        {"U32", QT_I64, 0xffffffff, 4294967295u, 4},
        {"U64", QT_I64, INT64_MAX, INT64_MAX, 8},
        {"BOOL", QT_I8, 1, 1, 1},
        {"I64", QT_I64, 0x8000000000000000u, 0x8000000000000000u, 8},
    };
    scratch_begin();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t in[24] = {0}, out[24], bits[8], want[8];
        size_t n = cases[i].size, to = qt_info(cases[i].type)->block_nbytes;
        struct gg_err err = {0};
        gg_store_u64(bits, cases[i].bits);
        gg_store_u64(want, cases[i].value);
        memcpy(in + 2 * n, bits, n);
        struct gg_model *m = raw_model(cases[i].dtype, 3, in, 3 * n);
        ck_assert_uint_eq(m->tensors[0].type, cases[i].type);
        ck_assert_msg(read_all(m, out, &err) == GG_OK, "%s", err.msg);
        ck_assert_mem_eq(out + 2 * to, want, to);
        gg_model_free(m);
    }
    scratch_end();
}
END_TEST

START_TEST(test_too_wide)
{
    uint8_t in[16] = {0}, out[16];
    struct gg_err err = {0};
    scratch_begin();
    in[15] = 0x80; /* 2^63 as the second U64 */
    struct gg_model *m = raw_model("U64", 2, in, 16);
    ck_assert_int_eq(read_all(m, out, &err), GG_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.msg, "tensor 'x': element 1 is 9.22337e+18, more than I64 holds"));
    gg_model_free(m);
    scratch_end();
}
END_TEST

/* All 8-bit and 4-bit floats are BF16 values. */
START_TEST(test_small_floats)
{
    uint8_t in[4] = {0x38, 0xb8, 0x7e, 0x01}; /* E4M3: 1, -1, 448, 2^-9 */
    uint8_t f4[2] = {0x21, 0xf7};             /* 0.5, 1, 6, -6 */
    static const uint16_t e4m3[4] = {0x3f80, 0xbf80, 0x43e0, 0x3b00};
    static const uint16_t want4[4] = {0x3f00, 0x3f80, 0x40c0, 0xc0c0};
    uint8_t out[8];
    struct gg_err err = {0};
    scratch_begin();
    struct gg_model *m = raw_model("F8_E4M3", 4, in, 4);
    ck_assert_uint_eq(m->tensors[0].type, QT_BF16);
    ck_assert_int_eq(read_all(m, out, &err), GG_OK);
    for (size_t i = 0; i < 4; i++)
        ck_assert_uint_eq(gg_load_u16(out + 2 * i), e4m3[i]);
    gg_model_free(m);
    m = raw_model("F4", 4, f4, 2);
    ck_assert_int_eq(read_all(m, out, &err), GG_OK);
    for (size_t i = 0; i < 4; i++)
        ck_assert_uint_eq(gg_load_u16(out + 2 * i), want4[i]);
    /* any piece of it, from the middle of a byte too */
    for (uint64_t first = 0; first < 4; first++) {
        for (uint64_t n = 1; first + n <= 4; n++) {
            ck_assert_int_eq(m->source->ops->read(m->source, 0, first, n, out, &err), GG_OK);
            for (uint64_t i = 0; i < n; i++)
                ck_assert_uint_eq(gg_load_u16(out + 2 * i), want4[first + i]);
        }
    }
    gg_model_free(m);
    scratch_end();
}
END_TEST

/* 120 elements that are their own number, as F32 or BF16. */
static struct gg_checkpoint *counted(bool half)
{
    struct gg_buf b = GG_BUF_INIT, header = GG_BUF_INIT;
    struct gg_checkpoint *c = NULL;
    struct gg_err err = {0};
    uint8_t len[8], four[4];
    gg_buf_addf(&header, "{\"x\":{\"dtype\":\"%s\",\"shape\":[4,6,5],\"data_offsets\":[0,%d]}}",
                half ? "BF16" : "F32", half ? 240 : 480);
    gg_store_u64(len, header.nbytes);
    gg_buf_add(&b, len, 8);
    gg_buf_add(&b, header.data, header.nbytes);
    for (int i = 0; i < 120; i++) {
        gg_store_u32(four, gg_bits_from_f32((float)i));
        gg_buf_add(&b, half ? four + 2 : four, half ? 2 : 4);
    }
    scratch_write("c.safetensors", b.data, b.nbytes);
    gg_buf_free(&b);
    gg_buf_free(&header);
    ck_assert_msg(gg_checkpoint_open(&c, scratch_path("c.safetensors"), NULL, &err) == GG_OK, "%s", err.msg);
    return c;
}

/* Runs of elements, from each on, are what the view says, element by element: all short ones, some long. */
static void draw_all(struct gg_checkpoint *c, const struct hf_vt *v, const struct hf_view *w)
{
    const struct hf_part p = {.view = w};
    uint64_t n = v->ne[0] * v->ne[1] * v->ne[2] * v->ne[3];
    uint8_t got[480];
    struct gg_err err = {0};
    for (uint64_t first = 0; first < n; first++) {
        for (uint64_t k = 1; k <= n - first; k += k < 14 ? 1 : 9) {
            ck_assert_msg(gg_hf_draw(c, v, &p, first, k, got, &err) == GG_OK, "%s", err.msg);
            for (uint64_t i = 0; i < k; i++)
                ck_assert(gg_f32_from_bits(gg_load_u32(got + 4 * i)) == (float)gg_hf_view_at(w, first + i));
        }
    }
}

START_TEST(test_views)
{
    static const char *const layouts[] = {
        "a b c -> a c b", "a (2 b) c -> a (b 2) c", "a b c -> c b a", "a b c -> b a c", "a b[1:4] c -> a b c",
        "a (b 2[1]) c -> a c b", "a b c[2:] -> (a b c)", "a b c[3] -> a b", "a (b 3) c -> (3 c) (a b)",
    };
    scratch_begin();
    for (size_t i = 0; i < 2 * sizeof layouts / sizeof layouts[0]; i++) {
        struct gg_checkpoint *c = counted(i % 2 == 1);
        struct hf h = {.config = json_object(), .rope = json_object()};
        struct hf_vt v = {0};
        struct hf_view w;
        struct gg_err err = {0};
        ck_assert_msg(gg_hf_layout(&h, layouts[i / 2], gg_checkpoint_tensor(c, 0), &v, &w, &err) == GG_OK,
                      "%s", err.msg);
        v.type = QT_F32;
        draw_all(c, &v, &w);
        gg_checkpoint_free(c);
        json_decref(h.config);
        json_decref(h.rope);
    }
    scratch_end();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("hf-source");
    TCase *t = tcase_create("all");
    tcase_add_test(t, test_integers);
    tcase_add_test(t, test_too_wide);
    tcase_add_test(t, test_small_floats);
    tcase_add_test(t, test_views);
    suite_add_tcase(s, t);
    return s;
}
