/* Arrays, and values in JSON. */
#include "lib/job/kv_impl.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- elements ------------------------------------------------------------------------------- */

static void add_str(struct gg_kv_array *a, const char *p, size_t n)
{
    uint8_t len[8];
    gg_store_u64(len, n);
    gg_buf_add(&a->data, len, sizeof len);
    gg_buf_add(&a->data, p, n);
}

int gg_kv_add_text(struct gg_kv_array *a, const char *text, size_t n, struct gg_err *err)
{
    char shown[96];
    uint8_t raw[8];
    if (a->elem == GGF_STR) {
        add_str(a, text, n);
    } else {
        if (strlen(text) != n || !ggf_scalar_parse(a->elem, text, raw))
            return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                           "element %llu, '%s', is not a value of type %s",
                           (unsigned long long)a->count,
                           gg_text_escape_into(shown, sizeof shown, text, n),
                           ggf_vtype_name(a->elem));
        gg_buf_add(&a->data, raw, ggf_vtype_nbytes(a->elem));
    }
    a->count++;
    return a->data.failed ? gg_fail_nomem(err, "an array") : GG_OK;
}

int gg_kv_add_lines(struct gg_kv_array *a, const char *p, size_t n, struct gg_err *err)
{
    struct gg_buf line = GG_BUF_INIT;
    int rc = GG_OK;
    for (size_t at = 0; rc == GG_OK && at < n;) {
        const char *end = memchr(p + at, '\n', n - at);
        size_t len = end != NULL ? (size_t)(end - (p + at)) : n - at;
        gg_buf_reset(&line);
        gg_buf_add(&line, p + at, len);
        rc = line.failed ? gg_fail_nomem(err, "an array")
                         : gg_kv_add_text(a, line.data, line.nbytes, err);
        at += len + 1;
    }
    gg_buf_free(&line);
    return rc;
}

int gg_kv_add_array(struct gg_kv_array *a, const struct ggf_value *v, struct gg_err *err)
{
    struct ggf_value e;
    uint8_t raw[8] = {0};
    if (v->type != GGF_ARR || v->elem != a->elem)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "is no array of %s", ggf_vtype_name(a->elem));
    if (a->elem == GGF_ARR)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE, "arrays in arrays cannot be changed");
    for (struct ggf_iter it = ggf_iter_begin(v); ggf_iter_next(&it, &e); a->count++) {
        if (a->elem == GGF_STR) {
            add_str(a, (const char *)e.data, (size_t)e.nbytes);
            continue;
        }
        for (size_t i = 0; i < e.nbytes; i++)
            raw[i] = e.data[e.big_endian ? e.nbytes - 1 - i : i];
        gg_buf_add(&a->data, raw, (size_t)e.nbytes);
    }
    return a->data.failed ? gg_fail_nomem(err, "an array") : GG_OK;
}

int gg_kv_put_array(struct ggf_meta *m, struct ggf_str key, const struct gg_kv_array *a,
                    struct gg_err *err)
{
    struct ggf_value v = {.type = GGF_ARR,
                          .elem = a->elem,
                          .count = a->count,
                          .data = (const uint8_t *)gg_buf_str(&a->data),
                          .nbytes = a->data.nbytes};
    return ggf_meta_set(m, key, &v, err);
}

int gg_kv_set_element(struct ggf_meta *m, const char *key, uint64_t i, struct ggf_str text,
                      struct gg_err *err)
{
    const struct ggf_kv *kv = ggf_meta_find(m, key);
    struct gg_kv_array a = {.elem = GGF_STR};
    struct ggf_value e;
    if (kv == NULL || kv->value.type != GGF_ARR || kv->value.elem != GGF_STR)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "there is no array of texts '%s'", key);
    if (i >= kv->value.count)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "'%s' has %llu elements, no element %llu", key,
                       (unsigned long long)kv->value.count, (unsigned long long)i);
    for (struct ggf_iter it = ggf_iter_begin(&kv->value); ggf_iter_next(&it, &e); a.count++) {
        if (a.count == i)
            add_str(&a, text.p, (size_t)text.nbytes);
        else
            add_str(&a, (const char *)e.data, (size_t)e.nbytes);
    }
    int rc = a.data.failed ? gg_fail_nomem(err, "an array")
                           : gg_kv_put_array(m, ggf_str(key), &a, err);
    gg_buf_free(&a.data);
    return rc;
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static bool hex_digit(char c, unsigned *v)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;
    if (at == NULL)
        return false;
    *v = (unsigned)(at - digits);
    return true;
}

/* Bytes written in hexadecimal. */
static bool from_hex(struct gg_buf *out, const char *s)
{
    unsigned hi, lo;
    for (; *s != '\0'; s += 2) {
        if (!hex_digit(s[0], &hi) || !hex_digit(s[1], &lo))
            return false;
        gg_buf_addc(out, (char)(hi << 4 | lo));
    }
    return !out->failed;
}

