/* GGUF back to safetensors: every tensor decoded to one type of float, under its Hugging Face name where
 * the mapping is known, else its GGUF name.
 */
#include "cmds/convert.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/export/floats.h"
#include "lib/export/safetensors.h"
#include "lib/hf/hf.h"
#include "lib/stream/stream.h"

#include <string.h>

enum { NAME_NBYTES = 512 };

struct entry { /* one a tensor of the model, in its order */
    char name[NAME_NBYTES];
    int how;         /* of gg_hf_name_of */
    uint64_t n_heads; /* whose rows are put back in order; 0: none */
};

struct back {
    struct make *r;
    const char *out;
    uint32_t type, elem_nbytes;
    struct entry *entries;
    struct gg_st_writer *writer;
    uint64_t n_rounded;
    struct gg_arena mem;
};

static const char ending[] = ".safetensors";

bool convert_is_back(const char *out)
{
    size_t n = out != NULL ? strlen(out) : 0, e = sizeof ending - 1;
    return n > e && strcmp(out + n - e, ending) == 0;
}

static const char *type_name(const struct back *b)
{
    return b->type == QT_F32 ? "F32" : b->type == QT_F16 ? "F16" : "BF16";
}

/* ---- layout ---------------------------------------------------------------------------------- */

/* The type of the first matrix that is plain floats; BF16 for a quantized model. */
static uint32_t choose_type(const struct gg_model *m, int dtype)
{
    static const uint32_t types[] = {QT_NONE, QT_BF16, QT_F16, QT_F32};
    if (dtype > 0)
        return types[dtype];
    for (size_t i = 0; i < m->n_tensors; i++) {
        uint32_t t = m->tensors[i].type;
        if (m->tensors[i].n_dims >= 2 && (t == QT_BF16 || t == QT_F16 || t == QT_F32))
            return t;
        if (m->tensors[i].n_dims >= 2)
            return QT_BF16;
    }
    return QT_F32;
}

static int name_entry(struct back *b, size_t i, struct gg_err *err)
{
    const struct gg_tensor *t = &b->r->model->tensors[i];
    struct entry *e = &b->entries[i];
    struct gg_arch arch;
    char shown[160];
    gg_arch_read(&arch, b->r->model->meta);
    gg_text_escape_into(shown, sizeof shown, t->name.p, t->name.nbytes);
    if (!t->known || t->name.nbytes >= NAME_NBYTES)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE, "tensor '%s': %s", shown,
                       t->known ? "too long a name" : "its type cannot be decoded");
    if (!gg_hf_name_of(e->name, sizeof e->name, arch.name, t->name, &e->how)) {
        memcpy(e->name, t->name.p, t->name.nbytes);
        e->name[t->name.nbytes] = '\0';
    }
    uint64_t rows = t->n_dims == 1 ? t->ne[0] : t->ne[1];
    e->n_heads = e->how == 1 ? arch.n_heads : e->how == 2 ? arch.n_heads_kv : 0;
    if ((e->how == 1 || e->how == 2) &&
        (e->n_heads == 0 || rows % e->n_heads != 0 || rows / e->n_heads % 2 != 0))
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "tensor '%s': its rows do not divide into %llu heads", shown,
                       (unsigned long long)e->n_heads);
    return t->nelems > INT64_MAX / 4
               ? gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "tensor '%s' is too large", shown)
               : GG_OK;
}

/* Names everything and opens the files. */
static int lay_out(struct back *b, struct gg_err *err)
{
    const struct gg_model *m = b->r->model;
    const struct gg_opt_u64 *most = &b->r->o->output.shards.max_size;
    struct gg_st_tensor *v = gg_arena_zalloc(&b->mem, m->n_tensors + 1, sizeof *v);
    struct gg_file_id *in = gg_arena_zalloc(&b->mem, m->n_files + 1, sizeof *in);
    int rc = GG_OK;
    b->entries = gg_arena_zalloc(&b->mem, m->n_tensors + 1, sizeof *b->entries);
    if (b->entries == NULL || v == NULL || in == NULL)
        return gg_fail_nomem(err, "the list of tensors");
    for (size_t i = 0; rc == GG_OK && i < m->n_tensors; i++) {
        const struct gg_tensor *t = &m->tensors[i];
        rc = name_entry(b, i, err);
        v[i] = (struct gg_st_tensor){b->entries[i].name, type_name(b), t->n_dims, t->ne,
                                     t->nelems * b->elem_nbytes};
    }
    for (size_t i = 0; i < m->n_files; i++)
        in[i] = (struct gg_file_id){m->files[i].dev, m->files[i].ino};
    struct gg_st_opts o = {b->out, most->set ? most->v : 0, b->r->o->output.force, in, m->n_files};
    return rc == GG_OK ? gg_st_open(&b->writer, v, m->n_tensors, &o, err) : rc;
}

/* ---- data ------------------------------------------------------------------------------------ */

