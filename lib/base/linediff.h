/* Two texts line by line, as `diff -u` shows them. */
#ifndef GG_LINEDIFF_H
#define GG_LINEDIFF_H

#include "lib/base/buf.h"

struct gg_line_diff {
    size_t n_removed, n_added; /* lines */
    bool whole; /* so many differ that no common lines were looked for between the first and last */
};

/* Appends the hunks, each line escaped (lib/base/text.h) behind ' ', '-' or '+', with so many equal
 * lines around; out NULL: only counts. Of a long line that became another, the part that differs is
 * shown. Few lines in common are found as the shortest script (Myers, "An O(ND) difference
 * algorithm", 1986); GG_ERR_NOMEM is the only error. */
GG_MUST_CHECK int gg_line_diff(struct gg_line_diff *counts, struct gg_buf *out, const char *a,
                               size_t a_nbytes, const char *b, size_t b_nbytes, size_t context,
                               struct gg_err *err);

#endif
