/* File types: what general.file_type says, and what the tensors are. */
#ifndef GG_JOB_FTYPE_H
#define GG_JOB_FTYPE_H

#include "lib/model/describe.h"

/* The file type by what the tensors are, as an id of general.file_type. */
uint32_t gg_ftype_found(const struct gg_desc *d);
/* "Q4_K_M"; "unknown (77)", written to tmp. Upstream's flag for "guessed" is passed over. */
const char *gg_ftype_name(uint64_t ftype, char tmp[32]);

#endif
