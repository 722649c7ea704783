/* Dtypes: one row each. */
#include "lib/import/dtype.h"

#include "lib/quant/half.h"
#include "lib/quant/qtype.h"

#include <assert.h>
#include <string.h>

struct dtype_row {
    const char *name;   /* safetensors */
    const char *torch;  /* class of a storage, without "Storage"; NULL: there is none */
    const char *scalar; /* torch.NAME */
    unsigned nbits;
    uint32_t qtype;
};

static const struct dtype_row ROWS[GG_DT_END] = {
    [GG_DT_F64] = {"F64", "Double", "float64", 64, QT_F64},
    [GG_DT_F32] = {"F32", "Float", "float32", 32, QT_F32},
    [GG_DT_F16] = {"F16", "Half", "float16", 16, QT_F16},
    [GG_DT_BF16] = {"BF16", "BFloat16", "bfloat16", 16, QT_BF16},
    [GG_DT_I64] = {"I64", "Long", "int64", 64, QT_I64},
    [GG_DT_I32] = {"I32", "Int", "int32", 32, QT_I32},
    [GG_DT_I16] = {"I16", "Short", "int16", 16, QT_I16},
    [GG_DT_I8] = {"I8", "Char", "int8", 8, QT_I8},
    [GG_DT_U64] = {"U64", NULL, "uint64", 64, QT_NONE},
    [GG_DT_U32] = {"U32", NULL, "uint32", 32, QT_NONE},
    [GG_DT_U16] = {"U16", NULL, "uint16", 16, QT_NONE},
    [GG_DT_U8] = {"U8", "Byte", "uint8", 8, QT_NONE},
    [GG_DT_BOOL] = {"BOOL", "Bool", "bool", 8, QT_NONE},
    [GG_DT_F8_E4M3] = {"F8_E4M3", "Float8_e4m3fn", "float8_e4m3fn", 8, QT_NONE},
    [GG_DT_F8_E5M2] = {"F8_E5M2", "Float8_e5m2", "float8_e5m2", 8, QT_NONE},
    [GG_DT_F8_E8M0] = {"F8_E8M0", NULL, "float8_e8m0fnu", 8, QT_NONE},
    [GG_DT_F8_E4M3FNUZ] = {"F8_E4M3FNUZ", "Float8_e4m3fnuz", "float8_e4m3fnuz", 8, QT_NONE},
    [GG_DT_F8_E5M2FNUZ] = {"F8_E5M2FNUZ", "Float8_e5m2fnuz", "float8_e5m2fnuz", 8, QT_NONE},
    [GG_DT_F6_E2M3] = {"F6_E2M3", NULL, NULL, 6, QT_NONE},
    [GG_DT_F6_E3M2] = {"F6_E3M2", NULL, NULL, 6, QT_NONE},
    [GG_DT_F4] = {"F4", NULL, NULL, 4, QT_NONE},
    [GG_DT_MXFP4] = {"MXFP4", NULL, NULL, 0, QT_MXFP4},
    [GG_DT_NVFP4] = {"NVFP4", NULL, NULL, 0, QT_NVFP4},
};

const char *gg_dtype_name(enum gg_dtype t)
{
    return ROWS[t].name;
}

uint64_t gg_dtype_nbits(enum gg_dtype t)
{
    return ROWS[t].nbits;
}

uint32_t gg_dtype_qtype(enum gg_dtype t)
{
    return ROWS[t].qtype;
}

bool gg_dtype_by_name(const char *name, enum gg_dtype *out)
{
    for (int t = 0; t < GG_DT_COUNT; t++)
        if (strcmp(ROWS[t].name, name) == 0) {
            *out = (enum gg_dtype)t;
            return true;
        }
    return false;
}

bool gg_dtype_by_torch(const char *name, size_t n, bool storage, enum gg_dtype *out)
{
    for (int t = 0; t < GG_DT_COUNT; t++) {
        const char *is = storage ? ROWS[t].torch : ROWS[t].scalar;
        size_t len = is != NULL ? strlen(is) : 0;
        bool tail = storage ? n == len + 7 && memcmp(name + len, "Storage", 7) == 0 : n == len;
        if (is != NULL && tail && memcmp(name, is, len) == 0) {
            *out = (enum gg_dtype)t;
            return true;
        }
    }
    return false;
}

unsigned gg_dtype_unit(enum gg_dtype t)
{
    return ROWS[t].nbits == 4 ? 2 : ROWS[t].nbits == 6 ? 4 : 1;
}

bool gg_dtype_is_float8(enum gg_dtype t)
{
    return t >= GG_DT_F8_E4M3 && t <= GG_DT_F8_E5M2FNUZ;
}

bool gg_dtype_nbytes(enum gg_dtype t, uint64_t nelems, uint64_t *nbytes)
{
    unsigned unit = gg_dtype_unit(t);
    if (t > GG_DT_COUNT) /* blocks */
        return qt_row_nbytes(ROWS[t].qtype, nelems, nbytes);
    return nelems % unit == 0 && gg_mul_u64(nelems / unit, unit * ROWS[t].nbits / 8, nbytes);
}

/* ---- widening -------------------------------------------------------------------------------- */

