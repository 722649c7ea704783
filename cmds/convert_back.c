/* GGUF back to safetensors: every tensor decoded to one type of float, under its Hugging Face name where
 * the mapping is known, else its GGUF name.
 *
 *     | u64: bytes of the header | header (JSON, padded to 8) | data of each tensor, in order |
 */
#include "cmds/convert.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/hf/hf.h"
#include "lib/quant/half.h"
#include "lib/stream/stream.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_NBYTES = 512 };

struct entry { /* one a tensor of the model, in its order */
    char name[NAME_NBYTES];
    int how;         /* of gg_hf_name_of */
    uint64_t n_heads; /* whose rows are put back in order; 0: none */
    size_t file;
    uint64_t off; /* of the data, from the start of the data at first, then of the file */
    uint64_t nbytes;
};

struct out_file {
    const char *path;
    char *header; /* malloc'd */
    size_t header_nbytes;
    uint64_t data_nbytes;
    struct gg_sink *sink;
};

struct back {
    struct make *r;
    const char *out;
    uint32_t type, elem_nbytes;
    struct entry *entries;
    struct out_file *files;
    size_t n_files;
    json_t *index; /* name -> file, when there are several */
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
    e->nbytes = t->nelems * b->elem_nbytes; /* elements fit 2^63 bytes in some type; see below */
    return t->nelems > INT64_MAX / 4
               ? gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "tensor '%s' is too large", shown)
               : GG_OK;
}

/* Files are filled up to the limit; a larger tensor has one of its own. */
static void divide(struct back *b)
{
    const struct gg_opt_u64 *most = &b->r->o->output.shards.max_size;
    uint64_t at = 0;
    size_t file = 0;
    for (size_t i = 0; i < b->r->model->n_tensors; i++) {
        struct entry *e = &b->entries[i];
        if (most->set && at > 0 && (e->nbytes > most->v || at > most->v - e->nbytes)) {
            file++;
            at = 0;
        }
        e->file = file;
        e->off = at;
        at += e->nbytes;
    }
    b->n_files = file + 1;
}

static json_t *describe(const struct back *b, size_t i)
{
    const struct gg_tensor *t = &b->r->model->tensors[i];
    const struct entry *e = &b->entries[i];
    json_t *shape = json_array();
    for (uint32_t d = t->n_dims; d > 0; d--)
        json_array_append_new(shape, json_integer((json_int_t)t->ne[d - 1]));
    return json_pack("{s:s,s:o,s:[I,I]}", "dtype", type_name(b), "shape", shape, "data_offsets",
                     (json_int_t)e->off, (json_int_t)(e->off + e->nbytes));
}

static int make_header(struct back *b, size_t file, struct gg_err *err)
{
    struct out_file *f = &b->files[file];
    json_t *o = json_pack("{s:{s:s}}", "__metadata__", "format", "pt");
    int rc = o == NULL ? gg_fail_nomem(err, "a header") : GG_OK;
    for (size_t i = 0; rc == GG_OK && i < b->r->model->n_tensors; i++) {
        struct entry *e = &b->entries[i];
        if (e->file != file)
            continue;
        if (json_object_get(b->index, e->name) != NULL)
            rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "two tensors would be '%s'", e->name);
        else if (json_object_set_new(o, e->name, describe(b, i)) != 0 ||
                 json_object_set_new(b->index, e->name, json_string(f->path)) != 0)
            rc = gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE, "a tensor's name is not UTF-8");
        f->data_nbytes = e->off + e->nbytes;
    }
    char *text = rc == GG_OK ? json_dumps(o, JSON_COMPACT) : NULL;
    size_t n = text != NULL ? strlen(text) : 0, padded = (n + 7) & ~(size_t)7;
    f->header = text != NULL ? malloc(padded + 8) : NULL;
    if (rc == GG_OK && f->header == NULL)
        rc = gg_fail_nomem(err, "a header");
    if (rc == GG_OK) {
        gg_store_u64(f->header, padded);
        memcpy(f->header + 8, text, n);
        memset(f->header + 8 + n, ' ', padded - n);
        f->header_nbytes = padded + 8;
    }
    free(text);
    json_decref(o);
    return rc;
}

