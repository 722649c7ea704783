/* Workers of tests take longer for one ticket than for the next, so that they overtake each other. */
#ifndef GG_TESTS_DAWDLE_H
#define GG_TESTS_DAWDLE_H

#include <sched.h>
#include <stdint.h>

/* Spins for a time that hangs on n. The processor is given away seldom: on a busy machine that takes
 * milliseconds each time. */
static inline void dawdle(uint64_t n)
{
    volatile uint64_t left = n * 2654435761u % 7 * 200;
    if (n % 61 == 0)
        sched_yield();
    while (left > 0)
        left = left - 1;
}

#endif
