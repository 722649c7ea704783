#include "lib/report/paint.h"

static const uint32_t plain[GG_PAINT_HEAT][2] = { /* light, dark */
    [GG_PAINT_PAPER] = {0xffffff, 0x14181c},
    [GG_PAINT_INK] = {0x1b2024, 0xe6e9ec},
    [GG_PAINT_MUTED] = {0x5a646c, 0x9aa5ae},
    [GG_PAINT_GRID] = {0xdfe3e6, 0x2b333a},
    [GG_PAINT_SAME] = {0xe6ece6, 0x232b27},
    [GG_PAINT_NONE] = {0xc4c9cd, 0x4a535b},
    [GG_PAINT_SERIES + 0] = {0x0072b2, 0x4aa8e0},
    [GG_PAINT_SERIES + 1] = {0xd55e00, 0xff8a3d},
    [GG_PAINT_SERIES + 2] = {0x00805d, 0x2fcf9f},
    [GG_PAINT_SERIES + 3] = {0xb8568a, 0xe59ac3},
    [GG_PAINT_SERIES + 4] = {0x8a6d00, 0xd9b93a},
    [GG_PAINT_SERIES + 5] = {0x2f9bd6, 0x8fd0f5},
    [GG_PAINT_SERIES + 6] = {0x6a3d9a, 0xb48de0},
    [GG_PAINT_SERIES + 7] = {0x555555, 0xaaaaaa},
};

/* Lightness runs one way only, so that heat reads without colours too, on paper. */
enum { N_STOPS = 5 };
static const uint32_t stops[2][N_STOPS] = {
    {0xe4f0f1, 0xfbe6b8, 0xf2a65f, 0xcb4355, 0x5c1434},
    {0x1d2f35, 0x4b3b33, 0x9c5a30, 0xe8804a, 0xffdca0},
};

static uint32_t mix(uint32_t a, uint32_t b, double t)
{
    uint32_t rgb = 0;
    for (int shift = 16; shift >= 0; shift -= 8) {
        double x = a >> shift & 0xff, y = b >> shift & 0xff;
        rgb |= (uint32_t)(x + (y - x) * t + 0.5) << shift;
    }
    return rgb;
}

/* How bright a colour is to the eye, 0 to 255: weights of ITU-R BT.601. */
static double brightness(uint32_t rgb)
{
    return 0.299 * (rgb >> 16) + 0.587 * (rgb >> 8 & 0xff) + 0.114 * (rgb & 0xff);
}

uint32_t gg_paint_rgb(enum gg_paint p, bool dark)
{
    if (p < GG_PAINT_HEAT)
        return plain[p][dark];
    if (p >= GG_PAINT_ON_HEAT)
        return brightness(gg_paint_rgb((enum gg_paint)(p - GG_N_HEAT), dark)) > 114 ? 0 : 0xffffff;
    double at = (double)(p - GG_PAINT_HEAT) / (GG_N_HEAT - 1) * (N_STOPS - 1);
    int i = at >= N_STOPS - 1 ? N_STOPS - 2 : (int)at;
    return mix(stops[dark][i], stops[dark][i + 1], at - i);
}

static void add_classes(struct gg_buf *out, const char *prefix, bool dark)
{
    for (int p = 0; p < GG_PAINT_COUNT; p++)
        gg_buf_addf(out, "%s .f%d{fill:#%06x}%s .s%d{stroke:#%06x}\n", prefix, p,
                    gg_paint_rgb((enum gg_paint)p, dark), prefix, p,
                    gg_paint_rgb((enum gg_paint)p, dark));
}

void gg_paint_css(struct gg_buf *out, const char *prefix)
{
    add_classes(out, prefix, false);
    gg_buf_adds(out, "@media screen and (prefers-color-scheme:dark){\n");
    add_classes(out, prefix, true);
    gg_buf_adds(out, "}\n");
}
