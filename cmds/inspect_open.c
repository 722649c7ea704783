/* Opening for inspect: files, shard sets, archives, pipes, and all of them cut short. */
#include "cmds/inspect.h"

#include "lib/base/num.h"
#include "lib/job/job.h"
#include "lib/sys/input.h"

#include <string.h>
#include <sys/stat.h>

/* A pipe, and how much of it has gone by. */
struct pipe_reader {
    struct gg_input *in;
    uint64_t seen;
};

static int read_pipe(void *ctx, uint64_t off, void *buf, size_t n, size_t *got, struct gg_err *err)
{
    struct pipe_reader *p = ctx;
    int rc = gg_input_read(p->in, off, buf, n, got, err);
    if (rc == GG_OK)
        p->seen = gg_max_u64(p->seen, off + *got);
    return rc;
}

/* Reads to the end, so that missing data is seen and the writer of the pipe is not cut off. */
static int drain(struct pipe_reader *p, struct gg_err *err)
{
    static const size_t STEP = 1 << 16;
    char buf[1 << 16];
    size_t got = 0;
    int rc;
    do {
        rc = read_pipe(p, p->seen, buf, STEP, &got, err);
    } while (rc == GG_OK && got > 0);
    return rc;
}

static int check_data(const struct ggf_file *f, uint64_t seen, struct gg_err *err)
{
    uint64_t end = ggf_file_end_off(f);
    if (!ggf_file_complete(f) || seen >= end)
        return GG_OK;
    return gg_fail(err, GG_ERR_TRUNCATED, seen,
                   "%s: needs %llu bytes, has %llu, %llu missing; the header is complete",
                   ggf_file_name(f), (unsigned long long)end, (unsigned long long)seen,
                   (unsigned long long)(end - seen));
}

/* A set of the one file f, as a model without data. Takes f over. */
static int model_of_file(struct inspect *x, struct ggf_file *f, const char *name, struct gg_err *err)
{
    struct ggf_set *set;
    int rc = ggf_set_from_file(&set, f, err);
    return rc != GG_OK ? rc : gg_model_from_set(&x->model, set, name, err);
}

static int open_pipe(struct inspect *x, struct gg_input *in, unsigned flags, struct gg_err *err)
{
    struct pipe_reader p = {in, 0};
    struct ggf_reader r = {&p, read_pipe, gg_input_nbytes(in), gg_input_name(in)};
    struct ggf_file *f = NULL;
    struct gg_err err2;
    int rc = ggf_file_read(&f, &r, flags, err), rc2 = GG_OK;
    if (f == NULL)
        return rc;
    if (rc == GG_OK && r.nbytes == GG_NOWHERE && !x->o->header_only) {
        rc = drain(&p, err);
        if (rc == GG_OK)
            rc = check_data(f, p.seen, err);
    }
    rc2 = model_of_file(x, f, gg_input_name(in), &err2);
    if (rc2 != GG_OK) {
        *err = err2;
        return rc2;
    }
    gg_describe(&x->desc, x->model);
    if (x->desc.file_nbytes == GG_NOWHERE && !x->o->header_only)
        x->desc.file_nbytes = p.seen;
    return rc;
}

/* A shard whose set is not whole can still be looked at by itself; the error stands. */
static void open_lone_shard(struct inspect *x, const char *path, unsigned flags)
{
    size_t prefix;
    uint32_t no, count;
    struct ggf_file *f = NULL;
    struct gg_err unsaid;
    if (!ggf_split_parse(path, &prefix, &no, &count))
        return;
    if (ggf_file_open(&f, path, flags, &unsaid) != GG_OK && f == NULL)
        return;
    if (model_of_file(x, f, path, &unsaid) != GG_OK)
        x->model = NULL;
}

static bool all_complete(const struct gg_model *m)
{
    if (m->set == NULL)
        return true;
    for (size_t i = 0; i < m->n_files; i++) {
        if (!ggf_file_complete(ggf_set_file(m->set, i)))
            return false;
    }
    return true;
}

int inspect_open(struct inspect *x, const char *path, struct gg_err *err)
{
    unsigned flags = GGF_PARTIAL | (x->o->header_only ? GGF_HEADER_ONLY : 0);
    struct gg_input *in = NULL;
    struct stat st;
    x->model = NULL;
    bool there = strcmp(path, "-") == 0 ||
                 (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)); /* else maybe ARCHIVE:PATH */
    int rc = there ? gg_input_open(&in, path, err) : GG_OK;
    if (rc != GG_OK)
        return rc;
    if (in != NULL && (strcmp(path, "-") == 0 || gg_input_nbytes(in) == GG_NOWHERE)) {
        rc = open_pipe(x, in, flags, err);
    } else {
        rc = gg_job_open(&x->model, path, flags | GG_JOB_LOOK | GG_JOB_FOREIGN, err);
        if (rc != GG_OK && x->model == NULL)
            open_lone_shard(x, path, flags);
        if (x->model != NULL)
            gg_describe(&x->desc, x->model);
    }
    gg_input_free(in);
    x->header_complete = x->model != NULL && all_complete(x->model);
    return rc;
}
