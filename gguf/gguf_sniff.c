/* What a file that is not GGUF seems to be. */
#include "gguf/gguf.h"
#include "lib/base/num.h"

/* Bytes at a fixed place, most telling first. */
static const struct {
    size_t off;
    const char *bytes;
    size_t nbytes;
    const char *what;
} magics[] = {
#define AT(off, bytes, what) {off, bytes, sizeof(bytes) - 1, what}
    AT(0, "version https://git-lfs", "a Git LFS pointer (the file itself was not fetched)"),
    AT(0, "# xet version", "a Xet pointer (the file itself was not fetched)"),
    AT(0, "FUGG", "a file with the letters of the magic reversed"),
    AT(0, "lmgg", "an old GGML model (before GGUF)"),
    AT(0, "fmgg", "an old GGMF model (before GGUF)"),
    AT(0, "tjgg", "an old GGJT model (before GGUF)"),
    AT(0, "algg", "an old GGLA adapter (before GGUF)"),
    AT(0, "PK\3\4", "a zip archive (PyTorch checkpoints and npz files are such)"),
    AT(0, "PK\5\6", "an empty zip archive"),
    AT(0, "\x1f\x8b", "a gzip file"),
    AT(0, "\x28\xb5\x2f\xfd", "a zstd file"),
    AT(0, "\xfd" "7zXZ", "an xz file"),
    AT(0, "BZh", "a bzip2 file"),
    AT(0, "7z\xbc\xaf\x27\x1c", "a 7z archive"),
    AT(0, "Rar!", "a rar archive"),
    AT(257, "ustar", "a tar archive"),
    AT(0, "\x89HDF\r\n\x1a\n", "an HDF5 file"),
    AT(0, "\x93NUMPY", "a NumPy array"),
    AT(0, "\x7f" "ELF", "an ELF program"),
    AT(0, "%PDF-", "a PDF file"),
    AT(0, "\x89PNG", "a PNG image"),
    AT(4, "TFL3", "a TensorFlow Lite model"),
    AT(0, "SQLite format 3", "an SQLite database"),
    AT(0, "\x80\2}", "a Python pickle (an old PyTorch checkpoint)"),
    AT(0, "\x80\2\x8a\x0a", "a Python pickle (an old PyTorch checkpoint)"),
    AT(0, "_logits_", "a file of base logits of llama-perplexity"),
#undef AT
};

static bool starts_ieq(const char *p, size_t n, const char *word)
{
    for (; *word != '\0'; word++, p++, n--) {
        if (n == 0 || (*p >= 'A' && *p <= 'Z' ? *p + 32 : *p) != *word)
            return false;
    }
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Texts: what a server sends in place of the file it was asked for. */
static const char *sniff_text(const char *p, size_t n)
{
    if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) { /* byte order mark */
        p += 3;
        n -= 3;
    }
    while (n > 0 && is_space(*p)) {
        p++;
        n--;
    }
    if (starts_ieq(p, n, "<!doctype html") || starts_ieq(p, n, "<html") || starts_ieq(p, n, "<head"))
        return "an HTML page";
    if (starts_ieq(p, n, "<?xml"))
        return "an XML file (perhaps an error message of a server)";
    if (n > 0 && (*p == '{' || *p == '['))
        return "a JSON file";
    size_t k = 0, look = n < 64 ? n : 64;
    while (k < look && ((p[k] >= 0x20 && p[k] < 0x7F) || is_space(p[k])))
        k++;
    return n > 0 && k == look ? "a text file" : NULL;
}

const char *ggf_sniff(const void *data, size_t n, uint64_t whole_nbytes)
{
    const uint8_t *p = data;
    if (n == 0)
        return whole_nbytes == 0 || whole_nbytes == GG_NOWHERE ? "an empty file" : NULL;
    for (size_t i = 0; i < GG_COUNTOF(magics); i++) {
        if (gg_in_range(magics[i].off, magics[i].nbytes, n) &&
            memcmp(p + magics[i].off, magics[i].bytes, magics[i].nbytes) == 0)
            return magics[i].what;
    }
    /* safetensors: the length of a JSON header, then that header */
    if (n >= 9 && p[8] == '{' && gg_load_u64(p) <= (uint64_t)1 << 40)
        return "a safetensors file";
    size_t zeros = 0, look = n < 64 ? n : 64;
    while (zeros < look && p[zeros] == 0)
        zeros++;
    if (zeros == look)
        return "a file that starts with zeros (a download or a run that was not finished?)";
    return sniff_text(data, n);
}
