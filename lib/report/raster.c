/* Pictures as pixels, and those as PNG (ISO/IEC 15948): a header, the rows packed by zlib, an end.
 *
 *     | 8 bytes of signature | IHDR | IDAT | IEND |,  a chunk: | u32 length | type | data | u32 CRC |
 */
#include "lib/base/num.h"
#include "lib/report/font.h"
#include "lib/report/picture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { MOST_PIXELS = 64 << 20 };

struct raster {
    uint8_t *rgb;
    long w, h;
    double scale;
};

/* ---- pixels ---------------------------------------------------------------------------------- */

static void blend(struct raster *r, long x, long y, uint32_t rgb, double alpha)
{
    if (x < 0 || y < 0 || x >= r->w || y >= r->h || alpha <= 0)
        return;
    uint8_t *p = r->rgb + (y * r->w + x) * 3;
    for (int i = 0; i < 3; i++) {
        double c = rgb >> (16 - 8 * i) & 0xff;
        p[i] = (uint8_t)(p[i] + (c - p[i]) * (alpha < 1 ? alpha : 1) + 0.5);
    }
}

static void draw_rect(struct raster *r, const struct gg_shape *s, uint32_t rgb)
{
    long x0 = lround(s->x * r->scale), x1 = lround((s->x + s->w) * r->scale);
    long y0 = lround(s->y * r->scale), y1 = lround((s->y + s->h) * r->scale);
    for (long y = y0; y < y1; y++) {
        for (long x = x0; x < x1; x++)
            blend(r, x, y, rgb, 1);
    }
}

static void draw_disc(struct raster *r, const struct gg_shape *s, uint32_t rgb)
{
    double cx = s->x * r->scale, cy = s->y * r->scale, radius = s->w * r->scale;
    for (long y = (long)(cy - radius) - 1; y <= (long)(cy + radius) + 1; y++) {
        for (long x = (long)(cx - radius) - 1; x <= (long)(cx + radius) + 1; x++)
            blend(r, x, y, rgb, radius + 0.5 - hypot((double)x + 0.5 - cx, (double)y + 0.5 - cy));
    }
}

/* How far a point is from a piece of a line. */
static double distance(double px, double py, double ax, double ay, double bx, double by)
{
    double dx = bx - ax, dy = by - ay, len = dx * dx + dy * dy;
    double t = len > 0 ? ((px - ax) * dx + (py - ay) * dy) / len : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    return hypot(px - ax - t * dx, py - ay - t * dy);
}

static void draw_piece(struct raster *r, const double *a, const double *b, double width, uint32_t rgb)
{
    double ax = a[0] * r->scale, ay = a[1] * r->scale, bx = b[0] * r->scale, by = b[1] * r->scale;
    double half = width * r->scale / 2;
    long x0 = (long)(fmin(ax, bx) - half) - 1, x1 = (long)(fmax(ax, bx) + half) + 1;
    long y0 = (long)(fmin(ay, by) - half) - 1, y1 = (long)(fmax(ay, by) + half) + 1;
    for (long y = y0; y <= y1; y++) {
        for (long x = x0; x <= x1; x++)
            blend(r, x, y, rgb,
                  half + 0.5 - distance((double)x + 0.5, (double)y + 0.5, ax, ay, bx, by));
    }
}

/* A letter at column `at` of a text that begins at (x, y), in whole pixels. */
static void draw_letter(struct raster *r, long x, long y, size_t at, char c, bool bold, bool upright,
                        uint32_t rgb)
{
    long n = (long)r->scale;
    const uint8_t *rows = gg_font[c >= ' ' && c <= '~' ? c - ' ' : '?' - ' '];
    for (long row = 0; row < GG_FONT_HEIGHT * n; row++) {
        for (long col = 0; col < GG_FONT_WIDTH * n; col++) {
            unsigned bits = (unsigned)rows[row / n] << 1;
            bool ink = bits >> (GG_FONT_WIDTH - col / n) & 1;
            ink |= bold && col > 0 && bits >> (GG_FONT_WIDTH - (col - 1) / n) & 1;
            if (!ink)
                continue;
            long along = (long)at * GG_FONT_WIDTH * n + col, down = row - GG_FONT_ASCENT * n;
            blend(r, upright ? x + down : x + along, upright ? y - along : y + down, rgb, 1);
        }
    }
}

