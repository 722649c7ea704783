#include "lib/job/value.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

enum { TEXT_ELEMENTS = 8, JSON_ELEMENTS = 64, TEXT_NBYTES = 200, ELEMENT_NBYTES = 60 };

void gg_value_type(struct gg_buf *out, const struct ggf_value *v)
{
    if (v->type == GGF_ARR)
        gg_buf_addf(out, "%s[%llu]", ggf_vtype_name(v->elem), (unsigned long long)v->count);
    else
        gg_buf_adds(out, ggf_vtype_name(v->type));
}

static float as_f32(const struct ggf_value *v)
{
    double d = 0;
    ggf_as_f64(v, &d);
    return (float)d; /* it was one */
}

/* A number or a bool. */
static void number_text(struct gg_buf *out, const struct ggf_value *v)
{
    char tmp[32];
    uint64_t u;
    int64_t i;
    double d;
    bool b;
    if (v->type == GGF_BOOL && ggf_as_bool(v, &b))
        gg_buf_adds(out, b ? "true" : "false");
    else if (v->type == GGF_F32)
        gg_buf_adds(out, gg_json_number_f32(tmp, as_f32(v)));
    else if (v->type == GGF_F64 && ggf_as_f64(v, &d))
        gg_buf_adds(out, gg_json_number(tmp, d));
    else if (ggf_as_i64(v, &i))
        gg_buf_addf(out, "%lld", (long long)i);
    else if (ggf_as_u64(v, &u))
        gg_buf_addf(out, "%llu", (unsigned long long)u);
}

static void array_text(struct gg_buf *out, const struct ggf_value *v, bool full)
{
    struct ggf_iter it = ggf_iter_begin(v);
    struct ggf_value e;
    struct ggf_str s;
    gg_buf_addc(out, '[');
    for (uint64_t i = 0; ggf_iter_next(&it, &e); i++) {
        gg_buf_adds(out, i > 0 ? ", " : "");
        if (!full && i == TEXT_ELEMENTS) {
            gg_buf_adds(out, "...");
            break;
        }
        if (ggf_as_str(&e, &s)) {
            gg_buf_addc(out, '"');
            gg_text_escape(out, s.p, (size_t)s.nbytes, full ? 0 : ELEMENT_NBYTES);
            gg_buf_addc(out, '"');
        } else {
            gg_value_text(out, &e, full);
        }
    }
    gg_buf_addc(out, ']');
}

/* Recursion is bounded: the reader refuses arrays nested deeper than 8. */
void gg_value_text(struct gg_buf *out, const struct ggf_value *v, bool full)
{
    struct ggf_str s;
    if (v->type == GGF_ARR)
        array_text(out, v, full);
    else if (ggf_as_str(v, &s))
        gg_text_escape(out, s.p, (size_t)s.nbytes, full ? 0 : TEXT_NBYTES);
    else
        number_text(out, v);
}

static void array_json(struct gg_json *j, const char *key, const struct ggf_value *v, bool full);

static void element_json(struct gg_json *j, const char *key, const struct ggf_value *v, bool full)
{
    struct ggf_str s;
    uint64_t u;
    int64_t i;
    double d;
    bool b;
    if (v->type == GGF_ARR)
        array_json(j, key, v, full);
    else if (ggf_as_str(v, &s))
        gg_json_text(j, key, s.p, (size_t)s.nbytes);
    else if (v->type == GGF_BOOL && ggf_as_bool(v, &b))
        gg_json_bool(j, key, b);
    else if (v->type == GGF_F32)
        gg_json_f32(j, key, as_f32(v));
    else if (v->type == GGF_F64 && ggf_as_f64(v, &d))
        gg_json_f64(j, key, d);
    else if (ggf_as_i64(v, &i))
        gg_json_i64(j, key, i);
    else if (ggf_as_u64(v, &u))
        gg_json_u64(j, key, u);
    else
        gg_json_null(j, key);
}

static void array_json(struct gg_json *j, const char *key, const struct ggf_value *v, bool full)
{
    struct ggf_iter it = ggf_iter_begin(v);
    struct ggf_value e;
    gg_json_array_inline(j, key);
    for (uint64_t i = 0; ggf_iter_next(&it, &e) && (full || i < JSON_ELEMENTS); i++)
        element_json(j, NULL, &e, full);
    gg_json_close(j);
}

void gg_value_json(struct gg_json *j, const struct ggf_value *v, bool full)
{
    gg_json_object_inline(j, NULL);
    gg_json_str(j, "type", ggf_vtype_name(v->type));
    if (v->type == GGF_ARR) {
        gg_json_str(j, "elem", ggf_vtype_name(v->elem));
        gg_json_u64(j, "count", v->count);
        if (!full && v->count > JSON_ELEMENTS)
            gg_json_bool(j, "cut", true);
    }
    element_json(j, "value", v, full);
    gg_json_close(j);
}
