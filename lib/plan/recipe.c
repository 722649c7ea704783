/* Recipes: a choice of types as rules that --tensor-type-file takes back. */
#include "lib/base/buf.h"
#include "lib/base/text.h"
#include "lib/plan/target.h"

#include <inttypes.h>
#include <string.h>

/* The name and no other, as a regular expression in which nothing ends a rule or begins a comment. */
static void add_pattern(struct gg_buf *b, struct ggf_str name)
{
    gg_buf_addc(b, '^');
    for (uint64_t i = 0; i < name.nbytes; i++) {
        unsigned char c = (unsigned char)name.p[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     c == '_' || c == '-' || c >= 0x80;
        if (plain)
            gg_buf_addc(b, (char)c);
        else
            gg_buf_addf(b, c == '.' ? "\\." : "\\x%02x", c);
    }
    gg_buf_addc(b, '$');
}

static void add_head(struct gg_buf *b, const struct gg_target *t, const struct gg_plan_output *o,
                     const struct gg_target_result *r, const char *how)
{
    struct gg_buf name = GG_BUF_INIT;
    const struct gg_plan_tensor *weighted = NULL;
    for (size_t i = 0; i < o->n_tensors; i++)
        weighted = o->tensors[i].weights != NULL ? &o->tensors[i] : weighted;
    gg_text_escape(&name, t->model->name, strlen(t->model->name), 0);
    gg_buf_addf(b, "# types chosen by ggtool for %s: %" PRIu64 " bytes%s\n", gg_buf_str(&name),
                o->nbytes, weighted != NULL ? ", with an importance matrix" : "");
    gg_buf_addf(b, "# predicted loss %.6g; the least for this size is %s%.6g\n", r->loss,
                r->proven ? "" : "not below ", r->bound);
    gg_buf_addf(b, "# the same file: ggtool requant IN OUT --type %s%s%s --tensor-type-file THIS\n",
                o->preset->name, weighted != NULL ? " --imatrix MATRIX" : "", how);
    gg_buf_free(&name);
}

void gg_target_recipe(const struct gg_target *t, const struct gg_plan *plan,
                      const struct gg_target_result *r, const char *how, struct gg_buf *out)
{
    const struct gg_plan_output *o = &plan->outputs[0];
    size_t k = 0; /* both lists are in the order of the model */
    add_head(out, t, o, r, how);
    for (size_t i = 0; i < o->n_tensors; i++) {
        const struct gg_plan_tensor *p = &o->tensors[i];
        char type[32];
        bool chosen = k < t->n_tensors && t->tensors[k].src == p->src;
        if (!chosen && !p->rule)
            continue;
        add_pattern(out, p->name);
        gg_buf_addf(out, "=%s", qt_name(p->to, type));
        if (chosen)
            gg_buf_addf(out, "  # loss %.3g, %" PRIu64 " bytes",
                        gg_target_loss(&t->tensors[k], p->to), p->nbytes);
        gg_buf_addc(out, '\n');
        k += chosen;
    }
}
