/* Pre-tokenizers: how text is cut before merges, told from the definition in tokenizer.json itself.
 *
 * A definition is written as one line, its steps set apart by " ; ", the normalizer likewise, and
 * looked up in the table. Names are llama.cpp's (tokenizer.ggml.pre); it has several for the same cut,
 * and which one its converter writes is told by what else the definition says: the columns behind.
 * Regular expressions: tokenizer.json of the models named, as llama-vocab.cpp of 2026-08-21 quotes them.
 */
#include "lib/hf/hf_impl.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdlib.h>

enum column { ANY, NO, YES };

struct pre_rule {
    const char *name;
    const char *text;
    const char *normalizer; /* "" none; NULL: none, or one of those that llama.cpp leaves aside */
    enum column starts;     /* the template begins with a special token */
    enum column removes;    /* pieces are found by removing the rest, as converters from tiktoken write it */
    const char *model;      /* where it is from, for messages */
};

#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define TAIL " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define CASED_TAIL " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define WORDS(digits) "Split " CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" digits "|" TAIL " ; ByteLevel"
#define CASED \
    "Split [^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+" CONTRACTIONS "?|[^\\r\\n\\p{L}\\p{N}]?" UPPER \
    "+" LOWER "*" CONTRACTIONS "?|\\p{N}{1,3}|" CASED_TAIL " ; ByteLevel"
/* A range too long for a line of the table, in UTF-8: CJK up to U+9FA5, U+0800 to U+4E00, Hangul. */
#define EAST_ASIAN \
    "[\xe4\xb8\x80-\xe9\xbe\xa5\xe0\xa0\x80-\xe4\xb8\x80\xea\xb0\x80-\xed\x9f\xbf]+"
#define BLOOM_WORDS \
    "Split  ?[^(\\s|[.,!?\xe2\x80\xa6\xe3\x80\x82\xef\xbc\x8c\xe3\x80\x81\xe0\xa5\xa4\xdb\x94\xd8\x8c])]+ ; "

static const struct pre_rule rules[] = {
    {"llama-bpe", WORDS("\\p{N}{1,3}"), NULL, YES, ANY, "Llama 3"},
    {"dbrx", WORDS("\\p{N}{1,3}"), NULL, NO, YES, "DBRX, Phi-4"},
    {"smaug-bpe", WORDS("\\p{N}{1,3}"), NULL, NO, NO, "Smaug, SmolLM3: Llama 3 without a start token"},
    {"deepseek-r1-qwen", WORDS("\\p{N}"), NULL, YES, ANY, "DeepSeek-R1-Distill-Qwen"},
    {"qwen2", WORDS("\\p{N}"), NULL, NO, ANY, "Qwen2, Qwen3"},
    {"qwen35",
     "Split " CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}"
     "\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+ ; ByteLevel",
     NULL, ANY, ANY, "Qwen3.5"},
    {"tekken",
     "Split [^\\r\\n\\p{L}\\p{N}]?" UPPER "*" LOWER "+|[^\\r\\n\\p{L}\\p{N}]?" UPPER "+" LOWER
     "*|\\p{N}|" CASED_TAIL " ; ByteLevel",
     NULL, ANY, ANY, "Mistral Nemo"},
    {"llama4", CASED, NULL, YES, ANY, "Llama 4"},
    {"gpt-4o", CASED, NULL, NO, ANY, "GPT-4o, Phi-4-mini"},
    {"deepseek-v3",
     "Split \\p{N}{1,3} ; Split [\xe4\xb8\x80-\xe9\xbe\xa5\xe3\x81\x80-\xe3\x82\x9f"
     "\xe3\x82\xa0-\xe3\x83\xbf]+ ; Split [!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~]"
     "[A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|"
     "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+ ; ByteLevel",
     NULL, ANY, ANY, "DeepSeek-V3"},
    {"deepseek-coder",
     "Split [\\r\\n] ; Split \\s?\\p{L}+ ; Split \\s?\\p{P}+ ; Split " EAST_ASIAN
     " ; Digits each ; ByteLevel",
     NULL, ANY, ANY, "DeepSeek-Coder"},
    {"seed-coder",
     "Split " CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}"
     "\\r\\n]+|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+ ; ByteLevel",
     NULL, ANY, ANY, "Seed-Coder"},
    {"minicpm5",
     "Split \\p{N}{1,3} ; " WORDS("\\p{N}+"), NULL, ANY, ANY, "MiniCPM5"},
    {"bailingmoe",
     "Split '(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|"
     "\\s*[\\r\\n]|\\s+(?!\\S)|\\s+ ; ByteLevel",
     NULL, ANY, ANY, "Ling"},
    {"bloom", BLOOM_WORDS "ByteLevel", NULL, ANY, ANY, "BLOOM"},
    {"viking", BLOOM_WORDS "Digits each ; ByteLevel", NULL, ANY, ANY, "Viking"},
    {"olmo", "ByteLevel words", "NFC", ANY, ANY, "OLMo, MPT"},
    {"gpt-2", "ByteLevel words", "", ANY, ANY, "GPT-2"},
    {"command-r", "Digits each ; ByteLevel words", "NFC", ANY, ANY, "Command-R"},
    {"smollm", "Digits each ; ByteLevel words", "", ANY, ANY, "SmolLM, StarCoder"},
};

