/* Which decoder goes with which type. */
#include "lib/quant/dialect/impl.h"

#include "lib/base/num.h"

static const struct qk_dialect kernels[] = {
    {31, NULL, qk_unweave_q4_0_4_4},
    {32, NULL, qk_unweave_q4_0_4_8},
    {33, NULL, qk_unweave_q4_0_8_8},
    {36, NULL, qk_unweave_iq4_nl_4_4},
    {37, NULL, qk_unweave_iq4_nl_4_8},
    {38, NULL, qk_unweave_iq4_nl_8_8},
    {133, qk_decode_q6_0, NULL},
    {134, qk_decode_iq1_bn, NULL},
    {135, qk_decode_iq2_bn, NULL},
    {137, qk_decode_iq2_k, NULL},
    {138, qk_decode_iq3_k, NULL},
    {139, qk_decode_iq4_k, NULL},
    {140, qk_decode_iq5_k, NULL},
    {141, qk_decode_iq6_k, NULL},
    {144, qk_decode_iq4_ks, NULL},
    {145, qk_decode_iq2_ks, NULL},
    {146, qk_decode_iq4_kss, NULL},
    {151, qk_decode_q8_KV, NULL},
    {152, qk_decode_iq5_ks, NULL},
    {153, qk_decode_iq2_kt, NULL},
    {154, qk_decode_iq3_kt, NULL},
    {155, qk_decode_iq4_kt, NULL},
    {156, qk_decode_iq3_ks, NULL},
    {157, qk_decode_iq2_kl, NULL},
    {158, qk_decode_iq1_kt, NULL},
    {202, NULL, qk_unweave_q4_0_r8},
    {206, qk_decode_q5_0_r4, NULL},
    {208, NULL, qk_unweave_q8_0_r8},
    {210, qk_decode_q2_k_r4, NULL},
    {211, qk_decode_q3_k_r4, NULL},
    {212, NULL, qk_unweave_q4_k_r4},
    {213, NULL, qk_unweave_q5_k_r4},
    {214, NULL, qk_unweave_q6_k_r4},
    {216, qk_decode_iq2_xxs_r4, NULL},
    {217, qk_decode_iq2_xs_r4, NULL},
    {218, qk_decode_iq3_xxs_r4, NULL},
    {219, qk_decode_iq1_s_r4, NULL},
    {220, NULL, qk_unweave_iq4_nl_r4},
    {221, qk_decode_iq3_s_r4, NULL},
    {222, qk_decode_iq2_s_r4, NULL},
    {223, qk_decode_iq4_xs_r8, NULL},
    {229, qk_decode_iq1_m_r4, NULL},
    {230, NULL, qk_unweave_bf16_r16},
    {233, qk_decode_q6_0_r4, NULL},
    {335, qk_decode_iq2_bn_r4, NULL},
    {337, qk_decode_iq2_k_r4, NULL},
    {338, qk_decode_iq3_k_r4, NULL},
    {339, qk_decode_iq4_k_r4, NULL},
    {340, qk_decode_iq5_k_r4, NULL},
    {344, qk_decode_iq4_ks_r4, NULL},
    {352, qk_decode_iq5_ks_r4, NULL},
    {353, NULL, qk_unweave_mxfp4_r8},
    {397, qk_decode_q8_k_r16, NULL},
    {398, qk_decode_q8_KV_r8, NULL},
    {399, qk_decode_q8_k_r8, NULL},
    {QT_I2_S, qk_decode_i2_s, NULL},
};

const struct qk_dialect *qk_dialect(uint32_t id)
{
    for (size_t i = 0; i < GG_COUNTOF(kernels); i++) {
        if (kernels[i].id == id)
            return &kernels[i];
    }
    return NULL;
}
