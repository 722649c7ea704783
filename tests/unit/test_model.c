/* GGUF models: tensors of every type, read by ranges, whatever the byte order; shards as one list. */
#include "lib/job/job.h"
#include "lib/job/wishes.h"
#include "lib/model/model.h"
#include "lib/quant/qtype.h"
#include "lib/quant/swap.h"
#include "tests/check_main.h"
#include "tests/gguf_make.h"
#include "tests/scratch.h"

#include <stdlib.h>
#include <string.h>

enum { N_BLOCKS = 3 };

static uint8_t pattern_byte(size_t tensor, size_t i)
{
    return (uint8_t)(tensor * 131 + i * 29 + (i >> 8) * 7 + 5);
}

/* A file with one tensor of every type, N_BLOCKS blocks each; numbers in the order of m. */
static void make_zoo(struct make *m)
{
    uint64_t off = 0;
    mk_head(m, qt_count(), 1);
    mk_kv_str(m, "general.architecture", "test");
    for (size_t i = 0; i < qt_count(); i++) {
        const struct qt_info *t = qt_at(i);
        mk_tensor(m, t->name, (uint64_t)N_BLOCKS * t->block_nelems, 0, t->type, off);
        off += (uint64_t)N_BLOCKS * t->block_nbytes;
        ck_assert(gg_align_u64(off, 32, &off));
    }
    mk_pad(m, 32);
    for (size_t i = 0; i < qt_count(); i++) {
        const struct qt_info *t = qt_at(i);
        uint8_t data[N_BLOCKS * 512];
        for (size_t k = 0; k < sizeof data; k++)
            data[k] = pattern_byte(i, k);
        if (m->big_endian)
            ck_assert(qt_swap_blocks(t->type, data, N_BLOCKS));
        gg_buf_add(&m->b, data, (size_t)N_BLOCKS * t->block_nbytes);
        mk_pad(m, 32);
    }
}

static struct gg_model *open_ok(const char *name)
{
    struct gg_model *m = NULL;
    struct gg_err err;
    int rc = gg_model_open_gguf(&m, scratch_path(name), GGF_STRICT, &err);
    ck_assert_msg(rc == GG_OK, "%s", err.msg);
    return m;
}

static void check_zoo(const struct gg_model *m, bool verbatim)
{
    ck_assert_uint_eq(m->n_tensors, qt_count());
    for (size_t i = 0; i < m->n_tensors; i++) {
        const struct qt_info *t = qt_at(i);
        uint8_t got[N_BLOCKS * 512 + 1];
        struct gg_err err;
        struct gg_extent x;
        for (size_t first = 0; first <= N_BLOCKS; first++) {
            for (size_t n = 0; n <= N_BLOCKS - first; n++) {
                memset(got, 0xEE, sizeof got);
                ck_assert_int_eq(m->source->ops->read(m->source, i, first * t->block_nelems,
                                                      n * t->block_nelems, got, &err),
                                 GG_OK);
                for (size_t k = 0; k < n * t->block_nbytes; k++)
                    ck_assert_msg(got[k] == pattern_byte(i, first * t->block_nbytes + k), "%s",
                                  t->name);
                ck_assert_uint_eq(got[n * t->block_nbytes], 0xEE);
            }
        }
        ck_assert_int_eq(m->source->ops->extent(m->source, i, &x), verbatim);
        if (verbatim)
            ck_assert_uint_eq(x.nbytes, (uint64_t)N_BLOCKS * t->block_nbytes);
    }
}

START_TEST(both_byte_orders_read_alike)
{
    scratch_begin();
    for (int be = 0; be < 2; be++) {
        struct make mk = {.version = 3, .big_endian = be};
        make_zoo(&mk);
        scratch_write("zoo.gguf", mk.b.data, mk.b.nbytes);
        gg_buf_free(&mk.b);
        struct gg_model *m = open_ok("zoo.gguf");
        ck_assert_uint_eq(m->findings.n_by_severity[GG_FAULT], 0);
        check_zoo(m, !be);
        gg_model_free(m);
    }
    scratch_end();
}
END_TEST

