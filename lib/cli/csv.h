/* CSV: one field (RFC 4180). */
#ifndef GG_CSV_H
#define GG_CSV_H

#include <stddef.h>
#include <stdio.h>

/* Writes n bytes of text as a field in quotes. Escape names from files first. */
void gg_csv_text(FILE *f, const char *s, size_t n);

#endif
