#include "lib/import/recognise.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <stdbool.h>

enum { LOOK_NBYTES = 512, TAR_MAGIC_OFF = 257, MAX_PLAUSIBLE_HEADER = 100000000 };

struct magic {
    size_t off;
    const char *bytes;
    size_t n;
    enum gg_kind kind;
    const char *alien;
};

#define LEGACY_ADVICE                                                                              \
    "is a PyTorch checkpoint from before version 1.6, which is not a zip file: load it with a "    \
    "recent "                                                                                      \
    "PyTorch and save it again, best as safetensors"

static const struct magic MAGICS[] = {
    {0, "PK\003\004", 4, GG_KIND_ZIP, NULL},
    {0, "PK\005\006", 4, GG_KIND_ZIP, NULL}, /* an empty one */
    {0, "\x93NUMPY", 6, GG_KIND_NPY, NULL},
    {0, "GGUF", 4, GG_KIND_GGUF, NULL},
    {0, "FUGG", 4, GG_KIND_GGUF, NULL},
    {0, "\x1f\x8b", 2, GG_KIND_COMPRESSED, NULL},
    {0, "\x28\xb5\x2f\xfd", 4, GG_KIND_COMPRESSED, NULL},
    {0,
     "\xfd"
     "7zXZ",
     5, GG_KIND_COMPRESSED, NULL},
    {0, "BZh", 3, GG_KIND_COMPRESSED, NULL},
    {TAR_MAGIC_OFF, "ustar", 5, GG_KIND_TAR, NULL},
    /* The pickled magic number 0x1950a86a20f9469cfc6c that such files begin with. */
    {0, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 14, GG_KIND_ALIEN,
     LEGACY_ADVICE},
    {0, "\x80\x02", 2, GG_KIND_ALIEN, "is a bare pickle: only PyTorch's zip checkpoints are read"},
    {0, "\x80\x03", 2, GG_KIND_ALIEN, "is a bare pickle: only PyTorch's zip checkpoints are read"},
    {0, "\x80\x04", 2, GG_KIND_ALIEN, "is a bare pickle: only PyTorch's zip checkpoints are read"},
    {0, "\x80\x05", 2, GG_KIND_ALIEN, "is a bare pickle: only PyTorch's zip checkpoints are read"},
    {0, "version https://git-lfs", 23, GG_KIND_ALIEN,
     "is a Git LFS pointer, not the file itself: fetch it with `git lfs pull`"},
    {0, "# xet version", 13, GG_KIND_ALIEN, "is a Xet pointer, not the file itself"},
    {0, "\x89HDF", 4, GG_KIND_ALIEN, "is an HDF5 file, which is not read"},
    {0, "tjgg", 4, GG_KIND_ALIEN, "is a GGML file of before GGUF (GGJT)"},
    {0, "lmgg", 4, GG_KIND_ALIEN, "is a GGML file of before GGUF"},
    {0, "fmgg", 4, GG_KIND_ALIEN, "is a GGML file of before GGUF (GGMF)"},
    {0, "7z\xbc\xaf\x27\x1c", 6, GG_KIND_ALIEN, "is a 7-Zip archive, which is not read"},
    {0, "Rar!", 4, GG_KIND_ALIEN, "is a RAR archive, which is not read"},
};

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* JSON and HTML, by the first character that is no space. */
static enum gg_kind text_kind(const uint8_t *p, size_t n, const char **alien)
{
    size_t i = 0;
    while (i < n && is_space(p[i]))
        i++;
    if (i < n && p[i] == '{')
        return GG_KIND_JSON;
    if (i + 1 < n && p[i] == '<' && (p[i + 1] == '!' || p[i + 1] == 'h' || p[i + 1] == 'H')) {
        *alien = "is an HTML page, not a model: probably what a failed download left";
        return GG_KIND_ALIEN;
    }
    return GG_KIND_UNKNOWN;
}

static bool has_ending(const char *name, const char *ending)
{
    size_t n = strlen(name), k = strlen(ending);
    return n >= k && gg_text_ieq(name + n - k, ending);
}

int gg_recognise(struct gg_input *in, const char *name, enum gg_kind *kind, const char **alien,
                 struct gg_err *err)
{
    uint8_t p[LOOK_NBYTES];
    size_t n;
    *alien = NULL;
    int rc = gg_input_read(in, 0, p, sizeof p, &n, err);
    if (rc != GG_OK)
        return rc;
    *kind = GG_KIND_ALIEN;
    if (n == 0) {
        *alien = "is empty";
        return GG_OK;
    }
    if (n > 8 && p[8] == '{' && gg_load_u64(p) <= MAX_PLAUSIBLE_HEADER) {
        *kind = GG_KIND_SAFETENSORS;
        return GG_OK;
    }
    for (size_t i = 0; i < GG_COUNTOF(MAGICS); i++) {
        const struct magic *m = &MAGICS[i];
        if (m->off + m->n <= n && memcmp(p + m->off, m->bytes, m->n) == 0) {
            *kind = m->kind;
            *alien = m->alien;
            return GG_OK;
        }
    }
    *kind = text_kind(p, n, alien);
    if (*kind == GG_KIND_UNKNOWN && has_ending(name, ".safetensors"))
        *kind = GG_KIND_SAFETENSORS;
    return GG_OK;
}
