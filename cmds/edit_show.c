/* Changes as text and as JSON. */
#include "cmds/edit.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/job/value.h"
#include "lib/quant/qtype.h"

#include <string.h>

enum { SHORT_TEXT = 60, CONTEXT = 24, MAX_ELEMENTS = 8 };

static const char *const verbs[] = {"set", "add", "remove", "rename"};

static void add_name(struct gg_buf *b, struct ggf_str s)
{
    gg_text_escape(b, s.p, (size_t)s.nbytes, 0);
}

/* ---- text ------------------------------------------------------------------------------------ */

static void add_value(struct gg_buf *b, const struct ggf_value *v)
{
    bool quote = v->type == GGF_STR;
    gg_buf_adds(b, quote ? "\"" : "");
    gg_value_text(b, v, false);
    gg_buf_adds(b, quote ? "\"" : "");
}

static void add_type(struct gg_buf *b, const struct ggf_value *v)
{
    gg_value_type(b, v);
    if (v->type == GGF_STR && v->nbytes > SHORT_TEXT)
        gg_buf_addf(b, ", %llu bytes", (unsigned long long)v->nbytes);
}

/* A piece of a long text from where it begins to differ, after a little of what is the same. */
static void add_piece(struct gg_buf *b, char sign, const struct ggf_value *v, uint64_t at)
{
    uint64_t from = at > CONTEXT ? at - CONTEXT : 0;
    while (from > 0 && from < v->nbytes && (v->data[from] & 0xc0) == 0x80)
        from--;
    uint64_t n = gg_min_u64(v->nbytes - from, 3 * CONTEXT);
    while (from + n < v->nbytes && n > 0 && (v->data[from + n] & 0xc0) == 0x80)
        n--;
    gg_buf_addf(b, "\n            %c %s", sign, from > 0 ? "..." : "");
    gg_text_escape(b, (const char *)v->data + from, (size_t)n, 0);
    gg_buf_adds(b, from + n < v->nbytes ? "..." : "");
}

static void add_text_change(struct gg_buf *b, const struct ggf_value *was, const struct ggf_value *is)
{
    uint64_t at = 0;
    while (at < was->nbytes && at < is->nbytes && was->data[at] == is->data[at])
        at++;
    gg_buf_addf(b, ": %llu -> %llu bytes, different from byte %llu on",
                (unsigned long long)was->nbytes, (unsigned long long)is->nbytes,
                (unsigned long long)at);
    add_piece(b, '-', was, at);
    add_piece(b, '+', is, at);
}

static void add_element(struct gg_buf *b, uint64_t i, const struct ggf_value *was,
                        const struct ggf_value *is)
{
    gg_buf_addf(b, "\n            [%llu] ", (unsigned long long)i);
    if (was != NULL)
        add_value(b, was);
    else
        gg_buf_adds(b, "new:");
    if (was != NULL)
        gg_buf_adds(b, is != NULL ? " ->" : " is gone");
    if (is != NULL) {
        gg_buf_addc(b, ' ');
        add_value(b, is);
    }
}

static void add_array_change(struct gg_buf *b, const struct ggf_value *was,
                             const struct ggf_value *is)
{
    struct ggf_iter i = ggf_iter_begin(was), k = ggf_iter_begin(is);
    struct ggf_value x, y;
    uint64_t n = 0, at = 0;
    gg_buf_adds(b, ": ");
    gg_value_type(b, was);
    if (was->count != is->count || was->elem != is->elem) {
        gg_buf_adds(b, " -> ");
        gg_value_type(b, is);
    }
    for (;; at++) {
        bool more_was = ggf_iter_next(&i, &x), more_is = ggf_iter_next(&k, &y);
        if (!more_was && !more_is)
            break;
        if (more_was && more_is && edit_same_value(&x, &y))
            continue;
        if (n++ < MAX_ELEMENTS)
            add_element(b, at, more_was ? &x : NULL, more_is ? &y : NULL);
    }
    if (n > MAX_ELEMENTS)
        gg_buf_addf(b, "\n            and %llu more", (unsigned long long)(n - MAX_ELEMENTS));
}

static void add_set(struct gg_buf *b, const struct ggf_value *was, const struct ggf_value *is)
{
    bool text = was->type == GGF_STR && is->type == GGF_STR;
    if (text && (was->nbytes > SHORT_TEXT || is->nbytes > SHORT_TEXT)) {
        add_text_change(b, was, is);
        return;
    }
    if (was->type == GGF_ARR && is->type == GGF_ARR) {
        add_array_change(b, was, is);
        return;
    }
    gg_buf_adds(b, ": ");
    if (was->type != is->type) {
        add_type(b, was);
        gg_buf_addc(b, ' ');
    }
    add_value(b, was);
    gg_buf_adds(b, " -> ");
    if (was->type != is->type) {
        add_type(b, is);
        gg_buf_addc(b, ' ');
    }
    add_value(b, is);
}

