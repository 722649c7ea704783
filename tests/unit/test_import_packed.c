/* Packed tensors: any piece of one is what the whole says, wherever it is cut. */
#include "lib/import/packed.h"
#include "tests/check_main.h"
#include "tests/ckpt_make.h"

#include <stdlib.h>

static struct gg_checkpoint *ckpt;
static struct gg_packing *packing;
static size_t n_data;
static struct gg_buf header;

static void begin(void)
{
    scratch_begin();
    gg_buf_adds(&header, "{");
    n_data = 0;
}

static void stored(const char *name, const char *dtype, size_t size, size_t a, size_t b)
{
    gg_buf_addf(&header, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%zu,%zu],\"data_offsets\":[%zu,%zu]}",
                header.nbytes > 1 ? "," : "", name, dtype, a, b, n_data, n_data + a * b * size);
    n_data += a * b * size;
}

static size_t at(const char *name)
{
    return gg_checkpoint_find(ckpt, name);
}

static void open_it(void)
{
    struct gg_err err = {0};
    gg_buf_adds(&header, "}");
    st_write("m.safetensors", gg_buf_str(&header), n_data);
    gg_buf_free(&header);
    header = (struct gg_buf)GG_BUF_INIT;
    ckpt = ckpt_open_ok(scratch_path("m.safetensors"), NULL);
    ck_assert(gg_packing_begin(&packing, ckpt, &err) == GG_OK);
}

/* The only tensor left, its pieces against the whole; unit: elements pieces are multiples of. */
static void check_pieces(size_t unit, size_t unit_nbytes)
{
    struct gg_err err = {0};
    ck_assert_msg(gg_packing_end(packing, &err) == GG_OK, "%s", err.msg);
    gg_packing_free(packing);
    ck_assert_uint_eq(gg_checkpoint_n_tensors(ckpt), 1);
    size_t n = (size_t)gg_checkpoint_tensor(ckpt, 0)->nelems / unit;
    uint8_t *whole = malloc(n * unit_nbytes), *piece = malloc(n * unit_nbytes);
    ck_assert_msg(gg_checkpoint_read(ckpt, 0, 0, n * unit, whole, &err) == GG_OK, "%s", err.msg);
    srand(1);
    for (int i = 0; i < 200; i++) {
        size_t first = (size_t)rand() % n, count = 1 + (size_t)rand() % (n - first);
        count = i % 2 == 0 && count > 40 ? 40 : count;
        ck_assert(gg_checkpoint_read(ckpt, 0, first * unit, count * unit, piece, &err) == GG_OK);
        ck_assert_msg(memcmp(piece, whole + first * unit_nbytes, count * unit_nbytes) == 0,
                      "%zu units from %zu on differ", count, first);
    }
    free(whole);
    free(piece);
    gg_checkpoint_free(ckpt);
    scratch_end();
}

static void ints(enum gg_ints_layout layout, unsigned bits, size_t rows, size_t cols, size_t group,
                 bool zeros)
{
    struct gg_err err = {0};
    size_t words = 32 / bits, g = cols / group;
    begin();
    if (layout == GG_INTS_ROWS) {
        stored("x.codes", "I32", 4, rows, (cols + words - 1) / words);
        stored("x.scale", "BF16", 2, rows, g);
        stored("x.zero", "I32", 4, (rows + words - 1) / words, g);
    } else {
        bool awq = layout == GG_INTS_AWQ;
        stored("x.codes", "I32", 4, awq ? cols : cols * bits / 32, awq ? rows / 8 : rows);
        stored("x.scale", "F16", 2, g, rows);
        stored("x.zero", "I32", 4, g, rows * bits / 32);
    }
    open_it();
    struct gg_packed_ints s = {.codes = at("x.codes"), .scale = at("x.scale"),
                               .zero = zeros ? at("x.zero") : SIZE_MAX, .index = SIZE_MAX,
                               .layout = layout, .bits = bits, .rows = rows, .cols = cols,
                               .group = group, .zero_add = 1, .origin = "ints"};
    gg_packing_hide(packing, at("x.zero"));
    ck_assert_msg(gg_packing_ints(packing, 5, "weight", &s, &err) == GG_OK, "%s", err.msg);
    check_pieces(1, 4);
}

START_TEST(test_ints)
{
    ints(GG_INTS_ROWS, 4, 24, 96, 32, true);
    ints(GG_INTS_ROWS, 3, 24, 90, 30, false);
    ints(GG_INTS_ROWS, 8, 9, 64, 64, true);
    ints(GG_INTS_COLUMNS, 4, 288, 96, 32, true); /* more rows than a tile has */
    ints(GG_INTS_COLUMNS, 3, 32, 96, 32, true);
    ints(GG_INTS_COLUMNS, 2, 32, 64, 16, true);
    ints(GG_INTS_AWQ, 4, 296, 64, 32, true);
}
END_TEST

