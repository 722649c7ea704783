/* What a model's id says: "meta-llama/Llama-3.1-8B-Instruct" is by meta-llama, of the family
 * Llama-3.1, of size 8B, tuned to Instruct. The heuristics are those of llama.cpp's converter
 * (gguf-py, metadata.py), so that general.* comes out alike. */
#include "lib/hf/hf_impl.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { MAX_PARTS = 32, PART_NBYTES = 96 };
enum { BASE = 1, SIZE = 2, TUNE = 4, VERSION = 8, TYPE = 16 };

struct part {
    char s[PART_NBYTES];
    unsigned is;
};

/* ---- kinds of parts -------------------------------------------------------------------------- */

static size_t digits(const char *s)
{
    return strspn(s, "0123456789");
}

/* v1.5, iter2, 3.1 */
static bool is_version(const char *s)
{
    if (strncasecmp(s, "iter", 4) == 0)
        s += 4;
    else if (*s == 'v' || *s == 'V')
        s++;
    for (;;) {
        size_t n = digits(s);
        if (n == 0)
            return false;
        s += n;
        if (*s == '\0')
            return true;
        if (*s++ != '.')
            return false;
    }
}

/* q4_K_M, iq2_xs, f16, bf16, fp32 */
static bool is_type(const char *s)
{
    const char *p = s + (*s == 'i' || *s == 'I');
    if ((*p == 'q' || *p == 'Q') && isdigit((unsigned char)p[1])) {
        for (p += 2; *p == '_' && p[1] != '\0' && (isalnum((unsigned char)p[1]) || p[1] == '_');
             p += 2)
            continue;
        if (*p == '\0')
            return true;
    }
    p = s + (*s == 'b' || *s == 'B');
    if (*p != 'f' && *p != 'F')
        return false;
    p += 1 + (p[1] == 'p' || p[1] == 'P');
    return strcmp(p, "16") == 0 || strcmp(p, "32") == 0;
}

static bool is_size_word(const char *s)
{
    static const char *const words[] = {"small", "mini", "medium", "large", "xl", "xxl"};
    for (size_t i = 0; i < GG_COUNTOF(words); i++) {
        if (gg_text_ieq(s, words[i]))
            return true;
    }
    return false;
}

/* 8B, 1.5b, 8x7B, A3B, 7b1, 0_5B */
static bool is_size(const char *s)
{
    const char *p = s;
    if (is_size_word(s))
        return true;
    if (*p == 'a' || *p == 'A')
        p++;
    else if (digits(p) > 0 && (p[digits(p)] == 'x' || p[digits(p)] == 'X'))
        p += digits(p) + 1;
    size_t n = digits(p);
    if (n == 0)
        return false;
    p += n;
    if ((*p == '.' || *p == '_') && digits(p + 1) > 0)
        p += 1 + digits(p + 1);
    if (*p == '\0' || strchr("KMBTkmbt", *p) == NULL)
        return false;
    p++;
    return p[isdigit((unsigned char)*p) ? 1 : 0] == '\0';
}

/* 0_5b becomes 0.5B, 7b1 becomes 7.1B. */
static void tidy_size(char *s)
{
    size_t n;
    for (char *p = s; *p != '\0'; p++)
        *p = *p == '_' ? '.' : *p;
    n = strlen(s);
    if (n >= 2 && n + 2 < PART_NBYTES && isdigit((unsigned char)s[n - 1])) {
        char unit = s[n - 2], digit = s[n - 1];
        snprintf(s + n - 2, 4, ".%c%c", digit, unit);
        n++;
    }
    if (n > 1 && isdigit((unsigned char)s[n - 2]) && strchr("kmbt", s[n - 1]) != NULL)
        s[n - 1] = (char)toupper((unsigned char)s[n - 1]);
}

/* A "128k" that is far from the model's size is a context length. */
static bool is_context(const char *s, uint64_t n_params)
{
    static const char units[] = " KMBT";
    size_t n = strlen(s);
    char *end;
    double v = strtod(s, &end);
    const char *unit = n > 0 ? strchr(units, s[n - 1]) : NULL;
    if (n_params == 0 || n < 2 || end != s + n - 1 || !isdigit((unsigned char)s[0]))
        return false;
    v *= unit != NULL ? pow(1000, (double)(unit - units)) : 1.0 / 1000;
    return fabs(v - (double)n_params) > (double)(7 * n_params / 8);
}

static bool is_tune(const char *s)
{
    return gg_text_ieq(s, "chat") || gg_text_ieq(s, "instruct") || gg_text_ieq(s, "vision") ||
           gg_text_ieq(s, "lora");
}

