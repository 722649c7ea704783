/* The reference kernels: plain scalar C, one set of functions a type, named after it.
 *
 * This text is what vector kernels are measured against and what runs where there is none; it stays
 * scalar for good. Contracts: kernel.h. Adding a type: its names here, its row in kernel.c.
 */
#ifndef QK_REF_H
#define QK_REF_H

#include "lib/quant/kernel.h"

#include <float.h>

#ifdef __FAST_MATH__
#error "results must be exact: don't build with -ffast-math"
#endif
#if FLT_EVAL_METHOD != 0
#error "results must be exact: floats must be evaluated as floats (32-bit x86: -msse2 -mfpmath=sse)"
#endif

/* plain.c, decode.c, decode_k.c, decode_iq.c */
qk_dequant_fn qk_ref_dequant_f32, qk_ref_dequant_f16, qk_ref_dequant_bf16, qk_ref_dequant_f64;
qk_dequant_fn qk_ref_dequant_i8, qk_ref_dequant_i16, qk_ref_dequant_i32, qk_ref_dequant_i64;
qk_dequant_fn qk_ref_dequant_q4_0, qk_ref_dequant_q4_1, qk_ref_dequant_q5_0, qk_ref_dequant_q5_1;
qk_dequant_fn qk_ref_dequant_q8_0, qk_ref_dequant_q8_1, qk_ref_dequant_q8_K;
qk_dequant_fn qk_ref_dequant_q2_K, qk_ref_dequant_q3_K, qk_ref_dequant_q4_K;
qk_dequant_fn qk_ref_dequant_q5_K, qk_ref_dequant_q6_K;
qk_dequant_fn qk_ref_dequant_iq2_xxs, qk_ref_dequant_iq2_xs, qk_ref_dequant_iq2_s;
qk_dequant_fn qk_ref_dequant_iq3_xxs, qk_ref_dequant_iq3_s;
qk_dequant_fn qk_ref_dequant_iq1_s, qk_ref_dequant_iq1_m;
qk_dequant_fn qk_ref_dequant_iq4_nl, qk_ref_dequant_iq4_xs;
qk_dequant_fn qk_ref_dequant_tq1_0, qk_ref_dequant_tq2_0;
qk_dequant_fn qk_ref_dequant_mxfp4, qk_ref_dequant_nvfp4;
qk_dequant_fn qk_ref_dequant_q1_0, qk_ref_dequant_q2_0;

/* plain.c, encode.c, encode_tiny.c */
qk_quant_fn qk_ref_quant_f32, qk_ref_quant_f16, qk_ref_quant_bf16;
qk_quant_fn qk_ref_quant_q4_0, qk_ref_quant_q4_1, qk_ref_quant_q5_0, qk_ref_quant_q5_1;
qk_quant_fn qk_ref_quant_q8_0;
qk_quant_fn qk_ref_quant_tq1_0, qk_ref_quant_tq2_0, qk_ref_quant_mxfp4, qk_ref_quant_nvfp4;
qk_quant_fn qk_ref_quant_q1_0, qk_ref_quant_q2_0;

/* kquant_min.c, kquant_sym.c, iq4.c */
qk_quant_fn qk_ref_quant_q2_K, qk_ref_quant_q3_K, qk_ref_quant_q4_K;
qk_quant_fn qk_ref_quant_q5_K, qk_ref_quant_q6_K;
qk_quant_fn qk_ref_quant_iq4_nl, qk_ref_quant_iq4_xs;

/* iq23.c, iq1.c: these need args->codebook */
qk_quant_fn qk_ref_quant_iq2_xxs, qk_ref_quant_iq2_xs, qk_ref_quant_iq2_s;
qk_quant_fn qk_ref_quant_iq3_xxs, qk_ref_quant_iq3_s;
qk_quant_fn qk_ref_quant_iq1_s, qk_ref_quant_iq1_m;

/* best_scale.c, best_line.c, best_grid.c */
qk_improve_fn qk_ref_improve_iq2_xxs, qk_ref_improve_iq2_xs, qk_ref_improve_iq2_s;
qk_improve_fn qk_ref_improve_iq3_xxs, qk_ref_improve_iq3_s;
qk_improve_fn qk_ref_improve_iq1_s, qk_ref_improve_iq1_m;
qk_improve_fn qk_ref_improve_q4_1, qk_ref_improve_q5_1;
qk_improve_fn qk_ref_improve_q2_K, qk_ref_improve_q4_K, qk_ref_improve_q5_K;
qk_improve_fn qk_ref_improve_q4_0, qk_ref_improve_q5_0, qk_ref_improve_q8_0;
qk_improve_fn qk_ref_improve_iq4_nl, qk_ref_improve_iq4_xs, qk_ref_improve_q3_K, qk_ref_improve_q6_K;
qk_improve_fn qk_ref_improve_mxfp4, qk_ref_improve_nvfp4, qk_ref_improve_q1_0, qk_ref_improve_q2_0;
qk_improve_fn qk_ref_improve_tq1_0, qk_ref_improve_tq2_0;

/* valid.c: by where a block keeps its scales */
qk_valid_fn qk_ref_valid_all; /* nothing to be wrong: integers, UE4M3 */
qk_valid_fn qk_ref_valid_f32, qk_ref_valid_f16, qk_ref_valid_bf16, qk_ref_valid_f64;
qk_valid_fn qk_ref_valid_q4_0, qk_ref_valid_q4_1, qk_ref_valid_q5_0, qk_ref_valid_q5_1;
qk_valid_fn qk_ref_valid_q8_0, qk_ref_valid_q8_1, qk_ref_valid_q8_K;
qk_valid_fn qk_ref_valid_q2_K, qk_ref_valid_q3_K, qk_ref_valid_q4_K;
qk_valid_fn qk_ref_valid_q5_K, qk_ref_valid_q6_K;
qk_valid_fn qk_ref_valid_iq2_xxs, qk_ref_valid_iq2_xs, qk_ref_valid_iq2_s;
qk_valid_fn qk_ref_valid_iq3_xxs, qk_ref_valid_iq3_s, qk_ref_valid_iq1_s, qk_ref_valid_iq1_m;
qk_valid_fn qk_ref_valid_iq4_nl, qk_ref_valid_iq4_xs;
qk_valid_fn qk_ref_valid_tq1_0, qk_ref_valid_tq2_0, qk_ref_valid_mxfp4;
qk_valid_fn qk_ref_valid_q1_0, qk_ref_valid_q2_0;

#endif
