/* Clock: time that only goes forward, for rates and shares. */
#ifndef GG_CLOCK_H
#define GG_CLOCK_H

#include <stdint.h>

/* Nanoseconds since some fixed moment. Any thread. */
uint64_t gg_clock_ns(void);

#endif
