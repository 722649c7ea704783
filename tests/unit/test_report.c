/* lib/report: pictures, and pages that nothing in a name can break. */
#include "lib/base/num.h"
#include "lib/report/page.h"
#include "lib/report/plot.h"
#include "tests/check_main.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static size_t count_of(const char *s, const char *what)
{
    size_t n = 0;
    for (; (s = strstr(s, what)) != NULL; s += strlen(what))
        n++;
    return n;
}

/* ---- PNG --------------------------------------------------------------------------------------- */

static uint32_t be32(const char *p)
{
    return gg_swap_u32(gg_load_u32(p));
}

/* Unpacks a PNG of ours by the standard, checking every chunk; rows without their filters. */
static uint8_t *decode(const struct gg_buf *b, uint32_t *w, uint32_t *h)
{
    uint8_t *rows = NULL;
    size_t at = 8;
    char types[16] = "";
    ck_assert_int_eq(memcmp(b->data, "\x89PNG\r\n\x1a\n", 8), 0);
    while (at < b->nbytes) {
        const char *chunk = b->data + at;
        uint32_t n = be32(chunk);
        ck_assert(gg_in_range(at + 12, n, b->nbytes));
        ck_assert_uint_eq(be32(chunk + 8 + n), crc32(0, (const Bytef *)chunk + 4, n + 4));
        strncat(types, chunk + 4, 4);
        if (memcmp(chunk + 4, "IHDR", 4) == 0) {
            ck_assert_uint_eq(n, 13);
            *w = be32(chunk + 8);
            *h = be32(chunk + 12);
            ck_assert_int_eq(memcmp(chunk + 16, "\x08\x02\x00\x00\x00", 5), 0);
        } else if (memcmp(chunk + 4, "IDAT", 4) == 0) {
            uLongf size = (uLongf)*h * (*w * 3 + 1), want = size;
            rows = malloc(size);
            ck_assert_int_eq(uncompress(rows, &size, (const Bytef *)chunk + 8, n), Z_OK);
            ck_assert_uint_eq(size, want);
        }
        at += 12 + (size_t)n;
    }
    ck_assert_str_eq(types, "IHDRIDATIEND");
    for (uint32_t y = 0; y < *h; y++)
        ck_assert_uint_eq(rows[y * (*w * 3 + 1)], 0);
    return rows;
}

