/* Progress: one line on stderr that says how far a long run is.
 *
 * Shown first after a second, at most six times a second: share, bytes, rate, time left. With
 * GG_AUTO only when stderr is a terminal; never with -q. When it is no terminal (GG_ALWAYS) each
 * showing is a line of its own, every ten seconds. gg_progress_add may be called by any thread.
 */
#ifndef GG_PROGRESS_H
#define GG_PROGRESS_H

#include "lib/cli/msg.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct gg_progress {
    struct gg_msg *msg;
    const char *what; /* "requantizing" */
    uint64_t total, done;  /* bytes; total 0: unknown */
    double start, next;    /* seconds, monotonic: of the begin, of the next showing */
    bool on, shown;
    pthread_mutex_t lock;
};

/* what is not copied. */
void gg_progress_begin(struct gg_progress *p, struct gg_msg *msg, enum gg_when when, const char *what,
                       uint64_t total_nbytes);
void gg_progress_add(struct gg_progress *p, uint64_t nbytes);
/* The same with what is done in all, as the stream tells it (struct gg_stream_opts: progress). */
void gg_progress_set(void *p, uint64_t done_nbytes, uint64_t total_nbytes);
/* Wipes the line. */
void gg_progress_end(struct gg_progress *p);

/* The line for a state, as it is shown: "requantizing  37%  2.31 of 6.25 GiB  412 MiB/s  0:09 left".
 * For tests and for others who draw. seconds: since the begin. */
void gg_progress_text(struct gg_buf *out, const char *what, uint64_t done, uint64_t total,
                      double seconds);

#endif
