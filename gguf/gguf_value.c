/* Values where they lie: names of types, lossless conversions, walking arrays. */
#include "gguf/gguf_value.h"

#include "gguf/gguf_bytes.h"
#include "gguf/gguf_limits.h"
#include "lib/base/text.h"

static const struct {
    const char *name;
    size_t nbytes;
} vtypes[GGF_VTYPE_COUNT] = {
    [GGF_U8] = {"u8", 1},   [GGF_I8] = {"i8", 1},     [GGF_U16] = {"u16", 2},
    [GGF_I16] = {"i16", 2}, [GGF_U32] = {"u32", 4},   [GGF_I32] = {"i32", 4},
    [GGF_F32] = {"f32", 4}, [GGF_BOOL] = {"bool", 1}, [GGF_STR] = {"str", 0},
    [GGF_ARR] = {"arr", 0}, [GGF_U64] = {"u64", 8},   [GGF_I64] = {"i64", 8},
    [GGF_F64] = {"f64", 8},
};

static const struct {
    const char *name;
    enum ggf_vtype type;
} aliases[] = {
    {"uint8", GGF_U8},    {"int8", GGF_I8},     {"uint16", GGF_U16},   {"int16", GGF_I16},
    {"uint32", GGF_U32},  {"int32", GGF_I32},   {"uint64", GGF_U64},   {"int64", GGF_I64},
    {"float32", GGF_F32}, {"float64", GGF_F64}, {"uint", GGF_U32},     {"int", GGF_I32},
    {"float", GGF_F32},   {"double", GGF_F64},  {"boolean", GGF_BOOL}, {"string", GGF_STR},
    {"array", GGF_ARR},
};

const char *ggf_vtype_name(uint32_t vtype)
{
    return vtype < GGF_VTYPE_COUNT ? vtypes[vtype].name : NULL;
}

bool ggf_vtype_by_name(const char *name, enum ggf_vtype *out)
{
    for (uint32_t i = 0; i < GGF_VTYPE_COUNT; i++) {
        if (gg_text_ieq(name, vtypes[i].name)) {
            *out = (enum ggf_vtype)i;
            return true;
        }
    }
    for (size_t i = 0; i < GG_COUNTOF(aliases); i++) {
        if (gg_text_ieq(name, aliases[i].name)) {
            *out = aliases[i].type;
            return true;
        }
    }
    return false;
}

size_t ggf_vtype_nbytes(enum ggf_vtype t)
{
    return (uint32_t)t < GGF_VTYPE_COUNT ? vtypes[t].nbytes : 0;
}

size_t ggf_elem_least_nbytes(enum ggf_vtype t, bool len32)
{
    size_t n = ggf_vtype_nbytes(t);
    return n != 0 ? n : (t == GGF_ARR ? 4 : 0) + ggf_len_nbytes(len32);
}

struct ggf_str ggf_str(const char *nul_terminated)
{
    return (struct ggf_str){nul_terminated, strlen(nul_terminated)};
}

bool ggf_str_eq(struct ggf_str a, const char *b)
{
    size_t n = strlen(b);
    return a.nbytes == n && (n == 0 || memcmp(a.p, b, n) == 0);
}

/* ---- conversions -------------------------------------------------------------------------- */

/* An integer of any type as magnitude and sign. */
static bool as_integer(const struct ggf_value *v, uint64_t *magnitude, bool *negative)
{
    int64_t s = 0;
    *negative = false;
    switch (v->type) {
    case GGF_U8:
        *magnitude = v->data[0];
        return true;
    case GGF_U16:
        *magnitude = ggf_load_u16(v->data, v->big_endian);
        return true;
    case GGF_U32:
        *magnitude = ggf_load_u32(v->data, v->big_endian);
        return true;
    case GGF_U64:
        *magnitude = ggf_load_u64(v->data, v->big_endian);
        return true;
    case GGF_I8:
        s = (int8_t)v->data[0];
        break;
    case GGF_I16:
        s = (int16_t)ggf_load_u16(v->data, v->big_endian);
        break;
    case GGF_I32:
        s = (int32_t)ggf_load_u32(v->data, v->big_endian);
        break;
    case GGF_I64:
        s = (int64_t)ggf_load_u64(v->data, v->big_endian);
        break;
    default:
        return false;
    }
    *negative = s < 0;
    *magnitude = s < 0 ? 0 - (uint64_t)s : (uint64_t)s;
    return true;
}

bool ggf_as_u64(const struct ggf_value *v, uint64_t *out)
{
    uint64_t m;
    bool neg;
    if (!as_integer(v, &m, &neg) || neg)
        return false;
    *out = m;
    return true;
}

bool ggf_as_i64(const struct ggf_value *v, int64_t *out)
{
    uint64_t m;
    bool neg;
    if (!as_integer(v, &m, &neg) || m > (uint64_t)INT64_MAX + neg)
        return false;
    *out = neg ? (int64_t)(0 - m) : (int64_t)m;
    return true;
}

bool ggf_as_f64(const struct ggf_value *v, double *out)
{
    uint64_t m;
    bool neg;
    if (v->type == GGF_F32) {
        *out = gg_f32_from_bits(ggf_load_u32(v->data, v->big_endian));
        return true;
    }
    if (v->type == GGF_F64) {
        *out = gg_f64_from_bits(ggf_load_u64(v->data, v->big_endian));
        return true;
    }
    if (!as_integer(v, &m, &neg))
        return false;
    double d = (double)m;
    if (d >= 18446744073709551616.0 || (uint64_t)d != m) /* more than 53 bits */
        return false;
    *out = neg ? -d : d;
    return true;
}

