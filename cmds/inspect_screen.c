/* The default view of inspect: one screen of 80 x 24. */
#include "cmds/inspect.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/job/ftype.h"

#include <stdarg.h>
#include <string.h>

enum { SCREEN_LINES = 23, BAR_COLUMNS = 24, MAX_FINDINGS = 8 };

/* ---- head ------------------------------------------------------------------------------------- */

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static void add_escaped(struct gg_buf *b, struct ggf_str s, size_t max)
{
    gg_text_escape(b, s.p, (size_t)s.nbytes, max);
}

/* The name, and the file it is in when that is not the same. */
static void add_title(const struct inspect *x, struct gg_buf *out)
{
    struct ggf_str name = x->desc.name;
    const char *path = x->model->set != NULL ? x->model->files[0].path : x->model->name;
    const char *file = last_part(path);
    size_t width = x->term.columns;
    struct gg_buf text = GG_BUF_INIT;
    if (name.nbytes == 0)
        name = ggf_str(file);
    add_escaped(&text, name, 0);
    gg_buf_adds(out, gg_term_style(&x->term, GG_BOLD));
    gg_term_elide(out, gg_buf_str(&text), text.nbytes, width, x->term.utf8);
    gg_buf_adds(out, gg_term_style(&x->term, GG_PLAIN));
    size_t used = gg_term_width(gg_buf_str(&text), text.nbytes) + 4;
    gg_buf_reset(&text);
    gg_text_escape(&text, file, strlen(file), 0);
    if (!ggf_str_eq(name, file) && used + 12 < width) {
        gg_buf_adds(out, gg_term_style(&x->term, GG_DIM));
        gg_buf_adds(out, "  (");
        gg_term_elide(out, gg_buf_str(&text), text.nbytes, width - used, x->term.utf8);
        gg_buf_adds(out, ")");
        gg_buf_adds(out, gg_term_style(&x->term, GG_PLAIN));
    }
    gg_buf_free(&text);
}

static void print_head(struct inspect *x)
{
    const struct gg_desc *d = &x->desc;
    struct gg_buf b = GG_BUF_INIT;
    char tmp[32];
    add_title(x, &b);
    gg_buf_addc(&b, '\n');
    if (d->arch.name.nbytes > 0)
        add_escaped(&b, d->arch.name, 30);
    else
        gg_buf_adds(&b, "no architecture");
    if (d->kind.nbytes > 0 && !ggf_str_eq(d->kind, "model")) {
        gg_buf_addc(&b, ' ');
        add_escaped(&b, d->kind, 20);
    }
    gg_buf_addf(&b, ", %s parameters", gg_text_count(tmp, d->all.n_params));
    if (d->file_nbytes != GG_NOWHERE)
        gg_buf_addf(&b, ", %s", gg_text_size(tmp, d->file_nbytes));
    if (d->bpw > 0)
        gg_buf_addf(&b, ", %.2f bits per weight", d->bpw);
    fprintf(x->env->out, "%s\n\n", gg_buf_str(&b));
    gg_buf_free(&b);
}

/* ---- facts ------------------------------------------------------------------------------------ */

struct facts {
    struct inspect *x;
    struct gg_table t;
    bool right; /* the next fact goes to the right half */
    size_t n_rows;
};

static void fact(struct facts *f, const char *label, const char *fmt, ...) GG_PRINTF(3, 4);
static void fact(struct facts *f, const char *label, const char *fmt, ...)
{
    char text[160];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (!f->right) {
        gg_table_row(&f->t);
        f->n_rows++;
    }
    f->right = !f->right;
    gg_table_cell(&f->t, GG_DIM, "%s", label);
    gg_table_cell(&f->t, GG_PLAIN, "%s", text);
}

static void file_type_fact(struct facts *f)
{
    const struct gg_desc *d = &f->x->desc;
    char a[32], b[32];
    const char *found = gg_ftype_name(gg_ftype_found(d), a);
    const char *stored = d->has_ftype ? gg_ftype_name(d->ftype, b) : "not stored";
    if (d->all.n_tensors == 0)
        fact(f, "file type", "%s", stored);
    else if (d->has_ftype && strcmp(stored, found) == 0)
        fact(f, "file type", "%s stored and found", stored);
    else
        fact(f, "file type", "%s%s, %s found", stored, d->has_ftype ? " stored" : "", found);
}

static void count_fact(struct facts *f, const char *label, uint64_t n)
{
    char s[32];
    if (n > 0)
        fact(f, label, "%s", gg_text_thousands(s, n));
}

