/* Clean-up on signals: temporaries are removed, then the signal does what it would have done. */
#ifndef GG_CLEANUP_H
#define GG_CLEANUP_H

#include <stdbool.h>

/* Installs handlers for INT, TERM, HUP, PIPE, QUIT, XFSZ (which fails the write instead). Once, in main. */
void gg_cleanup_install(void);

/* Registers a path to unlink when a signal ends the process; returns a handle >= 0, -1 when the list
 * is full. Async-signal-safe list of fixed size; the path is copied. */
int gg_cleanup_add(const char *path);
void gg_cleanup_remove(int handle);

/* True once a signal asks to stop; long loops ask now and then. */
bool gg_interrupted(void);

#endif
