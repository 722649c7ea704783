/* Opening a header from a path or from memory, and asking it. */
#include "gguf/gguf_file.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- from memory -------------------------------------------------------------------------- */

struct mem {
    const uint8_t *data;
    size_t nbytes;
};

static int mem_read(void *ctx, uint64_t off, void *buf, size_t n, size_t *got, struct gg_err *err)
{
    const struct mem *m = ctx;
    (void)err;
    *got = off < m->nbytes ? (size_t)gg_min_u64(n, m->nbytes - off) : 0;
    if (*got > 0)
        memcpy(buf, m->data + off, *got);
    return GG_OK;
}

int ggf_file_open_mem(struct ggf_file **out, const void *data, size_t nbytes, const char *name,
                      unsigned flags, struct gg_err *err)
{
    struct mem m = {data, nbytes};
    struct ggf_reader r = {&m, mem_read, nbytes, name};
    return ggf_file_read(out, &r, flags, err);
}

/* ---- from a path -------------------------------------------------------------------------- */

/* Reads in order, so that a FIFO will do: off is where the last read ended. */
static int fd_read(void *ctx, uint64_t off, void *buf, size_t n, size_t *got, struct gg_err *err)
{
    const int *fd = ctx;
    *got = 0;
    while (*got < n) {
        ssize_t k = read(*fd, (char *)buf + *got, n - *got);
        if (k == 0)
            break;
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return gg_fail_sys(err, errno, "cannot read at byte %llu",
                               (unsigned long long)(off + *got));
        *got += (size_t)k;
    }
    return GG_OK;
}

static const char *odd_kind(mode_t mode)
{
    return S_ISDIR(mode)    ? "a directory"
           : S_ISCHR(mode)  ? "a character device"
           : S_ISSOCK(mode) ? "a socket"
                            : "a special file";
}

/* What kind of input fd is, and its size; special files that could block or never end are refused.
 */
static int look(int fd, uint64_t *nbytes, const char *shown, struct gg_err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return gg_fail_sys(err, errno, "%s: cannot open", shown);
    *nbytes = GG_NOWHERE;
    if (S_ISFIFO(st.st_mode)) { /* opened without waiting for a writer; now wait for its bytes */
        int fl = fcntl(fd, F_GETFL);
        if (fl < 0 || fcntl(fd, F_SETFL, fl & ~O_NONBLOCK) != 0)
            return gg_fail_sys(err, errno, "%s: cannot open", shown);
        return GG_OK;
    }
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        return gg_fail(err, GG_ERR_NOT_GGUF, 0, "%s: not a GGUF file, but %s", shown,
                       odd_kind(st.st_mode));
    if (st.st_size > 0) /* files of /proc say 0 and have contents all the same */
        *nbytes = (uint64_t)st.st_size;
    return GG_OK;
}

int ggf_file_open(struct ggf_file **out, const char *path, unsigned flags, struct gg_err *err)
{
    char shown[400];
    uint64_t nbytes;
    *out = NULL;
    gg_text_escape_into(shown, sizeof shown, path, strlen(path));
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return gg_fail_sys(err, errno, "%s: cannot open", shown);
    int rc = look(fd, &nbytes, shown, err);
    if (rc == GG_OK) {
        struct ggf_reader r = {&fd, fd_read, nbytes, path};
        rc = ggf_file_read(out, &r, flags, err);
    }
    close(fd);
    return rc;
}

/* ---- asking ------------------------------------------------------------------------------- */

void ggf_file_free(struct ggf_file *f)
{
    if (f == NULL)
        return;
    ggf_meta_free(f->meta);
    gg_map_free(&f->by_name);
    gg_findings_free(&f->findings);
    free(f->tensors);
    free(f->record_off);
    free(f->buf);
    free(f->shown);
    free(f->name);
    free(f);
}

const char *ggf_file_name(const struct ggf_file *f)
{
    return f->name;
}

uint32_t ggf_file_version(const struct ggf_file *f)
{
    return f->version;
}

bool ggf_file_big_endian(const struct ggf_file *f)
{
    return f->big_endian;
}

uint32_t ggf_file_alignment(const struct ggf_file *f)
{
    return f->alignment;
}

bool ggf_file_complete(const struct ggf_file *f)
{
    return f->complete;
}

uint64_t ggf_file_needs_nbytes(const struct ggf_file *f)
{
    return f->needs_nbytes;
}

uint64_t ggf_file_header_nbytes(const struct ggf_file *f)
{
    return f->header_nbytes;
}

uint64_t ggf_file_data_off(const struct ggf_file *f)
{
    return f->data_off;
}

uint64_t ggf_file_end_off(const struct ggf_file *f)
{
    return f->end_off;
}

uint64_t ggf_file_nbytes(const struct ggf_file *f)
{
    return f->nbytes;
}

const struct ggf_meta *ggf_file_meta(const struct ggf_file *f)
{
    return f->meta;
}

uint64_t ggf_file_n_kv_declared(const struct ggf_file *f)
{
    return f->n_kv_declared;
}

uint64_t ggf_file_n_tensors_declared(const struct ggf_file *f)
{
    return f->n_tensors_declared;
}

size_t ggf_file_n_tensors(const struct ggf_file *f)
{
    return f->n_tensors;
}

const struct ggf_tensor *ggf_file_tensor(const struct ggf_file *f, size_t i)
{
    return &f->tensors[i];
}

const struct ggf_tensor *ggf_file_find_tensor(const struct ggf_file *f, struct ggf_str name)
{
    uint64_t i;
    if (name.nbytes > SIZE_MAX || !gg_map_get(&f->by_name, name.p, (size_t)name.nbytes, &i))
        return NULL;
    return &f->tensors[i];
}

const struct gg_findings *ggf_file_findings(const struct ggf_file *f)
{
    return &f->findings;
}

bool ggf_file_canonical(const struct ggf_file *f)
{
    return f->canonical;
}
