/* Pre-tokenizers: how text is cut before merges, told from the definition in tokenizer.json itself.
 *
 * A definition is written as one line, its steps set apart by " ; ", the normalizer likewise, and
 * looked up in the table (pretok_rules.c). Names are llama.cpp's (tokenizer.ggml.pre).
 */
#include "lib/hf/hf_impl.h"
#include "lib/hf/pretok_rules.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdlib.h>

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
    gg_buf_adds(b, "Split "); /* isolated, what matches and the rest are the same pieces */
    if (!removes_rest(step) && !same(behavior, "Isolated"))
        gg_buf_addf(b, "(%s%s) ", behavior != NULL ? behavior : "?", invert ? ", inverted" : "");
    if (gg_hf_get_str(json_object_get(step, "pattern"), "Regex") == NULL)
        gg_buf_adds(b, "text "); /* a regular expression given so is none */
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
    const char *behavior = gg_hf_get_str(step, "behavior");
    if (same(type, "Punctuation") && behavior != NULL && !same(behavior, "Isolated"))
        gg_buf_addf(b, " (%s)", behavior);
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
    const char *first;       /* the special token that text begins with; NULL: none */
    bool starts, removes, pairs, cleans;
};

static const char *start_of(const json_t *processor, unsigned depth)
{
    const json_t *single = json_object_get(processor, "single");
    json_t *one;
    size_t i;
    json_array_foreach (json_object_get(processor, "processors"), i, one) {
        const char *first = depth < MAX_DEPTH ? start_of(one, depth + 1) : NULL;
        if (first != NULL)
            return first;
    }
    const json_t *token = json_object_get(json_array_get(single, 0), "SpecialToken");
    return json_array_size(single) > 1 ? gg_hf_get_str(token, "id") : NULL;
}

static bool has_pairs(const json_t *processor, unsigned depth)
{
    json_t *one;
    size_t i;
    json_array_foreach (json_object_get(processor, "processors"), i, one) {
        if (depth < MAX_DEPTH && has_pairs(one, depth + 1))
            return true;
    }
    return same(gg_hf_get_str(processor, "type"), "RobertaProcessing");
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

static int define(struct definition *d, const json_t *tokenizer, const json_t *config, struct gg_err *err)
{
    const json_t *post = json_object_get(tokenizer, "post_processor");
    *d = (struct definition){
        .text = gg_hf_pretok_text(tokenizer),
        .normalizer = gg_hf_normalizer_text(tokenizer),
        .first = start_of(post, 0),
        .removes = has_removal(json_object_get(tokenizer, "pre_tokenizer"), 0),
        .pairs = has_pairs(post, 0),
        .cleans = json_is_true(json_object_get(config, "clean_up_tokenization_spaces")),
    };
    d->starts = d->first != NULL || json_is_true(json_object_get(config, "add_bos_token"));
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

static bool fits(enum hf_column c, bool is)
{
    return c == HF_ANY || (c == HF_YES) == is;
}

static bool columns_fit(const struct hf_pre_rule *r, const struct definition *d)
{
    return fits(r->starts, d->starts) && fits(r->removes, d->removes) && fits(r->pairs, d->pairs) &&
           fits(r->cleans, d->cleans) && (r->first == NULL || same(d->first, r->first));
}

/* The rule for it; with any_normalizer, one that would fit but for that. */
static const struct hf_pre_rule *find(const struct definition *d, bool any_normalizer)
{
    for (size_t i = 0; i < gg_hf_n_pre_rules; i++) {
        const struct hf_pre_rule *r = &gg_hf_pre_rules[i];
        bool normalizer = r->normalizer != NULL ? strcmp(r->normalizer, d->normalizer) == 0
                                                : is_left_aside(d->normalizer);
        if (strcmp(r->text, d->text) == 0 && columns_fit(r, d) && (normalizer || any_normalizer))
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
    const struct hf_pre_rule *best[2] = {NULL, NULL};
    size_t d[2] = {SIZE_MAX, SIZE_MAX};
    for (size_t i = 0; i < gg_hf_n_pre_rules; i++) {
        const struct hf_pre_rule *r = &gg_hf_pre_rules[i];
        size_t one = difference(def->text, r->text);
        if (!columns_fit(r, def))
            continue;
        if (one < d[0]) {
            best[1] = best[0], d[1] = d[0];
            best[0] = r, d[0] = one;
        } else if (one < d[1] && strcmp(r->text, best[0]->text) != 0) {
            best[1] = r, d[1] = one;
        }
    }
    for (size_t i = 0; i < 2 && best[i] != NULL; i++)
        gg_buf_addf(b, "%s'%s' (%s)", i > 0 ? ", " : "", best[i]->name, best[i]->model);
}

static int fail_unknown(const char *file, const struct definition *d, struct gg_err *err)
{
    const struct hf_pre_rule *r = find(d, true);
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

/* The nearest of the names in list, set apart by blanks; true when it is there. */
static bool look_in(const char *list, const char *name, char best[48], unsigned *least)
{
    while (list != NULL && *list != '\0') {
        char one[48];
        size_t n = strcspn(list, " ");
        n = n < sizeof one ? n : sizeof one - 1;
        memcpy(one, list, n);
        one[n] = '\0';
        unsigned d = gg_text_distance(name, one);
        if (strcmp(name, one) == 0)
            return true;
        if (d < *least) {
            memcpy(best, one, sizeof one);
            *least = d;
        }
        list += n + strspn(list + n, " ");
    }
    return false;
}

void gg_hf_pretok_check_name(struct hf *h)
{
    const char *name = h->opts->pre;
    unsigned least = UINT32_MAX;
    char shown[64], best[48] = "";
    bool known = name == NULL;
    for (size_t i = 0; !known && i < gg_hf_n_pre_rules; i++)
        known = look_in(gg_hf_pre_rules[i].name, name, best, &least) ||
                look_in(gg_hf_pre_rules[i].also, name, best, &least);
    for (size_t i = 0; !known && gg_hf_pre_others[i] != NULL; i += 2)
        known = look_in(gg_hf_pre_others[i], name, best, &least);
    if (!known)
        gg_findings_add(h->notes, GG_WARN, "tokenizer", NULL, 0, GG_NOWHERE,
                        "--pre: '%s' is none of the names llama.cpp knows, which will refuse the file; "
                        "nearest is '%s'",
                        gg_text_escape_into(shown, sizeof shown, name, strlen(name)), best);
}

/* What was asked for stands; where the definition says otherwise, that is said. */
static void compare_asked(struct hf *h, const struct hf_pre_rule *r)
{
    char nearest[48];
    unsigned least = 0; /* none is nearer */
    if (r != NULL && strcmp(r->name, h->opts->pre) != 0 &&
        !look_in(r->also, h->opts->pre, nearest, &least))
        gg_findings_add(h->notes, GG_NOTE, "tokenizer", NULL, 0, GG_NOWHERE,
                        "by its definition the pre-tokenizer is that of %s: %s", r->model, r->name);
}

int gg_hf_pretok(struct hf *h, const char **name, struct gg_err *err)
{
    struct definition d;
    int rc = define(&d, h->tokenizer, h->tokenizer_config, err);
    const struct hf_pre_rule *r = rc == GG_OK ? find(&d, false) : NULL;
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
