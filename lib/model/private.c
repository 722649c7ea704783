#include "lib/model/private.h"

#include "lib/base/num.h"

#include <string.h>

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool starts(const char *s, size_t n, const char *with)
{
    size_t k = strlen(with);
    return n >= k && memcmp(s, with, k) == 0;
}

/* What ends a path inside of a longer text. Blanks do not when the text is one path. */
static bool ends_path(char c)
{
    return c == '\0' || strchr(" \t\r\n\"'`<>|,;)]}", c) != NULL;
}

/* Folders that tell of somebody's machine when they are met in the middle of a text, where "/v1/chat"
 * may be anything. */
static bool known_root(const char *s, size_t n)
{
    static const char *const roots[] = {"/home/", "/Users/",     ("/ro" "ot/"), "/mnt/",     "/media/",
                                        "/tmp/",  "/var/",       "/data/",    "/opt/",     "/srv/",
                                        "/nfs/",  "/workspace/", "/content/", "/kaggle/",  "/scratch/",
                                        "/usr/",  "/etc/",       "/Volumes/", "/private/", "/storage/"};
    for (size_t i = 0; i < GG_COUNTOF(roots); i++) {
        if (starts(s, n, roots[i]))
            return true;
    }
    return false;
}

/* Does a path with folders of this machine begin at s? whole: s is the whole text. */
static bool begins_path(const char *s, size_t n, bool whole)
{
    if (starts(s, n, "file://") || starts(s, n, "~/") || starts(s, n, "\\\\"))
        return true;
    if (n > 2 && is_letter(s[0]) && s[1] == ':' && (s[2] == '\\' || s[2] == '/'))
        return n < 4 || s[3] != '/' || s[2] != '/'; /* not a://host */
    if (n < 2 || s[0] != '/' || s[1] == '/')
        return false;
    return known_root(s, n) || (whole && memchr(s + 1, '/', n - 1) != NULL);
}

/* Appends what stays of the path s: its last name. */
static void add_base(struct gg_buf *out, const char *s, size_t n)
{
    while (n > 0 && (s[n - 1] == '/' || s[n - 1] == '\\'))
        n--;
    size_t at = n;
    while (at > 0 && s[at - 1] != '/' && s[at - 1] != '\\')
        at--;
    gg_buf_add(out, s + at, n - at);
}

bool gg_private_scrub(struct gg_buf *out, const char *s, size_t n)
{
    bool found = false;
    if (begins_path(s, n, true) && memchr(s, '\n', n) == NULL) {
        add_base(out, s, n);
        return true;
    }
    for (size_t i = 0; i < n;) {
        bool edge = i == 0 || ends_path(s[i - 1]) || strchr("=([{:", s[i - 1]) != NULL;
        size_t end = i;
        if (!edge || !begins_path(s + i, n - i, false)) {
            gg_buf_addc(out, s[i++]);
            continue;
        }
        while (end < n && !ends_path(s[end]))
            end++;
        add_base(out, s + i, end - i);
        found = true;
        i = end;
    }
    return found;
}

bool gg_private_exempt(struct ggf_str key)
{
    return starts(key.p, (size_t)key.nbytes, "tokenizer.");
}

static bool is_private(struct ggf_str s)
{
    struct gg_buf unused = GG_BUF_INIT;
    bool is = gg_private_scrub(&unused, s.p, (size_t)s.nbytes);
    gg_buf_free(&unused);
    return is;
}

/* The first text of the value that is private. */
static bool find_text(const struct ggf_value *v, struct ggf_str *which)
{
    struct ggf_iter it = ggf_iter_begin(v);
    struct ggf_value e;
    if (ggf_as_str(v, which))
        return is_private(*which);
    while (v->type == GGF_ARR && v->elem == GGF_STR && ggf_iter_next(&it, &e)) {
        if (ggf_as_str(&e, which) && is_private(*which))
            return true;
    }
    return false;
}

const struct ggf_kv *gg_private_next(const struct ggf_meta *m, size_t *i, struct ggf_str *which)
{
    for (; *i < ggf_meta_count(m); ++*i) {
        const struct ggf_kv *kv = ggf_meta_at(m, *i);
        if (!gg_private_exempt(kv->key) && find_text(&kv->value, which))
            return kv;
    }
    return NULL;
}
