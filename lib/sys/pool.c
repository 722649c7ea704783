#include "lib/sys/pool.h"

#include "lib/sys/cleanup.h"
#include "lib/sys/threads.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

/* Tickets are handed out in order, each with a slot. Between `settle_next` and `next` there are never
 * more than n_slots of them, so ticket % n_slots names each of them in a ring. */
struct pool {
    const struct gg_pool_job *job;
    pthread_mutex_t lock;
    pthread_cond_t slot_free;
    uint64_t next;        /* first ticket not handed out */
    uint64_t settle_next; /* first ticket not settled */
    uint64_t failed;      /* lowest failing ticket; n_tickets when there is none */
    struct gg_err err;    /* of that one */
    bool stop, settling;
    unsigned *free_slots; /* a stack: the slot used last is the warmest, and few are ever used */
    unsigned n_free;
    struct ring {
        unsigned slot;
        bool done;
    } *ring;
};

static void note_failure(struct pool *p, uint64_t ticket, const struct gg_err *err)
{
    p->stop = true;
    if (ticket < p->failed) {
        p->failed = ticket;
        p->err = *err;
    }
}

/* Settles what is next in order, one ticket at a time; called and returns with the lock held. */
static void settle_ready(struct pool *p)
{
    const struct gg_pool_job *job = p->job;
    if (p->settling)
        return; /* whoever does it will see this ticket too */
    p->settling = true;
    while (p->settle_next < p->next && p->settle_next < p->failed) {
        struct ring *r = &p->ring[p->settle_next % job->n_slots];
        if (!r->done)
            break;
        struct gg_err err;
        int rc = GG_OK;
        if (job->settle != NULL) {
            pthread_mutex_unlock(&p->lock);
            rc = job->settle(job->ctx, r->slot, p->settle_next, &err);
            pthread_mutex_lock(&p->lock);
        }
        if (rc != GG_OK) {
            note_failure(p, p->settle_next, &err);
            break;
        }
        r->done = false;
        p->settle_next++;
        p->free_slots[p->n_free++] = r->slot;
        pthread_cond_signal(&p->slot_free);
    }
    p->settling = false;
}

/* Takes the next ticket and a slot; false when there is nothing more to do. Lock held. */
static bool take(struct pool *p, uint64_t *ticket, unsigned *slot)
{
    while (p->n_free == 0 && !p->stop && p->next < p->job->n_tickets)
        pthread_cond_wait(&p->slot_free, &p->lock);
    if (p->stop || p->next >= p->job->n_tickets)
        return false;
    if (gg_interrupted()) {
        struct gg_err err;
        gg_fail(&err, GG_ERR_INTERRUPTED, GG_NOWHERE, "interrupted");
        note_failure(p, p->next, &err);
        return false;
    }
    *ticket = p->next++;
    *slot = p->free_slots[--p->n_free];
    return true;
}

static void work(void *arg, unsigned no)
{
    struct pool *p = arg;
    const struct gg_pool_job *job = p->job;
    uint64_t ticket;
    unsigned slot;
    pthread_mutex_lock(&p->lock);
    while (take(p, &ticket, &slot)) {
        pthread_mutex_unlock(&p->lock);
        struct gg_err err;
        int rc = job->work(job->ctx, no, slot, ticket, &err);
        pthread_mutex_lock(&p->lock);
        if (rc != GG_OK) {
            note_failure(p, ticket, &err);
        } else {
            p->ring[ticket % job->n_slots] = (struct ring){slot, true};
            settle_ready(p);
        }
    }
    pthread_cond_broadcast(&p->slot_free); /* whoever still waits looks again */
    pthread_mutex_unlock(&p->lock);
}

static int run(struct pool *p, struct gg_err *err)
{
    const struct gg_pool_job *job = p->job;
    for (unsigned i = 0; i < job->n_slots; i++)
        p->free_slots[p->n_free++] = job->n_slots - 1 - i;
    gg_threads_run(job->n_workers, work, p);
    if (p->failed == job->n_tickets)
        return GG_OK;
    if (err != NULL)
        *err = p->err;
    return p->err.code;
}

int gg_pool_run(const struct gg_pool_job *job, struct gg_err *err)
{
    struct pool p = {.job = job, .failed = job->n_tickets};
    if (job->n_workers == 0 || job->n_slots < job->n_workers)
        return gg_fail(err, GG_ERR_BUG, GG_NOWHERE, "a pool of %u workers and %u slots",
                       job->n_workers, job->n_slots);
    int rc;
    pthread_mutex_init(&p.lock, NULL);
    pthread_cond_init(&p.slot_free, NULL);
    p.free_slots = calloc(job->n_slots, sizeof *p.free_slots);
    p.ring = calloc(job->n_slots, sizeof *p.ring);
    if (p.free_slots == NULL || p.ring == NULL)
        rc = gg_fail_nomem(err, "a pool");
    else
        rc = run(&p, err);
    free(p.ring);
    free(p.free_slots);
    pthread_cond_destroy(&p.slot_free);
    pthread_mutex_destroy(&p.lock);
    return rc;
}
