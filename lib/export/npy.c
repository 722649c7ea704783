#include "lib/export/npy.h"

#include "lib/base/num.h"

void gg_npy_header(struct gg_buf *out, const char *descr, unsigned n_dims, const uint64_t *ne)
{
    enum { BEFORE = 10, ALIGN = 64 };
    struct gg_buf text = GG_BUF_INIT;
    uint8_t len[2];
    gg_buf_addf(&text, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (unsigned d = n_dims; d > 0; d--)
        gg_buf_addf(&text, "%llu%s", (unsigned long long)ne[d - 1],
                    d > 1 ? ", " : n_dims == 1 ? "," : "");
    gg_buf_adds(&text, "), }");
    size_t all = (BEFORE + text.nbytes + 1 + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    gg_buf_fill(&text, ' ', all - BEFORE - text.nbytes - 1);
    gg_buf_addc(&text, '\n');
    gg_store_u16(len, (uint16_t)text.nbytes);
    gg_buf_add(out, "\x93NUMPY\1\0", 8);
    gg_buf_add(out, len, sizeof len);
    gg_buf_add(out, gg_buf_str(&text), text.nbytes);
    out->failed |= text.failed;
    gg_buf_free(&text);
}