static void add_key(struct gg_buf *b, const struct edit_change *c)
{
    gg_buf_addf(b, "%-7s ", verbs[c->kind]);
    add_name(b, c->name);
    if (c->kind == EDIT_RENAME) {
        gg_buf_adds(b, " -> ");
        add_name(b, c->to);
    } else if (c->kind == EDIT_SET) {
        add_set(b, c->was, c->is);
    } else {
        const struct ggf_value *v = c->kind == EDIT_ADD ? c->is : c->was;
        gg_buf_adds(b, " (");
        add_type(b, v);
        gg_buf_adds(b, "): ");
        add_value(b, v);
    }
}

static void add_shape(struct gg_buf *b, const struct gg_tensor *t)
{
    char tmp[32];
    t = gg_tensor_in_file(t);
    gg_buf_addf(b, "%s ", qt_name(t->type, tmp));
    for (uint32_t d = 0; d < t->n_dims; d++)
        gg_buf_addf(b, "%s%llu", d > 0 ? "x" : "", (unsigned long long)t->ne[d]);
}

static void add_tensor(struct gg_buf *b, const struct edit_change *c)
{
    gg_buf_addf(b, "%-7s tensor ", verbs[c->kind]);
    add_name(b, c->name);
    if (c->kind == EDIT_RENAME) {
        gg_buf_adds(b, " -> ");
        add_name(b, c->to);
        return;
    }
    gg_buf_adds(b, ": ");
    if (c->before != NULL)
        add_shape(b, c->before);
    if (c->before != NULL && c->after != NULL)
        gg_buf_adds(b, " -> ");
    if (c->after != NULL)
        add_shape(b, c->after);
    if (c->from != NULL) {
        gg_buf_adds(b, " from ");
        gg_text_escape(b, c->from, strlen(c->from), 0);
    }
}

/* ---- where it goes ---------------------------------------------------------------------------- */

static const char *how_of(const struct edit *e, const struct edit_file *f)
{
    if (e->relaid)
        return e->o->output != NULL ? "new-file" : "relaid";
    if (f->target != NULL)
        return e->o->output != NULL ? "new-file" : "copy";
    return f->rewrite.in_place && f->rewrite.n > 0 ? "in-place" : "none";
}

static void add_size(struct gg_buf *b, uint64_t n)
{
    char tmp[32];
    gg_buf_adds(b, gg_text_size(tmp, n));
}

static void add_where(struct gg_buf *b, const struct edit *e, size_t i)
{
    const struct edit_file *f = &e->files[i];
    const struct gg_rewrite *r = &f->rewrite;
    const char *path = e->model->files[i].path;
    bool dry = e->o->dry_run;
    gg_text_escape(b, f->target != NULL && e->o->output != NULL ? f->target : path,
                   strlen(f->target != NULL && e->o->output != NULL ? f->target : path), 0);
    gg_buf_adds(b, ": ");
    if (f->target == NULL) {
        gg_buf_addf(b, "%s in place, %llu byte%s of the header from byte %llu on",
                    dry ? "would be changed" : "changed", (unsigned long long)r->n,
                    r->n == 1 ? "" : "s", (unsigned long long)r->first);
    } else {
        gg_buf_adds(b, dry ? "would be written" : "written");
        gg_buf_adds(b, e->o->output != NULL ? ", " : " as a copy and renamed, ");
        add_size(b, gg_rewrite_nbytes(r));
        if (e->o->output == NULL)
            gg_buf_addf(b, ": %s", r->why_not);
    }
    if (r->slack > 0) {
        gg_buf_adds(b, "; slack for later edits: ");
        add_size(b, r->slack);
    }
}

static void print_line(struct edit *e, struct gg_buf *b)
{
    gg_buf_addc(b, '\n');
    fwrite(gg_buf_str(b), 1, b->nbytes, e->env->out);
    gg_buf_reset(b);
}

void edit_show_where(struct edit *e)
{
    const char *to = e->o->output != NULL ? e->o->output : e->path;
    struct gg_buf b = GG_BUF_INIT;
    bool any = false;
    if (e->relaid) {
        gg_text_escape(&b, to, strlen(to), 0);
        if (e->n_relaid > 1)
            gg_buf_addf(&b, ", a set of %zu files", e->n_relaid);
        gg_buf_addf(&b, ": %s, ", e->o->dry_run ? "would be written anew" : "written anew");
        add_size(&b, e->n_written);
        print_line(e, &b);
        any = true;
    }
    for (size_t i = 0; !e->relaid && i < e->model->n_files; i++) {
        const struct edit_file *f = &e->files[i];
        if (f->target == NULL && (!f->rewrite.in_place || f->rewrite.n == 0))
            continue;
        any = true;
        add_where(&b, e, i);
        print_line(e, &b);
    }
    if (!any) {
        gg_buf_adds(&b, "nothing changes");
        print_line(e, &b);
    }
    gg_buf_free(&b);
}