static void shape_facts(struct facts *f)
{
    const struct gg_desc *d = &f->x->desc;
    char s[32], s2[32];
    count_fact(f, "layers", d->arch.n_layers);
    count_fact(f, "context", d->arch.n_ctx);
    if (d->arch.n_embd > 0 && d->n_ff > 0)
        fact(f, "width", "%s, feed-forward %s", gg_text_thousands(s, d->arch.n_embd),
             gg_text_thousands(s2, d->n_ff));
    else
        count_fact(f, "width", d->arch.n_embd);
    if (d->arch.n_heads > 0 && d->arch.n_heads_kv != d->arch.n_heads)
        fact(f, "heads", "%s, %s for keys/values", gg_text_thousands(s, d->arch.n_heads),
             gg_text_thousands(s2, d->arch.n_heads_kv));
    else
        count_fact(f, "heads", d->arch.n_heads);
    if (d->arch.n_experts > 0)
        fact(f, "experts", "%s, %s used", gg_text_thousands(s, d->arch.n_experts),
             gg_text_thousands(s2, d->n_experts_used));
}

static void vocab_facts(struct facts *f)
{
    const struct gg_desc *d = &f->x->desc;
    struct gg_buf b = GG_BUF_INIT;
    char s[32];
    add_escaped(&b, d->tokenizer, 16);
    if (d->pre.nbytes > 0) {
        gg_buf_addc(&b, '/');
        add_escaped(&b, d->pre, 16);
    }
    if (d->arch.n_vocab > 0)
        fact(f, "vocabulary", "%s%s%s", gg_text_thousands(s, d->arch.n_vocab), b.nbytes > 0 ? ", " : "",
             gg_buf_str(&b));
    else if (b.nbytes > 0)
        fact(f, "vocabulary", "%s", gg_buf_str(&b));
    gg_buf_free(&b);
    if (d->n_templates > 0)
        fact(f, "chat template", "%s, and %llu named", d->has_template ? "yes" : "no",
             (unsigned long long)d->n_templates);
    else if (d->has_template || d->tokenizer.nbytes > 0)
        fact(f, "chat template", "%s", d->has_template ? "yes" : "no");
}

static void file_facts(struct facts *f)
{
    if (f->x->model->set == NULL) {
        fact(f, "format", "%s", f->x->model->format);
        if (f->x->model->n_files > 1)
            fact(f, "files", "%zu", f->x->model->n_files);
        return;
    }
    const struct ggf_file *file = ggf_set_file(f->x->model->set, 0);
    fact(f, "format", "GGUF v%u%s, alignment %u", ggf_file_version(file),
         ggf_file_big_endian(file) ? " big-endian" : "", ggf_file_alignment(file));
    if (f->x->model->n_files > 1)
        fact(f, "shards", "%zu", f->x->model->n_files);
    if (f->x->desc.has_imatrix)
        fact(f, "made with", "an importance matrix");
}

static int print_facts(struct inspect *x, size_t *n_rows, struct gg_err *err)
{
    static const struct gg_column cols[] = {{NULL, GG_LEFT, false},
                                            {NULL, GG_LEFT, true},
                                            {NULL, GG_LEFT, false},
                                            {NULL, GG_LEFT, true}};
    struct facts f = {.x = x};
    gg_table_init(&f.t, cols, GG_COUNTOF(cols), "  ");
    file_type_fact(&f);
    shape_facts(&f);
    vocab_facts(&f);
    file_facts(&f);
    *n_rows = f.n_rows;
    int rc = gg_table_print(&f.t, x->env->out, &x->term, err);
    gg_table_free(&f.t);
    return rc;
}

/* ---- sums ------------------------------------------------------------------------------------- */

static void sum_row(struct gg_table *t, const struct inspect *x, const char *label,
                    const struct gg_tally *s)
{
    char n[32];
    struct gg_buf bar = GG_BUF_INIT;
    uint64_t all = x->desc.all.nbytes;
    double share = all > 0 ? (double)s->nbytes / (double)all : 0.0;
    gg_table_row(t);
    gg_table_cell(t, GG_PLAIN, "%s", label);
    gg_table_cell(t, GG_PLAIN, "%llu", (unsigned long long)s->n_tensors);
    gg_table_cell(t, GG_PLAIN, "%s", gg_text_count(n, s->n_params));
    gg_table_cell(t, GG_PLAIN, "%s", gg_text_size(n, s->nbytes));
    gg_table_cell(t, GG_PLAIN, "%.1f%%", 100.0 * share);
    gg_term_bar(&bar, share, BAR_COLUMNS, x->term.utf8);
    gg_table_text(t, GG_BLUE, gg_buf_str(&bar), bar.nbytes);
    gg_buf_free(&bar);
}

