/* tokenizer.json (and tekken.json) without its bulk: the vocabulary and the merges of a large model are a million values,
 * which cost ten times their text once parsed. So they are cut out of the text before that, and read one
 * by one when they are wanted.
 *
 *     {..., "model": {"type": "BPE", "vocab": {TEXT: ID, ...}, "merges": ["A B" or ["A", "B"], ...]}}
 *
 * Unigram models have a list of pieces instead, [[TEXT, SCORE], ...]; tekken.json a list of objects outside
 * of any model.
 */
#include "lib/hf/hf_impl.h"

#include "lib/base/text.h"
#include "lib/import/json.h"

#include <math.h>
#include <stdlib.h>

static int fail_json(const struct hf *h, const char *p, struct gg_err *err, const char *why)
{
    return gg_fail(err, GG_ERR_CORRUPT, (uint64_t)(p - h->tok_text),
                   "%s: not JSON: %s at byte %zu", h->tok_name, why, (size_t)(p - h->tok_text));
}

/* ---- finding the bulk ------------------------------------------------------------------------ */

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* Past the string that begins at p; NULL: it has no end. */
static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++)
        p += *p == '\\';
    return p < end ? p + 1 : NULL;
}

/* Past the value that begins at p, told by brackets and strings alone; NULL: it has no end. */
static const char *skip_value(const char *p, const char *end)
{
    size_t depth = 0;
    while (p < end) {
        bool closes = *p == ']' || *p == '}';
        if (depth == 0 && (closes || *p == ','))
            return p;
        depth += *p == '[' || *p == '{';
        depth -= closes;
        p = *p == '"' ? skip_string(p, end) : p + 1;
        if (p == NULL || (depth == 0 && closes))
            return p;
    }
    return NULL;
}

static bool is_key(const char *p, const char *end, const char *name)
{
    size_t n = strlen(name);
    return (size_t)(end - p) == n + 2 && memcmp(p + 1, name, n) == 0;
}

/* The inside of the value of a key of "model", when it is a list or an object. */
static void take_list(struct hf_list *list, const char *p, const char *end)
{
    if ((*p == '{' || *p == '[') && list->p == NULL)
        *list = (struct hf_list){p + 1, end - 1};
}

/* Walks an object that opens at p: the whole file's, then its model's. False: not JSON, which the
 * parser will say better. */
static bool find_lists(struct hf *h, const char *p, const char *end, bool in_model)
{
    for (p = skip_space(p + 1, end); p < end && *p == '"';) {
        const char *key = p, *key_end = skip_string(p, end);
        p = key_end != NULL ? skip_space(key_end, end) : end;
        if (p == end || *p != ':')
            return false;
        p = skip_space(p + 1, end);
        const char *value = p;
        p = skip_value(p, end);
        if (p == NULL)
            return false;
        if (!in_model && is_key(key, key_end, "model") && *value == '{' &&
            !find_lists(h, value, p, true))
            return false;
        if (in_model && is_key(key, key_end, "vocab"))
            take_list(&h->tok_vocab, value, p);
        if (in_model && is_key(key, key_end, "merges") && *value == '[')
            take_list(&h->tok_merges, value, p);
        p = skip_space(p, end);
        if (p < end && *p == ',')
            p = skip_space(p + 1, end);
    }
    return p < end && *p == '}';
}

/* The text without the insides of the lists, malloc'd. */
static char *without_lists(const struct hf *h, size_t n, size_t *out_n)
{
    const struct hf_list *v = &h->tok_vocab, *w = &h->tok_merges;
    const struct hf_list *lists[2] = {v->p < w->p ? v : w, v->p < w->p ? w : v};
    const char *p = h->tok_text, *end = p + n;
    char *text = malloc(n + 1), *to = text;
    for (size_t i = 0; text != NULL && i < 2; i++) {
        if (lists[i]->p == NULL)
            continue;
        memcpy(to, p, (size_t)(lists[i]->p - p));
        to += lists[i]->p - p;
        p = lists[i]->end;
    }
    if (text != NULL)
        memcpy(to, p, (size_t)(end - p));
    *out_n = text != NULL ? (size_t)(to - text) + (size_t)(end - p) : 0;
    return text;
}

/* Parses all but the lists of the model, or of the whole object (in_root). */
static int parse_rest(struct hf *h, char *text, size_t nbytes, bool in_root, json_t **out,
                      struct gg_err *err)
{
    size_t n = 0;
    h->tok_text = text;
    h->tok_vocab = h->tok_merges = (struct hf_list){NULL, NULL};
    const char *end = text + nbytes, *p = skip_space(text, end);
    if (p == end || *p != '{' || !find_lists(h, p, end, in_root))
        h->tok_vocab = h->tok_merges = (struct hf_list){NULL, NULL};
    h->tok_vocab_pairs = h->tok_vocab.p != NULL && h->tok_vocab.p[-1] == '[';
    char *rest = without_lists(h, nbytes, &n);
    if (rest == NULL)
        return gg_fail_nomem(err, h->tok_name);
    int rc = gg_hf_json_text(out, rest, n, h->tok_name, err);
    free(rest);
    return rc;
}

