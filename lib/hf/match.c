/* Names of tensors against patterns with numbers in them. */
#include "lib/hf/hf_impl.h"

#include <stdio.h>

/* At most 6 digits; no leading zeros, so that two names never mean the same tensor. */
static bool read_number(const char **s, const char *end, uint64_t *out)
{
    const char *p = *s;
    uint64_t v = 0;
    while (p < end && p - *s < 6 && *p >= '0' && *p <= '9')
        v = v * 10 + (uint64_t)(*p++ - '0');
    if (p == *s || (**s == '0' && p - *s > 1))
        return false;
    *s = p;
    *out = v;
    return true;
}

static bool match_any(const char *pattern, const char *s, const char *end, uint64_t *layer,
                      uint64_t *expert)
{
    for (; s <= end; s++) {
        if (gg_hf_match(pattern, s, (size_t)(end - s), layer, expert))
            return true;
    }
    return false;
}

bool gg_hf_match(const char *pattern, const char *name, size_t nbytes, uint64_t *layer,
                 uint64_t *expert)
{
    const char *s = name, *end = name + nbytes;
    for (const char *p = pattern; *p != '\0';) {
        if (*p == '*')
            return match_any(p + 1, s, end, layer, expert);
        if (strncmp(p, "{L}", 3) == 0 || strncmp(p, "{E}", 3) == 0) {
            if (!read_number(&s, end, p[1] == 'L' ? layer : expert))
                return false;
            p += 3;
            continue;
        }
        if (s == end || *s != *p)
            return false;
        s++;
        p++;
    }
    return s == end;
}

char *gg_hf_fill(struct gg_arena *a, const char *pattern, uint64_t layer, const char *suffix)
{
    char name[256];
    const char *brace = strstr(pattern, "{L}");
    if (brace == NULL)
        snprintf(name, sizeof name, "%s%s", pattern, suffix);
    else
        snprintf(name, sizeof name, "%.*s%llu%s%s", (int)(brace - pattern), pattern,
                 (unsigned long long)layer, brace + 3, suffix);
    return gg_arena_strndup(a, name, strlen(name));
}
