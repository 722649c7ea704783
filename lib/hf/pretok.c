/* Pre-tokenizers: how text is cut before merges, told from the definition in tokenizer.json itself.
 *
 * A definition is written as one line, its steps set apart by " ; ", and looked up in the table.
 * Names are llama.cpp's (tokenizer.ggml.pre); where it has several for the same cut, the first that
 * fits the other columns counts. Regular expressions: tokenizer.json of the models named, as
 * llama-vocab.cpp of 2026-08-21 quotes them.
 */
#include "lib/hf/hf_impl.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdlib.h>

enum column { ANY, NO, YES };

struct pre_rule {
    const char *name;
    const char *text;
    enum column starts; /* the template begins with a special token */
    const char *model; /* where it is from, for messages */
};

#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define TAIL " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define CASED_TAIL " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

static const struct pre_rule rules[] = {
    {"llama-bpe",
     "Split " CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|" TAIL " ; ByteLevel", YES,
     "Llama 3"},
    {"smaug-bpe",
     "Split " CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|" TAIL " ; ByteLevel", NO,
     "Llama 3 without a start token, Phi-4, SmolLM3"},
    {"qwen2", "Split " CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|" TAIL " ; ByteLevel",
     ANY, "Qwen2, Qwen3"},
    {"qwen35",
     "Split " CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}"
     "\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+ ; ByteLevel",
     ANY, "Qwen3.5"},
    {"tekken",
     "Split [^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+|[^\\r\\n\\p{L}\\p{N}]?" UPPER "+" LOWER
     "*|\\p{N}|" CASED_TAIL " ; ByteLevel",
     ANY, "Mistral Nemo"},
    {"gpt-4o",
     "Split [^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+" CONTRACTIONS
     "?|[^\\r\\n\\p{L}\\p{N}]?" UPPER "+" LOWER "*" CONTRACTIONS "?|\\p{N}{1,3}|" CASED_TAIL
     " ; ByteLevel",
     ANY, "GPT-4o, Phi-4-mini"},
    {"deepseek-v3",
     "Split \\p{N}{1,3} ; Split [\xe4\xb8\x80-\xe9\xbe\xa5\xe3\x81\x80-\xe3\x82\x9f"
     "\xe3\x82\xa0-\xe3\x83\xbf]+ ; Split [!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~]"
     "[A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|"
     "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+ ; ByteLevel",
     ANY, "DeepSeek-V3"},
    {"seed-coder",
     "Split " CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}"
     "\\r\\n]+|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+ ; ByteLevel",
     ANY, "Seed-Coder"},
    {"gpt-2", "ByteLevel words", ANY, "GPT-2"},
    {"smollm", "Digits each ; ByteLevel words", ANY, "SmolLM, StarCoder"},
};

/* ---- a definition as one line ---------------------------------------------------------------- */

static void add_regex(struct gg_buf *b, const json_t *pattern)
{
    const char *s = gg_hf_get_str(pattern, "Regex|String");
    for (; s != NULL && *s != '\0'; s++) {
        if (*s == '\r' || *s == '\n' || *s == '\t')
            gg_buf_adds(b, *s == '\r' ? "\\r" : *s == '\n' ? "\\n" : "\\t");
        else
            gg_buf_addc(b, *s);
    }
}

/* Isolating what matches, and removing what does not, cut alike. */
static void add_split(struct gg_buf *b, const json_t *step)
{
    const char *behavior = gg_hf_get_str(step, "behavior");
    bool invert = json_is_true(json_object_get(step, "invert"));
    bool plain = behavior != NULL && ((strcmp(behavior, "Isolated") == 0 && !invert) ||
                                      (strcmp(behavior, "Removed") == 0 && invert));
    gg_buf_adds(b, "Split ");
    if (!plain)
        gg_buf_addf(b, "(%s%s) ", behavior != NULL ? behavior : "?", invert ? ", inverted" : "");
    add_regex(b, json_object_get(step, "pattern"));
}

