#include "lib/job/manifest.h"

#include "lib/base/map.h"
#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    char kind; /* enum gg_digest_kind, or FILE_KIND: the first byte of key */
    bool asked;
    const char *key; /* kind and label, as the map has it; NUL-terminated */
    size_t key_nbytes;
    uint8_t digest[GG_DIGEST_NBYTES];
};

enum { FILE_KIND = GG_DIGEST_COUNT, MOST_NBYTES = 256 << 20, MOST_MODELS = 1000 };

struct gg_manifest {
    struct entry *v;
    size_t n, cap;
    struct gg_map by_key;
    struct gg_arena mem;
    bool failed; /* memory ran out in a question, whose answer was wrong */
};

static const char *label_of(const struct entry *e)
{
    return e->key + 1;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Enters a line; the first of two about the same thing decides. */
static int add(struct gg_manifest *m, int kind, const char *label, size_t n, const uint8_t *digest,
               struct gg_err *err)
{
    if (m->n == m->cap) {
        size_t cap = m->cap != 0 ? 2 * m->cap : 256;
        struct entry *v = realloc(m->v, cap * sizeof *v);
        if (v == NULL)
            return gg_fail_nomem(err, "a manifest");
        m->v = v;
        m->cap = cap;
    }
    char *key = gg_arena_alloc(&m->mem, n + 2);
    if (key == NULL)
        return gg_fail_nomem(err, "a manifest");
    key[0] = (char)kind;
    memcpy(key + 1, label, n);
    key[n + 1] = '\0';
    struct entry *e = &m->v[m->n];
    *e = (struct entry){.kind = (char)kind, .key = key, .key_nbytes = n + 1};
    memcpy(e->digest, digest, kind == FILE_KIND ? 32 : gg_digest_nbytes((enum gg_digest_kind)kind));
    int added = gg_map_add(&m->by_key, key, n + 1, m->n, NULL);
    m->n += added == 1;
    return added < 0 ? gg_fail_nomem(err, "a manifest") : GG_OK;
}

static size_t word(const char *p, size_t n)
{
    size_t k = 0;
    while (k < n && p[k] != ' ' && p[k] != '\t')
        k++;
    return k;
}

static size_t blanks(const char *p, size_t n)
{
    size_t k = 0;
    while (k < n && (p[k] == ' ' || p[k] == '\t'))
        k++;
    return k;
}

/* "KIND  HEX  LABEL" */
static bool hash_line(const char *p, size_t n, enum gg_digest_kind *kind, uint8_t *digest, size_t *label)
{
    size_t at = word(p, n);
    if (!gg_digest_by_name(p, at, kind))
        return false;
    at += blanks(p + at, n - at);
    size_t hex = word(p + at, n - at);
    if (!gg_digest_parse(digest, *kind, p + at, hex))
        return false;
    at += hex;
    size_t gap = blanks(p + at, n - at);
    *label = at + gap;
    return gap > 0 && *label < n;
}

/* "HEX  NAME", "HEX *NAME"; a leading backslash says that \n and \\ in the name are escapes. */
static bool sum_line(const char *p, size_t n, uint8_t *digest, struct gg_buf *name)
{
    bool escaped = n > 0 && p[0] == '\\';
    p += escaped;
    n -= escaped;
    if (n < 67 || !gg_digest_parse(digest, GG_SHA256, p, 64) || p[64] != ' ' ||
        (p[65] != ' ' && p[65] != '*'))
        return false;
    for (size_t i = 66; i < n; i++) {
        bool code = escaped && p[i] == '\\' && i + 1 < n;
        i += code;
        gg_buf_addc(name, code && p[i] == 'n' ? '\n' : p[i]);
    }
    return true;
}

/* "SHA256 (NAME) = HEX" */
static bool tag_line(const char *p, size_t n, uint8_t *digest, struct gg_buf *name)
{
    static const char head[] = "SHA256 (", mid[] = ") = ";
    size_t h = sizeof head - 1, tail = 64 + sizeof mid - 1;
    if (n <= h + tail || memcmp(p, head, h) != 0 || memcmp(p + n - tail, mid, sizeof mid - 1) != 0 ||
        !gg_digest_parse(digest, GG_SHA256, p + n - 64, 64))
        return false;
    gg_buf_add(name, p + h, n - tail - h);
    return true;
}

static int read_line(struct gg_manifest *m, const char *p, size_t n, struct gg_err *err)
{
    uint8_t digest[GG_DIGEST_NBYTES];
    enum gg_digest_kind kind;
    size_t label;
    struct gg_buf name = GG_BUF_INIT;
    int rc = GG_OK;
    n -= n > 0 && p[n - 1] == '\r';
    if (hash_line(p, n, &kind, digest, &label))
        rc = add(m, (int)kind, p + label, n - label, digest, err);
    else if (sum_line(p, n, digest, &name) || tag_line(p, n, digest, &name))
        rc = name.failed ? gg_fail_nomem(err, "a manifest")
                         : add(m, FILE_KIND, gg_buf_str(&name), name.nbytes, digest, err);
    gg_buf_free(&name);
    return rc;
}

static int read_text(struct gg_buf *b, struct gg_input *in, const char *shown, struct gg_err *err)
{
    enum { STEP = 1 << 16 };
    size_t got = STEP;
    int rc = GG_OK;
    while (rc == GG_OK && got == STEP) {
        if (b->nbytes > MOST_NBYTES)
            return gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "%s: is larger than a manifest may be",
                           shown);
        if (!gg_buf_reserve(b, STEP))
            return gg_fail_nomem(err, "a manifest");
        rc = gg_input_read(in, b->nbytes, b->data + b->nbytes, STEP, &got, err);
        b->nbytes += rc == GG_OK ? got : 0;
    }
    return rc;
}

