#include "lib/sys/cpu.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

static const char *const names[GG_CPU_LEVEL_COUNT] = {
    [GG_CPU_C] = "c",           [GG_CPU_SSE2] = "sse2", [GG_CPU_AVX2] = "avx2",
    [GG_CPU_AVX512] = "avx512", [GG_CPU_NEON] = "neon",
};

const char *gg_cpu_name(enum gg_cpu_level level)
{
    return names[level];
}

bool gg_cpu_by_name(const char *name, enum gg_cpu_level *out)
{
    for (int i = 0; i < GG_CPU_LEVEL_COUNT; i++) {
        if (gg_text_ieq(names[i], name)) {
            *out = (enum gg_cpu_level)i;
            return true;
        }
    }
    return false;
}

#if defined(__x86_64__)

#include <cpuid.h>

#define BIT(n) (1u << (n))

/* Feature bits by level (x86-64 psABI, "Micro-Architecture Levels"; Intel SDM, CPUID). v3 takes in
 * v2. Bit 27 of leaf 1 says that the operating system uses XSAVE, so that XGETBV may be asked. */
enum {
    V3_1_ECX = BIT(0) | BIT(9) | BIT(12) | BIT(13) | BIT(19) | BIT(20) | BIT(22) | BIT(23) |
               BIT(27) | BIT(28) | BIT(29), /* SSE3 SSSE3 FMA CX16 SSE4 MOVBE POPCNT AVX F16C */
    V3_7_EBX = BIT(3) | BIT(5) | BIT(8),    /* BMI1 AVX2 BMI2 */
    V3_EXT_ECX = BIT(0) | BIT(5),           /* LAHF LZCNT */
};
#define V4_7_EBX (BIT(16) | BIT(17) | BIT(28) | BIT(30) | BIT(31)) /* AVX-512 F DQ CD BW VL */

/* Register state the operating system saves: XCR0 bits 1, 2 SSE and AVX; 5, 6, 7 AVX-512. */
enum { XCR0_AVX = 0x06, XCR0_AVX512 = 0xe6 };

static bool has_all(unsigned v, unsigned wanted)
{
    return (v & wanted) == wanted;
}

static bool x86_has(unsigned wanted_7_ebx, unsigned wanted_xcr0)
{
    unsigned a, b, c, d, xcr0, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has_all(c, V3_1_ECX))
        return false;
    __asm__ volatile("xgetbv" : "=a"(xcr0), "=d"(high) : "c"(0));
    return has_all(xcr0, wanted_xcr0) && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
           has_all(b, wanted_7_ebx) && __get_cpuid(0x80000001u, &a, &b, &c, &d) &&
           has_all(c, V3_EXT_ECX);
}

static bool machine_has(enum gg_cpu_level level)
{
    switch (level) {
    case GG_CPU_SSE2:
        return true;
    case GG_CPU_AVX2:
        return x86_has(V3_7_EBX, XCR0_AVX);
    case GG_CPU_AVX512:
        return x86_has(V3_7_EBX | V4_7_EBX, XCR0_AVX512);
    default:
        return false;
    }
}

#elif defined(__aarch64__)

static bool machine_has(enum gg_cpu_level level)
{
    return level == GG_CPU_NEON;
}

#else

static bool machine_has(enum gg_cpu_level level)
{
    (void)level;
    return false;
}

#endif

bool gg_cpu_has(enum gg_cpu_level level)
{
    return level == GG_CPU_C || machine_has(level);
}

enum gg_cpu_level gg_cpu_best(void)
{
    for (int i = GG_CPU_LEVEL_COUNT - 1; i > 0; i--) {
        if (machine_has((enum gg_cpu_level)i))
            return (enum gg_cpu_level)i;
    }
    return GG_CPU_C;
}