bool ggf_as_bool(const struct ggf_value *v, bool *out)
{
    if (v->type != GGF_BOOL)
        return false;
    *out = v->data[0] != 0;
    return true;
}

bool ggf_as_str(const struct ggf_value *v, struct ggf_str *out)
{
    if (v->type != GGF_STR)
        return false;
    *out = (struct ggf_str){(const char *)v->data, v->nbytes};
    return true;
}

/* ---- arrays ------------------------------------------------------------------------------- */

/* Bytes the elements of an array take: count elements at p, where avail bytes are left. The types
 * and counts in there are read again, so a value made by hand cannot lead outside. */
static bool array_span(const struct ggf_value *like, uint32_t elem, uint64_t count,
                       const uint8_t *p, uint64_t avail, int depth, uint64_t *span);

/* Reads the type and count that stand before the elements of an array inside an array. */
static bool inner_array(const struct ggf_value *like, const uint8_t *p, uint64_t avail, int depth,
                        struct ggf_value *out)
{
    size_t head = ggf_elem_least_nbytes(GGF_ARR, like->len32);
    if (head > avail)
        return false;
    uint32_t elem = ggf_load_u32(p, like->big_endian);
    uint64_t count = ggf_load_len(p + 4, like->big_endian, like->len32), span;
    if (!array_span(like, elem, count, p + head, avail - head, depth, &span))
        return false;
    *out = (struct ggf_value){GGF_ARR, (enum ggf_vtype)elem, count,      p + head,
                              span,    like->big_endian,     like->len32};
    return true;
}

static bool array_span(const struct ggf_value *like, uint32_t elem, uint64_t count,
                       const uint8_t *p, uint64_t avail, int depth, uint64_t *span)
{
    if (elem >= GGF_VTYPE_COUNT || depth > GGF_MAX_DEPTH)
        return false;
    size_t nbytes = ggf_vtype_nbytes((enum ggf_vtype)elem);
    if (nbytes != 0)
        return gg_mul_u64(count, nbytes, span) && *span <= avail;
    size_t w = ggf_len_nbytes(like->len32);
    uint64_t pos = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct ggf_value in;
        if (elem == GGF_ARR) {
            if (!inner_array(like, p + pos, avail - pos, depth + 1, &in))
                return false;
            pos += 4 + w + in.nbytes;
            continue;
        }
        if (w > avail - pos)
            return false;
        uint64_t len = ggf_load_len(p + pos, like->big_endian, like->len32);
        pos += w;
        if (len > avail - pos)
            return false;
        pos += len;
    }
    *span = pos;
    return true;
}

bool ggf_value_ok(const struct ggf_value *v)
{
    uint64_t span;
    if ((uint32_t)v->type >= GGF_VTYPE_COUNT || (v->data == NULL && v->nbytes != 0))
        return false;
    if (v->type == GGF_STR)
        return v->count == 1;
    if (v->type != GGF_ARR)
        return v->count == 1 && v->nbytes == ggf_vtype_nbytes(v->type);
    return array_span(v, v->elem, v->count, v->data, v->nbytes, 1, &span) && span == v->nbytes;
}

struct ggf_iter ggf_iter_begin(const struct ggf_value *array)
{
    return (struct ggf_iter){*array, array->data, array->type == GGF_ARR ? array->count : 0};
}

/* The element at p, avail bytes before the end of the array; *used: the bytes it takes there. */
static bool element(const struct ggf_value *array, const uint8_t *p, uint64_t avail,
                    struct ggf_value *e, uint64_t *used)
{
    size_t w = ggf_len_nbytes(array->len32);
    *e = (struct ggf_value){array->elem,       GGF_U8,      1, p, ggf_vtype_nbytes(array->elem),
                            array->big_endian, array->len32};
    *used = e->nbytes;
    if (e->nbytes != 0)
        return e->nbytes <= avail;
    if (array->elem == GGF_ARR) {
        if (!inner_array(array, p, avail, 2, e))
            return false;
        *used = 4 + w + e->nbytes;
        return true;
    }
    if (array->elem != GGF_STR || w > avail)
        return false;
    e->data = p + w;
    e->nbytes = ggf_load_len(p, array->big_endian, array->len32);
    *used = w + e->nbytes;
    return e->nbytes <= avail - w;
}

bool ggf_iter_next(struct ggf_iter *it, struct ggf_value *elem)
{
    uint64_t used;
    if (it->left == 0)
        return false;
    uint64_t avail = it->array.nbytes - (uint64_t)(it->next - it->array.data);
    if (!element(&it->array, it->next, avail, elem, &used)) {
        it->left = 0;
        return false;
    }
    it->next += used;
    it->left--;
    return true;
}

bool ggf_array_copy(const struct ggf_value *array, uint64_t first, uint64_t n, void *dst)
{
    size_t w = array->type == GGF_ARR ? ggf_vtype_nbytes(array->elem) : 0;
    if (w == 0 || !gg_in_range(first, n, array->count) || array->count > array->nbytes / w)
        return false;
    uint8_t *d = dst;
    const uint8_t *s = n != 0 ? array->data + first * w : NULL;
    for (uint64_t i = 0; i < n; i++, s += w, d += w) {
        uint64_t v8;
        uint32_t v4;
        uint16_t v2;
        switch (w) {
        case 1:
            *d = *s;
            break;
        case 2:
            v2 = ggf_load_u16(s, array->big_endian);
            memcpy(d, &v2, 2);
            break;
        case 4:
            v4 = ggf_load_u32(s, array->big_endian);
            memcpy(d, &v4, 4);
            break;
        default:
            v8 = ggf_load_u64(s, array->big_endian);
            memcpy(d, &v8, 8);
            break;
        }
    }
    return true;
}