/* Writes a plain copy of the model as out.gguf and returns its bytes. */
static char *copy_of(const struct gg_model *m, size_t *nbytes)
{
    const struct gg_preset *copy = gg_preset_by_name("COPY");
    const char *path = scratch_path("out.gguf");
    struct qk_table kernels;
    struct gg_plan *plan = NULL;
    struct gg_wishes *w = NULL;
    struct gg_job_result result;
    struct gg_err err;
    qk_init(&kernels, GG_CPU_C);
    ck_assert_int_eq(gg_wishes_new(&w, m, NULL, NULL, NULL, &err), GG_OK);
    ck_assert_int_eq(gg_plan_new(&plan, m, &copy, 1, &w->plan, false, &err), GG_OK);
    struct gg_write_opts write = {.stream = {.kernels = &kernels}};
    struct gg_job job = {.model = m, .plan = plan, .paths = &path, .force = true, .write = &write};
    ck_assert_msg(gg_job_run(&job, &result, &err) == GG_OK, "%s", err.msg);
    gg_job_result_free(&result);
    gg_plan_free(plan);
    gg_wishes_free(w);
    return scratch_read("out.gguf", nbytes);
}

/* What is big-endian becomes, through the whole walk, the file its little-endian twin becomes. */
START_TEST(both_byte_orders_copy_alike)
{
    char *bytes[2];
    size_t n[2];
    scratch_begin();
    for (int be = 0; be < 2; be++) {
        struct make mk = {.version = 3, .big_endian = be};
        make_zoo(&mk);
        scratch_write("zoo.gguf", mk.b.data, mk.b.nbytes);
        gg_buf_free(&mk.b);
        struct gg_model *m = open_ok("zoo.gguf");
        bytes[be] = copy_of(m, &n[be]);
        gg_model_free(m);
    }
    ck_assert_uint_eq(n[0], n[1]);
    ck_assert(memcmp(bytes[0], bytes[1], n[0]) == 0);
    free(bytes[0]);
    free(bytes[1]);
    scratch_end();
}
END_TEST

/* The swap table is checked against a second one in test_swap; here numbers written by hand. */
START_TEST(big_endian_numbers_by_hand)
{
    struct make mk = {.version = 3, .big_endian = true};
    scratch_begin();
    mk_head(&mk, 2, 0);
    mk_tensor(&mk, "f", 2, 0, QT_F32, 0);
    mk_tensor(&mk, "q", 32, 0, QT_Q5_1, 32);
    mk_pad(&mk, 32);
    mk_u32(&mk, gg_bits_from_f32(1.5F));
    mk_u32(&mk, gg_bits_from_f32(-2.0F));
    mk_pad(&mk, 32);
    mk_u16(&mk, 0x3C00);
    mk_u16(&mk, 0x4001);
    mk_u32(&mk, 0x01020304);
    for (int i = 0; i < 16; i++)
        mk_u8(&mk, (uint8_t)i);
    mk_pad(&mk, 32);
    scratch_write("be.gguf", mk.b.data, mk.b.nbytes);
    gg_buf_free(&mk.b);
    struct gg_model *m = open_ok("be.gguf");
    struct gg_err err;
    uint8_t p[24];
    ck_assert_int_eq(m->source->ops->read(m->source, 0, 0, 2, p, &err), GG_OK);
    ck_assert(gg_f32_from_bits(gg_load_u32(p)) == 1.5F);
    ck_assert(gg_f32_from_bits(gg_load_u32(p + 4)) == -2.0F);
    ck_assert_int_eq(m->source->ops->read(m->source, 1, 0, 32, p, &err), GG_OK);
    ck_assert_uint_eq(gg_load_u16(p), 0x3C00);
    ck_assert_uint_eq(gg_load_u16(p + 2), 0x4001);
    ck_assert_uint_eq(gg_load_u32(p + 4), 0x01020304);
    ck_assert_uint_eq(p[8], 0);
    ck_assert_uint_eq(p[23], 15);
    gg_model_free(m);
    scratch_end();
}
END_TEST

static void make_shard(const char *name, uint16_t no, uint16_t count, const char *tensor)
{
    struct make mk = {.version = 3};
    mk_head(&mk, 1, no == 0 ? 4 : 3);
    if (no == 0)
        mk_kv_str(&mk, "general.architecture", "test");
    mk_kv_u16(&mk, "split.no", no);
    mk_kv_u16(&mk, "split.count", count);
    mk_kv_i32(&mk, "split.tensors.count", count);
    mk_tensor(&mk, tensor, 8, 2, QT_F32, 0);
    mk_pad(&mk, 32);
    for (uint32_t i = 0; i < 16; i++)
        mk_u32(&mk, no * 100u + i);
    scratch_write(name, mk.b.data, mk.b.nbytes);
    gg_buf_free(&mk.b);
}