static void classify(struct part *p, size_t i, uint64_t n_params)
{
    if (is_version(p->s)) {
        p->is = VERSION;
    } else if (is_type(p->s)) {
        p->is = TYPE;
        for (char *c = p->s; *c != '\0'; c++)
            *c = (char)toupper((unsigned char)*c);
    } else if (i > 0 && is_size(p->s)) {
        tidy_size(p->s);
        p->is = SIZE;
        if (is_context(p->s, n_params)) {
            size_t n = strlen(p->s);
            p->s[n - 1] = (char)tolower((unsigned char)p->s[n - 1]);
            p->is = TUNE;
        }
    } else if (i > 0 && is_tune(p->s)) {
        p->is = TUNE;
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void drop_size_words(struct part *v, size_t n)
{
    bool number = false;
    for (size_t i = 0; i < n; i++)
        number |= (v[i].is & SIZE) && strpbrk(v[i].s, "0123456789") != NULL;
    for (size_t i = 0; number && i < n; i++) {
        bool word = true;
        for (const char *c = v[i].s; *c != '\0'; c++)
            word &= isalpha((unsigned char)*c) != 0;
        if ((v[i].is & SIZE) && word)
            v[i].is &= ~(unsigned)SIZE;
    }
}

static void find_base(struct part *v, size_t n)
{
    bool start = true;
    for (size_t i = 0; i < n; i++) {
        if (start && ((v[i].is == 0 && isalpha((unsigned char)v[i].s[0])) || (v[i].is & VERSION))) {
            v[i].is |= BASE;
            continue;
        }
        start = false;
        if (v[i].is == 0)
            v[i].is = TUNE;
    }
    for (size_t i = n; i > 0 && (v[i - 1].is & BASE) && v[i - 1].is != BASE; i--)
        v[i - 1].is &= ~(unsigned)BASE;
}

static bool seen_before(const struct part *v, size_t i, unsigned is)
{
    for (size_t k = 0; k < i; k++) {
        if ((v[k].is & is) && strcmp(v[k].s, v[i].s) == 0)
            return true;
    }
    return false;
}

/* Parts of a kind, joined by hyphens, as a member of o. True when there were any. */
static bool join(json_t *o, const char *key, const struct part *v, size_t n, unsigned is)
{
    struct gg_buf b = GG_BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        if (!(v[i].is & is) || (is == VERSION && (v[i].is & BASE)) ||
            (is == SIZE && seen_before(v, i, SIZE)))
            continue;
        gg_buf_adds(&b, b.nbytes > 0 ? "-" : "");
        gg_buf_adds(&b, v[i].s);
    }
    bool any = b.nbytes > 0;
    if (any)
        json_object_set_new(o, key, json_string(gg_buf_str(&b)));
    gg_buf_free(&b);
    return any;
}

static size_t split(struct part *v, const char *name)
{
    size_t n = 0;
    while (*name != '\0' && n < MAX_PARTS) {
        size_t len = strcspn(name, "-");
        if (len > 0 && len < PART_NBYTES) {
            memcpy(v[n].s, name, len);
            v[n].s[len] = '\0';
            v[n++].is = 0;
        }
        name += len + (name[len] == '-');
    }
    return n;
}

json_t *gg_hf_model_id(const char *id, uint64_t n_params)
{
    struct part v[MAX_PARTS];
    const char *slash = strchr(id, '/');
    json_t *o = json_object();
    if (o == NULL || id[0] == '\0')
        return o;
    if (strchr(id, ' ') != NULL) { /* a sentence */
        json_object_set_new(o, "name", json_string(id));
        return o;
    }
    if (slash != NULL && slash > id && id[0] != '.')
        json_object_set_new(o, "organization", json_stringn(id, (size_t)(slash - id)));
    const char *name = slash != NULL ? slash + 1 : id;
    json_object_set_new(o, "name", json_string(name));
    size_t n = split(v, name);
    for (size_t i = 0; i < n; i++)
        classify(&v[i], i, n_params);
    drop_size_words(v, n);
    find_base(v, n);
    bool more = join(o, "size_label", v, n, SIZE);
    more |= join(o, "finetune", v, n, TUNE);
    more |= join(o, "version", v, n, VERSION);
    if (more)
        join(o, "basename", v, n, BASE);
    return o;
}

/* Words begin with a capital unless they have one already, or are versions. */
static void add_title(struct gg_buf *b, const char *w, size_t n)
{
    bool lower = false, upper = false, boundary = true;
    char first[PART_NBYTES];
    size_t len = n < sizeof first - 1 ? n : sizeof first - 1;
    memcpy(first, w, len);
    first[len] = '\0';
    for (size_t i = 0; i < n; i++) {
        lower |= islower((unsigned char)w[i]) != 0;
        upper |= isupper((unsigned char)w[i]) != 0;
    }
    bool version = isdigit((unsigned char)w[0]) || (w[0] == 'v' && is_version(first));
    for (size_t i = 0; i < n; i++) {
        bool alpha = isalpha((unsigned char)w[i]) != 0;
        bool up = lower && !upper && !version && alpha && boundary;
        gg_buf_addc(b, up ? (char)toupper((unsigned char)w[i]) : w[i]);
        boundary = !alpha;
    }
}

char *gg_hf_id_to_title(const char *id)
{
    struct gg_buf b = GG_BUF_INIT;
    while (*id != '\0') {
        size_t n = strcspn(id, "- \t\n");
        if (n > 0) {
            gg_buf_adds(&b, b.nbytes > 0 ? " " : "");
            add_title(&b, id, n);
        }
        id += n + (id[n] != '\0');
    }
    return b.nbytes > 0 ? gg_buf_take(&b) : strdup("");
}
