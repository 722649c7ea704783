/* Metadata as files: chat templates, vocabulary, merges, any value. */
#include "cmds/extract.h"

#include "lib/base/map.h"
#include "lib/base/text.h"
#include "lib/cli/json.h"
#include "lib/job/value.h"
#include "lib/model/pattern.h"

#include <stdlib.h>
#include <string.h>

static int fail_absent(struct extract *x, struct gg_err *err, const char *what)
{
    x->not_there = true;
    return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "there is no %s", what);
}

/* An item of that name: where its text goes, until the next is added. NULL: no memory. */
static struct gg_buf *add(struct extract *x, const char *name, const char *what)
{
    struct extract_item *it = name != NULL ? extract_add(x) : NULL;
    if (it == NULL)
        return NULL;
    it->path = name;
    it->what = what;
    return &it->text;
}

static const struct ggf_kv *find_array(const struct extract *x, const char *key)
{
    const struct ggf_kv *kv = ggf_meta_find(x->s->model->meta, key);
    return kv != NULL && kv->value.type == GGF_ARR && kv->value.elem == GGF_STR ? kv : NULL;
}

/* JSON is written to a stream; this is one into a buffer. */
struct to_buf {
    char *p;
    size_t n;
    FILE *f;
};

static int close_stream(struct to_buf *t, struct gg_buf *out, struct gg_err *err)
{
    bool bad = t->f == NULL || ferror(t->f) != 0;
    if (t->f != NULL && fclose(t->f) != 0)
        bad = true;
    if (!bad)
        gg_buf_add(out, t->p, t->n);
    free(t->p);
    return bad || out->failed ? gg_fail_nomem(err, "a text") : GG_OK;
}

/* ---- the vocabulary -------------------------------------------------------------------------- */

static int add_vocab(struct extract *x, struct gg_err *err)
{
    const struct ggf_kv *kv = find_array(x, "tokenizer.ggml.tokens");
    struct to_buf t = {0};
    struct gg_json j;
    struct ggf_value e;
    struct ggf_str s;
    if (kv == NULL)
        return fail_absent(x, err, "vocabulary (tokenizer.ggml.tokens, an array of strings)");
    struct gg_buf *out = add(x, "vocab.json", "vocabulary");
    if (out == NULL || (t.f = open_memstream(&t.p, &t.n)) == NULL)
        return gg_fail_nomem(err, "a text");
    gg_json_begin(&j, t.f);
    gg_json_object(&j, NULL);
    struct ggf_iter it = ggf_iter_begin(&kv->value);
    for (uint64_t id = 0; ggf_iter_next(&it, &e) && ggf_as_str(&e, &s); id++) {
        gg_json_key_n(&j, s.p, (size_t)s.nbytes);
        gg_json_u64(&j, NULL, id);
    }
    gg_json_end(&j);
    return close_stream(&t, out, err);
}

/* Texts of an array, a line each. */
static int add_lines(struct extract *x, const char *key, const char *name, const char *what,
                     const char *head, bool escape, struct gg_err *err)
{
    const struct ggf_kv *kv = find_array(x, key);
    struct ggf_value e;
    struct ggf_str s;
    if (kv == NULL)
        return fail_absent(x, err, key);
    struct gg_buf *out = add(x, name, what);
    if (out == NULL)
        return gg_fail_nomem(err, "a text");
    gg_buf_adds(out, head);
    struct ggf_iter it = ggf_iter_begin(&kv->value);
    while (ggf_iter_next(&it, &e) && ggf_as_str(&e, &s)) {
        if (escape)
            gg_text_escape(out, s.p, (size_t)s.nbytes, 0);
        else
            gg_buf_add(out, s.p, (size_t)s.nbytes);
        gg_buf_addc(out, '\n');
    }
    return out->failed ? gg_fail_nomem(err, "a text") : GG_OK;
}

/* ---- values ---------------------------------------------------------------------------------- */

static int add_value(struct extract *x, const struct ggf_kv *kv, const char *what, const char *text_ending,
                     struct gg_err *err)
{
    struct ggf_str s;
    bool array = kv->value.type == GGF_ARR;
    struct gg_buf *out =
        add(x, extract_file_name(&x->mem, kv->key, array ? ".json" : text_ending), what);
    if (out == NULL)
        return gg_fail_nomem(err, "a text");
    if (array) {
        struct to_buf t = {0};
        struct gg_json j;
        t.f = open_memstream(&t.p, &t.n);
        if (t.f == NULL)
            return gg_fail_nomem(err, "a text");
        gg_json_begin(&j, t.f);
        gg_value_json(&j, &kv->value, true);
        gg_json_end(&j);
        return close_stream(&t, out, err);
    }
    if (ggf_as_str(&kv->value, &s)) { /* byte for byte */
        gg_buf_add(out, s.p, (size_t)s.nbytes);
    } else {
        gg_value_text(out, &kv->value, true);
        gg_buf_addc(out, '\n');
    }
    return out->failed ? gg_fail_nomem(err, "a text") : GG_OK;
}

