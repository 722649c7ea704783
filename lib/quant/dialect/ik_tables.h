/* Values that codes of ik_llama.cpp's types stand for: each table twice, the second a little moved. Which
 * one a block takes is a bit of the block. Source: ggml-common.h of ik_llama.cpp (MIT). */
#ifndef QK_IK_TABLES_H
#define QK_IK_TABLES_H

#include <stdint.h>

static const int8_t ik_2[2][4] = {{-31, -13, 1, 17}, {-26, -8, 6, 22}};
static const int8_t ik_3[2][8] = {{-63, -40, -23, -10, 1, 13, 28, 47},
                                  {-59, -36, -19, -6, 5, 17, 32, 51}};
static const int8_t ik_4[2][16] = {
    {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113},
    {-123, -100, -79, -61, -45, -31, -18, -6, 5, 17, 29, 42, 57, 73, 93, 117}};
static const int8_t ik_5[2][32] = {
    {-126, -114, -103, -92, -83, -74, -65, -57, -50, -43, -36, -30, -24, -18, -12, -6,
     -1,   5,    11,   17,  23,  29,  36,  43,  51,  59,  68,  77,  87,  97,  109, 121},
    {-124, -112, -101, -90, -81, -72, -63, -55, -48, -41, -34, -28, -22, -16, -10, -4,
     1,    7,    13,   19,  25,  31,  38,  45,  53,  61,  70,  79,  89,  99,  111, 123}};

#endif
