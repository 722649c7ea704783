#include "lib/quant/vec/v.h"

void V_NAME(qk_init)(struct qk_table *table)
{
#define V_CALL(part) V_NAME(qk_vec_##part)(table);
    V_PARTS(V_CALL)
#undef V_CALL
}
