/* The vocabulary and the chat templates. */
#include "cmds/inspect.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <string.h>

/* The columns of a vocabulary; those that are missing or of a wrong type yield nothing. */
struct vocab {
    uint64_t n;
    struct ggf_iter tokens, scores, kinds;
};

static struct ggf_iter column(const struct inspect *x, const char *key, uint64_t n)
{
    const struct ggf_kv *kv = ggf_meta_find(x->model->meta, key);
    struct ggf_iter it = {.left = 0};
    if (kv != NULL && kv->value.type == GGF_ARR && (n == 0 || kv->value.count == n))
        it = ggf_iter_begin(&kv->value);
    return it;
}

static bool open_vocab(const struct inspect *x, struct vocab *v)
{
    const struct ggf_kv *kv = ggf_meta_find(x->model->meta, "tokenizer.ggml.tokens");
    if (kv == NULL || kv->value.type != GGF_ARR || kv->value.elem != GGF_STR)
        return false;
    v->n = kv->value.count;
    v->tokens = ggf_iter_begin(&kv->value);
    v->scores = column(x, "tokenizer.ggml.scores", v->n);
    v->kinds = column(x, "tokenizer.ggml.token_type", v->n);
    return true;
}

/* Kinds of tokens: llama_token_type of llama.cpp. */
static const char *kind_name(int64_t kind, char tmp[32])
{
    static const char *const names[] = {"undefined",    "normal", "unknown", "control",
                                        "user-defined", "unused", "byte"};
    if (kind >= 0 && kind < (int64_t)GG_COUNTOF(names))
        return names[kind];
    snprintf(tmp, 32, "%lld", (long long)kind);
    return tmp;
}

struct entry {
    uint64_t id;
    struct ggf_str token;
    bool has_kind, has_score;
    int64_t kind;
    double score;
};

static bool next_entry(struct vocab *v, struct entry *e)
{
    struct ggf_value value;
    uint64_t id = v->n - v->tokens.left;
    *e = (struct entry){.id = id};
    if (!ggf_iter_next(&v->tokens, &value) || !ggf_as_str(&value, &e->token))
        return false;
    e->has_kind = ggf_iter_next(&v->kinds, &value) && ggf_as_i64(&value, &e->kind);
    e->has_score = ggf_iter_next(&v->scores, &value) && ggf_as_f64(&value, &e->score);
    return true;
}

static void entry_json(struct gg_json *j, const struct entry *e)
{
    char tmp[32];
    gg_json_object_inline(j, NULL);
    gg_json_u64(j, "id", e->id);
    gg_json_text(j, "token", e->token.p, (size_t)e->token.nbytes);
    if (e->has_kind)
        gg_json_str(j, "kind", kind_name(e->kind, tmp));
    if (e->has_score)
        gg_json_f32(j, "score", (float)e->score);
    gg_json_close(j);
}

static void entry_text(FILE *out, struct gg_buf *b, const struct entry *e)
{
    char tmp[32];
    gg_buf_reset(b);
    gg_buf_addf(b, "%llu\t%s\t", (unsigned long long)e->id,
                e->has_kind ? kind_name(e->kind, tmp) : "-");
    gg_buf_adds(b, e->has_score ? gg_json_number_f32(tmp, (float)e->score) : "-");
    gg_buf_addc(b, '\t');
    gg_text_escape(b, e->token.p, (size_t)e->token.nbytes, 0);
    gg_buf_addc(b, '\n');
    fwrite(gg_buf_str(b), 1, b->nbytes, out);
}

int inspect_vocab(struct inspect *x, struct gg_json *j, struct gg_err *err)
{
    struct vocab v;
    struct entry e;
    struct gg_buf b = GG_BUF_INIT;
    if (!open_vocab(x, &v))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "there is no vocabulary (tokenizer.ggml.tokens, an array of strings)");
    if (j != NULL)
        gg_json_array(j, "vocab");
    while (next_entry(&v, &e)) {
        if (j != NULL)
            entry_json(j, &e);
        else
            entry_text(x->env->out, &b, &e);
    }
    if (j != NULL)
        gg_json_close(j);
    gg_buf_free(&b);
    return GG_OK;
}

/* ---- chat templates --------------------------------------------------------------------------- */

static const char TEMPLATE[] = "tokenizer.chat_template";

const struct ggf_kv *inspect_find_template(const struct inspect *x, const char *name)
{
    struct gg_buf key = GG_BUF_INIT;
    const struct ggf_kv *kv = NULL;
    gg_buf_adds(&key, TEMPLATE);
    if (name != NULL && strcmp(name, "default") != 0)
        gg_buf_addf(&key, ".%s", name);
    if (!key.failed)
        kv = ggf_meta_find_n(x->model->meta, key.data, key.nbytes);
    gg_buf_free(&key);
    return kv;
}

int inspect_fail_template(const struct inspect *x, const char *name, struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT;
    const size_t n = sizeof TEMPLATE - 1;
    for (size_t i = 0; i < ggf_meta_count(x->model->meta); i++) {
        struct ggf_str key = ggf_meta_at(x->model->meta, i)->key;
        if (key.nbytes < n || memcmp(key.p, TEMPLATE, n) != 0 || (key.nbytes > n && key.p[n] != '.'))
            continue;
        gg_buf_adds(&b, b.nbytes > 0 ? ", " : "");
        if (key.nbytes == n)
            gg_buf_adds(&b, "default");
        else
            gg_text_escape(&b, key.p + n + 1, (size_t)key.nbytes - n - 1, 40);
    }
    char shown[128] = "";
    if (name != NULL)
        gg_text_escape_into(shown, sizeof shown, name, strlen(name));
    if (b.nbytes == 0)
        gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "there is no chat template");
    else
        gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "there is no chat template '%s'; there are: %s", shown,
                gg_buf_str(&b));
    gg_buf_free(&b);
    return GG_ERR_ARG;
}
