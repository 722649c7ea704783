/* Side files in JSON. Whole numbers are read as doubles: tokenizer_config.json likes to say 10^30.
 */
#include "lib/hf/hf_impl.h"

#include "lib/base/num.h"
#include "lib/import/json.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

/* A value costs 40 to 300 bytes once parsed; what is largest besides vocabularies are lists of some
 * 10,000 added tokens. */
enum { MAX_VALUES = 300000 };

int gg_hf_json_text(json_t **out, const char *text, size_t nbytes, const char *name,
                    struct gg_err *err)
{
    json_error_t e;
    *out = NULL;
    int rc = gg_json_check(text, nbytes, MAX_VALUES, err);
    if (rc != GG_OK)
        return gg_err_prefix(err, "%s", name);
    *out = json_loadb(text, nbytes, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &e);
    if (*out == NULL)
        return gg_fail(err, GG_ERR_CORRUPT, e.position < 0 ? GG_NOWHERE : (uint64_t)e.position,
                       "%s: not JSON, line %d: %s", name, e.line, e.text);
    if (json_is_object(*out))
        return GG_OK;
    json_decref(*out);
    *out = NULL;
    return gg_fail(err, GG_ERR_CORRUPT, 0, "%s: not a JSON object", name);
}

int gg_hf_json_file(struct hf *h, const char *name, json_t **out, struct gg_err *err)
{
    char *data = NULL;
    size_t n = 0;
    *out = NULL;
    int rc = gg_checkpoint_side_file(h->ckpt, name, HF_MAX_SIDE, &data, &n, err);
    if (rc == GG_OK && data != NULL)
        rc = gg_hf_json_text(out, data, n, name, err);
    free(data);
    return rc;
}

json_t *gg_hf_at(const json_t *o, const char *path, size_t nbytes)
{
    const char *dot = memchr(path, '.', nbytes);
    size_t n = dot != NULL ? (size_t)(dot - path) : nbytes;
    json_t *v = json_is_array(o) && isdigit((unsigned char)*path) ? json_array_get(o, strtoul(path, NULL, 10))
                                                                  : json_object_getn(o, path, n);
    return dot != NULL && v != NULL ? gg_hf_at(v, dot + 1, nbytes - n - 1) : v;
}

json_t *gg_hf_get(const json_t *o, const char *names)
{
    while (*names != '\0') {
        size_t n = strcspn(names, "|");
        json_t *v = gg_hf_at(o, names, n);
        if (v != NULL && !json_is_null(v))
            return v;
        names += n + (names[n] == '|');
    }
    return NULL;
}

bool gg_hf_as_u64(const json_t *v, uint64_t *out)
{
    double d = json_is_number(v) ? json_number_value(v) : -1;
    if (!(d >= 0 && d <= 0x1p53) || d != floor(d))
        return false;
    *out = (uint64_t)d;
    return true;
}

bool gg_hf_get_u64(const json_t *o, const char *names, uint64_t *out)
{
    const json_t *v = gg_hf_get(o, names);
    return v != NULL && gg_hf_as_u64(v, out);
}

bool gg_hf_get_f64(const json_t *o, const char *names, double *out)
{
    const json_t *v = gg_hf_get(o, names);
    if (v == NULL || !json_is_number(v))
        return false;
    *out = json_number_value(v);
    return true;
}

const char *gg_hf_get_str(const json_t *o, const char *names)
{
    return json_string_value(gg_hf_get(o, names));
}

int gg_hf_merge(json_t *o, json_t *from, struct gg_err *err)
{
    return json_object_update(o, from) == 0 ? GG_OK : gg_fail_nomem(err, "a configuration");
}
