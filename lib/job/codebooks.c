#include "lib/job/codebooks.h"

int gg_codebooks_for(struct gg_codebooks *out, const struct gg_plan *plan, struct gg_err *err)
{
    *out = (struct gg_codebooks){0};
    for (size_t o = 0; o < plan->n_outputs; o++) {
        for (size_t i = 0; i < plan->outputs[o].n_tensors; i++) {
            const struct gg_plan_tensor *t = &plan->outputs[o].tensors[i];
            if (t->action != GG_ENCODE || out->v[t->to] != NULL ||
                !qk_codebook_wanted((enum qt_type)t->to))
                continue;
            struct qk_codebook *cb = NULL;
            int rc = qk_codebook_new(&cb, (enum qt_type)t->to, err);
            if (rc != GG_OK) {
                gg_codebooks_free(out);
                return rc;
            }
            out->v[t->to] = cb;
        }
    }
    return GG_OK;
}

void gg_codebooks_free(struct gg_codebooks *c)
{
    for (size_t i = 0; i < QT_ID_END; i++) {
        /* they are ours to change: const only for those who look things up */
        qk_codebook_free((struct qk_codebook *)c->v[i]);
        c->v[i] = NULL;
    }
}
