#include "lib/sys/threads.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

enum { STACK_NBYTES = 1 << 20 }; /* kernels take a quarter of it; a C library may give an eighth */

struct thread {
    pthread_t id;
    void (*work)(void *ctx, unsigned no);
    void *ctx;
    unsigned no;
};

static void *start(void *arg)
{
    struct thread *t = arg;
    t->work(t->ctx, t->no);
    return NULL;
}

void gg_threads_run(unsigned n, void (*work)(void *ctx, unsigned no), void *ctx)
{
    struct thread *v = calloc(n, sizeof *v);
    unsigned started = 1;
    pthread_attr_t attr;
    sigset_t all, old;
    sigfillset(&all);
    sigdelset(&all, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    const bool ready = v != NULL && pthread_attr_init(&attr) == 0;
    if (ready)
        (void)pthread_attr_setstacksize(&attr, STACK_NBYTES);
    for (; ready && started < n; started++) {
        v[started] = (struct thread){.work = work, .ctx = ctx, .no = started};
        if (pthread_create(&v[started].id, &attr, start, &v[started]) != 0)
            break;
    }
    if (ready)
        (void)pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    work(ctx, 0);
    for (unsigned i = 1; i < started && v != NULL; i++)
        pthread_join(v[i].id, NULL);
    free(v);
}