int gg_manifest_parse(struct gg_manifest **out, const void *text, size_t nbytes, const char *name,
                      struct gg_err *err)
{
    const char *p = text, *end = p + nbytes;
    struct gg_manifest *m = calloc(1, sizeof *m);
    char shown[256];
    int rc = m == NULL ? gg_fail_nomem(err, "a manifest") : GG_OK;
    *out = NULL;
    while (rc == GG_OK && p < end) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t n = nl != NULL ? (size_t)(nl - p) : (size_t)(end - p);
        rc = memchr(p, '\0', n) != NULL ? GG_OK : read_line(m, p, n, err);
        p += nl != NULL ? n + 1 : n;
    }
    if (rc == GG_OK && m->n == 0)
        rc = gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                     "%s: is no manifest: no line of llama-gguf-hash, ggtool hash or sha256sum",
                     gg_text_escape_into(shown, sizeof shown, name, strlen(name)));
    if (rc == GG_OK)
        *out = m;
    else
        gg_manifest_free(m);
    return rc;
}

int gg_manifest_read(struct gg_manifest **out, const char *path, struct gg_err *err)
{
    struct gg_input *in = NULL;
    struct gg_buf text = GG_BUF_INIT;
    char shown[256];
    *out = NULL;
    gg_text_escape_into(shown, sizeof shown, path, strlen(path));
    int rc = gg_input_open(&in, path, err);
    if (rc == GG_OK)
        rc = read_text(&text, in, shown, err);
    gg_input_free(in);
    if (rc == GG_OK)
        rc = gg_manifest_parse(out, gg_buf_str(&text), text.nbytes, path, err);
    gg_buf_free(&text);
    return rc;
}

void gg_manifest_free(struct gg_manifest *m)
{
    if (m == NULL)
        return;
    gg_map_free(&m->by_key);
    gg_arena_free(&m->mem);
    free(m->v);
    free(m);
}

