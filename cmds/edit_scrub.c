/* Scrubbing: texts keep the names of files, and lose the folders before them. */
#include "cmds/edit.h"

#include "lib/base/num.h"
#include "lib/job/kv.h"

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
    static const char *const roots[] = {"/home/", "/Users/",     "/ro" "ot/", "/mnt/",     "/media/",
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

/* Appends the text without the folders; true when there were any. */
static bool scrub(struct gg_buf *out, const char *s, size_t n)
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

/* The words of a model are no secret, and no paths. */
static bool is_vocabulary(struct ggf_str key)
{
    return starts(key.p, (size_t)key.nbytes, "tokenizer.");
}

static int scrub_str(struct ggf_meta *m, const struct ggf_kv *kv, struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT;
    int rc = GG_OK;
    gg_buf_adds(&b, "");
    if (scrub(&b, (const char *)kv->value.data, (size_t)kv->value.nbytes) && !b.failed) {
        struct ggf_value v = {.type = GGF_STR, .count = 1, .data = (const uint8_t *)b.data,
                              .nbytes = b.nbytes};
        rc = ggf_meta_set(m, kv->key, &v, err);
    }
    if (b.failed)
        rc = gg_fail_nomem(err, "a text");
    gg_buf_free(&b);
    return rc;
}

static int scrub_array(struct ggf_meta *m, const struct ggf_kv *kv, struct gg_err *err)
{
    struct gg_buf data = GG_BUF_INIT, text = GG_BUF_INIT;
    struct ggf_value e, v = {.type = GGF_ARR, .elem = GGF_STR, .count = kv->value.count};
    bool found = false;
    int rc = GG_OK;
    for (struct ggf_iter it = ggf_iter_begin(&kv->value); ggf_iter_next(&it, &e);) {
        uint8_t len[8];
        gg_buf_reset(&text);
        found |= scrub(&text, (const char *)e.data, (size_t)e.nbytes);
        gg_store_u64(len, text.nbytes);
        gg_buf_add(&data, len, sizeof len);
        gg_buf_add(&data, gg_buf_str(&text), text.nbytes);
    }
    if (data.failed || text.failed) {
        rc = gg_fail_nomem(err, "an array");
    } else if (found) {
        v.data = (const uint8_t *)data.data;
        v.nbytes = data.nbytes;
        rc = ggf_meta_set(m, kv->key, &v, err);
    }
    gg_buf_free(&data);
    gg_buf_free(&text);
    return rc;
}

int edit_scrub(struct ggf_meta *meta, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < ggf_meta_count(meta); i++) {
        const struct ggf_kv *kv = ggf_meta_at(meta, i);
        if (is_vocabulary(kv->key))
            continue;
        if (kv->value.type == GGF_STR)
            rc = scrub_str(meta, kv, err);
        else if (kv->value.type == GGF_ARR && kv->value.elem == GGF_STR)
            rc = scrub_array(meta, kv, err);
    }
    return rc;
}
