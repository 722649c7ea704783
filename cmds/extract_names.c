/* Names of files that come from names in a file: "blk.0.attn_q.weight", "a/b" -> "a%2Fb". */
#include "cmds/extract.h"

#include "lib/sys/digest.h"

#include <stdio.h>
#include <string.h>

enum { MOST_NBYTES = 200 }; /* file systems take 255, and temporaries have longer names */

static bool is_plain(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '+' || c == '.';
}

/* A name that is too long loses its end to a digest of the whole. */
static void shorten(struct gg_buf *b, struct ggf_str name)
{
    uint8_t digest[GG_DIGEST_NBYTES];
    char text[GG_DIGEST_TEXT];
    struct gg_digest *d = gg_digest_new(GG_XXH3_128);
    b->failed |= d == NULL;
    if (b->failed)
        return;
    gg_digest_add(d, name.p, (size_t)name.nbytes);
    gg_digest_end(d, digest);
    gg_digest_free(d);
    b->nbytes = MOST_NBYTES - 36;
    gg_buf_addf(b, "-%s", gg_digest_text(text, GG_XXH3_128, digest));
}

const char *extract_file_name(struct gg_arena *mem, struct ggf_str name, const char *ending)
{
    struct gg_buf b = GG_BUF_INIT;
    for (uint64_t i = 0; i < name.nbytes; i++) {
        unsigned char c = (unsigned char)name.p[i];
        if (is_plain(c) && !(i == 0 && (c == '.' || c == '-')))
            gg_buf_addc(&b, (char)c);
        else
            gg_buf_addf(&b, "%%%02X", c);
    }
    if (name.nbytes == 0)
        gg_buf_adds(&b, "%");
    if (b.nbytes > MOST_NBYTES)
        shorten(&b, name);
    gg_buf_adds(&b, ending);
    const char *s = b.failed ? NULL : gg_arena_strndup(mem, b.data, b.nbytes);
    gg_buf_free(&b);
    return s;
}