static void add_step(struct gg_buf *b, const json_t *step, unsigned depth)
{
    const char *type = gg_hf_get_str(step, "type");
    json_t *one;
    size_t i;
    if (type != NULL && strcmp(type, "Sequence") == 0 && depth < 4) {
        json_array_foreach (json_object_get(step, "pretokenizers"), i, one)
            add_step(b, one, depth + 1);
        return;
    }
    gg_buf_adds(b, b->nbytes > 0 ? " ; " : "");
    if (type != NULL && strcmp(type, "Split") == 0) {
        add_split(b, step);
        return;
    }
    gg_buf_adds(b, type != NULL ? type : "nothing");
    if (type != NULL && strcmp(type, "ByteLevel") == 0) {
        const json_t *words = json_object_get(step, "use_regex"); /* true when not said */
        gg_buf_adds(b, words == NULL || json_is_true(words) ? " words" : "");
        gg_buf_adds(b, json_is_true(json_object_get(step, "add_prefix_space")) ? " prefix" : "");
    }
    if (json_is_true(json_object_get(step, "individual_digits")))
        gg_buf_adds(b, " each");
}

char *gg_hf_pretok_text(const json_t *tokenizer)
{
    struct gg_buf b = GG_BUF_INIT;
    add_step(&b, json_object_get(tokenizer, "pre_tokenizer"), 0);
    return gg_buf_take(&b);
}

/* ---- looking it up --------------------------------------------------------------------------- */

static bool has_start(const json_t *processor, unsigned depth)
{
    const json_t *single = json_object_get(processor, "single");
    json_t *one;
    size_t i;
    json_array_foreach (json_object_get(processor, "processors"), i, one) {
        if (depth < 4 && has_start(one, depth + 1))
            return true;
    }
    return json_array_size(single) > 1 &&
           json_object_get(json_array_get(single, 0), "SpecialToken") != NULL;
}

static const struct pre_rule *find(const char *text, bool starts)
{
    for (size_t i = 0; i < GG_COUNTOF(rules); i++) {
        if (strcmp(rules[i].text, text) == 0 &&
            (rules[i].starts == ANY || (rules[i].starts == YES) == starts))
            return &rules[i];
    }
    return NULL;
}

/* Bytes between the common beginning and the common end. */
static size_t difference(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b), head = 0, tail = 0, most = na < nb ? na : nb;
    while (head < most && a[head] == b[head])
        head++;
    while (tail < most - head && a[na - 1 - tail] == b[nb - 1 - tail])
        tail++;
    return (na > nb ? na : nb) - head - tail;
}

/* The rules whose text is nearest, as "a, b". */
static void add_nearest(struct gg_buf *b, const char *text)
{
    const struct pre_rule *best[2] = {NULL, NULL};
    size_t d[2] = {SIZE_MAX, SIZE_MAX};
    for (size_t i = 0; i < GG_COUNTOF(rules); i++) {
        size_t one = difference(text, rules[i].text);
        if (one < d[0]) {
            best[1] = best[0], d[1] = d[0];
            best[0] = &rules[i], d[0] = one;
        } else if (one < d[1] && strcmp(rules[i].text, best[0]->text) != 0) {
            best[1] = &rules[i], d[1] = one;
        }
    }
    for (size_t i = 0; i < 2 && best[i] != NULL; i++)
        gg_buf_addf(b, "%s'%s' (%s)", i > 0 ? ", " : "", best[i]->name, best[i]->model);
}

int gg_hf_pretok(struct hf *h, const char **name, struct gg_err *err)
{
    char *text = gg_hf_pretok_text(h->tokenizer);
    if (text == NULL)
        return gg_fail_nomem(err, "the definition of the pre-tokenizer");
    bool starts = has_start(json_object_get(h->tokenizer, "post_processor"), 0);
    const struct pre_rule *r = find(text, starts);
    int rc = GG_OK;
    if (r != NULL) {
        *name = r->name;
        gg_findings_add(h->notes, GG_NOTE, "tokenizer", NULL, 0, GG_NOWHERE,
                        "the pre-tokenizer is that of %s: %s", r->model, r->name);
    } else {
        struct gg_buf near = GG_BUF_INIT;
        char shown[400];
        add_nearest(&near, text);
        rc = gg_fail(
            err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
            "tokenizer.json: the pre-tokenizer is not known; nearest are %s; --pre NAME says "
            "which (its definition: %s)",
            gg_buf_str(&near), gg_text_escape_into(shown, sizeof shown, text, strlen(text)));
        gg_buf_free(&near);
    }
    free(text);
    return rc;
}
