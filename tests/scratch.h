/* A folder of its own for a test, and little helpers to look at files. */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <stdbool.h>
#include <stddef.h>

/* Makes build/scratch-XXXXXX or the like; the path is valid until scratch_end, which removes it. */
const char *scratch_begin(void);
void scratch_end(void);
/* "<folder>/name", in a small ring of static buffers. */
const char *scratch_path(const char *name);
void scratch_write(const char *name, const void *p, size_t n);
/* The file's bytes, malloc'd; NULL when it is not there. */
char *scratch_read(const char *name, size_t *n);
/* Entries of the folder, hidden ones too. */
size_t scratch_count(void);

#endif