static uint32_t pixel(const uint8_t *rows, uint32_t w, uint32_t x, uint32_t y)
{
    const uint8_t *p = rows + y * (w * 3 + 1) + 1 + 3 * x;
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

START_TEST(test_png)
{
    struct gg_picture p = {0};
    struct gg_buf b = GG_BUF_INIT;
    struct gg_err err;
    uint32_t w = 0, h = 0;
    gg_picture_rect(&p, 10, 20, 30, 5, GG_PAINT_INK, NULL);
    gg_picture_disc(&p, 80, 20, 6, GG_PAINT_SERIES, NULL);
    double line[4] = {0, 40, 100, 40};
    gg_picture_line(&p, line, 2, GG_PAINT_GRID, 2);
    gg_picture_text(&p, 2, 16, GG_ANCHOR_START, GG_PAINT_MUTED, "I\xc3\xa9");
    ck_assert_int_eq(gg_picture_png(&b, &p, 2, &err), GG_OK);
    uint8_t *rows = decode(&b, &w, &h);
    ck_assert_uint_eq(w, 216);
    ck_assert_uint_eq(h, 96);
    ck_assert_uint_eq(pixel(rows, w, 20, 40), gg_paint_rgb(GG_PAINT_INK, false));
    ck_assert_uint_eq(pixel(rows, w, 79, 49), gg_paint_rgb(GG_PAINT_INK, false));
    ck_assert_uint_eq(pixel(rows, w, 80, 49), 0xffffff);
    ck_assert_uint_eq(pixel(rows, w, 19, 40), 0xffffff);
    ck_assert_uint_eq(pixel(rows, w, 160, 40), gg_paint_rgb(GG_PAINT_SERIES, false));
    ck_assert_uint_eq(pixel(rows, w, 100, 80), gg_paint_rgb(GG_PAINT_GRID, false));
    size_t n_ink = 0; /* two letters, for the second of which there is but a question mark */
    for (uint32_t y = 0; y < 36; y++)
        for (uint32_t x = 0; x < 40; x++)
            n_ink += pixel(rows, w, x, y) == gg_paint_rgb(GG_PAINT_MUTED, false);
    ck_assert_msg(n_ink >= 4 * 20 && n_ink <= 4 * 50, "%zu", n_ink);
    free(rows);
    gg_buf_free(&b);
    gg_picture_free(&p);
}
END_TEST

START_TEST(test_png_limit)
{
    struct gg_picture p = {.width = 1e6, .height = 1e6};
    struct gg_buf b = GG_BUF_INIT;
    struct gg_err err;
    ck_assert_int_eq(gg_picture_png(&b, &p, 2, &err), GG_ERR_LIMIT);
    gg_picture_free(&p);
}
END_TEST

/* ---- SVG and pages ------------------------------------------------------------------------------ */

static const char evil[] = "</title><script>alert(\"1\")</script>&'\x01";

START_TEST(test_escapes)
{
    struct gg_picture p = {0};
    struct gg_page page;
    struct gg_err err;
    const struct gg_page_column cols[] = {{evil, false}, {evil, true}};
    gg_picture_rect(&p, 0, 0, 1, 1, GG_PAINT_INK, evil);
    gg_picture_text(&p, 0, 0, GG_ANCHOR_START, GG_PAINT_INK, evil);
    gg_page_begin(&page, evil);
    gg_page_heading(&page, evil);
    gg_page_subheading(&page, evil);
    gg_page_para(&page, GG_PARA_NOTE, evil);
    gg_page_lines(&page, evil);
    ck_assert_int_eq(gg_page_picture(&page, &p, evil, GG_SCREENS_ALL, &err), GG_OK);
    gg_page_table(&page, cols, 2, evil);
    gg_page_row(&page);
    gg_page_cell(&page, evil);
    gg_page_number(&page, NAN, evil);
    gg_page_table_end(&page);
    ck_assert_int_eq(gg_page_end(&page, &err), GG_OK);
    const char *html = gg_buf_str(&page.html);
    ck_assert_uint_eq(count_of(html, "alert"), 14);
    ck_assert_uint_eq(count_of(html, "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;'"), 14);
    ck_assert_uint_eq(count_of(html, "<script>"), 1); /* its own */
    ck_assert_uint_eq(count_of(html, "\x01"), 0);
    gg_buf_free(&page.html);
    gg_picture_free(&p);
}
END_TEST

START_TEST(test_heat)
{
    const char *const layers[] = {"0", "1", "7"}, *const roles[] = {"attn_q", "ffn"};
    const struct gg_cell_value cells[6] = {{GG_CELL_VALUE, 10, "a"}, {GG_CELL_VALUE, 40, "b"},
                                           {GG_CELL_SAME, 0, "c"},   {GG_CELL_NONE, 0, "d"},
                                           {GG_CELL_EMPTY, 0, NULL}, {GG_CELL_VALUE, -INFINITY, "e"}};
    struct gg_heat h = {"blk", layers, 3, roles, 2, cells, 40, 10};
    struct gg_buf b = GG_BUF_INIT;
    struct gg_err err;
    for (int down = 0; down < 2; down++) {
        struct gg_picture p = {0};
        gg_buf_reset(&b);
        gg_plot_heat(&p, &h, 0, 0, down);
        ck_assert_int_eq(gg_picture_svg(&b, &p, "heat", NULL, true, &err), GG_OK);
        ck_assert_uint_eq(count_of(b.data, " cell\""), 5);
        ck_assert_uint_eq(count_of(b.data, "<title>"), 5);
        ck_assert_uint_eq(count_of(b.data, "class=\"f29 cell\""), 2); /* the worst, and what is worse */
        ck_assert_uint_eq(count_of(b.data, "class=\"f14 cell\""), 1);
        gg_picture_free(&p);
    }
    gg_buf_reset(&b);
    gg_text_heat(&b, &h, 80, false, false);
    ck_assert_str_eq(gg_buf_str(&b), "  blk\n          layers 0 to 7\n  attn_q  @@==  \n     ffn  ..\?\?@@\n");
    gg_buf_reset(&b);
    gg_text_heat(&b, &h, 12, false, true); /* in pieces when there is no room */
    ck_assert_uint_eq(count_of(gg_buf_str(&b), "layers"), 2);
    gg_buf_free(&b);
}
END_TEST

START_TEST(test_scatter)
{
    const struct gg_point v[] = {{1e9, 0.1, "small", NULL}, {2e9, 0.01, "good", NULL},
                                 {2.1e9, 0.05, "beaten", NULL}, {4e9, 0.0001, "large", NULL}};
    struct gg_picture p = {0};
    struct gg_buf b = GG_BUF_INIT;
    struct gg_err err;
    gg_plot_scatter(&p, v, 4, 0, 0, 800, 400);
    ck_assert_int_eq(gg_picture_svg(&b, &p, "s", NULL, false, &err), GG_OK);
    ck_assert_uint_eq(count_of(b.data, "class=\"f6 point\""), 3);
    ck_assert_uint_eq(count_of(b.data, "class=\"f2 point\""), 1);
    ck_assert_uint_eq(count_of(b.data, ">good<"), 1);
    ck_assert_uint_eq(count_of(b.data, "GiB"), 1);
    ck_assert(isfinite(p.width) && isfinite(p.height) && strstr(b.data, "nan") == NULL);
    gg_picture_free(&p);
    gg_plot_scatter(&p, v, 1, 0, 0, 800, 400); /* one point has no range */
    gg_buf_reset(&b);
    ck_assert_int_eq(gg_picture_svg(&b, &p, "s", NULL, false, &err), GG_OK);
    ck_assert(strstr(b.data, "nan") == NULL && strstr(b.data, "inf") == NULL);
    gg_picture_free(&p);
    gg_buf_free(&b);
}
END_TEST

START_TEST(test_histogram)
{
    uint64_t bins[40] = {0}, none[40] = {0};
    bins[10] = 5, bins[11] = 20, bins[12] = 5;
    const struct gg_series v[] = {{"q", bins, 10}, {"nothing", none, 7}};
    struct gg_picture p = {0};
    struct gg_buf b = GG_BUF_INIT;
    struct gg_err err;
    gg_plot_histogram(&p, v, 2, 40, 24, 4, 0, 0, 800, 300);
    ck_assert_int_eq(gg_picture_svg(&b, &p, "h", NULL, false, &err), GG_OK);
    ck_assert_uint_eq(count_of(b.data, "q, 25% exact"), 1);
    ck_assert_uint_eq(count_of(b.data, ">1/8<"), 1); /* bin 12 of 24 */
    ck_assert(strstr(b.data, "nan") == NULL && strstr(b.data, "inf") == NULL);
    gg_picture_free(&p);
    gg_plot_histogram(&p, v + 1, 1, 40, 24, 4, 0, 0, 800, 300);
    ck_assert_uint_eq(p.n, 0);
    gg_picture_free(&p);
    gg_buf_free(&b);
}
END_TEST

/* Light and dark: text is readable on all that is behind it (WCAG 2: a contrast of 4.5 at least, of lines
 * and signs 3). */
static double luminance(uint32_t rgb)
{
    static const double weight[3] = {0.2126, 0.7152, 0.0722};
    double sum = 0;
    for (int i = 0; i < 3; i++) {
        double c = (rgb >> (16 - 8 * i) & 0xff) / 255.0;
        sum += weight[i] * (c <= 0.03928 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4));
    }
    return sum;
}