static void type_rows(struct gg_table *t, const struct inspect *x, size_t most)
{
    const struct gg_desc *d = &x->desc;
    size_t n = d->n_types <= most ? d->n_types : most - 1;
    struct gg_tally rest = {0};
    char label[48];
    for (size_t i = 0; i < d->n_types; i++) {
        if (i < n) {
            sum_row(t, x, gg_tensor_stored(d->types[i].first, label), &d->types[i].sum);
            continue;
        }
        rest.n_tensors += d->types[i].sum.n_tensors;
        rest.n_params += d->types[i].sum.n_params;
        rest.nbytes += d->types[i].sum.nbytes;
    }
    if (n < d->n_types) {
        snprintf(label, sizeof label, "%zu others", d->n_types - n);
        sum_row(t, x, label, &rest);
    }
}

/* Types and roles in one table, so that their columns stand in line. */
static int print_sums(struct inspect *x, size_t lines_left, struct gg_err *err)
{
    static const struct gg_column cols[] = {
        {"by type", GG_LEFT, true},     {"tensors", GG_RIGHT, false}, {"parameters", GG_RIGHT, false},
        {"bytes", GG_RIGHT, false},     {"", GG_RIGHT, false},        {"", GG_LEFT, false},
    };
    struct gg_table t;
    size_t n_roles = 0;
    for (int r = 0; r < GG_ROLE_COUNT; r++)
        n_roles += x->desc.role[r].n_tensors > 0;
    size_t used = n_roles + 3; /* both headings, the line between */
    size_t most = lines_left > used + 3 ? lines_left - used : 3;
    gg_table_init(&t, cols, GG_COUNTOF(cols), "  ");
    type_rows(&t, x, most);
    gg_table_rule(&t);
    gg_table_row(&t);
    gg_table_cell(&t, GG_DIM, "by role");
    for (int r = 0; r < GG_ROLE_COUNT; r++) {
        if (x->desc.role[r].n_tensors > 0)
            sum_row(&t, x, gg_role_name((enum gg_role)r), &x->desc.role[r]);
    }
    int rc = gg_table_print(&t, x->env->out, &x->term, err);
    gg_table_free(&t);
    return rc;
}

static void print_findings(struct inspect *x)
{
    const struct gg_findings *f = &x->model->findings;
    size_t shown = 0;
    if (f->n > 0)
        fputc('\n', x->env->out);
    for (int s = GG_FAULT; s >= GG_NOTE; s--) {
        for (size_t i = 0; i < f->n; i++) {
            if ((int)f->v[i].severity != s || ++shown > MAX_FINDINGS)
                continue;
            enum gg_style style = s == GG_FAULT ? GG_RED : s == GG_WARN ? GG_YELLOW : GG_DIM;
            const char *tensor = f->v[i].tensor;
            fprintf(x->env->out, "  %s%s:%s %s%s%s%s\n", gg_term_style(&x->term, style),
                    gg_severity_name((enum gg_severity)s), gg_term_style(&x->term, GG_PLAIN),
                    tensor != NULL ? "tensor '" : "", tensor != NULL ? tensor : "",
                    tensor != NULL ? "': " : "", f->v[i].text);
        }
    }
    if (shown > MAX_FINDINGS)
        fprintf(x->env->out, "  and %zu more findings\n", shown - MAX_FINDINGS);
}

static void print_cut_short(struct inspect *x)
{
    for (size_t i = 0; i < x->model->n_files; i++) {
        const struct ggf_file *f = ggf_set_file(x->model->set, i);
        if (!ggf_file_complete(f))
            fprintf(x->env->out,
                    "\n  The header is cut short: %zu of %llu metadata keys and %zu of %llu tensors "
                    "are here.\n",
                    ggf_meta_count(ggf_file_meta(f)), (unsigned long long)ggf_file_n_kv_declared(f),
                    ggf_file_n_tensors(f), (unsigned long long)ggf_file_n_tensors_declared(f));
    }
}

int inspect_screen(struct inspect *x, struct gg_err *err)
{
    size_t n_facts = 0;
    if (x->term.columns == 0)
        x->term.columns = 80;
    print_head(x);
    int rc = print_facts(x, &n_facts, err);
    if (rc == GG_OK && x->model->n_tensors > 0) {
        fputc('\n', x->env->out);
        rc = print_sums(x, SCREEN_LINES - 4 - n_facts, err);
    }
    if (rc == GG_OK && !x->header_complete)
        print_cut_short(x);
    if (rc == GG_OK)
        print_findings(x);
    return rc;
}