int gg_hf_tokenizer_parse(struct hf *h, char *text, size_t nbytes, struct gg_err *err)
{
    h->tok_name = "tokenizer.json";
    return parse_rest(h, text, nbytes, false, &h->tokenizer, err);
}

int gg_hf_tekken_parse(struct hf *h, char *text, size_t nbytes, json_t **out, struct gg_err *err)
{
    h->tok_name = "tekken.json";
    return parse_rest(h, text, nbytes, true, out, err);
}

int gg_hf_vocab_json(struct hf *h, char *text, size_t nbytes, struct gg_err *err)
{
    const char *end = text + nbytes, *p = skip_space(text, end);
    h->tok_name = "vocab.json";
    h->tok_text = text;
    const char *behind = p < end && *p == '{' ? skip_value(p, end) : NULL;
    if (behind == NULL || behind[-1] != '}' || skip_space(behind, end) != end)
        return fail_json(h, p, err, "one object expected");
    h->tok_vocab = (struct hf_list){p + 1, behind - 1};
    return GG_OK;
}

/* ---- reading it ------------------------------------------------------------------------------ */

static int hex4(const char *p, const char *end)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        char c = p + i < end ? p[i] : 'x';
        int d = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

static void add_code(struct gg_buf *b, uint32_t c)
{
    if (c < 0x80) {
        gg_buf_addc(b, (char)c);
        return;
    }
    static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};
    unsigned n = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3; /* bytes behind the first */
    gg_buf_addc(b, (char)(lead[n] | c >> (6 * n)));
    while (n-- > 0)
        gg_buf_addc(b, (char)(0x80 | (c >> (6 * n) & 0x3f)));
}

/* What stands behind a backslash. NULL: nothing JSON knows. */
static const char *read_escape(struct gg_buf *b, const char *p, const char *end)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *plain = p < end && *p != '\0' ? strchr(from, *p) : NULL;
    if (plain != NULL) {
        gg_buf_addc(b, to[plain - from]);
        return p + 1;
    }
    int hi = p < end && *p == 'u' ? hex4(p + 1, end) : -1;
    if (hi < 0xd800 || hi > 0xdfff) {
        if (hi >= 0)
            add_code(b, (uint32_t)hi);
        return hi >= 0 ? p + 5 : NULL;
    }
    int lo = hi < 0xdc00 && end - p > 7 && p[5] == '\\' && p[6] == 'u' ? hex4(p + 7, end) : -1;
    if (lo < 0xdc00 || lo > 0xdfff)
        return NULL;
    add_code(b, 0x10000 + ((uint32_t)(hi & 0x3ff) << 10 | (uint32_t)(lo & 0x3ff)));
    return p + 11;
}

/* A string at *p into b. */
static int read_string(struct hf *h, struct hf_list *list, struct gg_buf *b, struct gg_err *err)
{
    const char *p = list->p, *end = list->end;
    gg_buf_reset(b);
    if (p >= end || *p != '"')
        return fail_json(h, p, err, "a text expected");
    for (p++; p != NULL && p < end && *p != '"';) {
        size_t n = strcspn(p, "\"\\"); /* the file's text ends in NUL */
        n = n < (size_t)(end - p) ? n : (size_t)(end - p);
        for (size_t i = 0; i < n; i++) {
            if ((unsigned char)p[i] < 0x20)
                return fail_json(h, p + i, err, "a control character in a text");
        }
        gg_buf_add(b, p, n);
        p += n;
        if (p < end && *p == '\0')
            return fail_json(h, p, err, "a control character in a text");
        if (p < end && *p == '\\')
            p = read_escape(b, p + 1, end);
    }
    if (p == NULL || p >= end)
        return fail_json(h, list->p, err, "a text without end, or a wrong escape in it,");
    if (!gg_text_is_utf8(gg_buf_str(b), b->nbytes))
        return fail_json(h, list->p, err, "a text that is not UTF-8");
    list->p = skip_space(p + 1, end);
    return b->failed ? gg_fail_nomem(err, h->tok_name) : GG_OK;
}

/* Expects one character, or the end of the list. */
static bool eat(struct hf_list *list, char c)
{
    if (list->p >= list->end || *list->p != c)
        return false;
    list->p = skip_space(list->p + 1, list->end);
    return true;
}

/* Behind an entry: a comma and another one, or the end. */
static int end_entry(struct hf *h, struct hf_list *list, struct gg_err *err)
{
    bool comma = eat(list, ',');
    if (comma != (list->p < list->end))
        return fail_json(h, list->p, err, comma ? "a value expected" : "',' or the end expected");
    return GG_OK;
}

