/* CPU levels: named bundles of instruction sets, chosen once at start. */
#ifndef GG_CPU_H
#define GG_CPU_H

#include <stdbool.h>

enum gg_cpu_level {
    GG_CPU_C = 0,  /* portable C, every machine */
    GG_CPU_SSE2,   /* x86-64 baseline */
    GG_CPU_AVX2,   /* exactly x86-64-v3 (AVX2, BMI, FMA, F16C) */
    GG_CPU_AVX512, /* exactly x86-64-v4 (AVX-512 F BW CD DQ VL) */
    GG_CPU_NEON,   /* aarch64 */
    GG_CPU_LEVEL_COUNT
};

/* "c", "sse2", "avx2", "avx512", "neon" */
const char *gg_cpu_name(enum gg_cpu_level level);
bool gg_cpu_by_name(const char *name, enum gg_cpu_level *out);
/* Can this machine (and its operating system) run it? GG_CPU_C always. */
bool gg_cpu_has(enum gg_cpu_level level);
/* The best level this machine runs. */
enum gg_cpu_level gg_cpu_best(void);

#endif