static double contrast(enum gg_paint a, enum gg_paint b, bool dark)
{
    double x = luminance(gg_paint_rgb(a, dark)), y = luminance(gg_paint_rgb(b, dark));
    return (fmax(x, y) + 0.05) / (fmin(x, y) + 0.05);
}

START_TEST(test_contrast)
{
    for (int dark = 0; dark < 2; dark++) {
        ck_assert(contrast(GG_PAINT_INK, GG_PAINT_PAPER, dark) > 7);
        ck_assert(contrast(GG_PAINT_MUTED, GG_PAINT_PAPER, dark) > 4.5);
        ck_assert(contrast(GG_PAINT_MUTED, GG_PAINT_SAME, dark) > 3);
        for (int i = 0; i < GG_N_SERIES; i++)
            ck_assert(contrast((enum gg_paint)(GG_PAINT_SERIES + i), GG_PAINT_PAPER, dark) > 3);
        for (int i = 0; i < GG_N_HEAT; i++) {
            enum gg_paint heat = (enum gg_paint)(GG_PAINT_HEAT + i);
            double c = contrast((enum gg_paint)(GG_PAINT_ON_HEAT + i), heat, dark);
            ck_assert_msg(c > 4.5, "heat %d, %s: %.2f", i, dark ? "dark" : "light", c);
            ck_assert(i == 0 || (luminance(gg_paint_rgb(heat, dark)) >
                                 luminance(gg_paint_rgb((enum gg_paint)(heat - 1), dark))) == dark);
        }
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("report");
    TCase *t = tcase_create("report");
    tcase_add_test(t, test_png);
    tcase_add_test(t, test_png_limit);
    tcase_add_test(t, test_escapes);
    tcase_add_test(t, test_heat);
    tcase_add_test(t, test_scatter);
    tcase_add_test(t, test_histogram);
    tcase_add_test(t, test_contrast);
    suite_add_tcase(s, t);
    return s;
}
