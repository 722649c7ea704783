/* Small sums over hyper-parameters, for tables: "hidden_size / H", "kv_lora_rank|512 + 64".
 *
 *   a|b|1        the first of these names that config.json has a number for, else the number
 *   rope.x       a rope parameter; a.b: b of the object a, or of a list by number
 *   a~word       1 when the text a of config.json is that word, else 0; of a list how often it stands there;
 *                of a list of numbers a~0 and the like; a~L the layer's, a~L1 that of one more
 *   H, K, E      query heads, key heads, experts (below)
 *   D            elements of a head: head_dim, else hidden_size / H
 *   N, M         layers; those of them that predict further tokens, nothing when they are left out
 *   I            the number of a part of a tensor that is taken apart in many (struct hf_rule, each)
 *   L            the layer that a rule is asked for, or a key that has a number a layer (HF_EACH), is about;
 *                list.L and list.L.x: what that list has for it
 *   + - * / % ^ ( )  and sqrt(), int(), !x (1 when x is 0 or not there), a < b, a = b
 *
 * Truth values count as 0 and 1, lists as how many they hold.
 */
#include "lib/hf/hf_impl.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_DEPTH = 16, MAX_PATH = 96 };

struct expr {
    const struct hf *h;
    const char *p;
    const char *missing; /* names that config.json has none of; NULL: all there */
    unsigned depth;
};

static double comparison(struct expr *e);
static double sum(struct expr *e);

static const char *of_letter(char c)
{
    switch (c) {
    case 'H':
        return "num_attention_heads|n_heads|n_head|num_heads";
    case 'K':
        return "num_key_value_heads|n_kv_heads|num_kv_heads|n_head_kv|H";
    case 'E':
        return "num_local_experts|num_experts|n_routed_experts";
    default:
        return NULL;
    }
}

static void blanks(struct expr *e)
{
    while (*e->p == ' ')
        e->p++;
}

static bool is_name(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.';
}

static bool number_of(const json_t *v, double *out)
{
    if (v == NULL || json_is_null(v) || json_is_string(v))
        return false;
    *out = json_is_number(v)    ? json_number_value(v)
           : json_is_boolean(v) ? json_is_true(v)
           : json_is_array(v)   ? (double)json_array_size(v)
                                : (double)json_object_size(v);
    return true;
}

static bool is_word(const json_t *v, const char *word, size_t n)
{
    return json_is_string(v) && json_string_length(v) == n && memcmp(json_string_value(v), word, n) == 0;
}

/* The number a word of a~word stands for: digits, L for the layer or L1 for one more. False: it is no number. */
static bool word_number(const struct hf *h, const char *word, size_t n, double *out)
{
    *out = isdigit((unsigned char)*word) ? strtod(word, NULL) : (double)h->layer + (n == 2);
    return isdigit((unsigned char)*word) || (n == 1 && *word == 'L') || (n == 2 && memcmp(word, "L1", 2) == 0);
}

static double times_word(const struct hf *h, const json_t *v, const char *word, size_t n)
{
    double times = 0, number;
    bool counts = word_number(h, word, n, &number);
    json_t *one;
    size_t i;
    if (!json_is_array(v))
        return is_word(v, word, n);
    json_array_foreach (v, i, one)
        times += counts ? json_is_number(one) && json_number_value(one) == number : is_word(one, word, n);
    return times;
}

/* Whether part i of a path is L. */
static bool is_layer(const char *s, size_t n, size_t i)
{
    return s[i] == 'L' && i > 0 && s[i - 1] == '.' && (i + 1 == n || s[i + 1] == '.');
}

static bool has_layer(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n && !is_layer(s, n, i))
        i++;
    return i < n;
}

/* A path of the configuration, in which L is the layer. */
static const json_t *at(const struct hf *h, const char *s, size_t n)
{
    char path[MAX_PATH];
    size_t to = 0;
    for (size_t i = 0; i < n && to + 12 < sizeof path; i++) {
        if (is_layer(s, n, i))
            to += (size_t)snprintf(path + to, sizeof path - to, "%u", (unsigned)h->layer);
        else
            path[to++] = s[i];
    }
    if (to > 5 && memcmp(path, "rope.", 5) == 0)
        return gg_hf_at(gg_hf_rope_full(h), path + 5, to - 5);
    return gg_hf_at(h->config, path, to);
}