static const char *file_path(struct back *b, size_t i)
{
    size_t stem = strlen(b->out) - (sizeof ending - 1);
    if (b->n_files == 1)
        return b->out;
    char *p = gg_arena_alloc(&b->mem, stem + 64);
    if (p != NULL)
        snprintf(p, stem + 64, "%.*s-%05zu-of-%05zu%s", (int)stem, b->out, i + 1, b->n_files, ending);
    return p;
}

static int lay_out(struct back *b, struct gg_err *err)
{
    const struct gg_model *m = b->r->model;
    int rc = GG_OK;
    b->entries = gg_arena_zalloc(&b->mem, m->n_tensors + 1, sizeof *b->entries);
    b->index = json_object();
    if (b->entries == NULL || b->index == NULL)
        return gg_fail_nomem(err, "the list of tensors");
    for (size_t i = 0; rc == GG_OK && i < m->n_tensors; i++)
        rc = name_entry(b, i, err);
    if (rc != GG_OK)
        return rc;
    divide(b);
    b->files = gg_arena_zalloc(&b->mem, b->n_files, sizeof *b->files);
    if (b->files == NULL)
        return gg_fail_nomem(err, "the list of files");
    for (size_t f = 0; rc == GG_OK && f < b->n_files; f++) {
        b->files[f].path = file_path(b, f);
        rc = b->files[f].path == NULL ? gg_fail_nomem(err, "a name") : make_header(b, f, err);
    }
    for (size_t i = 0; rc == GG_OK && i < m->n_tensors; i++)
        b->entries[i].off += b->files[b->entries[i].file].header_nbytes;
    return rc;
}

/* ---- data ------------------------------------------------------------------------------------ */

/* Encodes a tile and says how many values changed. */
static uint64_t encode(const struct back *b, const float *x, size_t n, float plus, uint8_t *dst)
{
    uint64_t changed = 0;
    for (size_t i = 0; i < n; i++) {
        float v = plus != 0 ? x[i] + plus : x[i], back = v;
        if (b->type == QT_F32) {
            gg_store_u32(dst + 4 * i, gg_bits_from_f32(v));
        } else if (b->type == QT_F16) {
            gg_store_u16(dst + 2 * i, qt_f16_from_f32(v));
            back = qt_f32_from_f16(gg_load_u16(dst + 2 * i));
        } else {
            gg_store_u16(dst + 2 * i, qt_bf16_from_f32(v));
            back = qt_f32_from_bf16(gg_load_u16(dst + 2 * i));
        }
        changed += back != v && v == v;
    }
    return changed;
}

/* Where the row of a head that llama.cpp has at r was stored. */
static uint64_t stored_row(uint64_t r, uint64_t head_rows)
{
    uint64_t i = r % head_rows;
    return r - i + (i % 2) * (head_rows / 2) + i / 2;
}

/* Runs of elements that stay together: pieces of rows. */
static int write_rows(struct back *b, const struct entry *e, const struct gg_tensor *t,
                      const struct gg_tile *tile, const uint8_t *bytes, struct gg_err *err)
{
    uint64_t cols = t->n_dims == 1 ? 1 : t->ne[0], rows = t->n_dims == 1 ? t->ne[0] : t->ne[1];
    int rc = GG_OK;
    for (uint64_t at = 0; rc == GG_OK && at < tile->nelems;) {
        uint64_t elem = tile->first + at, row = elem / cols, col = elem % cols;
        uint64_t take = gg_min_u64(cols - col, tile->nelems - at);
        uint64_t to = stored_row(row, rows / e->n_heads) * cols + col;
        rc = gg_sink_write(b->files[e->file].sink, e->off + to * b->elem_nbytes,
                           bytes + at * b->elem_nbytes, (size_t)take * b->elem_nbytes, err);
        at += take;
    }
    return rc;
}