/* A scalar as the text that sets it; false for arrays, objects and null. */
static bool scalar_text(struct gg_buf *out, const json_t *j)
{
    gg_buf_reset(out);
    gg_buf_adds(out, "");
    if (json_is_string(j))
        gg_buf_add(out, json_string_value(j), json_string_length(j));
    else if (json_is_integer(j))
        gg_buf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(j));
    else if (json_is_real(j))
        gg_buf_addf(out, "%.17g", json_real_value(j));
    else if (json_is_boolean(j))
        gg_buf_adds(out, json_is_true(j) ? "true" : "false");
    else
        return false;
    return true;
}

/* Texts and numbers are not taken for one another, but "nan", "inf" and what is too large for JSON
 * stand as texts. */
static bool fits_kind(const json_t *j, enum ggf_vtype type)
{
    if (type == GGF_STR)
        return json_is_string(j);
    if (type == GGF_BOOL)
        return json_is_boolean(j);
    return json_is_number(j) || json_is_string(j);
}

static int fail_kind(struct gg_err *err, uint64_t i, enum ggf_vtype type)
{
    return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "element %llu is not of type %s",
                   (unsigned long long)i, ggf_vtype_name(type));
}

int gg_kv_add_json(struct gg_kv_array *a, const json_t *array, struct gg_err *err)
{
    struct gg_buf text = GG_BUF_INIT;
    size_t n = json_array_size(array);
    int rc = GG_OK;
    if (!json_is_array(array))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "is no JSON array");
    for (size_t i = 0; rc == GG_OK && i < n; i++) {
        const json_t *e = json_array_get(array, i);
        if (!fits_kind(e, a->elem) || !scalar_text(&text, e))
            rc = fail_kind(err, a->count, a->elem);
        else
            rc = gg_kv_add_text(a, text.data, text.nbytes, err);
    }
    gg_buf_free(&text);
    return rc;
}

/* {"type": ..., "elem": ..., "value": ...}: takes the value out of its wrapping. */
static int unwrap(const json_t **value, struct gg_kv_type *t, const char **hex, struct gg_err *err)
{
    const json_t *wrapping = *value;
    const char *type = json_string_value(json_object_get(wrapping, "type"));
    const char *elem = json_string_value(json_object_get(wrapping, "elem"));
    *value = json_object_get(wrapping, "value");
    *hex = json_string_value(json_object_get(wrapping, "value_hex"));
    if (json_is_true(json_object_get(wrapping, "cut")))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "has an array that was cut short; print it with inspect --json --full");
    *t = (struct gg_kv_type){.known = true};
    if (type == NULL || *value == NULL || !ggf_vtype_by_name(type, &t->type) ||
        (t->type == GGF_ARR && (elem == NULL || !ggf_vtype_by_name(elem, &t->elem))))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "is an object, but not of the form {\"type\": T, \"value\": V}");
    return GG_OK;
}

static int put_json_array(struct ggf_meta *m, struct ggf_str key, enum ggf_vtype elem,
                          const json_t *value, struct gg_err *err)
{
    struct gg_kv_array a = {.elem = elem};
    if (elem == GGF_ARR)
        return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE, "arrays in arrays cannot be set");
    int rc = gg_kv_add_json(&a, value, err);
    if (rc == GG_OK)
        rc = gg_kv_put_array(m, key, &a, err);
    gg_buf_free(&a.data);
    return rc;
}

static int put_json(struct ggf_meta *m, const struct ggf_meta *like, struct ggf_str key,
                    const json_t *value, struct gg_err *err)
{
    struct gg_kv_type t = gg_kv_type_of(like, key);
    struct gg_buf text = GG_BUF_INIT;
    const char *hex = NULL;
    int rc = json_is_object(value) ? unwrap(&value, &t, &hex, err) : GG_OK;
    if (rc != GG_OK)
        return rc;
    if (!t.known)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "is not there, and none that is known: say its type, "
                       "{\"type\": \"str\", \"value\": ...}");
    if (t.type == GGF_ARR)
        return put_json_array(m, key, t.elem, value, err);
    if (!fits_kind(value, t.type) || !scalar_text(&text, value))
        rc = gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "is not of type %s", ggf_vtype_name(t.type));
    if (rc == GG_OK && hex != NULL && t.type == GGF_STR) {
        gg_buf_reset(&text);
        if (!from_hex(&text, hex))
            rc = gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "has a value_hex that is no hexadecimal");
    }
    if (rc == GG_OK)
        rc = gg_kv_set_scalar(m, like, key, t, gg_buf_str(&text), text.nbytes, err);
    gg_buf_free(&text);
    return rc;
}

int gg_kv_set_json(struct ggf_meta *m, const struct ggf_meta *like, const char *option,
                   struct ggf_str key, const json_t *value, struct gg_err *err)
{
    int rc = put_json(m, like, key, value, err);
    return rc == GG_OK ? gg_kv_check(m, option, key, err) : gg_kv_prefix(err, option, key);
}