static int add_keys(struct extract *x, const char *text, struct gg_err *err)
{
    const struct ggf_meta *m = x->s->model->meta;
    struct gg_pattern *p;
    char shown[128];
    size_t n = 0;
    int rc = gg_pattern_new(&p, text, err);
    if (rc != GG_OK)
        return rc;
    for (size_t i = 0; rc == GG_OK && i < ggf_meta_count(m); i++) {
        const struct ggf_kv *kv = ggf_meta_at(m, i);
        if (!gg_pattern_match(p, kv->key.p, (size_t)kv->key.nbytes))
            continue;
        n++;
        rc = add_value(x, kv, "metadata", ".txt", err);
    }
    gg_pattern_free(p);
    x->not_there |= rc == GG_OK && n == 0;
    if (rc == GG_OK && n == 0)
        rc = gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "no metadata key is called '%s'",
                     gg_text_escape_into(shown, sizeof shown, text, strlen(text)));
    return rc;
}

/* The default template, the one called name, or for "*" all. */
static int add_templates(struct extract *x, const char *name, struct gg_err *err)
{
    static const char head[] = "tokenizer.chat_template";
    const struct ggf_meta *m = x->s->model->meta;
    size_t n = 0;
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < ggf_meta_count(m); i++) {
        struct ggf_kv kv = *ggf_meta_at(m, i);
        struct ggf_str rest = {kv.key.p + sizeof head - 1, kv.key.nbytes - (sizeof head - 1)};
        if (kv.key.nbytes < sizeof head - 1 || memcmp(kv.key.p, head, sizeof head - 1) != 0 ||
            kv.value.type != GGF_STR || (rest.nbytes > 0 && rest.p[0] != '.'))
            continue;
        bool wanted = name == NULL || strcmp(name, "default") == 0
                          ? rest.nbytes == 0
                          : strcmp(name, "*") == 0 ||
                                (rest.nbytes > 0 && ggf_str_eq((struct ggf_str){rest.p + 1, rest.nbytes - 1},
                                                               name));
        if (!wanted)
            continue;
        n++;
        kv.key.p += sizeof "tokenizer." - 1; /* chat_template.jinja, chat_template.NAME.jinja */
        kv.key.nbytes -= sizeof "tokenizer." - 1;
        rc = add_value(x, &kv, "chat template", ".jinja", err);
    }
    return rc == GG_OK && n == 0 ? fail_absent(x, err, name != NULL ? "chat template of that name"
                                                                     : "chat template")
                                 : rc;
}

/* Two options can ask for one file. */
static int check_once(const struct extract *x, struct gg_err *err)
{
    struct gg_map paths = GG_MAP_INIT;
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < x->n; i++) {
        const char *path = x->items[i].path;
        int added = x->items[i].tensor == SIZE_MAX ? gg_map_add(&paths, path, strlen(path), i, NULL) : 1;
        if (added != 1)
            rc = added < 0 ? gg_fail_nomem(err, "the list of files")
                           : gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "'%s' is asked for twice", path);
    }
    gg_map_free(&paths);
    return rc;
}

int extract_texts(struct extract *x, struct gg_err *err)
{
    const struct extract_opts *o = x->o;
    bool any = o->template.set || o->vocab || o->tokens || o->merges || o->keys.n > 0;
    int rc = GG_OK;
    if (any && x->s->model == NULL)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "%s: a checkpoint has no metadata; ggtool convert makes it", x->s->name);
    if (o->template.set)
        rc = add_templates(x, o->template.pattern, err);
    if (rc == GG_OK && o->vocab)
        rc = add_vocab(x, err);
    if (rc == GG_OK && o->tokens)
        rc = add_lines(x, "tokenizer.ggml.tokens", "tokens.txt", "tokens", "", true, err);
    if (rc == GG_OK && o->merges)
        rc = add_lines(x, "tokenizer.ggml.merges", "merges.txt", "merges", "#version: 0.2\n", false, err);
    for (size_t i = 0; rc == GG_OK && i < o->keys.n; i++)
        rc = add_keys(x, o->keys.v[i], err);
    return rc == GG_OK && any ? check_once(x, err) : rc;
}
