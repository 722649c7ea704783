/* The front matter of a model card (README.md): the plain part of YAML that cards are written in.
 *
 *     ---
 *     license: apache-2.0
 *     language:
 *     - en
 *     tags: [text-generation, "a b"]
 *     ---
 *
 * Keys at the left edge with a text, a list of texts in either form, or a block of text. Anything
 * deeper (evaluation results, widgets) is passed over.
 */
#include "lib/hf/hf_impl.h"

#include <stdlib.h>
#include <strings.h>

struct lines {
    const char *p, *end;
};

struct line {
    const char *p;
    size_t n;
    size_t indent;
};

static bool next_line(struct lines *s, struct line *out)
{
    if (s->p >= s->end)
        return false;
    const char *nl = memchr(s->p, '\n', (size_t)(s->end - s->p));
    const char *end = nl != NULL ? nl : s->end;
    size_t n = (size_t)(end - s->p);
    *out = (struct line){s->p, n, 0};
    s->p = nl != NULL ? nl + 1 : s->end;
    while (out->n > 0 && strchr(" \t\r", out->p[out->n - 1]) != NULL)
        out->n--;
    while (out->indent < out->n && out->p[out->indent] == ' ')
        out->indent++;
    return true;
}

/* A scalar as text; NULL for what YAML reads as something else (null, true, a number) or no memory.
 */
static json_t *scalar(const char *p, size_t n)
{
    static const char *const words[] = {"null", "~", "true", "false", "yes", "no", "on", "off"};
    while (n > 0 && *p == ' ')
        p++, n--;
    if (n == 0)
        return NULL;
    if (n >= 2 && (*p == '"' || *p == '\'') && p[n - 1] == *p)
        return json_stringn(p + 1, n - 2);
    for (size_t i = 1; i < n; i++) { /* a comment */
        if (p[i] == '#' && p[i - 1] == ' ') {
            for (n = i; n > 0 && p[n - 1] == ' ';)
                n--;
            break;
        }
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strlen(words[i]) == n && strncasecmp(words[i], p, n) == 0)
            return NULL;
    }
    char *copy = strndup(p, n), *end = NULL;
    bool number = copy != NULL && (strtod(copy, &end), *end == '\0');
    free(copy);
    return number ? NULL : json_stringn(p, n);
}

static json_t *flow_list(const char *p, size_t n)
{
    json_t *a = json_array();
    const char *end = p + n;
    while (a != NULL && p < end) {
        char quote = 0;
        const char *q = p;
        for (; q < end && (quote || *q != ','); q++) {
            if (quote ? *q == quote : (*q == '"' || *q == '\''))
                quote = quote ? 0 : *q;
        }
        size_t len = (size_t)(q - p);
        while (len > 0 && p[len - 1] == ' ')
            len--;
        json_t *one = scalar(p, len);
        if (one != NULL)
            json_array_append_new(a, one);
        p = q + 1;
    }
    return a;
}

/* "- en" and the like below a key. */
static json_t *block_list(struct lines *s)
{
    json_t *a = json_array();
    struct lines ahead = *s;
    struct line l;
    size_t indent = SIZE_MAX;
    while (a != NULL && next_line(&ahead, &l)) {
        if (l.n == l.indent) {
            *s = ahead;
            continue;
        }
        bool item = l.p[l.indent] == '-' && (l.indent + 1 == l.n || l.p[l.indent + 1] == ' ');
        if (!item && l.indent == 0)
            break;
        *s = ahead;
        if (!item || (indent != SIZE_MAX && l.indent != indent))
            continue;
        indent = l.indent;
        const char *p = l.p + l.indent + 1;
        size_t n = l.n - l.indent - 1;
        /* "no" is a language here */
        json_t *one = n == 3 && memcmp(p, " no", 3) == 0 ? json_string("no")
                      : memmem(p, n, ": ", 2) != NULL    ? NULL
                                                         : scalar(p, n);
        if (one != NULL)
            json_array_append_new(a, one);
    }
    return a;
}

/* The indented lines below "key: |" (kept) or "key: >" (joined). */
static json_t *block_text(struct lines *s, bool folded)
{
    struct gg_buf b = GG_BUF_INIT;
    struct lines ahead = *s;
    struct line l;
    size_t indent = 0;
    while (next_line(&ahead, &l) && (l.indent > 0 || l.n == 0)) {
        *s = ahead;
        indent = indent == 0 ? l.indent : indent;
        if (l.n > indent)
            gg_buf_add(&b, l.p + indent, l.n - indent);
        gg_buf_addc(&b, folded && l.n > 0 ? ' ' : '\n');
    }
    while (b.nbytes > 0 && (b.data[b.nbytes - 1] == '\n' || b.data[b.nbytes - 1] == ' '))
        b.nbytes--;
    json_t *v = b.nbytes > 0 ? json_stringn(b.data, b.nbytes) : NULL;
    gg_buf_free(&b);
    return v;
}

static json_t *value_of(struct lines *s, const char *p, size_t n)
{
    while (n > 0 && *p == ' ')
        p++, n--;
    if (n == 0) {
        json_t *list = block_list(s);
        if (json_array_size(list) > 0)
            return list;
        json_decref(list);
        return NULL;
    }
    if (*p == '|' || *p == '>')
        return block_text(s, *p == '>');
    if (*p == '[' && p[n - 1] == ']')
        return flow_list(p + 1, n - 2);
    return *p == '[' || *p == '{' || *p == '&' || *p == '*' ? NULL : scalar(p, n);
}

static void read_card(json_t *card, struct lines s)
{
    struct line l;
    if (!next_line(&s, &l) || l.n != 3 || memcmp(l.p, "---", 3) != 0)
        return;
    while (next_line(&s, &l) && !(l.n == 3 && memcmp(l.p, "---", 3) == 0)) {
        const char *colon = memchr(l.p, ':', l.n);
        size_t n = colon != NULL ? (size_t)(colon - l.p) : 0;
        if (l.indent > 0 || n == 0 || l.p[0] == '#' || l.p[0] == '-' ||
            (n + 1 < l.n && colon[1] != ' '))
            continue;
        json_t *v = value_of(&s, colon + 1, l.n - n - 1);
        if (v != NULL)
            json_object_setn_new(card, l.p, n, v);
    }
}

json_t *gg_hf_card_parse(const char *text, size_t nbytes)
{
    json_t *card = json_object();
    if (card != NULL)
        read_card(card, (struct lines){text, text + nbytes});
    return card;
}

int gg_hf_card(struct hf *h, json_t **out, struct gg_err *err)
{
    char *text = NULL;
    size_t n = 0;
    int rc = gg_checkpoint_side_file(h->ckpt, "README.md", 16 << 20, &text, &n, err);
    *out = gg_hf_card_parse(text != NULL ? text : "", n);
    if (rc == GG_OK && *out == NULL)
        rc = gg_fail_nomem(err, "the model card");
    free(text);
    return rc;
}
