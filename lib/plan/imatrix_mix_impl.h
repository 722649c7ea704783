/* A mix between its planning and its writing. Private to lib/plan. */
#ifndef GG_IMATRIX_MIX_IMPL_H
#define GG_IMATRIX_MIX_IMPL_H

#include "lib/plan/imatrix_mix.h"

struct mix_entry {
    const char *name;
    const struct gg_imatrix_entry **parts; /* by input; NULL where it has none */
    uint64_t nvals, nmat;
    float *counts; /* nmat: tokens */
    float *factor; /* nmat: what scaling the counts did to them */
    uint64_t n_zero;
};

struct gg_imatrix_mix {
    const struct gg_imatrix *const *in;
    size_t n_in;
    struct gg_imatrix_mix_opts opts;
    struct mix_entry *entries; /* in byte order of their names */
    size_t n_entries, n_parts, n_stacked;
    uint32_t chunk_size, n_chunks;
    double max_count;
    const char *last_dataset;
    struct ggf_layout *layout; /* GGUF */
    uint64_t nbytes;
    struct gg_findings findings;
    struct gg_arena mem;
};

#endif