static int read_id(struct hf *h, struct hf_list *list, uint64_t *id, struct gg_err *err)
{
    char *end;
    size_t n = strspn(list->p, "0123456789");
    *id = strtoull(list->p, &end, 10);
    if (n == 0 || n > 15 || list->p + n > list->end || strchr(",} \n\r\t", list->p[n]) == NULL)
        return gg_fail(err, GG_ERR_CORRUPT, (uint64_t)(list->p - h->tok_text),
                       "%s: a token's id is no number (byte %zu)", h->tok_name,
                       (size_t)(list->p - h->tok_text));
    list->p = skip_space(list->p + n, list->end);
    return GG_OK;
}

int gg_hf_next_token(struct hf *h, struct hf_list *list, struct gg_buf *text, uint64_t *id,
                     bool *more, struct gg_err *err)
{
    list->p = list->p != NULL ? skip_space(list->p, list->end) : list->end;
    *more = list->p < list->end;
    if (!*more)
        return GG_OK;
    int rc = read_string(h, list, text, err);
    if (rc == GG_OK && !eat(list, ':'))
        rc = fail_json(h, list->p, err, "':' expected");
    if (rc == GG_OK)
        rc = read_id(h, list, id, err);
    return rc == GG_OK ? end_entry(h, list, err) : rc;
}

/* A number at list->p. */
static int read_number(struct hf *h, struct hf_list *list, double *out, struct gg_err *err)
{
    char text[48];
    size_t n = strspn(list->p, "0123456789+-.eE");
    n = n < (size_t)(list->end - list->p) ? n : (size_t)(list->end - list->p);
    if (n > 0 && n < sizeof text) {
        memcpy(text, list->p, n);
        text[n] = '\0';
        if (gg_text_parse_f64(text, out) && isfinite((float)*out)) {
            list->p = skip_space(list->p + n, list->end);
            return GG_OK;
        }
    }
    return gg_fail(err, GG_ERR_CORRUPT, (uint64_t)(list->p - h->tok_text),
                   "%s: a piece's score is no number, or none that is finite (byte %zu)", h->tok_name,
                   (size_t)(list->p - h->tok_text));
}

int gg_hf_next_piece(struct hf *h, struct hf_list *list, struct gg_buf *text, double *score, bool *more,
                     struct gg_err *err)
{
    list->p = list->p != NULL ? skip_space(list->p, list->end) : list->end;
    *more = list->p < list->end;
    if (!*more)
        return GG_OK;
    if (!eat(list, '['))
        return fail_json(h, list->p, err, "a piece and its score expected");
    int rc = read_string(h, list, text, err);
    if (rc == GG_OK && !eat(list, ','))
        rc = fail_json(h, list->p, err, "a piece's score expected");
    if (rc == GG_OK)
        rc = read_number(h, list, score, err);
    if (rc == GG_OK && !eat(list, ']'))
        rc = fail_json(h, list->p, err, "']' expected");
    return rc == GG_OK ? end_entry(h, list, err) : rc;
}

int gg_hf_next_object(struct hf *h, struct hf_list *list, json_t **out, struct gg_err *err)
{
    *out = NULL;
    list->p = list->p != NULL ? skip_space(list->p, list->end) : list->end;
    if (list->p >= list->end)
        return GG_OK;
    const char *p = list->p, *behind = skip_value(p, list->end + 1);
    if (behind == NULL || behind > list->end)
        return fail_json(h, p, err, "a value without end");
    int rc = gg_hf_json_text(out, p, (size_t)(behind - p), h->tok_name, err);
    if (rc != GG_OK)
        return rc == GG_ERR_CORRUPT ? fail_json(h, p, err, "an object expected") : rc;
    list->p = skip_space(behind, list->end);
    rc = end_entry(h, list, err);
    if (rc != GG_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return rc;
}

int gg_hf_next_merge(struct hf *h, struct hf_list *list, struct hf_merge *m, bool *more,
                     struct gg_err *err)
{
    list->p = list->p != NULL ? skip_space(list->p, list->end) : list->end;
    *more = list->p < list->end;
    m->is_pair = *more && *list->p == '[';
    if (!*more)
        return GG_OK;
    if (!m->is_pair) {
        int rc = read_string(h, list, &m->a, err);
        return rc == GG_OK ? end_entry(h, list, err) : rc;
    }
    eat(list, '[');
    int rc = read_string(h, list, &m->a, err);
    bool pair = rc == GG_OK && eat(list, ',');
    if (pair)
        rc = read_string(h, list, &m->b, err);
    if (rc == GG_OK && (!pair || !eat(list, ']')))
        rc = gg_fail(err, GG_ERR_CORRUPT, (uint64_t)(list->p - h->tok_text),
                     "tokenizer.json: a merge is no pair (byte %zu)",
                     (size_t)(list->p - h->tok_text));
    return rc == GG_OK ? end_entry(h, list, err) : rc;
}

void gg_hf_merge_free(struct hf_merge *m)
{
    gg_buf_free(&m->a);
    gg_buf_free(&m->b);
}
