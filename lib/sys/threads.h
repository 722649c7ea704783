/* Threads: the same work done by several at once, the caller among them. */
#ifndef GG_THREADS_H
#define GG_THREADS_H

/* Runs work(ctx, no) for no 0 .. n-1, each in a thread of its own, 0 in the calling one, and waits for
 * all. A thread that cannot be started is left out: work must not count on n of them. Signals that end
 * the process are left to the calling thread; SIGPIPE comes to the thread that writes. */
void gg_threads_run(unsigned n, void (*work)(void *ctx, unsigned no), void *ctx);

#endif
