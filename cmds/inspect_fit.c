/* inspect --fit: the memory a model takes to run. */
#include "cmds/inspect.h"

#include "lib/base/text.h"
#include "lib/model/memory.h"
#include "lib/quant/qtype.h"

#include <inttypes.h>

static void print_line(FILE *f, const char *what, uint64_t nbytes, const char *how)
{
    char exact[32], human[32];
    fprintf(f, "%-9s %18s  %10s%s%s\n", what, gg_text_thousands(exact, nbytes),
            gg_text_size(human, nbytes), *how != '\0' ? "  " : "", how);
}

/* "26 sliding layers: 1,536 cells of 53,248 values in all" */
static void add_layers(struct gg_buf *b, const struct gg_memory_layers *l, const char *kind)
{
    char cells[32], elems[32];
    if (l->n == 0)
        return;
    gg_buf_addf(b, "%s%" PRIu64 " %slayers: %s cells of %s values in all", b->nbytes > 0 ? "; " : "", l->n, kind,
                gg_text_thousands(cells, l->cells), gg_text_thousands(elems, l->elems));
}

static void print_text(FILE *f, const struct gg_memory *m, const char *type)
{
    struct gg_buf how = GG_BUF_INIT;
    char ctx[32];
    fprintf(f, "memory for a context of %s tokens, keys and values as %s\n",
            gg_text_thousands(ctx, m->n_ctx), type);
    print_line(f, "weights", m->weights_nbytes, "all tensors");
    add_layers(&how, &m->full, "");
    add_layers(&how, &m->windowed, "sliding ");
    if (m->latent)
        gg_buf_adds(&how, " (latent keys)");
    print_line(f, "cache", m->kv_nbytes, gg_buf_str(&how));
    gg_buf_reset(&how);
    gg_buf_addf(&how, "512 x (4 x (max(%" PRIu64 ", 2 x %" PRIu64 ") + 7 x %" PRIu64 ") + 2 x %" PRIu64 ")",
                m->n_vocab, m->n_ff, m->n_embd, m->full.cells);
    print_line(f, "buffers", m->buffers_nbytes, gg_buf_str(&how));
    print_line(f, "total", m->total_nbytes, "");
    gg_buf_free(&how);
}

static void write_json(struct gg_json *j, const struct gg_memory *m, const char *type)
{
    gg_json_object(j, "fit");
    gg_json_u64(j, "context", m->n_ctx);
    gg_json_str(j, "kv_type", type);
    gg_json_u64(j, "weights_bytes", m->weights_nbytes);
    gg_json_u64(j, "cache_bytes", m->kv_nbytes);
    gg_json_u64(j, "buffers_bytes", m->buffers_nbytes);
    gg_json_u64(j, "total_bytes", m->total_nbytes);
    gg_json_u64(j, "layers", m->full.n);
    gg_json_u64(j, "sliding_layers", m->windowed.n);
    gg_json_close(j);
}

int inspect_fit(struct inspect *x, struct gg_json *j, struct gg_err *err)
{
    const struct inspect_opts *o = x->o;
    struct gg_memory_opts opts = {x->fit_ctx, o->kv_type >= 0 ? (uint32_t)o->kv_type : QT_F16};
    struct gg_memory m;
    int rc = gg_memory_of(&m, x->model, &opts, err);
    if (rc != GG_OK)
        return rc;
    if (j != NULL)
        write_json(j, &m, qt_info(opts.kv_type)->name);
    else
        print_text(x->env->out, &m, qt_info(opts.kv_type)->name);
    return GG_OK;
}