/* All that llama.cpp of 2026-08-21 takes. */
static const char *const known_names[] = {
    "default", "minicpm5", "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral",
    "midm-2.0", "lfm2", "jina-v5-nano", "deepseek-llm", "deepseek-coder", "deepseek-v3", "youtu",
    "falcon", "mpt", "starcoder", "gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es",
    "jina-v2-de", "a.x-4.0", "mellum", "modern-bert", "jais-2", "gemma4", "granite-embed-multi-311m",
    "sarvam-moe", "jina-v1-en", "jina-v2-en", "bert-bge", "bert-bge-large", "jina-v2-code", "roberta-bpe", "whitespace", "refact", "command-r",
    "qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "qwen35", "stablelm2", "olmo", "dbrx",
    "smaug-bpe", "poro-chat", "glm4", "chatglm-bpe", "viking", "jais", "tekken", "smollm", "codeshell",
    "bloom", "gpt3-finnish", "exaone", "exaone4", "exaone-moe", "chameleon", "minerva-7b", "megrez",
    "gpt-4o", "llama4", "kanana2", "talkie", "granite-embed-multi-97m", "tiny_aya", "cohere2moe",
    "superbpe", "trillion", "granite-docling", "bailingmoe", "bailingmoe2", "llada-moe", "seed-coder",
    "hunyuan", "hunyuan-dense", "joyai-llm", "kimi-k2", "grok-2", "afmoe", "laguna", "minimax-m2",
    "solar-open", "mellum2",
};

/* ---- a definition as one line ---------------------------------------------------------------- */

enum { MAX_DEPTH = 4 }; /* of sequences in sequences */

static bool same(const char *a, const char *b)
{
    return a != NULL && strcmp(a, b) == 0;
}

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

/* Removing all but what matches cuts as isolating what matches does. */
static bool removes_rest(const json_t *split)
{
    return same(gg_hf_get_str(split, "behavior"), "Removed") &&
           json_is_true(json_object_get(split, "invert"));
}

static void add_split(struct gg_buf *b, const json_t *step)
{
    const char *behavior = gg_hf_get_str(step, "behavior");
    bool invert = json_is_true(json_object_get(step, "invert"));
    gg_buf_adds(b, "Split ");
    if (!removes_rest(step) && (invert || !same(behavior, "Isolated")))
        gg_buf_addf(b, "(%s%s) ", behavior != NULL ? behavior : "?", invert ? ", inverted" : "");
    add_regex(b, json_object_get(step, "pattern"));
}

static void add_pre_tokenizer(struct gg_buf *b, const json_t *step)
{
    const char *type = gg_hf_get_str(step, "type");
    if (same(type, "Split")) {
        add_split(b, step);
        return;
    }
    gg_buf_adds(b, type != NULL ? type : "nothing");
    if (same(type, "ByteLevel")) {
        const json_t *words = json_object_get(step, "use_regex"); /* true when not said */
        gg_buf_adds(b, words == NULL || json_is_true(words) ? " words" : "");
        gg_buf_adds(b, json_is_true(json_object_get(step, "add_prefix_space")) ? " prefix" : "");
    }
    if (json_is_true(json_object_get(step, "individual_digits")))
        gg_buf_adds(b, " each");
}

static void add_normalizer(struct gg_buf *b, const json_t *step)
{
    const char *type = gg_hf_get_str(step, "type"), *to = gg_hf_get_str(step, "content");
    gg_buf_adds(b, type != NULL ? type : "?");
    if (same(type, "Replace")) {
        gg_buf_addc(b, ' ');
        add_regex(b, json_object_get(step, "pattern"));
        gg_buf_addf(b, " by %s", to != NULL ? to : "?");
    } else if (same(type, "Prepend")) {
        to = gg_hf_get_str(step, "prepend");
        gg_buf_addf(b, " %s", to != NULL ? to : "?");
    }
}

