#include "cmds/make.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <math.h>

void make_total(struct make_totals *t, const struct gg_model *m,
                   const struct gg_plan_output *o)
{
    *t = (struct make_totals){0};
    for (size_t i = 0; i < o->n_tensors; i++) {
        const struct gg_plan_tensor *p = &o->tensors[i];
        const struct gg_tensor *src = &m->tensors[p->src];
        struct make_type *y = &t->by_type[p->to < QT_ID_END ? p->to : QT_ID_END];
        t->n_params += src->nelems;
        t->in_nbytes += src->nbytes;
        t->out_nbytes += p->nbytes;
        t->n_encoded += p->action == GG_ENCODE;
        t->n_copied += p->action == GG_COPY;
        y->n_tensors++;
        y->n_params += src->nelems;
        y->nbytes += p->nbytes;
    }
}

static double ratio(double part, double whole)
{
    return part == 0 ? 0 : part / whole;
}

struct make_error make_error(const struct qk_err_sums *s, uint64_t n_cols, bool weighted)
{
    struct make_error e = {.weighted = weighted, .max_abs = s->max_abs};
    double n = s->n > 0 ? (double)s->n : 1;
    e.rmse = sqrt(s->ee / n);
    e.nmse = ratio(s->ee, s->xx);
    e.snr_db = e.nmse > 0 ? -10 * log10(e.nmse) : INFINITY;
    e.cosine = s->xx > 0 && s->yy > 0 ? s->xy / (sqrt(s->xx) * sqrt(s->yy)) : 1;
    e.weighted_nmse = weighted ? ratio(s->wee, s->wxx) : e.nmse;
    e.bias = s->e / n;
    e.max_row = n_cols > 0 ? s->max_at / n_cols : 0;
    e.max_col = n_cols > 0 ? s->max_at % n_cols : 0;
    return e;
}

void make_add(struct qk_err_sums *acc, const struct qk_err_sums *s)
{
    acc->ee += s->ee;
    acc->xx += s->xx;
    acc->yy += s->yy;
    acc->xy += s->xy;
    acc->e += s->e;
    acc->n_same += s->n_same;
    acc->n += s->n;
    if (s->max_abs > acc->max_abs)
        acc->max_abs = s->max_abs;
}

char *make_error_text(char dst[64], const struct make_error *e)
{
    if (e->nmse == 0)
        snprintf(dst, 64, "0 (exact)");
    else
        snprintf(dst, 64, "%.3g (%.1f dB)", e->nmse, e->snr_db);
    return dst;
}

const char *make_name(struct gg_buf *buf, struct ggf_str name)
{
    gg_buf_reset(buf);
    gg_text_escape(buf, name.p, name.nbytes, 0);
    return gg_buf_str(buf);
}
