#include "lib/job/kv_impl.h"

#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/import/json.h"
#include "lib/sys/input.h"

#include <stdlib.h>
#include <string.h>

enum { READ_NBYTES = 1 << 20 };
#define MAX_FILE_NBYTES ((uint64_t)1 << 30)

/* ---- types ---------------------------------------------------------------------------------- */

static bool is_whole(enum ggf_vtype t)
{
    return t != GGF_F32 && t != GGF_F64 && t != GGF_BOOL && t != GGF_STR && t != GGF_ARR;
}

enum ggf_vtype gg_kv_loose(const struct ggf_meta *like, struct ggf_str key, enum ggf_vtype named,
                           const char *value)
{
    static const enum ggf_vtype widths[] = {GGF_U32, GGF_I32, GGF_I64, GGF_U64};
    const struct ggf_kv *old = ggf_meta_find_n(like, key.p, (size_t)key.nbytes);
    uint8_t raw[8];
    if (named == GGF_F32)
        return old != NULL && old->value.type == GGF_F64 ? GGF_F64 : GGF_F32;
    if (old != NULL && is_whole(old->value.type) && ggf_scalar_parse(old->value.type, value, raw))
        return old->value.type;
    for (size_t i = 0; i < GG_COUNTOF(widths); i++) {
        if (ggf_scalar_parse(widths[i], value, raw))
            return widths[i];
    }
    return named;
}

struct gg_kv_type gg_kv_type_of(const struct ggf_meta *like, struct ggf_str key)
{
    const struct ggf_kv *old = ggf_meta_find_n(like, key.p, (size_t)key.nbytes);
    struct gg_kv_type t = {.known = true};
    const char *unused;
    if (old != NULL && ggf_key_type_ok(key, &old->value, &unused)) {
        t.type = old->value.type;
        t.elem = old->value.elem;
    } else {
        t.known = ggf_key_type(key, &t.type, &t.elem);
        t.loose = t.known && t.type == GGF_U32 && !ggf_str_eq(key, "general.alignment");
    }
    return t;
}

/* TYPE before a colon, when there is one: *value is then what stands behind it. */
static bool named_type(const char *text, struct gg_kv_type *t, const char **value)
{
    char word[16];
    size_t n = strcspn(text, ":");
    if (text[n] != ':' || n == 0 || n >= sizeof word)
        return false;
    memcpy(word, text, n);
    word[n] = '\0';
    *t = (struct gg_kv_type){.known = true, .loose = gg_text_ieq(word, "int") ||
                                                     gg_text_ieq(word, "float")};
    bool array = n > 2 && strcmp(word + n - 2, "[]") == 0;
    if (array)
        word[n - 2] = '\0';
    if (!ggf_vtype_by_name(word, array ? &t->elem : &t->type) || t->type == GGF_ARR ||
        t->elem == GGF_ARR)
        return false;
    if (array)
        t->type = GGF_ARR;
    *value = text + n + 1;
    return true;
}

static int fail_key(struct gg_err *err, const char *option, struct ggf_str key, const char *why)
{
    char shown[96];
    return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "%s: metadata key '%s' %s", option,
                   gg_text_escape_into(shown, sizeof shown, key.p, (size_t)key.nbytes), why);
}

int gg_kv_check(const struct ggf_meta *m, const char *option, struct ggf_str key,
                struct gg_err *err)
{
    const struct ggf_kv *kv = ggf_meta_find_n(m, key.p, (size_t)key.nbytes);
    const char *wanted;
    char shown[96];
    if (kv == NULL || ggf_key_type_ok(key, &kv->value, &wanted))
        return GG_OK;
    const struct ggf_value *v = &kv->value;
    return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                   "%s: metadata key '%s' would be of type %s%s%s where %s is wanted", option,
                   gg_text_escape_into(shown, sizeof shown, key.p, (size_t)key.nbytes),
                   ggf_vtype_name(v->type), v->type == GGF_ARR ? " of " : "",
                   v->type == GGF_ARR ? ggf_vtype_name(v->elem) : "", wanted);
}

/* ---- content -------------------------------------------------------------------------------- */

