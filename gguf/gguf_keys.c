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
};

static const struct {
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

bool ggf_key_type_ok(struct ggf_str key, const struct ggf_value *v, const char **expected)
{
    uint32_t type = v->type != GGF_ARR   ? BIT(v->type)
                    : v->elem != GGF_ARR ? BIT(v->elem) << ARRAY
                                         : 0;
    size_t i = 0;
    while (i < GG_COUNTOF(keys) && !key_fits(key, keys[i].key, keys[i].nbytes))
        i++;
    if (i == GG_COUNTOF(keys) || (keys[i].types & type) != 0)
        return true;
    *expected = "another type";
    for (size_t w = 0; w < GG_COUNTOF(wordings); w++) {
        if (wordings[w].types == keys[i].types)
            *expected = wordings[w].words;
    }
    return false;
}