/* One of the names between bars. */
static bool look_up(struct expr *e, const char *s, size_t n, double *out)
{
    const char *inner = n == 1 ? of_letter(*s) : NULL;
    if (inner != NULL) {
        struct expr sub = {.h = e->h, .p = inner, .depth = e->depth + 1};
        *out = e->depth < MAX_DEPTH ? sum(&sub) : 0;
        return sub.missing == NULL;
    }
    if (n == 1 && *s == 'D') {
        struct expr sub = {.h = e->h, .p = "int((hidden_size|n_embd) / H)", .depth = e->depth + 1};
        if (gg_hf_get_f64(e->h->config, "head_dim", out))
            return true;
        *out = sum(&sub);
        return sub.missing == NULL;
    }
    if (n == 1 && *s == 'N') {
        *out = (double)e->h->n_layers;
        return e->h->n_layers > 0;
    }
    if (n == 1 && (*s == 'L' || *s == 'I')) {
        *out = (double)(*s == 'L' ? e->h->layer : e->h->index);
        return true;
    }
    if (n == 1 && *s == 'M') {
        *out = (double)e->h->n_mtp;
        return e->h->has_mtp && e->h->n_mtp_dropped == 0;
    }
    if (isdigit((unsigned char)*s)) {
        *out = strtod(s, NULL);
        return true;
    }
    return number_of(at(e->h, s, n), out);
}

static double names(struct expr *e)
{
    const char *from = e->p;
    double v = 0;
    bool found = false;
    for (;;) {
        const char *s = e->p;
        while (is_name(*e->p))
            e->p++;
        if (*e->p == '~') {
            const json_t *list = at(e->h, s, (size_t)(e->p - s));
            const char *word = ++e->p;
            while (is_name(*e->p))
                e->p++;
            if (list == NULL && e->missing == NULL && has_layer(s, (size_t)(word - 1 - s)))
                e->missing = s;
            return times_word(e->h, list, word, (size_t)(e->p - word));
        }
        found = found || (e->p > s && look_up(e, s, (size_t)(e->p - s), &v));
        if (*e->p != '|')
            break;
        e->p++;
    }
    if (!found && e->missing == NULL)
        e->missing = from;
    return v;
}

static double inside(struct expr *e)
{
    double v = 0;
    e->p++; /* the parenthesis */
    if (++e->depth < MAX_DEPTH)
        v = comparison(e);
    e->depth--;
    blanks(e);
    e->p += *e->p == ')';
    return v;
}

static double factor(struct expr *e)
{
    blanks(e);
    if (*e->p == '(')
        return inside(e);
    if (*e->p == '!') {
        const char *before = e->missing;
        e->p++;
        double v = factor(e);
        bool there = e->missing == before;
        e->missing = before;
        return !there || v == 0;
    }
    if (strncmp(e->p, "sqrt(", 5) == 0) {
        e->p += 4;
        return sqrt(inside(e));
    }
    if (strncmp(e->p, "int(", 4) == 0) {
        e->p += 3;
        return trunc(inside(e));
    }
    return names(e);
}

static double power(struct expr *e)
{
    double v = factor(e);
    blanks(e);
    if (*e->p != '^')
        return v;
    e->p++;
    return pow(v, factor(e));
}

static double product(struct expr *e)
{
    double v = power(e);
    for (blanks(e); *e->p == '*' || *e->p == '/' || *e->p == '%'; blanks(e)) {
        char op = *e->p++;
        double w = power(e);
        v = op == '*' ? v * w : op == '/' ? v / w : fmod(v, w);
    }
    return v;
}

static double sum(struct expr *e)
{
    double v = product(e);
    for (blanks(e); *e->p == '+' || (*e->p == '-' && e->p[1] != '>'); blanks(e)) {
        bool plus = *e->p++ == '+';
        double w = product(e);
        v = plus ? v + w : v - w;
    }
    return v;
}

static double comparison(struct expr *e)
{
    double v = sum(e);
    blanks(e);
    if (*e->p != '<' && *e->p != '=')
        return v;
    bool less = *e->p++ == '<';
    double w = sum(e);
    return less ? v < w : v == w;
}

bool gg_hf_eval(const struct hf *h, const char **text, double *out, const char **missing)
{
    struct expr e = {.h = h, .p = *text};
    *out = comparison(&e);
    *text = e.p;
    *missing = e.missing;
    return e.missing == NULL;
}

bool gg_hf_holds(const struct hf *h, const char *text)
{
    const char *missing;
    double v;
    return text == NULL || (gg_hf_eval(h, &text, &v, &missing) && v != 0);
}
