/* Clean-up on signals: temporaries are removed, then the signal does what it would have done. */
#ifndef GG_CLEANUP_H
#define GG_CLEANUP_H

#include <stdbool.h>

/* Installs handlers for INT, TERM, HUP, PIPE, QUIT and ignores XFSZ (the write fails instead). A
 * signal that is ignored stays so. Once, in main. */
void gg_cleanup_install(void);

/* Registers a path to unlink when a signal ends the process; returns a handle >= 0, -1 when the list
 * is full or memory is out. List of fixed size; the path is copied. Any thread. */
int gg_cleanup_add(const char *path);
void gg_cleanup_remove(int handle); /* takes -1 */

/* Between these, the signals above wait: for the moments in which a set of files gets its names.
 * They nest, in one thread, while no other thread of ours runs. */
void gg_cleanup_hold(void);
void gg_cleanup_release(void);

/* True when a signal waits that has come between them. */
bool gg_cleanup_pending(void);

/* True once a signal asks to stop; long loops ask now and then. */
bool gg_interrupted(void);

#endif
