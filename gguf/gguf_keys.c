/* Types of well-known keys, from gguf_keys.def. */
#include "gguf/gguf_file.h"
#include "lib/base/num.h"

#define BIT(t) (1u << (t))

/* Scalars in the low half, element types of arrays in the high half. */
enum {
    ARRAY = 16,
    STR = BIT(GGF_STR),
    BOOL = BIT(GGF_BOOL),
    U16 = BIT(GGF_U16),
    U32 = BIT(GGF_U32),
    I32 = BIT(GGF_I32),
    INT = BIT(GGF_U8) | BIT(GGF_I8) | BIT(GGF_U16) | BIT(GGF_I16) | BIT(GGF_U32) | BIT(GGF_I32) |
          BIT(GGF_U64) | BIT(GGF_I64),
    FLOAT = BIT(GGF_F32) | BIT(GGF_F64),
    A_STR = STR << ARRAY,
    A_INT = INT << ARRAY,
    A_FLOAT = FLOAT << ARRAY,
    A_BOOL = BOOL << ARRAY,
    FIXED = BIT(15), /* no type: beside one */
    TYPES = ~FIXED,
};

static const struct row {
    const char *key;
    size_t nbytes;
    uint32_t types;
} keys[] = {
#define K(key, types) {key, sizeof(key) - 1, types},
#include "gguf/gguf_keys.def"
#undef K
};

static const struct {
    uint32_t types;
    const char *words;
} wordings[] = {
    {STR, "str"},
    {BOOL, "bool"},
    {U16, "u16"},
    {U32, "u32"},
    {I32, "i32"},
    {INT, "an integer"},
    {FLOAT, "f32 or f64"},
    {A_STR, "an array of str"},
    {A_INT, "an array of integers"},
    {A_FLOAT, "an array of f32 or f64"},
    {A_BOOL, "an array of bool"},
    {INT | A_INT, "an integer or an array of integers"},
};

static bool key_fits(struct ggf_str key, const char *pattern, size_t n)
{
    if (*pattern != '*')
        return key.nbytes == n && memcmp(key.p, pattern, n) == 0;
    n--;
    return key.nbytes > n && memcmp(key.p + key.nbytes - n, pattern + 1, n) == 0;
}

/* The row of a key, NULL when it is not well known. */
static const struct row *find_row(struct ggf_str key)
{
    for (size_t i = 0; i < GG_COUNTOF(keys); i++) {
        if (key_fits(key, keys[i].key, keys[i].nbytes))
            return &keys[i];
    }
    return NULL;
}

bool ggf_key_type_ok(struct ggf_str key, const struct ggf_value *v, const char **expected)
{
    uint32_t type = v->type != GGF_ARR   ? BIT(v->type)
                    : v->elem != GGF_ARR ? BIT(v->elem) << ARRAY
                                         : 0;
    const struct row *row = find_row(key);
    if (row == NULL || (row->types & type) != 0)
        return true;
    *expected = "another type";
    for (size_t w = 0; w < GG_COUNTOF(wordings); w++) {
        if (wordings[w].types == (row->types & TYPES))
            *expected = wordings[w].words;
    }
    return false;
}

bool ggf_key_type(struct ggf_str key, enum ggf_vtype *type, enum ggf_vtype *elem)
{
    /* Of several types the one that converters write. */
    static const enum ggf_vtype scalars[] = {GGF_STR, GGF_BOOL, GGF_U16, GGF_U32, GGF_I32, GGF_F32};
    static const enum ggf_vtype elems[] = {GGF_STR, GGF_BOOL, GGF_I32, GGF_F32};
    const struct row *row = find_row(key);
    if (row == NULL)
        return false;
    *elem = GGF_U8;
    if ((row->types & INT) == INT) {
        *type = GGF_U32;
        return true;
    }
    for (size_t i = 0; i < GG_COUNTOF(scalars); i++) {
        *type = scalars[i];
        if ((row->types & BIT(scalars[i])) != 0)
            return true;
    }
    *type = GGF_ARR;
    for (size_t i = 0; i < GG_COUNTOF(elems); i++) {
        *elem = elems[i];
        if ((row->types & (BIT(elems[i]) << ARRAY)) != 0)
            return true;
    }
    return false;
}

bool ggf_key_fixed(struct ggf_str key)
{
    const struct row *row = find_row(key);
    return row != NULL && (row->types & FIXED) != 0;
}
