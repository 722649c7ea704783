/* Values into metadata. */
#include "lib/hf/hf_impl.h"

#include "lib/base/num.h"

#include <stdio.h>

static const char *full_key(const struct hf *h, char dst[256], const char *key)
{
    if (key[0] != '.')
        return key;
    snprintf(dst, 256, "%s%s", h->arch != NULL ? h->arch->gguf : "raw", key);
    return dst;
}

int gg_hf_set_u32(struct hf *h, const char *key, uint64_t v, struct gg_err *err)
{
    char full[256];
    if (v > UINT32_MAX)
        return gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "config.json: %s does not fit 32 bits", key);
    return ggf_meta_set_u32(h->meta, full_key(h, full, key), (uint32_t)v, err);
}

int gg_hf_set_f32(struct hf *h, const char *key, double v, struct gg_err *err)
{
    char full[256];
    if (!(v >= -3.4028234e38 && v <= 3.4028234e38))
        return gg_fail(err, GG_ERR_LIMIT, GG_NOWHERE, "config.json: %s does not fit F32", key);
    return ggf_meta_set_f32(h->meta, full_key(h, full, key), (float)v, err);
}

int gg_hf_set_bool(struct hf *h, const char *key, bool v, struct gg_err *err)
{
    char full[256];
    return ggf_meta_set_bool(h->meta, full_key(h, full, key), v, err);
}

int gg_hf_set_str(struct hf *h, const char *key, const char *v, struct gg_err *err)
{
    char full[256];
    return ggf_meta_set_str(h->meta, full_key(h, full, key), ggf_str(v), err);
}

int gg_hf_set_text(struct hf *h, const char *key, enum ggf_vtype type, const char *text,
                   struct gg_err *err)
{
    char full[256];
    return ggf_meta_set_text(h->meta, full_key(h, full, key), type, text, err);
}

int gg_hf_set_json_str(struct hf *h, const char *key, const json_t *v, struct gg_err *err)
{
    struct ggf_str s = {json_string_value(v), json_string_length(v)};
    return ggf_meta_set_str(h->meta, key, s, err);
}

int gg_hf_set_array(struct hf *h, const char *key, enum ggf_vtype elem, uint64_t n,
                    const void *data, uint64_t nbytes, struct gg_err *err)
{
    char full[256];
    struct ggf_value v = {
        .type = GGF_ARR, .elem = elem, .count = n, .data = data, .nbytes = nbytes};
    return ggf_meta_set(h->meta, ggf_str(full_key(h, full, key)), &v, err);
}

void gg_hf_add_str(struct gg_buf *b, const char *s, size_t n)
{
    uint8_t len[8];
    gg_store_u64(len, n);
    gg_buf_add(b, len, sizeof len);
    gg_buf_add(b, s, n);
}

int gg_hf_set_strs(struct hf *h, const char *key, const json_t *array, struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT;
    uint64_t n = 0;
    size_t i;
    json_t *v;
    json_array_foreach (array, i, v) {
        if (!json_is_string(v))
            continue;
        gg_hf_add_str(&b, json_string_value(v), json_string_length(v));
        n++;
    }
    int rc = b.failed ? gg_fail_nomem(err, "a list of texts")
                      : gg_hf_set_array(h, key, GGF_STR, n, gg_buf_str(&b), b.nbytes, err);
    gg_buf_free(&b);
    return rc;
}
