/* Elements of tensors that are views with strides of their own: transposes, expanded dimensions. */
#include "lib/import/impl.h"

int gg_ckpt_gather(const struct gg_ckpt_tensor *t, const struct gg_ckpt_place *p, uint64_t first,
                   uint64_t n, void *dst, struct gg_err *err)
{
    (void)t, (void)p, (void)first, (void)n, (void)dst;
    return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE, "strided tensors are not read");
}
