#include "lib/sys/cleanup.h"

#include "lib/base/num.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_PATHS = 2048 };

static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT};

/* The list is guarded by a spin lock. Who holds it has the signals blocked, so that a handler never
 * waits for its own thread. */
static char *paths[MAX_PATHS];
static atomic_flag locked = ATOMIC_FLAG_INIT;
static atomic_bool stopping;
static pid_t owner; /* a forked child has no business with our files */
static int held;
static sigset_t before_hold;

static void fill_ending(sigset_t *set)
{
    sigemptyset(set);
    for (size_t i = 0; i < GG_COUNTOF(ending); i++)
        sigaddset(set, ending[i]);
}

static void list_lock(sigset_t *old)
{
    sigset_t block;
    fill_ending(&block);
    pthread_sigmask(SIG_BLOCK, &block, old);
    while (atomic_flag_test_and_set_explicit(&locked, memory_order_acquire))
        continue;
}

static void list_unlock(const sigset_t *old)
{
    atomic_flag_clear_explicit(&locked, memory_order_release);
    pthread_sigmask(SIG_SETMASK, old, NULL);
}

static void on_signal(int sig)
{
    int saved = errno;
    atomic_store(&stopping, true);
    if (getpid() == owner) {
        while (atomic_flag_test_and_set_explicit(&locked, memory_order_acquire))
            continue;
        for (size_t i = 0; i < MAX_PATHS; i++) {
            if (paths[i] != NULL)
                unlink(paths[i]);
        }
        atomic_flag_clear_explicit(&locked, memory_order_release);
    }
    /* What it would have done, as soon as we return. Not before: with SA_RESETHAND a second signal
     * close behind the first would end the process before anything is cleaned up. */
    signal(sig, SIG_DFL);
    errno = saved;
    raise(sig);
}

void gg_cleanup_install(void)
{
    owner = getpid();
    struct sigaction sa, old;
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = on_signal;
    sa.sa_flags = 0;
    fill_ending(&sa.sa_mask);
    for (size_t i = 0; i < GG_COUNTOF(ending); i++) {
        if (sigaction(ending[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(ending[i], &sa, NULL);
    }
    signal(SIGXFSZ, SIG_IGN);
}

int gg_cleanup_add(const char *path)
{
    char *copy = strdup(path);
    if (copy == NULL)
        return -1;
    sigset_t old;
    int handle = -1;
    list_lock(&old);
    for (int i = 0; i < MAX_PATHS && handle < 0; i++) {
        if (paths[i] == NULL) {
            paths[i] = copy;
            handle = i;
        }
    }
    list_unlock(&old);
    if (handle < 0)
        free(copy);
    return handle;
}

void gg_cleanup_remove(int handle)
{
    if (handle < 0 || handle >= MAX_PATHS)
        return;
    sigset_t old;
    list_lock(&old);
    char *path = paths[handle];
    paths[handle] = NULL;
    list_unlock(&old);
    free(path);
}

void gg_cleanup_hold(void)
{
    if (held++ > 0)
        return;
    sigset_t block;
    fill_ending(&block);
    pthread_sigmask(SIG_BLOCK, &block, &before_hold);
}

void gg_cleanup_release(void)
{
    if (--held == 0)
        pthread_sigmask(SIG_SETMASK, &before_hold, NULL);
}

bool gg_cleanup_pending(void)
{
    sigset_t now;
    if (held == 0 || sigpending(&now) != 0)
        return false;
    for (size_t i = 0; i < GG_COUNTOF(ending); i++) {
        if (sigismember(&now, ending[i]) == 1)
            return true;
    }
    return false;
}

bool gg_interrupted(void)
{
    return atomic_load_explicit(&stopping, memory_order_relaxed);
}
