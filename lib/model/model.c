#include "lib/model/model.h"

#include "lib/quant/qtype.h"

#include <stdlib.h>

#include <string.h>

void gg_model_free(struct gg_model *m)
{
    if (m == NULL)
        return;
    if (m->source != NULL)
        m->source->ops->free(m->source);
    gg_findings_free(&m->findings);
    free(m);
}

const char *gg_tensor_stored(const struct gg_tensor *t, char tmp[32])
{
    return t->origin != NULL ? t->origin : qt_name(t->type, tmp);
}

uint64_t gg_tensor_stored_nbytes(const struct gg_tensor *t)
{
    return t->origin != NULL ? t->stored_nbytes : t->nbytes;
}

bool gg_tensor_stored_alike(const struct gg_tensor *a, const struct gg_tensor *b)
{
    if (a->origin == NULL || b->origin == NULL)
        return a->type == b->type && a->origin == b->origin;
    return strcmp(a->origin, b->origin) == 0;
}

int gg_model_require_sound(const struct gg_model *m, struct gg_err *err)
{
    const struct gg_findings *f = &m->findings;
    if (f->failed)
        return gg_fail_nomem(err, "the list of findings");
    for (size_t i = 0; i < f->n; i++) {
        const struct gg_finding *one = &f->v[i];
        if (one->severity == GG_FAULT)
            return gg_fail(err, GG_ERR_CORRUPT, one->off, "%s: %s%s%s%s", m->name,
                           one->tensor != NULL ? "tensor '" : "",
                           one->tensor != NULL ? one->tensor : "", one->tensor != NULL ? "': " : "",
                           one->text);
    }
    return GG_OK;
}
