#include "lib/cli/opt.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/quant/qtype.h"

#include <stdio.h>
#include <string.h>

struct gg_opt_walk gg_opt_walk(struct gg_opt_table t)
{
    return (struct gg_opt_walk){.next = {t.opts, NULL}, .base = {t.dest, NULL}};
}

const struct gg_opt *gg_opt_next(struct gg_opt_walk *w, void **dest)
{
    for (;;) {
        int depth = w->next[1] != NULL;
        const struct gg_opt *o = w->next[depth];
        if (o == NULL)
            return NULL;
        if (o->name == NULL && o->kind != GG_OPT_GROUP) { /* end of a table */
            w->next[depth] = NULL;
            w->group = NULL;
            if (depth == 0)
                return NULL;
            continue;
        }
        w->next[depth] = o + 1;
        char *at = w->base[depth] != NULL ? w->base[depth] + o->dest : NULL;
        if (o->kind == GG_OPT_GROUP) {
            w->next[1] = o->group->opts;
            w->base[1] = at;
            w->group = o->group;
            continue;
        }
        if (dest != NULL)
            *dest = at;
        return o;
    }
}

void gg_opt_init(struct gg_opt_table t)
{
    struct gg_opt_walk w = gg_opt_walk(t);
    void *dest;
    for (const struct gg_opt *o; (o = gg_opt_next(&w, &dest)) != NULL;) {
        if (o->kind == GG_OPT_TYPE)
            *(int *)dest = -1;
    }
}

/* ---- parsing ---------------------------------------------------------------------------------- */

struct parser {
    const struct gg_opt_table *tables;
    size_t n_tables;
    char **argv;
    int argc, at; /* at: the word after the one being looked at */
    struct gg_arena *mem;
    struct gg_err *err;
    struct gg_opt_last *last; /* not NULL: look, set nothing, mind no mistakes */
};

static bool takes_value(const struct gg_opt *o)
{
    return o->kind != GG_OPT_FLAG && o->kind != GG_OPT_COUNT && o->kind != GG_OPT_GLOB;
}

/* By long name (letter 0) or by letter. */
static const struct gg_opt *find(const struct parser *p, const char *name, size_t n, char letter,
                                 void **dest)
{
    for (size_t i = 0; i < p->n_tables; i++) {
        struct gg_opt_walk w = gg_opt_walk(p->tables[i]);
        for (const struct gg_opt *o; (o = gg_opt_next(&w, dest)) != NULL;) {
            if (letter ? o->letter == letter : strlen(o->name) == n && memcmp(o->name, name, n) == 0)
                return o;
        }
    }
    return NULL;
}

const char *gg_opt_nearest(const char *s, const char *const *names, size_t n)
{
    const char *best = NULL;
    size_t len = strlen(s);
    unsigned limit = len < 4 ? 2 : len < 9 ? 3 : 4; /* must be nearer than this */
    for (size_t i = 0; i < n; i++) {
        unsigned d = gg_text_distance(s, names[i]);
        if (d < limit) {
            limit = d;
            best = names[i];
        }
    }
    return best;
}

static int fail_unknown(const struct parser *p, const char *name, size_t n)
{
    const char *names[256];
    size_t n_names = 0;
    char key[64], shown[128];
    for (size_t i = 0; i < p->n_tables; i++) {
        struct gg_opt_walk w = gg_opt_walk(p->tables[i]);
        for (const struct gg_opt *o; n_names < 256 && (o = gg_opt_next(&w, NULL)) != NULL;) {
            if (!o->hidden)
                names[n_names++] = o->name;
        }
    }
    gg_text_escape_into(shown, sizeof shown, name, n);
    gg_text_escape_into(key, sizeof key, name, n);
    const char *near = gg_opt_nearest(key, names, n_names);
    if (near == NULL)
        return gg_fail(p->err, GG_ERR_ARG, GG_NOWHERE, "unknown option '--%s'", shown);
    return gg_fail(p->err, GG_ERR_ARG, GG_NOWHERE, "unknown option '--%s'; did you mean '--%s'?",
                   shown, near);
}