START_TEST(shards_are_one_list)
{
    scratch_begin();
    make_shard("s-00001-of-00003.gguf", 0, 3, "a");
    make_shard("s-00002-of-00003.gguf", 1, 3, "b");
    make_shard("s-00003-of-00003.gguf", 2, 3, "c");
    struct gg_model *m = open_ok("s-00002-of-00003.gguf");
    ck_assert_uint_eq(m->n_files, 3);
    ck_assert_uint_eq(m->n_tensors, 3);
    ck_assert(ggf_meta_find(m->meta, "general.architecture") != NULL);
    for (size_t i = 0; i < 3; i++) {
        uint8_t p[16];
        struct gg_err err;
        ck_assert_uint_eq(m->tensors[i].file, i);
        ck_assert_uint_eq(m->tensors[i].name.p[0], 'a' + i);
        ck_assert(m->files[i].ino != 0);
        ck_assert_int_eq(m->source->ops->read(m->source, i, 5, 4, p, &err), GG_OK);
        for (size_t k = 0; k < 4; k++)
            ck_assert_uint_eq(gg_load_u32(p + 4 * k), i * 100 + 5 + k);
    }
    ck_assert(m->files[0].ino != m->files[1].ino);
    gg_model_free(m);
    scratch_end();
}
END_TEST

/* A file cut short after its header was read: an error with a name, never stale bytes. */
START_TEST(truncated_data_is_an_error)
{
    struct make mk = {.version = 3};
    struct gg_model *m = NULL;
    struct gg_err err;
    uint8_t p[64];
    scratch_begin();
    mk_head(&mk, 1, 0);
    mk_tensor(&mk, "cut", 16, 0, QT_F32, 0);
    mk_pad(&mk, 32);
    mk_data(&mk, 40);
    scratch_write("cut.gguf", mk.b.data, mk.b.nbytes);
    gg_buf_free(&mk.b);
    ck_assert_int_eq(gg_model_open_gguf(&m, scratch_path("cut.gguf"), GGF_STRICT, &err),
                     GG_ERR_TRUNCATED);
    ck_assert_ptr_null(m);
    ck_assert_int_eq(gg_model_open_gguf(&m, scratch_path("cut.gguf"), GGF_HEADER_ONLY, &err), GG_OK);
    ck_assert_int_eq(m->source->ops->read(m->source, 0, 0, 10, p, &err), GG_OK);
    ck_assert_int_eq(m->source->ops->read(m->source, 0, 0, 11, p, &err), GG_ERR_TRUNCATED);
    ck_assert_ptr_nonnull(strstr(err.msg, "'cut'"));
    gg_model_free(m);
    scratch_end();
}
END_TEST

START_TEST(faults_forbid_copying)
{
    struct make mk = {.version = 3};
    struct gg_err err;
    scratch_begin();
    mk_head(&mk, 2, 0);
    mk_tensor(&mk, "a", 16, 0, QT_F32, 0);
    mk_tensor(&mk, "b", 16, 0, QT_F32, 32);
    mk_pad(&mk, 32);
    mk_data(&mk, 96);
    scratch_write("overlap.gguf", mk.b.data, mk.b.nbytes);
    gg_buf_free(&mk.b);
    struct gg_model *m = NULL;
    int rc = gg_model_open_gguf(&m, scratch_path("overlap.gguf"), GGF_STRICT, &err);
    if (rc == GG_OK) { /* listable, but not copyable */
        ck_assert_int_eq(gg_model_require_sound(m, &err), GG_ERR_CORRUPT);
        gg_model_free(m);
    } else {
        ck_assert_int_eq(rc, GG_ERR_CORRUPT);
    }
    scratch_end();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("model");
    TCase *t = tcase_create("all");
    tcase_add_test(t, both_byte_orders_read_alike);
    tcase_add_test(t, both_byte_orders_copy_alike);
    tcase_add_test(t, big_endian_numbers_by_hand);
    tcase_add_test(t, shards_are_one_list);
    tcase_add_test(t, truncated_data_is_an_error);
    tcase_add_test(t, faults_forbid_copying);
    suite_add_tcase(s, t);
    return s;
}
