#include "lib/cli/progress.h"

#include "lib/base/text.h"

#include <time.h>

static const double FIRST_S = 1.0, TTY_STEP_S = 1.0 / 6, LOG_STEP_S = 10.0;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void gg_progress_begin(struct gg_progress *p, struct gg_msg *msg, enum gg_when when, const char *what,
                       uint64_t total_nbytes)
{
    *p = (struct gg_progress){.msg = msg, .what = what, .total = total_nbytes, .start = now()};
    p->next = p->start + FIRST_S;
    p->on = msg->level >= 0 && (when == GG_ALWAYS || (when == GG_AUTO && msg->term.tty));
    pthread_mutex_init(&p->lock, NULL);
}

static void add_duration(struct gg_buf *out, double seconds)
{
    unsigned long s = seconds < 0 ? 0 : seconds > 3.6e6 ? 3600000 : (unsigned long)(seconds + 0.5);
    if (s >= 3600)
        gg_buf_addf(out, "%lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
    else
        gg_buf_addf(out, "%lu:%02lu", s / 60, s % 60);
}

void gg_progress_text(struct gg_buf *out, const char *what, uint64_t done, uint64_t total,
                      double seconds)
{
    char a[32], b[32];
    double rate = seconds > 0 ? (double)done / seconds : 0;
    gg_buf_adds(out, what);
    if (total > 0)
        gg_buf_addf(out, "  %3.0f%%  %s of %s", 100.0 * (double)done / (double)total,
                    gg_text_size(a, done), gg_text_size(b, total));
    else
        gg_buf_addf(out, "  %s", gg_text_size(a, done));
    gg_buf_addf(out, "  %s/s", gg_text_size(a, rate < 1.8e19 ? (uint64_t)rate : 0));
    if (total > done && rate > 0) {
        gg_buf_adds(out, "  ");
        add_duration(out, (double)(total - done) / rate);
        gg_buf_adds(out, " left");
    }
}

/* With the lock held. */
static void show(struct gg_progress *p, double t)
{
    struct gg_buf b = GG_BUF_INIT, line = GG_BUF_INIT;
    gg_progress_text(&b, p->what, p->done, p->total, t - p->start);
    if (p->msg->term.tty) {
        size_t max = p->msg->term.columns > 1 ? p->msg->term.columns - 1 : 79;
        gg_term_elide(&line, gg_buf_str(&b), b.nbytes, max, p->msg->term.utf8);
        gg_msg_line(p->msg, gg_buf_str(&line));
    } else {
        gg_msg_note(p->msg, "%s", gg_buf_str(&b));
    }
    p->shown = true;
    p->next = t + (p->msg->term.tty ? TTY_STEP_S : LOG_STEP_S);
    gg_buf_free(&b);
    gg_buf_free(&line);
}

void gg_progress_add(struct gg_progress *p, uint64_t nbytes)
{
    if (!p->on)
        return;
    pthread_mutex_lock(&p->lock);
    p->done += nbytes;
    double t = now();
    if (t >= p->next)
        show(p, t);
    pthread_mutex_unlock(&p->lock);
}

void gg_progress_set(void *progress, uint64_t done_nbytes, uint64_t total_nbytes)
{
    struct gg_progress *p = progress;
    if (!p->on)
        return;
    pthread_mutex_lock(&p->lock);
    p->done = done_nbytes;
    p->total = total_nbytes;
    double t = now();
    if (t >= p->next)
        show(p, t);
    pthread_mutex_unlock(&p->lock);
}

void gg_progress_end(struct gg_progress *p)
{
    if (p->shown)
        gg_msg_line(p->msg, NULL);
    pthread_mutex_destroy(&p->lock);
    p->on = false;
}