/* "'V' is not WHAT" for the value of an option. */
static int fail_value(const struct parser *p, const struct gg_opt *o, const char *value,
                      const char *what)
{
    char shown[128];
    return gg_fail(p->err, GG_ERR_ARG, GG_NOWHERE, "--%s: '%s' is not %s", o->name,
                   gg_text_escape_into(shown, sizeof shown, value, strlen(value)), what);
}

static int set_number(const struct parser *p, const struct gg_opt *o, const char *value,
                      struct gg_opt_u64 *dest)
{
    uint64_t v;
    if (o->kind == GG_OPT_SIZE && !gg_text_parse_size(value, &v))
        return fail_value(p, o, value, "a size (like 4096, 128M or 4GiB)");
    if (o->kind == GG_OPT_U64 && !gg_text_parse_u64(value, &v))
        return fail_value(p, o, value, "a whole number");
    if (v < o->min || (o->max != 0 && v > o->max)) {
        char range[80], lo[32], hi[32];
        gg_text_thousands(lo, o->min);
        gg_text_thousands(hi, o->max);
        if (o->max != 0)
            snprintf(range, sizeof range, "between %s and %s", lo, hi);
        else
            snprintf(range, sizeof range, "at least %s", lo);
        return fail_value(p, o, value, range);
    }
    *dest = (struct gg_opt_u64){true, v};
    return GG_OK;
}

static int set_choice(const struct parser *p, const struct gg_opt *o, const char *value, int *dest)
{
    struct gg_buf b = GG_BUF_INIT;
    for (int i = 0; o->choices[i] != NULL; i++) {
        if (gg_text_ieq(o->choices[i], value)) {
            gg_buf_free(&b);
            *dest = i;
            return GG_OK;
        }
        gg_buf_addf(&b, "%s%s", i == 0 ? "one of " : ", ", o->choices[i]);
    }
    fail_value(p, o, value, gg_buf_str(&b));
    gg_buf_free(&b);
    return GG_ERR_ARG;
}

static int set_type(const struct parser *p, const struct gg_opt *o, const char *value, int *dest)
{
    const struct qt_info *t = qt_by_name(value);
    if (t == NULL) {
        const char *names[QT_ID_END];
        for (size_t i = 0; i < qt_count(); i++)
            names[i] = qt_at(i)->name;
        const char *near = gg_opt_nearest(value, names, qt_count());
        fail_value(p, o, value, "a tensor type");
        if (near != NULL && p->err != NULL) {
            size_t n = strlen(p->err->msg);
            snprintf(p->err->msg + n, sizeof p->err->msg - n, "; did you mean '%s'?", near);
        }
        return GG_ERR_ARG;
    }
    *dest = (int)t->type;
    return GG_OK;
}

/* Doubles the array whenever the count is a power of two. */
static int add_to_list(const struct parser *p, const char *value, struct gg_opt_list *dest)
{
    if (dest->n == 0 || gg_is_pow2(dest->n)) {
        const char **v = gg_arena_zalloc(p->mem, dest->n ? dest->n * 2 : 1, sizeof *v);
        if (v == NULL)
            return gg_fail_nomem(p->err, "the option list");
        if (dest->n > 0)
            memcpy(v, dest->v, dest->n * sizeof *v);
        dest->v = v;
    }
    dest->v[dest->n++] = value;
    return GG_OK;
}

