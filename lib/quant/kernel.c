#include "lib/quant/kernel.h"

#include "lib/base/num.h"
#include "lib/quant/ref/ref.h"

#include <string.h>

struct ref_row {
    enum qt_type type;
    struct qk_kernel k;
};

/* One row a type: dequant, quant (NULL: not encoded), valid, scratch, whole_rows. */
static const struct ref_row ref_rows[] = {
    {QT_F32, {NULL, NULL, NULL, NULL, false}},
};

void qk_init(struct qk_table *table, enum gg_cpu_level level)
{
    memset(table, 0, sizeof *table);
    for (size_t i = 0; i < GG_COUNTOF(ref_rows); i++)
        table->k[ref_rows[i].type] = ref_rows[i].k;
    (void)level; /* no level has kernels of its own yet */
    table->level = GG_CPU_C;
}

/* Asks the arithmetic itself, which works on every CPU: volatile keeps the compiler from folding. */
bool qk_env_ok(void)
{
    volatile float one = 1.0f, tie_down = 0x1p-24f, tie_up = 0x3p-24f, smallest = 0x1p-126f;
    volatile float down = one + tie_down, up = one + tie_up, neg = -one - tie_down;
    volatile float halved = smallest * 0.5f, denormal = 0x1p-140f;
    volatile float kept = denormal * 2.0f;
    return down == 1.0f && neg == -1.0f && up == 1.0f + 0x1p-22f && halved != 0.0f && kept != 0.0f;
}
