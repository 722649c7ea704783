#include "lib/model/private.h"

#include "lib/base/num.h"

#include <string.h>

static bool starts(struct ggf_str s, const char *with)
{
    size_t n = strlen(with);
    return s.nbytes >= n && memcmp(s.p, with, n) == 0;
}

static bool holds(struct ggf_str s, const char *what)
{
    return s.nbytes > 0 && memmem(s.p, (size_t)s.nbytes, what, strlen(what)) != NULL;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool gg_is_private_path(struct ggf_str s)
{
    static const char *const roots[] = {"/home/", "/Users/", "/ro" "ot/", "/mnt/", "/media/",
                                        "/tmp/",  "/var/",   "/data/", "/workspace/", "/content/",
                                        "/opt/",  "/srv/",   "/private/", "/Volumes/", "/scratch/",
                                        "~/",     "\\\\"};
    if (holds(s, "://"))
        return false;
    if (s.nbytes >= 3 && is_letter(s.p[0]) && s.p[1] == ':' && (s.p[2] == '\\' || s.p[2] == '/'))
        return true;
    for (size_t i = 0; i < GG_COUNTOF(roots); i++) {
        if (starts(s, roots[i]))
            return true;
    }
    return holds(s, "/home/") || holds(s, "/Users/") || holds(s, ":\\Users\\");
}

/* The element that is one; texts only. */
static bool array_holds(const struct ggf_value *v, struct ggf_str *which)
{
    struct ggf_iter it = ggf_iter_begin(v);
    struct ggf_value e;
    while (ggf_iter_next(&it, &e)) {
        if (ggf_as_str(&e, which) && gg_is_private_path(*which))
            return true;
    }
    return false;
}

const struct ggf_kv *gg_private_next(const struct ggf_meta *m, size_t *i, struct ggf_str *which)
{
    for (; *i < ggf_meta_count(m); ++*i) {
        const struct ggf_kv *kv = ggf_meta_at(m, *i);
        if (starts(kv->key, "tokenizer."))
            continue;
        if (ggf_as_str(&kv->value, which) ? gg_is_private_path(*which)
                                          : kv->value.type == GGF_ARR && kv->value.elem == GGF_STR &&
                                                array_holds(&kv->value, which))
            return kv;
    }
    return NULL;
}