/* value is NULL exactly when none was given and none is required. */
static int set(const struct parser *p, const struct gg_opt *o, const char *value, void *dest)
{
    if (p->last != NULL) {
        *p->last = (struct gg_opt_last){value != NULL ? o : NULL, value, p->last->opt != NULL};
        return GG_OK;
    }
    switch (o->kind) {
    case GG_OPT_FLAG:
        *(bool *)dest = true;
        return GG_OK;
    case GG_OPT_COUNT:
        ++*(unsigned *)dest;
        return GG_OK;
    case GG_OPT_U64:
    case GG_OPT_SIZE:
        return set_number(p, o, value, dest);
    case GG_OPT_STRING:
    case GG_OPT_PATH:
        *(const char **)dest = value;
        return GG_OK;
    case GG_OPT_CHOICE:
        return set_choice(p, o, value, dest);
    case GG_OPT_TYPE:
        return set_type(p, o, value, dest);
    case GG_OPT_LIST:
    case GG_OPT_PAIRS:
        return add_to_list(p, value, dest);
    case GG_OPT_GLOB:
        *(struct gg_opt_glob *)dest = (struct gg_opt_glob){true, value};
        return GG_OK;
    case GG_OPT_GROUP:
        break;
    }
    return gg_fail(p->err, GG_ERR_BUG, GG_NOWHERE, "option '--%s' has no kind", o->name);
}

/* The second word of a pair, behind its first. */
static int set_second(struct parser *p, const struct gg_opt *o, void *dest)
{
    if (o->kind != GG_OPT_PAIRS)
        return GG_OK;
    if (p->at == p->argc)
        return gg_fail(p->err, GG_ERR_ARG, GG_NOWHERE, "--%s needs two words: --%s %s", o->name,
                       o->name, o->arg);
    return set(p, o, p->argv[p->at++], dest);
}

static int parse_long(struct parser *p, const char *word)
{
    size_t n = strcspn(word, "=");
    const char *value = word[n] == '=' ? word + n + 1 : NULL;
    void *dest;
    const struct gg_opt *o = find(p, word, n, 0, &dest);
    if (o == NULL)
        return fail_unknown(p, word, n);
    if (value != NULL && (o->kind == GG_OPT_FLAG || o->kind == GG_OPT_COUNT))
        return gg_fail(p->err, GG_ERR_ARG, GG_NOWHERE, "--%s takes no value", o->name);
    if (value == NULL && takes_value(o)) {
        if (p->at == p->argc)
            return gg_fail(p->err, GG_ERR_ARG, GG_NOWHERE, "--%s needs a value: --%s=%s", o->name,
                           o->name, o->arg);
        value = p->argv[p->at++];
    }
    int rc = set(p, o, value, dest);
    return rc == GG_OK ? set_second(p, o, dest) : rc;
}

/* One word of letters: flags may be joined (-qv), a value may be attached (-j1). */
static int parse_letters(struct parser *p, const char *word)
{
    for (; *word != '\0'; word++) {
        void *dest;
        const struct gg_opt *o = find(p, NULL, 0, *word, &dest);
        if (o == NULL) {
            char shown[8];
            return gg_fail(p->err, GG_ERR_ARG, GG_NOWHERE, "unknown option '-%s'",
                           gg_text_escape_into(shown, sizeof shown, word, 1));
        }
        const char *value = NULL;
        bool last = false;
        if (takes_value(o)) {
            if (word[1] == '\0' && p->at == p->argc)
                return gg_fail(p->err, GG_ERR_ARG, GG_NOWHERE, "-%c needs a value: -%c %s",
                               o->letter, o->letter, o->arg);
            value = word[1] != '\0' ? word + 1 : p->argv[p->at++];
            last = true;
        }
        int rc = set(p, o, value, dest);
        if (rc == GG_OK)
            rc = set_second(p, o, dest);
        if (rc != GG_OK || last)
            return rc;
    }
    return GG_OK;
}

/* One word, and those that belong to it. Arguments go to the front of argv. */
static int parse_word(struct parser *p, int *n_left, bool *only_args)
{
    char *word = p->argv[p->at++];
    if (*only_args || word[0] != '-' || word[1] == '\0')
        p->argv[(*n_left)++] = word;
    else if (strcmp(word, "--") == 0)
        *only_args = true;
    else
        return word[1] == '-' ? parse_long(p, word + 2) : parse_letters(p, word + 1);
    return GG_OK;
}

