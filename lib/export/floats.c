#include "lib/export/floats.h"

#include "lib/base/num.h"
#include "lib/quant/half.h"

uint32_t gg_floats_nbytes(uint32_t type)
{
    return type == QT_F32 ? 4 : 2;
}

uint64_t gg_floats_put(uint32_t type, const float *x, size_t n, void *to)
{
    uint64_t changed = 0;
    uint8_t *dst = to;
    for (size_t i = 0; i < n; i++) {
        float v = x[i], back = v;
        if (type == QT_F32) {
            gg_store_u32(dst + 4 * i, gg_bits_from_f32(v));
        } else if (type == QT_F16) {
            gg_store_u16(dst + 2 * i, qt_f16_from_f32(v));
            back = qt_f32_from_f16(gg_load_u16(dst + 2 * i));
        } else {
            gg_store_u16(dst + 2 * i, qt_bf16_from_f32(v));
            back = qt_f32_from_bf16(gg_load_u16(dst + 2 * i));
        }
        changed += back != v && v == v;
    }
    return changed;
}