unsigned gg_manifest_kinds(const struct gg_manifest *m)
{
    unsigned kinds = 0;
    for (size_t i = 0; i < m->n; i++)
        kinds |= m->v[i].kind != FILE_KIND ? 1u << m->v[i].kind : 0;
    return kinds;
}

bool gg_manifest_has_files(const struct gg_manifest *m)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->v[i].kind == FILE_KIND)
            return true;
    }
    return false;
}

/* ---- names ----------------------------------------------------------------------------------- */

void gg_manifest_name(struct gg_buf *out, const char *model, const struct ggf_str *tensor)
{
    gg_text_escape(out, model, strlen(model), 0);
    if (tensor != NULL) {
        gg_buf_addc(out, ':');
        gg_text_escape(out, tensor->p, (size_t)tensor->nbytes, 0);
    }
}

/* Is the label of an entry `model`, or that and a tensor? */
static bool is_about(const struct entry *e, const char *model, size_t n)
{
    const char *l = label_of(e);
    return e->kind != FILE_KIND && strncmp(l, model, n) == 0 && (l[n] == '\0' || l[n] == ':');
}

static bool has_model(const struct gg_manifest *m, const char *model)
{
    size_t n = strlen(model);
    for (size_t i = 0; i < m->n; i++) {
        if (is_about(&m->v[i], model, n))
            return true;
    }
    return false;
}

/* The models of the manifest: labels, less what is ":" and the name of one of our tensors. */
struct models {
    const char **v;
    size_t n;
};

static size_t model_part(const char *label, const struct gg_map *tensors)
{
    for (const char *p = strchr(label, ':'); p != NULL; p = strchr(p + 1, ':')) {
        uint64_t i;
        if (gg_map_get(tensors, p + 1, strlen(p + 1), &i))
            return (size_t)(p - label);
    }
    return strlen(label);
}

/* Adds a model unless it, or a model that this label would be a foreign tensor of, is there. */
static bool add_model(struct gg_manifest *m, struct models *out, const char *label, size_t n)
{
    for (size_t i = 0; i < out->n; i++) {
        size_t k = strlen(out->v[i]);
        if (k <= n && strncmp(label, out->v[i], k) == 0 && (k == n || label[k] == ':'))
            return true;
    }
    if (out->n == MOST_MODELS) /* more than anybody's; the search is not for free */
        return true;
    char *s = gg_arena_strndup(&m->mem, label, n);
    const char **v = realloc(out->v, (out->n + 1) * sizeof *v);
    if (v != NULL)
        out->v = v;
    if (v == NULL || s == NULL)
        return false;
    out->v[out->n++] = s;
    return true;
}

static bool list_models(struct gg_manifest *m, const struct gg_map *tensors, struct models *out)
{
    bool ok = true;
    for (int whole = 0; whole < 2; whole++) { /* those told by a tensor first: their names are sure */
        for (size_t i = 0; ok && i < m->n; i++) {
            const char *l = label_of(&m->v[i]);
            size_t n = model_part(l, tensors);
            if (m->v[i].kind != FILE_KIND && (l[n] == '\0') == (whole == 1))
                ok = add_model(m, out, l, n);
        }
    }
    return ok;
}

static const char *choose_model(const struct models *found, const char *name)
{
    const char *same = NULL;
    size_t n_same = 0;
    for (size_t i = 0; i < found->n; i++) {
        if (strcmp(last_part(found->v[i]), last_part(name)) == 0) {
            same = found->v[i];
            n_same++;
        }
    }
    if (n_same == 1)
        return same;
    return found->n == 1 ? found->v[0] : NULL;
}

