#include "lib/quant/vec/init.h"

#define V_PASTE2(a, b) a##_##b
#define V_PASTE(a, b) V_PASTE2(a, b)

void V_PASTE(qk_init, V_LEVEL)(struct qk_table *table)
{
#define V_CALL(part) V_PASTE(qk_vec_##part, V_LEVEL)(table);
    V_PARTS(V_CALL)
#undef V_CALL
}