static int visit(void *ctx, const struct gg_tile *tile, void *part, void *scratch, struct gg_err *err)
{
    struct back *b = ctx;
    const struct entry *e = &b->entries[tile->tensor[0]];
    uint64_t changed = encode(b, tile->x[0], tile->nelems, e->how == 3 ? -1.0f : 0.0f, scratch);
    memcpy(part, &changed, sizeof changed);
    if (e->n_heads > 0)
        return write_rows(b, e, &b->r->model->tensors[tile->tensor[0]], tile, scratch, err);
    return gg_sink_write(b->files[e->file].sink, e->off + tile->first * b->elem_nbytes, scratch,
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

/* ---- files ----------------------------------------------------------------------------------- */

static int open_files(struct back *b, struct gg_err *err)
{
    const struct gg_model *m = b->r->model;
    struct gg_file_id *in = gg_arena_zalloc(&b->mem, m->n_files + 1, sizeof *in);
    int rc = in == NULL ? gg_fail_nomem(err, "the list of inputs") : GG_OK;
    for (size_t i = 0; in != NULL && i < m->n_files; i++)
        in[i] = (struct gg_file_id){m->files[i].dev, m->files[i].ino};
    for (size_t i = 0; rc == GG_OK && i < b->n_files; i++) {
        struct out_file *f = &b->files[i];
        struct gg_sink_opts o = {f->header_nbytes + f->data_nbytes, b->r->o->output.force, in,
                                 m->n_files};
        rc = gg_sink_open(&f->sink, f->path, &o, err);
        if (rc == GG_OK)
            rc = gg_sink_write(f->sink, 0, f->header, f->header_nbytes, err);
    }
    return rc;
}

/* PREFIX.safetensors.index.json, as transformers looks for it. */
static int write_index(struct back *b, struct gg_err *err)
{
    struct gg_buf path = GG_BUF_INIT;
    const char *name;
    json_t *v;
    uint64_t total = 0;
    for (size_t i = 0; i < b->n_files; i++)
        total += b->files[i].data_nbytes;
    json_object_foreach(b->index, name, v) { /* names without folders */
        const char *slash = strrchr(json_string_value(v), '/');
        json_string_set(v, slash != NULL ? slash + 1 : json_string_value(v));
    }
    json_t *o = json_pack("{s:{s:I},s:O}", "metadata", "total_size", (json_int_t)total, "weight_map",
                          b->index);
    char *text = o != NULL ? json_dumps(o, JSON_INDENT(1)) : NULL;
    gg_buf_addf(&path, "%s.index.json", b->out);
    int rc = text == NULL || path.failed
                 ? gg_fail_nomem(err, "the index")
                 : gg_job_write_file(path.data, text, strlen(text), b->r->o->output.force, err);
    free(text);
    json_decref(o);
    gg_buf_free(&path);
    return rc;
}

static int settle(struct back *b, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < b->n_files; i++)
        rc = gg_sink_finish(b->files[i].sink, err);
    for (size_t i = b->n_files; rc == GG_OK && i > 0; i--)
        rc = gg_sink_commit(b->files[i - 1].sink, err);
    return rc == GG_OK && b->n_files > 1 ? write_index(b, err) : rc;
}

static int run(struct back *b, struct gg_err *err)
{
    struct gg_visitor v = {.see = GG_SEE_FLOATS, .part_nbytes = sizeof(uint64_t),
                           .scratch_nbytes = (size_t)GG_TILE_NELEMS * 4, .visit = visit,
                           .combine = combine, .ctx = b};
    int rc = gg_job_open(&b->r->model, b->r->in, GGF_STRICT, err);
    if (rc == GG_OK)
        rc = gg_model_require_sound(b->r->model, err);
    if (rc != GG_OK)
        return rc;
    b->type = choose_type(b->r->model, ((const struct convert_opts *)b->r->o)->dtype);
    b->elem_nbytes = b->type == QT_F32 ? 4 : 2;
    rc = lay_out(b, err);
    if (rc == GG_OK)
        rc = open_files(b, err);
    if (rc == GG_OK) {
        struct gg_stream_opts o = make_stream(b->r, b->r->doing);
        const struct gg_model *m = b->r->model;
        rc = gg_stream_visit(&m, 1, NULL, &v, &o, NULL, err);
        gg_progress_end(&b->r->progress);
    }
    return rc == GG_OK ? settle(b, err) : rc;
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
        gg_text_escape(&shown, b.files[0].path, strlen(b.files[0].path), 0);
        fprintf(r->env->out, "%s: %zu tensors as %s in %zu file%s\n", gg_buf_str(&shown),
                r->model->n_tensors, type_name(&b), b.n_files, b.n_files == 1 ? "" : "s");
        gg_buf_free(&shown);
    }
    for (size_t i = 0; b.files != NULL && i < b.n_files; i++) {
        gg_sink_free(b.files[i].sink);
        free(b.files[i].header);
    }
    json_decref(b.index);
    gg_arena_free(&b.mem);
    return rc == GG_OK ? CMD_OK : gg_msg_fail(&r->env->msg, &err);
}
