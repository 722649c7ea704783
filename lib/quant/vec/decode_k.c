/* Decoders of the K types. The scales of a super-block are multiplied out first, sixteen at a time,
 * into an array; each then spreads over its group as it is loaded. */
#include "lib/quant/vec/put.h"

/* Where a register can be permuted by lanes it holds what all levels of a group stand for, each the
 * product and difference that it would be by itself: elements are looked up there. */

/* Sixteen elements of a group: what the low two bits of q >> shift say. */
V_FN void look_twos(float *dst, const vi q[V_PER16], int shift, vf table)
{
    V_UNROLL
    for (int k = 0; k < V_PER16; k++)
        vf_store(dst + k * VL, vf_lookup4(table, (vi)((vu)q[k] >> shift)));
}

static void dequant_q2_K(float *dst, const void *src, size_t n)
{
    const vf level = vf_from_i(v_lanes() & 3);
    const struct qt_block_q2_K *b = src;
    for (size_t i = 0; i < n; i++, b++) {
        float scale[16], min[16];
        vb s = vb_load(b->scales);
        put16(scale, s & 15, vf_set1_f16(&b->d));
        put16(min, vb_shr(s, 4), vf_set1_f16(&b->dmin));
        put_aside(scale);
        put_aside(min);
        V_UNROLL
        for (int h = 0; h < 2; h++, dst += 128) {
            vb q[2] = {vb_load(b->qs + 32 * h), vb_load(b->qs + 32 * h + 16)};
            vi wide[2][V_PER16];
            vi_from_u8(wide[0], q[0]);
            vi_from_u8(wide[1], q[1]);
            V_UNROLL
            for (int g = 0; g < 8; g++) {
                const vf d = vf_set1(scale[8 * h + g]), m = vf_set1(min[8 * h + g]);
                if (V_HAS_LOOKUP8)
                    look_twos(dst + 16 * g, wide[g % 2], g / 2 * 2, d * level - m);
                else
                    put16_minus(dst + 16 * g, vb_shr(q[g % 2], g / 2 * 2) & 3, d, m);
            }
        }
    }
}

/* Sixteen scales of six bits, less 32 (blocks.h draws them). */
V_FN vb q3_K_scales(const uint8_t p[12])
{
    uint64_t low = gg_load_u64(p), high = gg_load_u32(p + 8);
    uint64_t lo4 = low & 0x0f0f0f0f0f0f0f0f, hi4 = low >> 4 & 0x0f0f0f0f0f0f0f0f;
    uint64_t a = (high & 0x03030303) | (high >> 2 & 0x03030303) << 32;
    uint64_t c = (high >> 4 & 0x03030303) | (high >> 6 & 0x03030303) << 32;
    uint64_t first = lo4 | a << 4, second = hi4 | c << 4;
    return vb_load_halves(&first, &second) - 32;
}

/* Sixteen elements of a group: what the low three bits of q say. */
V_FN void look_threes(float *dst, vb q, const vf level[V_T8], vf scale)
{
    vf table[V_T8];
    vi at[V_PER16];
    V_UNROLL
    for (int k = 0; k < V_T8; k++)
        table[k] = level[k] * scale;
    vi_from_u8(at, q);
    V_UNROLL
    for (int k = 0; k < V_PER16; k++)
        vf_store(dst + k * VL, vf_lookup8(table, at[k]));
}

/* The low bits of a where bits are set, else those of b: without caring for what is shifted in. */
V_FN vb either(vb bits, vw a, vw b)
{
    return ((vb)a & bits) | ((vb)b & ~bits);
}

static void dequant_q3_K(float *dst, const void *src, size_t n)
{
    const struct qt_block_q3_K *b = src;
    vf level[V_T8];
    V_UNROLL
    for (int k = 0; k < V_T8; k++)
        level[k] = vf_from_i(((v_lanes() + k * VL) & 7) - 4);
    for (size_t i = 0; i < n; i++, b++) {
        float scale[16];
        put16(scale, q3_K_scales(b->scales), vf_set1_f16(&b->d));
        put_aside(scale);
        vw high[2] = {(vw)vb_load(b->hmask), (vw)vb_load(b->hmask + 16)};
        V_UNROLL
        for (int h = 0; h < 2; h++, dst += 128) {
            vw q[2] = {(vw)vb_load(b->qs + 32 * h), (vw)vb_load(b->qs + 32 * h + 16)};
            V_UNROLL
            for (int g = 0; g < 8; g++) {
                const int from = 4 * h + g / 2; /* the bit of high that goes to 2 */
                const vw bit = from < 2 ? high[g % 2] << (2 - from) : high[g % 2] >> (from - 2);
                const vb three = either(vb_set1(3), q[g % 2] >> g / 2 * 2, bit);
                const vf d = vf_set1(scale[8 * h + g]);
                if (V_HAS_LOOKUP8)
                    look_threes(dst + 16 * g, three, level, d);
                else
                    put16(dst + 16 * g, (three & 7) - 4, d);
            }
        }
    }
}

/* Eight scales, then eight minima, of six bits (blocks.h draws them). */
V_FN vb q4_K_scales(const uint8_t p[12])
{
    uint32_t a = gg_load_u32(p), b = gg_load_u32(p + 4), c = gg_load_u32(p + 8);
    uint64_t s_high = (c & 0x0f0f0f0f) | (a >> 2 & 0x30303030);
    uint64_t m_high = (c >> 4 & 0x0f0f0f0f) | (b >> 2 & 0x30303030);
    uint64_t scale = (a & 0x3f3f3f3f) | s_high << 32, min = (b & 0x3f3f3f3f) | m_high << 32;
    return vb_load_halves(&scale, &min);
}

