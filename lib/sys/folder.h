/* Folders that an output needs. */
#ifndef GG_FOLDER_H
#define GG_FOLDER_H

#include "lib/base/err.h"

#include <stddef.h>

/* Makes the folders on the way to the file `path` that are not there, as mkdir -p does for its
 * parent. *made: bytes of path up to the end of the first one that was made, 0: none was. Errors:
 * GG_ERR_IO naming the folder; what was made before is taken away again. */
GG_MUST_CHECK int gg_folder_make_for(const char *path, size_t *made, struct gg_err *err);
/* Takes away what that made, as far as it is empty. */
void gg_folder_unmake(const char *path, size_t made);

#endif