static int parse(struct parser *p, unsigned flags, int *n_left)
{
    bool only_args = false;
    while (p->at < p->argc) {
        if (p->last != NULL)
            *p->last = (struct gg_opt_last){0};
        int rc = parse_word(p, n_left, &only_args);
        if (rc != GG_OK && p->last == NULL)
            return rc;
        only_args |= (flags & GG_OPT_STOP_AT_ARG) != 0 && *n_left > 0;
    }
    return GG_OK;
}

int gg_opt_parse(const struct gg_opt_table *tables, size_t n_tables, unsigned flags, char **argv,
                 int *argc, struct gg_arena *mem, struct gg_err *err)
{
    struct parser p = {.tables = tables, .n_tables = n_tables, .argv = argv, .argc = *argc,
                       .mem = mem, .err = err};
    int n_left = 0, rc = parse(&p, flags, &n_left);
    if (rc == GG_OK)
        *argc = n_left;
    return rc;
}

void gg_opt_parse_last(const struct gg_opt_table *tables, size_t n_tables, unsigned flags,
                       char **argv, int *argc, struct gg_opt_last *last)
{
    struct parser p = {.tables = tables, .n_tables = n_tables, .argv = argv, .argc = *argc,
                       .last = last};
    int n_left = 0;
    *last = (struct gg_opt_last){0};
    if (parse(&p, flags, &n_left) == GG_OK)
        *argc = n_left;
}

/* ---- lint ------------------------------------------------------------------------------------- */

static void lint_one(const struct gg_opt *o, struct gg_buf *out)
{
    bool value = o->kind != GG_OPT_FLAG && o->kind != GG_OPT_COUNT;
    size_t n = o->help != NULL ? strlen(o->help) : 0;
    if (n == 0 && !o->hidden)
        gg_buf_addf(out, "--%s: no help\n", o->name);
    if (n > 0 && o->help[n - 1] == '.')
        gg_buf_addf(out, "--%s: help ends with a stop\n", o->name);
    if (value != (o->arg != NULL))
        gg_buf_addf(out, "--%s: %s\n", o->name, value ? "its value has no name" : "has no value");
    if ((o->kind == GG_OPT_CHOICE) != (o->choices != NULL))
        gg_buf_addf(out, "--%s: choices and kind disagree\n", o->name);
    if (o->name[strcspn(o->name, "= _ABCDEFGHIJKLMNOPQRSTUVWXYZ")] != '\0' || o->name[0] == '-')
        gg_buf_addf(out, "--%s: a name is lower-case words and dashes\n", o->name);
    if (o->kind == GG_OPT_GLOB && o->letter != 0)
        gg_buf_addf(out, "--%s: an optional value and a letter don't go together\n", o->name);
}

/* How many options of all tables have this name, or this letter. */
static int count_same(const struct gg_opt_table *tables, size_t n_tables, const char *name, char letter)
{
    int n = 0;
    for (size_t i = 0; i < n_tables; i++) {
        struct gg_opt_walk w = gg_opt_walk(tables[i]);
        for (const struct gg_opt *o; (o = gg_opt_next(&w, NULL)) != NULL;)
            n += name != NULL ? strcmp(o->name, name) == 0 : o->letter == letter;
    }
    return n;
}

void gg_opt_lint(const struct gg_opt_table *tables, size_t n_tables, struct gg_buf *out)
{
    for (size_t i = 0; i < n_tables; i++) {
        struct gg_opt_walk w = gg_opt_walk(tables[i]);
        for (const struct gg_opt *o; (o = gg_opt_next(&w, NULL)) != NULL;) {
            lint_one(o, out);
            if (count_same(tables, n_tables, o->name, 0) > 1)
                gg_buf_addf(out, "--%s: declared more than once\n", o->name);
            if (o->letter != 0 && count_same(tables, n_tables, NULL, o->letter) > 1)
                gg_buf_addf(out, "-%c: declared more than once\n", o->letter);
        }
    }
}
