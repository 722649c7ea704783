/* Codebooks for all types a plan encodes to. */
#ifndef GG_JOB_CODEBOOKS_H
#define GG_JOB_CODEBOOKS_H

#include "lib/plan/plan.h"
#include "lib/quant/codebook.h"

/* By type id, as struct gg_stream_opts takes them; NULL where none is needed. */
struct gg_codebooks {
    const struct qk_codebook *v[QT_ID_END];
};

/* Builds what the plan needs, some milliseconds each. On failure nothing is left to free. */
GG_MUST_CHECK int gg_codebooks_for(struct gg_codebooks *out, const struct gg_plan *plan,
                                   struct gg_err *err);
void gg_codebooks_free(struct gg_codebooks *c); /* takes a zeroed one */

#endif