static int read_file(struct gg_buf *out, const char *path, struct gg_err *err)
{
    struct gg_input *in;
    int rc = gg_input_open(&in, path, err);
    if (rc != GG_OK)
        return rc;
    for (size_t got = 1; rc == GG_OK && got > 0;) {
        if (!gg_buf_reserve(out, READ_NBYTES)) {
            rc = gg_fail_nomem(err, "a file");
            break;
        }
        rc = gg_input_read(in, out->nbytes, out->data + out->nbytes, READ_NBYTES, &got, err);
        if (rc == GG_OK)
            out->nbytes += got;
        if (rc == GG_OK && out->nbytes > MAX_FILE_NBYTES)
            rc = gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "%s: is too large for metadata", path);
    }
    gg_input_free(in);
    if (rc == GG_OK)
        gg_buf_adds(out, ""); /* the NUL behind it */
    return rc;
}

int gg_kv_content(struct gg_buf *out, const char *option, const char *value, struct gg_err *err)
{
    int rc = GG_OK;
    if (value[0] == '@' && value[1] == '\0')
        rc = gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "@ needs the name of a file, @FILE");
    else if (value[0] == '@' && value[1] != '@')
        rc = read_file(out, value + 1, err);
    else
        gg_buf_adds(out, value[0] == '@' ? value + 1 : value);
    if (rc == GG_OK && out->failed)
        rc = gg_fail_nomem(err, "a value");
    return rc == GG_OK ? rc : gg_err_prefix(err, "%s", option);
}

/* ---- setting -------------------------------------------------------------------------------- */

int gg_kv_set_scalar(struct ggf_meta *m, const struct ggf_meta *like, struct ggf_str key,
                     struct gg_kv_type t, const char *text, size_t n, struct gg_err *err)
{
    char shown[96];
    uint8_t raw[8];
    struct ggf_value v = {.type = t.type, .count = 1, .data = raw};
    if (t.type == GGF_STR) {
        v.data = (const uint8_t *)text;
        v.nbytes = n;
    } else {
        if (t.loose)
            v.type = gg_kv_loose(like, key, t.type, text);
        v.nbytes = ggf_vtype_nbytes(v.type);
        if (strlen(text) != n || !ggf_scalar_parse(v.type, text, raw))
            return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "'%s' is not a value of type %s",
                           gg_text_escape_into(shown, sizeof shown, text, n),
                           ggf_vtype_name(v.type));
    }
    return ggf_meta_set(m, key, &v, err);
}

int gg_kv_prefix(struct gg_err *err, const char *option, struct ggf_str key)
{
    char shown[96];
    return gg_err_prefix(err, "%s: metadata key '%s'", option,
                         gg_text_escape_into(shown, sizeof shown, key.p, (size_t)key.nbytes));
}

/* Elements of an array from a JSON text, or from the lines of a file. */
static int add_elements(struct gg_kv_array *a, const struct gg_buf *text, bool from_file,
                        struct gg_err *err)
{
    const char *p = gg_buf_str(text);
    json_t *j;
    if (p[strspn(p, " \t\r\n")] != '[') {
        if (!from_file)
            return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                           "an array is a JSON array, or @FILE with one or with lines");
        return gg_kv_add_lines(a, p, text->nbytes, err);
    }
    int rc = gg_json_parse(&j, p, text->nbytes, GG_JSON_MANY_VALUES, err);
    if (rc != GG_OK && from_file) /* lines that begin with a bracket are no crime */
        return gg_kv_add_lines(a, p, text->nbytes, err);
    if (rc != GG_OK)
        return rc;
    rc = gg_kv_add_json(a, j, err);
    json_decref(j);
    return rc;
}

static int set_array(struct ggf_meta *m, const char *option, struct ggf_str key,
                     enum ggf_vtype elem, const char *value, unsigned flags, struct gg_err *err)
{
    const struct ggf_kv *old = ggf_meta_find_n(m, key.p, (size_t)key.nbytes);
    struct gg_kv_array a = {.elem = elem};
    struct gg_buf text = GG_BUF_INIT;
    bool from_file = value[0] == '@' && value[1] != '@', append = (flags & GG_KV_APPEND) != 0;
    int rc = gg_kv_content(&text, option, value, err);
    if (rc != GG_OK) {
        gg_buf_free(&text);
        return rc;
    }
    if (append && old != NULL)
        rc = gg_kv_add_array(&a, &old->value, err);
    if (rc == GG_OK && append && !from_file)
        rc = gg_kv_add_text(&a, text.data, text.nbytes, err);
    else if (rc == GG_OK)
        rc = add_elements(&a, &text, from_file, err);
    if (rc == GG_OK)
        rc = gg_kv_put_array(m, key, &a, err);
    gg_buf_free(&text);
    gg_buf_free(&a.data);
    return rc == GG_OK ? rc : gg_kv_prefix(err, option, key);
}