/* Where the row of a head that llama.cpp has at r was stored. */
static uint64_t stored_row(uint64_t r, uint64_t head_rows)
{
    uint64_t i = r % head_rows;
    return r - i + (i % 2) * (head_rows / 2) + i / 2;
}

/* Runs of elements that stay together: pieces of rows. */
static int write_rows(struct back *b, const struct entry *e, const struct gg_tile *tile,
                      const uint8_t *bytes, struct gg_err *err)
{
    const struct gg_tensor *t = &b->r->model->tensors[tile->tensor[0]];
    uint64_t cols = t->n_dims == 1 ? 1 : t->ne[0], rows = t->n_dims == 1 ? t->ne[0] : t->ne[1];
    int rc = GG_OK;
    for (uint64_t at = 0; rc == GG_OK && at < tile->nelems;) {
        uint64_t elem = tile->first + at, row = elem / cols, col = elem % cols;
        uint64_t take = gg_min_u64(cols - col, tile->nelems - at);
        uint64_t to = stored_row(row, rows / e->n_heads) * cols + col;
        rc = gg_st_write(b->writer, tile->tensor[0], to * b->elem_nbytes,
                         bytes + at * b->elem_nbytes, (size_t)take * b->elem_nbytes, err);
        at += take;
    }
    return rc;
}

/* Norms of Gemma are stored less one. */
static void less_one(const float *x, size_t n, float *dst)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = x[i] - 1.0f;
}

static int visit(void *ctx, const struct gg_tile *tile, void *part, void *scratch, struct gg_err *err)
{
    struct back *b = ctx;
    const struct entry *e = &b->entries[tile->tensor[0]];
    const float *x = tile->x[0];
    float *shifted = (float *)scratch + GG_TILE_NELEMS;
    if (e->how == 3) {
        less_one(x, tile->nelems, shifted);
        x = shifted;
    }
    uint64_t changed = gg_floats_put(b->type, x, tile->nelems, scratch);
    memcpy(part, &changed, sizeof changed);
    if (e->n_heads > 0)
        return write_rows(b, e, tile, scratch, err);
    return gg_st_write(b->writer, tile->tensor[0], tile->first * b->elem_nbytes, scratch,
                       tile->nelems * b->elem_nbytes, err);
}

static int combine(void *ctx, const struct gg_tile *tile, void *part, struct gg_err *err)
{
    uint64_t changed;
    (void)tile, (void)err;
    memcpy(&changed, part, sizeof changed);
    ((struct back *)ctx)->n_rounded += changed;
    return GG_OK;
}

static int run(struct back *b, struct gg_err *err)
{
    struct gg_visitor v = {.see = GG_SEE_FLOATS, .part_nbytes = sizeof(uint64_t),
                           .scratch_nbytes = (size_t)GG_TILE_NELEMS * 8, .visit = visit,
                           .combine = combine, .ctx = b};
    int rc = gg_job_open(&b->r->model, b->r->in, GGF_STRICT | GG_JOB_PLAIN, err);
    if (rc == GG_OK)
        rc = gg_model_require_sound(b->r->model, err);
    if (rc != GG_OK)
        return rc;
    b->type = choose_type(b->r->model, ((const struct convert_opts *)b->r->o)->dtype);
    b->elem_nbytes = gg_floats_nbytes(b->type);
    rc = lay_out(b, err);
    if (rc == GG_OK) {
        struct gg_stream_opts o = make_stream(b->r, b->r->doing);
        const struct gg_model *m = b->r->model;
        rc = gg_stream_visit(&m, 1, NULL, &v, &o, NULL, err);
        gg_progress_end(&b->r->progress);
    }
    return rc == GG_OK ? gg_st_commit(b->writer, err) : rc;
}

int convert_back(struct make *r, const struct convert_opts *o, const char *out)
{
    struct back b = {.r = r, .out = out};
    struct gg_err err;
    (void)o;
    qk_init(&r->kernels, r->env->cpu);
    int rc = run(&b, &err);
    if (rc == GG_OK && b.n_rounded > 0)
        gg_msg_warn(&r->env->msg, "%llu values were rounded to %s; --dtype f32 keeps them all",
                    (unsigned long long)b.n_rounded, type_name(&b));
    if (rc == GG_OK && r->env->msg.level >= 0) {
        struct gg_buf shown = GG_BUF_INIT;
        const char *path = gg_st_path(b.writer, 0);
        size_t n = gg_st_n_files(b.writer);
        gg_text_escape(&shown, path, strlen(path), 0);
        fprintf(r->env->out, "%s: %zu tensors as %s in %zu file%s\n", gg_buf_str(&shown),
                r->model->n_tensors, type_name(&b), n, n == 1 ? "" : "s");
        gg_buf_free(&shown);
    }
    gg_st_free(b.writer);
    gg_arena_free(&b.mem);
    return rc == GG_OK ? CMD_OK : gg_msg_fail(&r->env->msg, &err);
}