/* scale[0..7], scale[8..15] the minima: each half with its own factor. */
V_FN void q4_K_multiply(float scale[16], const uint8_t p[12], const void *d, const void *dmin)
{
    vf x[V_PER16], factor[2] = {vf_set1_f16(d), vf_set1_f16(dmin)};
    vf_from_i8(x, q4_K_scales(p));
    V_UNROLL
    for (int k = 0; k < V_PER16; k++) {
        vf f = VL == 16 ? vf_select(vm_from_bits(0xff), factor[0], factor[1]) : factor[k * VL / 8];
        vf_store(scale + k * VL, f * x[k]);
    }
}

/* Two sub-blocks of 32, low and high half bytes. */
V_FN void put_nibbles(float *dst, const uint8_t *qs, const float d[2], const float m[2])
{
    V_UNROLL
    for (int j = 0; j < 32; j += 16) {
        vb q = vb_load(qs + j);
        put16_minus(dst + j, q & 15, vf_set1(d[0]), vf_set1(m[0]));
        put16_minus(dst + 32 + j, vb_shr(q, 4), vf_set1(d[1]), vf_set1(m[1]));
    }
}

/* The same where sixteen lanes hold all values that a sub-block can have, level[i] being i. */
V_FN void look_nibbles(float *dst, const uint8_t *qs, const float d[2], const float m[2],
                       const vf level[V_PER16])
{
    vf low[V_PER16] = {vf_set1(d[0]) * level[0] - vf_set1(m[0])};
    vf high[V_PER16] = {vf_set1(d[1]) * level[0] - vf_set1(m[1])};
    V_UNROLL
    for (int j = 0; j < 32; j += 16) {
        vi q[V_PER16];
        vi_from_u8(q, vb_load(qs + j));
        vf_store(dst + j, vf_lookup16(low, q[0]));
        vf_store(dst + 32 + j, vf_lookup16(high, (vi)((vu)q[0] >> 4)));
    }
}

static void dequant_q4_K(float *dst, const void *src, size_t n)
{
    const vb numbers = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const struct qt_block_q4_K *b = src;
    vf level[V_PER16];
    vf_from_i8(level, numbers);
    for (size_t i = 0; i < n; i++, b++) {
        float scale[16];
        q4_K_multiply(scale, b->scales, &b->d, &b->dmin);
        put_aside(scale);
        V_UNROLL
        for (int g = 0; g < 8; g += 2, dst += 64) {
            if (VL == 16)
                look_nibbles(dst, b->qs + 16 * g, scale + g, scale + g + 8, level);
            else
                put_nibbles(dst, b->qs + 16 * g, scale + g, scale + g + 8);
        }
    }
}

static void dequant_q5_K(float *dst, const void *src, size_t n)
{
    const struct qt_block_q5_K *b = src;
    for (size_t i = 0; i < n; i++, b++) {
        float scale[16];
        q4_K_multiply(scale, b->scales, &b->d, &b->dmin);
        put_aside(scale);
        vw high[2] = {(vw)vb_load(b->qh), (vw)vb_load(b->qh + 16)};
        V_UNROLL
        for (int g = 0; g < 8; g += 2, dst += 64) {
            vf d0 = vf_set1(scale[g]), d1 = vf_set1(scale[g + 1]);
            vf m0 = vf_set1(scale[g + 8]), m1 = vf_set1(scale[g + 9]);
            V_UNROLL
            for (int j = 0; j < 2; j++) {
                vw q = (vw)vb_load(b->qs + 16 * g + 16 * j);
                const vw h0 = g < 4 ? high[j] << (4 - g) : high[j] >> (g - 4);
                const vw h1 = g < 3 ? high[j] << (3 - g) : high[j] >> (g - 3);
                put16_minus(dst + 16 * j, either(vb_set1(15), q, h0) & 31, d0, m0);
                put16_minus(dst + 32 + 16 * j, either(vb_set1(15), q >> 4, h1) & 31, d1, m1);
            }
        }
    }
}

static void dequant_q6_K(float *dst, const void *src, size_t n)
{
    const struct qt_block_q6_K *b = src;
    for (size_t i = 0; i < n; i++, b++) {
        float scale[16];
        put16(scale, vb_load(b->scales), vf_set1_f16(&b->d));
        put_aside(scale);
        for (int g = 0; g < 16; g += 8, dst += 128) {
            V_UNROLL
            for (int j = 0; j < 2; j++) { /* the even groups, the odd ones */
                const float *s = scale + g + j;
                float *to = dst + 16 * j;
                vb a = vb_load(b->ql + 8 * g + 16 * j), c = vb_load(b->ql + 8 * g + 32 + 16 * j);
                vb high = vb_load(b->qh + 4 * g + 16 * j);
                put16(to, ((a & 15) | (vb_shl(high, 4) & 48)) - 32, vf_set1(s[0]));
                put16(to + 32, ((c & 15) | (vb_shl(high, 2) & 48)) - 32, vf_set1(s[2]));
                put16(to + 64, (vb_shr(a, 4) | (high & 48)) - 32, vf_set1(s[4]));
                put16(to + 96, (vb_shr(c, 4) | (vb_shr(high, 2) & 48)) - 32, vf_set1(s[6]));
            }
        }
    }
}

void V_NAME(qk_vec_decode_k)(struct qk_table *table)
{
    struct qk_kernel *k = table->k;
    k[QT_Q2_K].dequant = dequant_q2_K;
    k[QT_Q3_K].dequant = dequant_q3_K;
    k[QT_Q4_K].dequant = dequant_q4_K;
    k[QT_Q5_K].dequant = dequant_q5_K;
    k[QT_Q6_K].dequant = dequant_q6_K;
}