/* Steps one after the other, sequences taken apart; list is what a sequence calls its own. */
static void add_steps(struct gg_buf *b, const json_t *step, const char *list, unsigned depth,
                      void (*add)(struct gg_buf *b, const json_t *step))
{
    json_t *one;
    size_t i;
    if (same(gg_hf_get_str(step, "type"), "Sequence") && depth < MAX_DEPTH) {
        json_array_foreach (json_object_get(step, list), i, one)
            add_steps(b, one, list, depth + 1, add);
        return;
    }
    gg_buf_adds(b, b->nbytes > 0 ? " ; " : "");
    add(b, step);
}

char *gg_hf_pretok_text(const json_t *tokenizer)
{
    struct gg_buf b = GG_BUF_INIT;
    add_steps(&b, json_object_get(tokenizer, "pre_tokenizer"), "pretokenizers", 0, add_pre_tokenizer);
    gg_buf_adds(&b, "");
    return gg_buf_take(&b);
}

char *gg_hf_normalizer_text(const json_t *tokenizer)
{
    struct gg_buf b = GG_BUF_INIT;
    const json_t *n = json_object_get(tokenizer, "normalizer");
    if (json_is_object(n))
        add_steps(&b, n, "normalizers", 0, add_normalizer);
    gg_buf_adds(&b, "");
    return gg_buf_take(&b);
}

/* ---- looking it up --------------------------------------------------------------------------- */

struct definition {
    char *text, *normalizer; /* malloc'd */
    bool starts, removes;
};

static bool has_start(const json_t *processor, unsigned depth)
{
    const json_t *single = json_object_get(processor, "single");
    json_t *one;
    size_t i;
    json_array_foreach (json_object_get(processor, "processors"), i, one) {
        if (depth < MAX_DEPTH && has_start(one, depth + 1))
            return true;
    }
    return json_array_size(single) > 1 &&
           json_object_get(json_array_get(single, 0), "SpecialToken") != NULL;
}

static bool has_removal(const json_t *step, unsigned depth)
{
    json_t *one;
    size_t i;
    json_array_foreach (json_object_get(step, "pretokenizers"), i, one) {
        if (depth < MAX_DEPTH && has_removal(one, depth + 1))
            return true;
    }
    return removes_rest(step);
}

static int define(struct definition *d, const json_t *tokenizer, struct gg_err *err)
{
    *d = (struct definition){gg_hf_pretok_text(tokenizer), gg_hf_normalizer_text(tokenizer),
                             has_start(json_object_get(tokenizer, "post_processor"), 0),
                             has_removal(json_object_get(tokenizer, "pre_tokenizer"), 0)};
    return d->text == NULL || d->normalizer == NULL
               ? gg_fail_nomem(err, "the definition of the pre-tokenizer")
               : GG_OK;
}

/* Lowercase and StripAccents have keys of their own. NFC is not done by llama.cpp, and left aside by
 * its converter: nearly all text is in that form already. Anything else would change what is cut. */
static bool is_left_aside(const char *normalizer)
{
    static const char *const steps[] = {"NFC", "Lowercase", "StripAccents"};
    while (*normalizer != '\0') {
        const char *end = strstr(normalizer, " ; ");
        size_t n = end != NULL ? (size_t)(end - normalizer) : strlen(normalizer), i = 0;
        while (i < GG_COUNTOF(steps) &&
               (strlen(steps[i]) != n || memcmp(steps[i], normalizer, n) != 0))
            i++;
        if (i == GG_COUNTOF(steps))
            return false;
        normalizer += n + (end != NULL ? 3 : 0);
    }
    return true;
}

static bool fits(enum column c, bool is)
{
    return c == ANY || (c == YES) == is;
}

