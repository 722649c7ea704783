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
    {156, qk_decode_iq3_ks, NULL},
    {157, qk_decode_iq2_kl, NULL},
    {202, NULL, qk_unweave_q4_0_r8},
};

const struct qk_dialect *qk_dialect(uint32_t id)
{
    for (size_t i = 0; i < GG_COUNTOF(kernels); i++) {
        if (kernels[i].id == id)
            return &kernels[i];
    }
    return NULL;
}
