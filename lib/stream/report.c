/* What a run leaves to read. */
#include "lib/stream/write.h"

#include <stdlib.h>
#include <string.h>

int gg_report_init(struct gg_write_report *r, const struct gg_plan *plan, bool sha256,
                   struct gg_err *err)
{
    memset(r, 0, sizeof *r);
    r->results = calloc(plan->n_outputs + 1, sizeof *r->results);
    if (sha256)
        r->sha256 = calloc(plan->n_outputs + 1, sizeof *r->sha256);
    if (r->results == NULL || (sha256 && r->sha256 == NULL))
        return gg_fail_nomem(err, "a report");
    r->n_outputs = plan->n_outputs;
    for (size_t o = 0; o < plan->n_outputs; o++) {
        const struct gg_plan_output *out = &plan->outputs[o];
        r->results[o] = calloc(out->n_tensors + 1, sizeof **r->results);
        if (sha256)
            r->sha256[o] = calloc(out->n_files + 1, sizeof **r->sha256);
        if (r->results[o] == NULL || (sha256 && r->sha256[o] == NULL))
            return gg_fail_nomem(err, "a report");
    }
    return GG_OK;
}

void gg_write_report_free(struct gg_write_report *r)
{
    for (size_t o = 0; o < r->n_outputs; o++) {
        free(r->results[o]);
        if (r->sha256 != NULL)
            free(r->sha256[o]);
    }
    free(r->results);
    free(r->sha256);
    memset(r, 0, sizeof *r);
}

void gg_result_add(struct gg_tensor_result *to, const struct gg_tensor_result *tile,
                   uint64_t first)
{
    if (to->n_overflow == 0)
        to->overflow = tile->overflow;
    qk_err_add(&to->sums, &tile->sums, first);
    to->encoded |= tile->encoded;
    to->n_zeroed += tile->n_zeroed;
    to->n_f16_clipped += tile->n_f16_clipped;
    to->n_f16_flushed += tile->n_f16_flushed;
    to->n_overflow += tile->n_overflow;
}