const char *gg_manifest_label(struct gg_manifest *m, const struct gg_stored *s)
{
    struct gg_map tensors = GG_MAP_INIT;
    struct models found = {NULL, 0};
    struct gg_buf b = GG_BUF_INIT;
    const char *label = NULL;
    gg_manifest_name(&b, s->name, NULL);
    bool ok = !b.failed;
    if (ok && has_model(m, gg_buf_str(&b))) {
        label = gg_arena_strndup(&m->mem, gg_buf_str(&b), b.nbytes);
        ok = label != NULL;
    } else {
        for (size_t i = 0; ok && i < s->n; i++) {
            struct gg_buf t = GG_BUF_INIT;
            gg_text_escape(&t, s->tensors[i].name.p, (size_t)s->tensors[i].name.nbytes, 0);
            char *key = t.failed ? NULL : gg_arena_strndup(&m->mem, gg_buf_str(&t), t.nbytes);
            ok = key != NULL && gg_map_add(&tensors, key, strlen(key), i, NULL) >= 0;
            gg_buf_free(&t);
        }
        ok = ok && list_models(m, &tensors, &found);
        if (ok)
            label = choose_model(&found, gg_buf_str(&b));
    }
    m->failed |= !ok;
    gg_buf_free(&b);
    gg_map_free(&tensors);
    free(found.v);
    return label;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static struct entry *find(struct gg_manifest *m, int kind, const char *label, size_t n)
{
    struct gg_buf b = GG_BUF_INIT;
    uint64_t i;
    gg_buf_addc(&b, (char)kind);
    gg_buf_add(&b, label, n);
    m->failed |= b.failed;
    bool there = !b.failed && gg_map_get(&m->by_key, b.data, b.nbytes, &i);
    gg_buf_free(&b);
    return there ? &m->v[i] : NULL;
}

static enum gg_answer answer(struct entry *e, const uint8_t *digest, size_t n)
{
    if (e == NULL)
        return GG_ANSWER_NONE;
    e->asked = true;
    return memcmp(e->digest, digest, n) == 0 ? GG_ANSWER_OK : GG_ANSWER_MISMATCH;
}

enum gg_answer gg_manifest_check(struct gg_manifest *m, enum gg_digest_kind kind, const char *label,
                                 const struct ggf_str *tensor, const uint8_t *digest)
{
    struct gg_buf b = GG_BUF_INIT;
    gg_buf_adds(&b, label); /* escaped already */
    if (tensor != NULL) {
        gg_buf_addc(&b, ':');
        gg_text_escape(&b, tensor->p, (size_t)tensor->nbytes, 0);
    }
    m->failed |= b.failed;
    struct entry *e = b.failed ? NULL : find(m, (int)kind, b.data, b.nbytes);
    gg_buf_free(&b);
    return answer(e, digest, gg_digest_nbytes(kind));
}

static struct entry *find_file(struct gg_manifest *m, const char *path)
{
    struct entry *e = find(m, FILE_KIND, path, strlen(path));
    for (size_t i = 0; e == NULL && i < m->n; i++) {
        if (m->v[i].kind == FILE_KIND && strcmp(last_part(label_of(&m->v[i])), last_part(path)) == 0)
            e = &m->v[i];
    }
    return e;
}

enum gg_answer gg_manifest_check_file(struct gg_manifest *m, const char *path, const uint8_t *sha256)
{
    return answer(find_file(m, path), sha256, 32);
}

bool gg_manifest_knows_file(struct gg_manifest *m, const char *path)
{
    return find_file(m, path) != NULL;
}

void gg_manifest_unasked(const struct gg_manifest *m, unsigned kinds, const char *label,
                         struct gg_findings *f)
{
    size_t n = strlen(label);
    for (size_t i = 0; i < m->n; i++) {
        const struct entry *e = &m->v[i];
        if (e->asked || e->kind == FILE_KIND || !(kinds >> e->kind & 1) || !is_about(e, label, n) ||
            label_of(e)[n] == '\0')
            continue;
        gg_findings_add(f, GG_FAULT, "not-in-model", label_of(e) + n + 1, strlen(label_of(e) + n + 1),
                        GG_NOWHERE, "stands in the manifest and not in the model");
    }
}

bool gg_manifest_failed(const struct gg_manifest *m)
{
    return m->failed;
}