/* The rule for it; with any_normalizer, one that would fit but for that. */
static const struct pre_rule *find(const struct definition *d, bool any_normalizer)
{
    for (size_t i = 0; i < GG_COUNTOF(rules); i++) {
        const struct pre_rule *r = &rules[i];
        bool normalizer = r->normalizer != NULL ? strcmp(r->normalizer, d->normalizer) == 0
                                                : is_left_aside(d->normalizer);
        if (strcmp(r->text, d->text) == 0 && fits(r->starts, d->starts) &&
            fits(r->removes, d->removes) && (normalizer || any_normalizer))
            return r;
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

/* The rules whose text is nearest, as "a, b"; of those with one text the one that fits otherwise. */
static void add_nearest(struct gg_buf *b, const struct definition *def)
{
    const struct pre_rule *best[2] = {NULL, NULL};
    size_t d[2] = {SIZE_MAX, SIZE_MAX};
    for (size_t i = 0; i < GG_COUNTOF(rules); i++) {
        size_t one = difference(def->text, rules[i].text);
        if (!fits(rules[i].starts, def->starts) || !fits(rules[i].removes, def->removes))
            continue;
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

static int fail_unknown(const char *file, const struct definition *d, struct gg_err *err)
{
    const struct pre_rule *r = find(d, true);
    struct gg_buf near = GG_BUF_INIT;
    char shown[400];
    int rc;
    if (r != NULL)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                       "%s: the pre-tokenizer is that of %s ('%s'), but the normalizer is "
                       "none that llama.cpp can do (%s); --pre %s goes on without it",
                       file, r->model, r->name,
                       gg_text_escape_into(shown, sizeof shown, d->normalizer, strlen(d->normalizer)),
                       r->name);
    add_nearest(&near, d);
    rc = gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                 "%s: the pre-tokenizer is not known; nearest are %s; --pre NAME says which (its "
                 "definition: %s)",
                 file, gg_buf_str(&near), gg_text_escape_into(shown, sizeof shown, d->text, strlen(d->text)));
    gg_buf_free(&near);
    return rc;
}

/* ---- the name -------------------------------------------------------------------------------- */

void gg_hf_pretok_check_name(struct hf *h)
{
    const char *name = h->opts->pre, *best = NULL;
    unsigned least = UINT32_MAX;
    char shown[64];
    if (name == NULL)
        return;
    for (size_t i = 0; i < GG_COUNTOF(known_names); i++) {
        unsigned d = gg_text_distance(name, known_names[i]);
        if (strcmp(name, known_names[i]) == 0)
            return;
        if (d < least)
            best = known_names[i], least = d;
    }
    gg_findings_add(h->notes, GG_WARN, "tokenizer", NULL, 0, GG_NOWHERE,
                    "--pre: '%s' is none of the names llama.cpp knows, which will refuse the file; "
                    "nearest is '%s'",
                    gg_text_escape_into(shown, sizeof shown, name, strlen(name)), best);
}

/* What was asked for stands; where the definition says otherwise, that is said. */
static void compare_asked(struct hf *h, const struct pre_rule *r)
{
    if (r != NULL && strcmp(r->name, h->opts->pre) != 0)
        gg_findings_add(h->notes, GG_NOTE, "tokenizer", NULL, 0, GG_NOWHERE,
                        "by its definition the pre-tokenizer is that of %s: %s", r->model, r->name);
}

int gg_hf_pretok(struct hf *h, const char **name, struct gg_err *err)
{
    struct definition d;
    int rc = define(&d, h->tokenizer, err);
    const struct pre_rule *r = rc == GG_OK ? find(&d, false) : NULL;
    if (rc == GG_OK && h->opts->pre != NULL) {
        *name = h->opts->pre;
        compare_asked(h, r);
    } else if (r != NULL) {
        *name = r->name;
        gg_findings_add(h->notes, GG_NOTE, "tokenizer", NULL, 0, GG_NOWHERE,
                        "the pre-tokenizer is that of %s: %s", r->model, r->name);
    } else if (rc == GG_OK) {
        rc = fail_unknown(h->tok_name, &d, err);
    }
    free(d.text);
    free(d.normalizer);
    return rc;
}

int gg_hf_tekken_cut(struct hf *h, const char *regex, const char **name, struct gg_err *err)
{
    json_t *all = json_pack("{s:{s:s,s:[{s:s,s:{s:s},s:s,s:b},{s:s,s:b}]}}", "pre_tokenizer", "type",
                            "Sequence", "pretokenizers", "type", "Split", "pattern", "Regex",
                            regex != NULL ? regex : "", "behavior", "Isolated", "invert", 0, "type",
                            "ByteLevel", "use_regex", 0);
    json_t *before = h->tokenizer;
    if (all == NULL)
        return gg_fail_nomem(err, "the definition of the pre-tokenizer");
    h->tokenizer = all;
    int rc = gg_hf_pretok(h, name, err);
    h->tokenizer = before;
    json_decref(all);
    return rc;
}