static void draw_text(struct raster *r, const struct gg_shape *s, uint32_t rgb)
{
    const char *p = s->text != NULL ? s->text : "";
    double w = gg_picture_text_width(p) * r->scale;
    double back = s->anchor == GG_ANCHOR_START ? 0 : s->anchor == GG_ANCHOR_MIDDLE ? w / 2 : w;
    long x = lround(s->x * r->scale - (s->upright ? 0 : back));
    long y = lround(s->y * r->scale + (s->upright ? back : 0));
    for (size_t at = 0; *p != '\0'; p++) {
        if (((unsigned char)*p & 0xc0) != 0x80) /* one letter for a character */
            draw_letter(r, x, y, at++, *p, s->bold, s->upright, rgb);
    }
}

static void draw(struct raster *r, const struct gg_shape *s)
{
    uint32_t rgb = gg_paint_rgb(s->paint, false);
    if (s->kind == GG_SHAPE_RECT)
        draw_rect(r, s, rgb);
    else if (s->kind == GG_SHAPE_DISC)
        draw_disc(r, s, rgb);
    else if (s->kind == GG_SHAPE_TEXT)
        draw_text(r, s, rgb);
    for (size_t i = 1; s->kind == GG_SHAPE_LINE && i < s->n; i++)
        draw_piece(r, s->xy + 2 * i - 2, s->xy + 2 * i, s->w, rgb);
}

/* ---- PNG ------------------------------------------------------------------------------------- */

static void put_be32(uint8_t *p, uint32_t v)
{
    gg_store_u32(p, gg_swap_u32(v));
}

static void add_chunk(struct gg_buf *out, const char *type, const uint8_t *data, size_t n)
{
    uint8_t be[4];
    uLong crc = crc32(0, (const Bytef *)type, 4);
    put_be32(be, (uint32_t)n);
    gg_buf_add(out, be, 4);
    gg_buf_add(out, type, 4);
    if (n > 0) {
        gg_buf_add(out, data, n);
        crc = crc32(crc, data, (uInt)n);
    }
    put_be32(be, (uint32_t)crc);
    gg_buf_add(out, be, 4);
}

/* Rows as PNG wants them, each led by its filter: none, since areas are flat. */
static uint8_t *pack(const struct raster *r, size_t *n)
{
    size_t row = 3 * (size_t)r->w, all = (row + 1) * (size_t)r->h;
    uLongf packed = compressBound((uLong)all);
    uint8_t *rows = malloc(all), *out = malloc(packed);
    bool ok = rows != NULL && out != NULL;
    for (size_t y = 0; ok && y < (size_t)r->h; y++) {
        rows[y * (row + 1)] = 0;
        memcpy(rows + y * (row + 1) + 1, r->rgb + y * row, row);
    }
    ok = ok && compress2(out, &packed, rows, (uLong)all, 9) == Z_OK;
    free(rows);
    *n = packed;
    if (ok)
        return out;
    free(out);
    return NULL;
}

static int add_png(struct gg_buf *out, const struct raster *r, struct gg_err *err)
{
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    uint8_t head[13] = {[8] = 8, [9] = 2}; /* bits a sample; red, green, blue */
    size_t n;
    uint8_t *data = pack(r, &n);
    if (data == NULL)
        return gg_fail_nomem(err, "a picture");
    put_be32(head, (uint32_t)r->w);
    put_be32(head + 4, (uint32_t)r->h);
    gg_buf_add(out, signature, sizeof signature);
    add_chunk(out, "IHDR", head, sizeof head);
    add_chunk(out, "IDAT", data, n);
    add_chunk(out, "IEND", NULL, 0);
    free(data);
    return out->failed ? gg_fail_nomem(err, "a picture") : GG_OK;
}

int gg_picture_png(struct gg_buf *out, const struct gg_picture *p, unsigned scale, struct gg_err *err)
{
    double w = ceil((p->width + 8) * scale), h = ceil((p->height + 8) * scale);
    if (p->failed)
        return gg_fail_nomem(err, "a picture");
    if (!(w * h <= MOST_PIXELS))
        return gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE,
                       "a PNG of %.0f x %.0f pixels is too large; SVG has no limit", w, h);
    struct raster r = {.w = (long)w, .h = (long)h, .scale = scale};
    size_t n = (size_t)r.w * (size_t)r.h * 3;
    r.rgb = malloc(n + 1);
    if (r.rgb == NULL)
        return gg_fail_nomem(err, "a picture");
    memset(r.rgb, 0xff, n); /* paper */
    for (size_t i = 0; i < p->n; i++)
        draw(&r, &p->v[i]);
    int rc = add_png(out, &r, err);
    free(r.rgb);
    return rc;
}
