#include "lib/job/kind.h"

#include "lib/import/archive.h"
#include "lib/import/recognise.h"

#include <string.h>
#include <sys/stat.h>

/* Any JSON could be meant; only the list of the files of a checkpoint leads to tensors. */
static bool is_index(const char *path)
{
    static const char tail[] = ".index.json";
    size_t n = strlen(path), t = sizeof tail - 1;
    return n > t && strcmp(path + n - t, tail) == 0;
}

static enum gg_path_kind by_content(enum gg_kind kind, const char *path)
{
    if (kind == GG_KIND_ZIP || kind == GG_KIND_TAR || kind == GG_KIND_COMPRESSED)
        return GG_PATH_ARCHIVE;
    return kind == GG_KIND_SAFETENSORS || kind == GG_KIND_NPY ||
                   (kind == GG_KIND_JSON && is_index(path))
               ? GG_PATH_CHECKPOINT
               : GG_PATH_GGUF;
}

int gg_path_kind(enum gg_path_kind *kind, const char *path, struct gg_err *err)
{
    struct gg_input *in = NULL;
    enum gg_kind content = GG_KIND_UNKNOWN;
    const char *alien;
    struct gg_err why;
    struct stat st;
    size_t n;
    *kind = GG_PATH_GGUF;
    if (strcmp(path, "-") == 0)
        return GG_OK;
    if (stat(path, &st) != 0) {
        *kind = gg_archive_split(path, &n) ? GG_PATH_ARCHIVE : GG_PATH_GGUF;
        return GG_OK;
    }
    if (S_ISDIR(st.st_mode))
        *kind = GG_PATH_CHECKPOINT;
    if (!S_ISREG(st.st_mode) || gg_input_open(&in, path, &why) != GG_OK)
        return GG_OK;
    int rc = gg_recognise(in, path, &content, &alien, err);
    gg_input_free(in);
    if (rc == GG_OK)
        *kind = by_content(content, path);
    return rc;
}