static int set_value(struct ggf_meta *m, const struct ggf_meta *like, const char *option,
                     struct ggf_str key, struct gg_kv_type t, const char *value, unsigned flags,
                     struct gg_err *err)
{
    struct gg_buf text = GG_BUF_INIT;
    bool array = (flags & (GG_KV_ARRAY | GG_KV_APPEND)) != 0;
    if (array && t.type != GGF_ARR)
        return fail_key(err, option, key, "is no array");
    if (t.type == GGF_ARR)
        return set_array(m, option, key, t.elem, value, flags, err);
    int rc = GG_OK;
    if (flags & GG_KV_OVERRIDE)
        gg_buf_adds(&text, value);
    else
        rc = gg_kv_content(&text, option, value, err);
    if (rc != GG_OK || text.failed) {
        gg_buf_free(&text);
        return rc != GG_OK ? rc : gg_fail_nomem(err, "a value");
    }
    if (t.type != GGF_STR && value[0] == '@') { /* a number in a file may have its line */
        while (text.nbytes > 0 && strchr(" \t\r\n", text.data[text.nbytes - 1]) != NULL)
            text.data[--text.nbytes] = '\0';
    }
    rc = gg_kv_set_scalar(m, like, key, t, gg_buf_str(&text), text.nbytes, err);
    gg_buf_free(&text);
    return rc == GG_OK ? rc : gg_kv_prefix(err, option, key);
}

static int fail_form(struct gg_err *err, const char *option, const char *text, unsigned flags)
{
    char shown[160];
    const char *form = flags & GG_KV_OVERRIDE ? "KEY=TYPE:VALUE"
                       : flags & GG_KV_ARRAY  ? "KEY=@FILE, KEY=TYPE[]:@FILE or KEY=[JSON]"
                                              : "KEY=VALUE or KEY=TYPE:VALUE";
    return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "%s: '%s' is not of the form %s", option,
                   gg_text_escape_into(shown, sizeof shown, text, strlen(text)), form);
}

/* The words before a colon in an --override-kv that are no type. */
static int fail_type(struct gg_err *err, const char *option, const char *text, const char *value)
{
    return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                   "%s: '%.128s': '%.*s' is no scalar type (int, float, bool, str, u8, i8 ... f64)",
                   option, text, (int)gg_min_u64(strcspn(value, ":"), 32), value);
}

int gg_kv_set(struct ggf_meta *m, const struct ggf_meta *like, const char *option,
              const char *text, unsigned flags, struct ggf_str *key, struct gg_err *err)
{
    const char *eq = strchr(text, '='), *value = eq != NULL ? eq + 1 : NULL;
    if (eq == NULL || eq == text || ((flags & GG_KV_OVERRIDE) && strchr(value, ':') == NULL))
        return fail_form(err, option, text, flags);
    struct ggf_str k = {text, (uint64_t)(eq - text)};
    struct gg_kv_type t;
    bool said = named_type(eq + 1, &t, &value);
    if ((flags & GG_KV_OVERRIDE) && (!said || t.type == GGF_ARR))
        return fail_type(err, option, text, eq + 1);
    if (said && t.type != GGF_ARR && (flags & (GG_KV_ARRAY | GG_KV_APPEND))) {
        t.elem = t.type; /* KEY=i32:@FILE says enough */
        t.type = GGF_ARR;
    }
    if (!said)
        t = gg_kv_type_of(like, k);
    if (!t.known)
        return fail_key(err, option, k, "is not there, and none that is known: say its type, "
                                        "KEY=TYPE:VALUE (str, bool, u32, i32, f32, str[]...)");
    int rc = set_value(m, like, option, k, t, value, flags, err);
    if (rc == GG_OK && !(flags & GG_KV_OVERRIDE))
        rc = gg_kv_check(m, option, k, err);
    if (rc == GG_OK && key != NULL)
        *key = ggf_meta_find_n(m, k.p, (size_t)k.nbytes)->key;
    return rc;
}
