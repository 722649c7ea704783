/* Data only; what it means: grids.h. Rows of the grids: grids.def. The other values from ggml-common.h
 * of ggml (MIT): kvalues_iq4nl and kvalues_fp4. */
#include "lib/quant/grids.h"

/* clang-format off */

/* ---- codes ------------------------------------------------------------------------------------ */

#define IQ1(c) c
#define IQ2(c) c
#define IQ3XXS(c) c
#define IQ3S(c) c
#define GRID8(name, n, ...) const uint16_t qk_grid_##name[n] = {__VA_ARGS__};
#define GRID4(name, n, ...) const uint16_t qk_grid_##name[n] = {__VA_ARGS__};
#include "lib/quant/grids.def"
#undef IQ1
#undef IQ2
#undef IQ3XXS
#undef IQ3S
#undef GRID8
#undef GRID4

/* ---- values ----------------------------------------------------------------------------------- */

#define TWO(c, i) ((c) >> 2 * (i) & 3)
#define THREE(c, i) ((c) >> 3 * (i) & 7)
#define EIGHT(v, c) {v(c, 0), v(c, 1), v(c, 2), v(c, 3), v(c, 4), v(c, 5), v(c, 6), v(c, 7)}
#define FOUR(v, c) {v(c, 0), v(c, 1), v(c, 2), v(c, 3)}

#define VALUE1(c, i) TWO(c, i) - 1
#define VALUE2(c, i) 8 + 17 * TWO(c, i) + (TWO(c, i) >> 1)
#define VALUE3XXS(c, i) 8 * THREE(c, i) + 4 + 2 * (THREE(c, i) == 7)
#define VALUE3S(c, i) 2 * THREE(c, i) + 1

#define ROW_iq1s int8_t
#define ROW_iq2xxs float
#define ROW_iq2xs float
#define ROW_iq2s float
#define IQ1(c) EIGHT(VALUE1, c)
#define IQ2(c) EIGHT(VALUE2, c)
#define IQ3XXS(c) FOUR(VALUE3XXS, c)
#define IQ3S(c) FOUR(VALUE3S, c)
#define GRID8(name, n, ...) const ROW_##name qk_rows_##name[n][8] = {__VA_ARGS__};
#define GRID4(name, n, ...) const float qk_rows_##name[n][4] = {__VA_ARGS__};
#include "lib/quant/grids.def"

const int8_t qk_iq4nl_values[16] = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
};

const int8_t qk_fp4_values[16] = {
    0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12,
};
/* clang-format on */
