/* Decoders of dialects, one set of files a fork. Contracts: lib/quant/dialect.h. */
#ifndef QK_DIALECT_IMPL_H
#define QK_DIALECT_IMPL_H

#include "lib/quant/dialect.h"

#include <float.h>

#ifdef __FAST_MATH__
#error "results must be exact: don't build with -ffast-math"
#endif
#if FLT_EVAL_METHOD != 0
#error "results must be exact: floats must be evaluated as floats (32-bit x86: -msse2 -mfpmath=sse)"
#endif

/* removed.c */
qk_unweave_fn qk_unweave_q4_0_4_4, qk_unweave_q4_0_4_8, qk_unweave_q4_0_8_8;
qk_unweave_fn qk_unweave_iq4_nl_4_4, qk_unweave_iq4_nl_4_8, qk_unweave_iq4_nl_8_8;
/* removed.c, too */
qk_unweave_fn qk_unweave_q4_0_r8;

/* ik_plain.c */
qk_unweave_fn qk_unweave_bf16_r16, qk_unweave_iq4_nl_r4, qk_unweave_q8_0_r8, qk_unweave_mxfp4_r8;
qk_unweave_fn qk_unweave_q4_k_r4, qk_unweave_q5_k_r4, qk_unweave_q6_k_r4;

/* ik_small.c */
qk_decode_fn qk_decode_q6_0, qk_decode_iq1_bn, qk_decode_iq2_bn, qk_decode_q8_KV;
/* bitnet.c */
qk_decode_fn qk_decode_i2_s;
/* ik_k.c */
qk_decode_fn qk_decode_iq2_k, qk_decode_iq3_k, qk_decode_iq4_k, qk_decode_iq5_k, qk_decode_iq6_k;
/* ik_ks.c */
qk_decode_fn qk_decode_iq2_ks, qk_decode_iq3_ks, qk_decode_iq4_ks, qk_decode_iq5_ks;
qk_decode_fn qk_decode_iq4_kss, qk_decode_iq2_kl;

/* ik_kt.c */
qk_decode_fn qk_decode_iq1_kt, qk_decode_iq2_kt, qk_decode_iq3_kt, qk_decode_iq4_kt;
/* ik_grids.c */
qk_decode_fn qk_decode_iq2_xxs_r4, qk_decode_iq2_xs_r4, qk_decode_iq2_s_r4, qk_decode_iq3_xxs_r4;
qk_decode_fn qk_decode_iq3_s_r4, qk_decode_iq1_s_r4, qk_decode_iq1_m_r4;
/* ik_woven.c */
qk_decode_fn qk_decode_q5_0_r4, qk_decode_q6_0_r4;
qk_decode_fn qk_decode_q8_KV_r8, qk_decode_iq2_bn_r4, qk_decode_q2_k_r4;
qk_decode_fn qk_decode_q3_k_r4;
qk_decode_fn qk_decode_iq4_xs_r8, qk_decode_q8_k_r8, qk_decode_q8_k_r16, qk_decode_iq2_k_r4;
qk_decode_fn qk_decode_iq3_k_r4, qk_decode_iq4_k_r4, qk_decode_iq5_k_r4, qk_decode_iq4_ks_r4;
qk_decode_fn qk_decode_iq5_ks_r4;

#endif
