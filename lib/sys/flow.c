#include "lib/sys/flow.h"

#include "lib/sys/cleanup.h"
#include "lib/sys/threads.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* The slabs lo .. next-1 are under way, slab n in slot n % n_slots. */
struct slot {
    struct gg_flow_slab slab;
    void *buf;
    bool ready; /* has been read */
    uint32_t begun, done; /* takers, a bit each */
};

struct flow {
    const struct gg_flow_job *job;
    struct slot *slots;
    uint64_t lo, next;
    uint64_t failed; /* lowest slab that failed; UINT64_MAX: none */
    struct gg_err err;
    unsigned n_reading;
    uint32_t all; /* bits of all takers */
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

enum { READING = -1, NOTHING = -2 };

struct task {
    struct slot *slot;
    int what; /* taker, or READING */
};

static struct slot *slot_of(struct flow *f, uint64_t no)
{
    return &f->slots[no % f->job->n_slots];
}

static void note_failure(struct flow *f, uint64_t no, const struct gg_err *err)
{
    if (no < f->failed) {
        f->failed = no;
        f->err = *err;
    }
}

/* ---- what can be done ------------------------------------------------------------------------ */

/* Has taker t nothing to take before slab no? */
static bool its_turn(struct flow *f, uint64_t no, unsigned t)
{
    enum gg_flow_order order = f->job->takers[t].order;
    if (order == GG_FLOW_ANY || no == f->lo)
        return true;
    if (order != GG_FLOW_IN_ORDER && slot_of(f, no)->slab.starts[order])
        return true;
    return slot_of(f, no - 1)->done >> t & 1;
}

/* The first thing a taker can take, lowest slab first. *n_ready: slabs that are read. */
static struct task find_take(struct flow *f, unsigned *n_ready)
{
    *n_ready = 0;
    for (uint64_t no = f->lo; no < f->next && no < f->failed; no++) {
        struct slot *s = slot_of(f, no);
        if (!s->ready)
            continue;
        ++*n_ready;
        for (unsigned t = 0; t < f->job->n_takers; t++) {
            if (!(s->begun >> t & 1) && its_turn(f, no, t))
                return (struct task){s, (int)t};
        }
    }
    return (struct task){NULL, NOTHING};
}

static bool can_read(const struct flow *f)
{
    return f->next < f->job->n_slabs && f->next - f->lo < f->job->n_slots &&
           f->failed == UINT64_MAX && !(f->job->read_in_order && f->n_reading > 0);
}

/* Begins to read the next slab. */
static struct task begin_read(struct flow *f)
{
    struct slot *s = slot_of(f, f->next);
    void *buf = s->buf;
    *s = (struct slot){.slab = {.no = f->next}, .buf = buf};
    f->job->describe(f->job->ctx, &s->slab);
    f->next++;
    f->n_reading++;
    return (struct task){s, READING};
}

/* Reading goes before taking while little is there to be taken, else nobody waits for the disk. */
static struct task find(struct flow *f)
{
    unsigned n_ready;
    struct task t = find_take(f, &n_ready);
    bool hungry = f->next - f->lo < f->job->n_workers;
    if (can_read(f) && (t.what == NOTHING || hungry))
        return begin_read(f);
    if (t.what >= 0)
        t.slot->begun |= 1u << t.what;
    return t;
}

/* No more is to come. */
static bool finished(const struct flow *f)
{
    return f->lo >= f->job->n_slabs || f->lo >= f->failed;
}

/* ---- doing it -------------------------------------------------------------------------------- */

static int perform(struct flow *f, const struct task *t, struct gg_err *err)
{
    const struct gg_flow_job *job = f->job;
    struct slot *s = t->slot;
    if (t->what != READING)
        return job->takers[t->what].take(job->takers[t->what].ctx, &s->slab, err);
    if (s->buf == NULL)
        s->buf = aligned_alloc(64, (job->slab_nbytes + 64) & ~(size_t)63);
    if (s->buf == NULL)
        return gg_fail_nomem(err, "a slab");
    s->slab.data = s->buf;
    return job->read(job->ctx, &s->slab, s->buf, err);
}

/* Slabs that everybody has taken make room. */
static void retire(struct flow *f)
{
    while (f->lo < f->next && f->lo < f->failed && slot_of(f, f->lo)->done == f->all) {
        if (f->job->done != NULL)
            f->job->done(f->job->ctx, &slot_of(f, f->lo)->slab);
        f->lo++;
    }
}

static void work(void *arg, unsigned no)
{
    struct flow *f = arg;
    struct gg_err err;
    (void)no;
    pthread_mutex_lock(&f->lock);
    while (!finished(f)) {
        if (gg_interrupted() && f->failed == UINT64_MAX) {
            gg_fail(&err, GG_ERR_INTERRUPTED, GG_NOWHERE, "interrupted");
            note_failure(f, f->lo, &err);
            break;
        }
        struct task t = find(f);
        if (t.what == NOTHING) {
            pthread_cond_wait(&f->changed, &f->lock);
            continue;
        }
        pthread_mutex_unlock(&f->lock);
        int rc = perform(f, &t, &err);
        pthread_mutex_lock(&f->lock);
        f->n_reading -= t.what == READING;
        if (rc != GG_OK)
            note_failure(f, t.slot->slab.no, &err);
        else if (t.what == READING)
            t.slot->ready = true;
        else
            t.slot->done |= 1u << t.what;
        retire(f);
        pthread_cond_broadcast(&f->changed);
    }
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

int gg_flow_run(const struct gg_flow_job *job, struct gg_err *err)
{
    struct flow f = {.job = job, .failed = UINT64_MAX,
                     .all = (uint32_t)((1ull << job->n_takers) - 1)};
    if (job->n_workers == 0 || job->n_slots == 0 || job->n_takers == 0 ||
        job->n_takers > GG_FLOW_MAX_TAKERS)
        return gg_fail(err, GG_ERR_BUG, GG_NOWHERE, "a flow of %u workers, %u slots, %zu takers",
                       job->n_workers, job->n_slots, job->n_takers);
    f.slots = calloc(job->n_slots, sizeof *f.slots);
    if (f.slots == NULL)
        return gg_fail_nomem(err, "a flow");
    pthread_mutex_init(&f.lock, NULL);
    pthread_cond_init(&f.changed, NULL);
    gg_threads_run(job->n_workers, work, &f);
    for (unsigned i = 0; i < job->n_slots; i++)
        free(f.slots[i].buf);
    free(f.slots);
    pthread_cond_destroy(&f.changed);
    pthread_mutex_destroy(&f.lock);
    if (f.failed == UINT64_MAX)
        return GG_OK;
    if (err != NULL)
        *err = f.err;
    return f.err.code;
}