/* sign : 1 | exponent : n_exp | mantissa : n_man, without infinities and NaN. */
static float from_bits(unsigned v, unsigned n_exp, unsigned n_man, int bias)
{
    unsigned exp = v >> n_man & ((1u << n_exp) - 1), man = v & ((1u << n_man) - 1);
    uint32_t sign = (uint32_t)(v >> (n_exp + n_man) & 1) << 31;
    uint32_t one_ulp = (uint32_t)(128 - bias - (int)n_man) << 23; /* 2^(1 - bias - n_man) */
    uint32_t bits = exp == 0 ? gg_bits_from_f32((float)(int32_t)man * gg_f32_from_bits(one_ulp))
                             : (uint32_t)((int)exp + 127 - bias) << 23 | man << (23 - n_man);
    return gg_f32_from_bits(bits | sign);
}

/* bias 7, no infinities, 0x7f and 0xff are NaN. */
static float from_e4m3(uint8_t v)
{
    uint32_t sign = (uint32_t)(v & 0x80) << 24;
    return (v & 0x7f) == 0x7f ? gg_f32_from_bits(0x7fc00000 | sign) : from_bits(v, 4, 3, 7);
}

/* One zero, one NaN (0x80), no infinities; the bias is larger by one. */
static float from_fnuz(uint8_t v, unsigned n_exp, unsigned n_man)
{
    return v == 0x80 ? gg_f32_from_bits(0x7fc00000) : from_bits(v, n_exp, n_man, 1 << (n_exp - 1));
}

/* A power of two, 2^(e - 127); 255 is NaN. */
static float from_e8m0(uint8_t e)
{
    return e == 255 ? gg_f32_from_bits(0x7fc00000) : qt_f32_from_e8m0(e);
}

/* sign : 1 | exponent : 2 | mantissa : 1 */
static float from_f4(uint8_t v)
{
    static const float magnitude[8] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
    return v & 8 ? -magnitude[v & 7] : magnitude[v & 7];
}

static float element(const uint8_t *p, enum gg_dtype t)
{
    switch (t) {
    case GG_DT_F64:
        return (float)gg_f64_from_bits(gg_load_u64(p));
    case GG_DT_F32:
        return gg_f32_from_bits(gg_load_u32(p));
    case GG_DT_F16:
        return qt_f32_from_f16(gg_load_u16(p));
    case GG_DT_BF16:
        return qt_f32_from_bf16(gg_load_u16(p));
    case GG_DT_I64:
        return (float)(int64_t)gg_load_u64(p);
    case GG_DT_I32:
        return (float)(int32_t)gg_load_u32(p);
    case GG_DT_I16:
        return (float)(int16_t)gg_load_u16(p);
    case GG_DT_I8:
        return (float)(int8_t)*p;
    case GG_DT_U64:
        return (float)gg_load_u64(p);
    case GG_DT_U32:
        return (float)gg_load_u32(p);
    case GG_DT_U16:
        return (float)gg_load_u16(p);
    case GG_DT_U8:
        return (float)*p;
    case GG_DT_BOOL:
        return *p != 0 ? 1.0f : 0.0f;
    case GG_DT_F8_E4M3:
        return from_e4m3(*p);
    case GG_DT_F8_E5M2:
        return qt_f32_from_f16((uint16_t)(*p << 8)); /* the high half of an F16 */
    case GG_DT_F8_E8M0:
        return from_e8m0(*p);
    case GG_DT_F8_E4M3FNUZ:
        return from_fnuz(*p, 4, 3);
    case GG_DT_F8_E5M2FNUZ:
        return from_fnuz(*p, 5, 2);
    case GG_DT_F6_E2M3:
    case GG_DT_F6_E3M2:
    case GG_DT_F4:
    case GG_DT_COUNT:
    case GG_DT_MXFP4:
    case GG_DT_NVFP4:
    case GG_DT_END:
        break;
    }
    return 0;
}

/* Four values in three bytes, the first in the low bits; OCP MX 1.0, section 5.3.2. */
static void f6_to_f32(float *dst, const uint8_t *p, enum gg_dtype t, size_t n)
{
    unsigned n_man = t == GG_DT_F6_E2M3 ? 3 : 2;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *three = p + i / 4 * 3;
        uint32_t all = three[0] | (uint32_t)three[1] << 8 | (uint32_t)three[2] << 16;
        dst[i] = from_bits(all >> (i % 4 * 6) & 63, 5 - n_man, n_man, n_man == 3 ? 1 : 3);
    }
}

static void bytes_to_f32(float *dst, const uint8_t *src, const float table[256], size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = table[src[i]];
}

void gg_dtype_to_f32(float *dst, const void *src, enum gg_dtype t, size_t n)
{
    const uint8_t *p = src;
    size_t step = ROWS[t].nbits / 8;
    if (t == GG_DT_BF16) {
        for (size_t i = 0; i < n; i++)
            dst[i] = qt_f32_from_bf16(gg_load_u16(p + 2 * i));
    } else if (t == GG_DT_F16) {
        for (size_t i = 0; i < n; i++)
            dst[i] = qt_f32_from_f16(gg_load_u16(p + 2 * i));
    } else if (t == GG_DT_F4) {
        for (size_t i = 0; i < n; i++)
            dst[i] = from_f4((uint8_t)(p[i / 2] >> (i % 2 * 4) & 15));
    } else if (gg_dtype_unit(t) == 4) {
        f6_to_f32(dst, p, t, n);
    } else if (step == 1 && n > 512) {
        float table[256];
        for (unsigned v = 0; v < 256; v++) {
            uint8_t b = (uint8_t)v;
            table[v] = element(&b, t);
        }
        bytes_to_f32(dst, p, table, n);
    } else {
        for (size_t i = 0; i < n; i++)
            dst[i] = element(p + step * i, t);
    }
}
