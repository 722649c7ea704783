#include "lib/job/goal.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdio.h>
#include <string.h>

bool gg_goal_wanted(const struct gg_goal_opts *o)
{
    return o->target_size.set || o->target_bpw != NULL || o->fits.set;
}

/* The first option given that means nothing without a size. */
static const char *idle_option(const struct gg_goal_opts *o)
{
    return o->min_type >= 0          ? "min-type"
           : o->max_type >= 0        ? "max-type"
           : o->allow != NULL        ? "allow"
           : o->sample.set           ? "sample"
           : o->error_cache != NULL  ? "error-cache"
           : o->recipe_out != NULL   ? "recipe-out"
                                     : NULL;
}

/* The option that asks for a size; of several, *other gets the second. */
static const char *size_option(const struct gg_goal_opts *o, const char **other)
{
    const char *given[4] = {NULL};
    size_t n = 0;
    if (o->target_size.set)
        given[n++] = "target-size";
    if (o->target_bpw != NULL)
        given[n++] = "target-bpw";
    if (o->fits.set)
        given[n++] = "fits";
    *other = given[1];
    return given[0];
}

int gg_goal_check(const struct gg_goal_opts *o, const struct gg_quant_opts *quant, const char *type,
                  struct gg_err *err)
{
    const char *other, *size = size_option(o, &other), *idle = idle_option(o);
    if (size == NULL && idle != NULL)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--%s needs --target-size, --target-bpw or --fits",
                       idle);
    if (!o->fits.set && (o->ctx.set || o->kv_type >= 0))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--%s needs --fits", o->ctx.set ? "ctx" : "kv-type");
    if (o->seed.set && !o->sample.set)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--seed needs --sample");
    if (size == NULL)
        return GG_OK;
    if (other != NULL)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--%s and --%s contradict each other", size, other);
    if (type != NULL || quant->pure || quant->lossless_only)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "--%s chooses the types: %s contradicts it (--tensor-type and its like do not)",
                       size,
                       type != NULL  ? "--type"
                       : quant->pure ? "--pure"
                                     : "--lossless-only");
    return GG_OK;
}

static int add_allowed(struct gg_target_opts *out, const char *name, struct gg_err *err)
{
    const struct qt_info *t = qt_by_name(name);
    if (t == NULL)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--allow: unknown tensor type '%.32s'", name);
    if ((t->flags & QT_ENCODES) == 0)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--allow: %s is no type that can be encoded", t->name);
    out->allow |= GG_TYPE_BIT(t->type);
    return GG_OK;
}

static int read_allowed(struct gg_target_opts *out, const char *list, struct gg_err *err)
{
    char name[33];
    int rc = GG_OK;
    for (const char *s = list; rc == GG_OK; s++) {
        size_t n = strcspn(s, ",");
        snprintf(name, sizeof name, "%.*s", (int)gg_min_u64(n, sizeof name - 1), s);
        rc = add_allowed(out, name, err);
        s += n;
        if (*s == '\0')
            break;
    }
    return rc;
}

int gg_goal_types(struct gg_target_opts *out, const struct gg_goal_opts *o, struct gg_err *err)
{
    *out = (struct gg_target_opts){.least = QT_NONE, .most = QT_NONE};
    if (o->min_type >= 0)
        out->least = (enum qt_type)o->min_type;
    if (o->max_type >= 0)
        out->most = (enum qt_type)o->max_type;
    if (o->min_type >= 0 && o->max_type >= 0 &&
        qt_bpw(qt_info(out->least)) > qt_bpw(qt_info(out->most)))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--min-type %s has more bits than --max-type %s",
                       qt_info(out->least)->name, qt_info(out->most)->name);
    return o->allow != NULL ? read_allowed(out, o->allow, err) : GG_OK;
}

static int bits_budget(struct gg_budget *out, const char *text, const struct gg_model *m,
                       struct gg_err *err)
{
    double bits, n = 0;
    for (size_t i = 0; i < m->n_tensors; i++)
        n += (double)m->tensors[i].nelems;
    if (!gg_text_parse_f64(text, &bits) || !(bits > 0 && bits <= 64))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--target-bpw: '%.32s' is no number of bits from 0 to 64",
                       text);
    *out = (struct gg_budget){(uint64_t)(bits / 8 * n), true};
    return GG_OK;
}

static int memory_budget(struct gg_budget *out, const struct gg_goal_opts *o, const struct gg_model *m,
                         struct gg_memory *memory, struct gg_err *err)
{
    struct gg_memory_opts opts = {o->ctx.set ? o->ctx.v : 0,
                                  o->kv_type >= 0 ? (uint32_t)o->kv_type : QT_F16};
    char rest[32], all[32];
    int rc = gg_memory_of(memory, m, &opts, err);
    if (rc != GG_OK)
        return gg_err_prefix(err, "%s: --fits", m->name);
    uint64_t beside = memory->total_nbytes - memory->weights_nbytes;
    if (beside >= o->fits.v)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "--fits: cache and buffers alone take %s bytes, and %s are all there is",
                       gg_text_thousands(rest, beside), gg_text_thousands(all, o->fits.v));
    *out = (struct gg_budget){o->fits.v - beside, true};
    return GG_OK;
}

int gg_goal_budget(struct gg_budget *out, const struct gg_goal_opts *o, const struct gg_model *m,
                   struct gg_memory *memory, struct gg_err *err)
{
    *memory = (struct gg_memory){0};
    if (o->fits.set)
        return memory_budget(out, o, m, memory, err);
    if (o->target_bpw != NULL)
        return bits_budget(out, o->target_bpw, m, err);
    *out = (struct gg_budget){o->target_size.v, false};
    return GG_OK;
}
