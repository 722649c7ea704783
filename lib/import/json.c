#include "lib/import/json.h"

#include "lib/base/text.h"

#include <string.h>

/* Past the closing quote of the string whose opening one is at i. */
static size_t skip_string(const char *p, size_t n, size_t i)
{
    for (i++; i < n && p[i] != '"'; i++)
        i += p[i] == '\\';
    return i + 1;
}

/* Looks only at brackets, commas and strings. */
int gg_json_check(const char *p, size_t n, size_t max_values, struct gg_err *err)
{
    size_t depth = 0, values = 1;
    for (size_t i = 0; i < n; i++) {
        switch (p[i]) {
        case '"':
            i = skip_string(p, n, i) - 1;
            break;
        case '[':
        case '{':
            values++;
            if (++depth > GG_JSON_MAX_DEPTH)
                return gg_fail(err, GG_ERR_LIMIT, i,
                               "nested deeper than %d levels at byte %zu of the "
                               "JSON",
                               GG_JSON_MAX_DEPTH, i);
            break;
        case ']':
        case '}':
            depth -= depth > 0;
            break;
        case ',':
        case ':':
            if (++values > max_values)
                return gg_fail(err, GG_ERR_LIMIT, i,
                               "more than %zu values up to byte %zu of the JSON", max_values, i);
            break;
        default:
            break;
        }
    }
    return GG_OK;
}

int gg_json_parse(json_t **out, const char *p, size_t n, size_t max_values, struct gg_err *err)
{
    json_error_t why;
    char text[2 * JSON_ERROR_TEXT_LENGTH];
    int rc = gg_json_check(p, n, max_values, err);
    if (rc != GG_OK)
        return rc;
    json_t *j = json_loadb(p, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (j == NULL && json_error_code(&why) == json_error_out_of_memory)
        return gg_fail_nomem(err, "JSON");
    if (j == NULL) {
        gg_text_escape_into(text, sizeof text, why.text, strlen(why.text));
        return gg_fail(err, GG_ERR_CORRUPT, (uint64_t)why.position, "not valid JSON: %s at byte %d",
                       text, why.position);
    }
    *out = j;
    return GG_OK;
}
