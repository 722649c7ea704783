/* Types that hold one number an element: F32 F16 BF16 F64 and the integers. */
#include "lib/quant/half.h"
#include "lib/quant/ref/ref.h"

#include <string.h>

/* ---- decode ----------------------------------------------------------------------------------- */

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
static void f32_from_file(float *dst, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = gg_f32_from_bits(gg_load_u32(&dst[i]));
}

static void f32_to_file(void *dst, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t u;
        memcpy(&u, (char *)dst + 4 * i, sizeof u);
        gg_store_u32((char *)dst + 4 * i, u);
    }
}
#else
static void f32_from_file(float *dst, size_t n)
{
    (void)dst, (void)n;
}

static void f32_to_file(void *dst, size_t n)
{
    (void)dst, (void)n;
}
#endif

void qk_ref_dequant_f32(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    if (n_blocks == 0)
        return;
    memcpy(dst, src, n_blocks * sizeof *dst);
    f32_from_file(dst, n_blocks);
}

void qk_ref_dequant_f16(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const uint8_t *p = src;
    for (size_t i = 0; i < n_blocks; i++)
        dst[i] = qt_f16_load(p + 2 * i);
}

void qk_ref_dequant_bf16(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const uint8_t *p = src;
    for (size_t i = 0; i < n_blocks; i++)
        dst[i] = qt_f32_from_bf16(gg_load_u16(p + 2 * i));
}

/* A double beyond F32 becomes infinite, as IEEE 754 rounds it (C leaves that conversion undefined
 * only where there are no infinities, but the sanitizer objects to it all the same). */
static float narrow(double v)
{
    uint64_t magnitude = gg_bits_from_f64(v) & INT64_MAX;
    if (magnitude >= 0x47effffff0000000u && magnitude <= 0x7ff0000000000000u)
        return v < 0 ? -INFINITY : INFINITY;
    return (float)v;
}

void qk_ref_dequant_f64(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const uint8_t *p = src;
    for (size_t i = 0; i < n_blocks; i++)
        dst[i] = narrow(gg_f64_from_bits(gg_load_u64(p + 8 * i)));
}

void qk_ref_dequant_i8(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const int8_t *p = src;
    for (size_t i = 0; i < n_blocks; i++)
        dst[i] = p[i];
}

void qk_ref_dequant_i16(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const uint8_t *p = src;
    for (size_t i = 0; i < n_blocks; i++)
        dst[i] = (int16_t)gg_load_u16(p + 2 * i);
}

void qk_ref_dequant_i32(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const uint8_t *p = src;
    for (size_t i = 0; i < n_blocks; i++)
        dst[i] = (float)(int32_t)gg_load_u32(p + 4 * i);
}

void qk_ref_dequant_i64(float *restrict dst, const void *restrict src, size_t n_blocks)
{
    const uint8_t *p = src;
    for (size_t i = 0; i < n_blocks; i++)
        dst[i] = (float)(int64_t)gg_load_u64(p + 8 * i);
}

/* ---- encode ----------------------------------------------------------------------------------- */

void qk_ref_quant_f32(void *dst, const float *src, size_t n_rows, size_t n_cols, size_t dst_stride,
                      size_t src_stride, const struct qk_args *args)
{
    (void)args;
    for (size_t r = 0; r < n_rows && n_cols > 0; r++) {
        memcpy((uint8_t *)dst + r * dst_stride, src + r * src_stride, n_cols * sizeof *src);
        f32_to_file((uint8_t *)dst + r * dst_stride, n_cols);
    }
}

void qk_ref_quant_f16(void *dst, const float *src, size_t n_rows, size_t n_cols, size_t dst_stride,
                      size_t src_stride, const struct qk_args *args)
{
    (void)args;
    for (size_t r = 0; r < n_rows; r++) {
        const float *x = src + r * src_stride;
        uint8_t *y = (uint8_t *)dst + r * dst_stride;
        for (size_t i = 0; i < n_cols; i++)
            qt_f16_store(y + 2 * i, x[i]);
    }
}

void qk_ref_quant_bf16(void *dst, const float *src, size_t n_rows, size_t n_cols,
                       size_t dst_stride, size_t src_stride, const struct qk_args *args)
{
    (void)args;
    for (size_t r = 0; r < n_rows; r++) {
        const float *x = src + r * src_stride;
        uint8_t *y = (uint8_t *)dst + r * dst_stride;
        for (size_t i = 0; i < n_cols; i++)
            gg_store_u16(y + 2 * i, qt_bf16_from_f32(x[i]));
    }
}