void edit_show(struct edit *e)
{
    struct gg_buf b = GG_BUF_INIT;
    size_t file = 0;
    for (size_t i = 0; i < e->n_changes; i++) {
        const struct edit_change *c = &e->changes[i];
        if (c->file != file) { /* of another shard than the first */
            const char *path = e->model->files[c->file].path;
            gg_text_escape(&b, path, strlen(path), 0);
            gg_buf_addc(&b, ':');
            print_line(e, &b);
            file = c->file;
        }
        if (c->tensor)
            add_tensor(&b, c);
        else
            add_key(&b, c);
        print_line(e, &b);
    }
    gg_buf_free(&b);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void json_value(struct gg_json *j, const char *key, const struct ggf_value *v)
{
    if (v == NULL)
        return;
    gg_json_key_n(j, key, strlen(key));
    gg_value_json(j, v, false);
}

static void json_tensor(struct gg_json *j, const char *key, const struct gg_tensor *t)
{
    char tmp[32];
    if (t == NULL)
        return;
    t = gg_tensor_in_file(t);
    gg_json_object_inline(j, key);
    gg_json_str(j, "type", qt_name(t->type, tmp));
    gg_json_array_inline(j, "shape");
    for (uint32_t d = 0; d < t->n_dims; d++)
        gg_json_u64(j, NULL, t->ne[d]);
    gg_json_close(j);
    gg_json_close(j);
}

static void json_change(struct gg_json *j, const struct edit *e, const struct edit_change *c)
{
    gg_json_object_inline(j, NULL);
    gg_json_str(j, "change", verbs[c->kind]);
    gg_json_text(j, c->tensor ? "tensor" : "key", c->name.p, (size_t)c->name.nbytes);
    if (c->kind == EDIT_RENAME)
        gg_json_text(j, "to", c->to.p, (size_t)c->to.nbytes);
    if (!c->tensor && c->kind != EDIT_RENAME) {
        json_value(j, "before", c->was);
        json_value(j, "after", c->is);
    }
    if (c->kind != EDIT_RENAME) {
        json_tensor(j, "before", c->before);
        json_tensor(j, "after", c->after);
    }
    if (c->from != NULL)
        gg_json_text(j, "from", c->from, strlen(c->from));
    if (e->model->n_files > 1)
        gg_json_u64(j, "shard", c->file + 1);
    gg_json_close(j);
}

static void json_file(struct gg_json *j, const struct edit *e, size_t i)
{
    const struct edit_file *f = &e->files[i];
    const char *path = e->model->files[i].path;
    const char *to = e->relaid && e->o->output != NULL ? e->o->output : f->target;
    gg_json_object(j, NULL);
    gg_json_text(j, "path", path, strlen(path));
    gg_json_str(j, "how", how_of(e, f));
    if (e->o->output != NULL && to != NULL)
        gg_json_text(j, "output", to, strlen(to));
    if (!e->relaid && f->rewrite.in_place) {
        gg_json_u64(j, "offset", f->rewrite.first);
        gg_json_u64(j, "bytes", f->rewrite.n);
    } else if (e->relaid || f->target != NULL) {
        gg_json_u64(j, "bytes", e->relaid ? e->n_written : gg_rewrite_nbytes(&f->rewrite));
    }
    if (f->rewrite.why_not != NULL && e->o->output == NULL)
        gg_json_str(j, "why_not_in_place", f->rewrite.why_not);
    gg_json_u64(j, "slack", f->rewrite.slack);
    gg_json_close(j);
}

void edit_show_json(struct edit *e)
{
    struct gg_json j;
    gg_json_begin(&j, e->env->out);
    gg_json_object(&j, NULL);
    gg_json_bool(&j, "dry_run", e->o->dry_run);
    gg_json_array(&j, "changes");
    for (size_t i = 0; i < e->n_changes; i++)
        json_change(&j, e, &e->changes[i]);
    gg_json_close(&j);
    gg_json_array(&j, "files");
    for (size_t i = 0; i < (e->relaid ? 1 : e->model->n_files); i++)
        json_file(&j, e, i);
    gg_json_close(&j);
    gg_json_findings(&j, "findings", &e->model->findings);
    gg_json_end(&j);
}