static void scaled(const uint64_t block[2], size_t scale_rows, size_t scale_cols)
{
    struct gg_err err = {0};
    begin();
    stored("x.weight", "I8", 1, 40, 100);
    stored("x.scale", "BF16", 2, scale_rows, scale_cols);
    open_it();
    ck_assert_msg(gg_packing_scaled(packing, at("x.weight"), at("x.scale"), SIZE_MAX, block, 0, "int8",
                                    &err) == GG_OK, "%s", err.msg);
    check_pieces(1, 4);
}

START_TEST(test_scaled)
{
    scaled((uint64_t[2]){16, 32}, 3, 4);
    scaled((uint64_t[2]){0, 0}, 40, 1);
    scaled((uint64_t[2]){0, 0}, 1, 100);
    scaled((uint64_t[2]){0, 0}, 1, 1);
}
END_TEST

START_TEST(test_blocks)
{
    for (int nv = 0; nv < 2; nv++) {
        struct gg_err err = {0};
        begin();
        stored("x.weight", "U8", 1, 6, 64);
        stored("x.scale", nv ? "F8_E4M3" : "U8", 1, 6, nv ? 8 : 4);
        open_it();
        struct gg_packed_blocks s = {.codes = at("x.weight"), .scale = at("x.scale"), .factor = SIZE_MAX,
                                     .input_factor = SIZE_MAX, .dtype = nv ? GG_DT_NVFP4 : GG_DT_MXFP4};
        ck_assert_msg(gg_packing_blocks(packing, 0, "", &s, &err) == GG_OK, "%s", err.msg);
        check_pieces(nv ? 64 : 32, nv ? 36 : 17);
    }
}
END_TEST

START_TEST(test_table)
{
    struct gg_err err = {0};
    begin();
    stored("x.weight", "U8", 1, 1850, 1);
    stored("x.absmax", "U8", 1, 58, 1);
    stored("x.absmax2", "F32", 4, 4, 1);
    stored("x.map", "F32", 4, 16, 1);
    stored("x.map2", "F32", 4, 256, 1);
    open_it();
    struct gg_packed_table s = {.codes = at("x.weight"), .scale = at("x.absmax"),
                                .scale2 = at("x.absmax2"), .table = at("x.map"), .table2 = at("x.map2"),
                                .run = 64, .run2 = 16, .offset = 0.5f, .rows = 37, .cols = 100,
                                .origin = "nf4"};
    ck_assert_msg(gg_packing_table(packing, &s, &err) == GG_OK, "%s", err.msg);
    check_pieces(1, 4);
}
END_TEST

static void hqq(unsigned bits, unsigned axis, size_t rows, size_t cols, size_t group)
{
    struct gg_err err = {0};
    size_t n = rows * cols, a = axis == 1 ? n / group : group, b = n / a;
    size_t parts = bits == 3 ? 10 : 8 / bits;
    begin();
    stored("x.codes", bits == 3 ? "I32" : "U8", bits == 3 ? 4 : 1, (a + parts - 1) / parts, b);
    stored("x.scale", "F16", 2, n / group, 1);
    stored("x.zero", "BF16", 2, n / group, 1);
    open_it();
    struct gg_packed_hqq s = {.codes = at("x.codes"), .scale = at("x.scale"), .zero = at("x.zero"),
                              .bits = bits, .axis = axis, .rows = rows, .cols = cols, .group = group,
                              .origin = "hqq"};
    ck_assert_msg(gg_packing_hqq(packing, 5, "weight", &s, &err) == GG_OK, "%s", err.msg);
    check_pieces(1, 4);
}

START_TEST(test_hqq)
{
    hqq(4, 1, 32, 96, 32);
    hqq(3, 1, 32, 90, 30);
    hqq(2, 0, 32, 96, 16);
    hqq(8, 0, 30, 96, 16);
}
END_TEST

START_TEST(test_ternary)
{
    struct gg_err err = {0};
    begin();
    stored("x.weight", "U8", 1, 9, 70);
    stored("x.scale", "F16", 2, 1, 1);
    open_it();
    ck_assert_msg(gg_packing_ternary(packing, at("x.weight"), at("x.scale"), &err) == GG_OK, "%s", err.msg);
    check_pieces(1, 4);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("packed");
    TCase *t = tcase_create("pieces");
    tcase_add_test(t, test_ints);
    tcase_add_test(t, test_scaled);
    tcase_add_test(t, test_blocks);
    tcase_add_test(t, test_table);
    tcase_add_test(t, test_hqq);
    tcase_add_test(t, test_ternary);
    suite_add_tcase(s, t);
    return s;
}
