/* Zip files as stores. */
#ifndef GG_ZIP_H
#define GG_ZIP_H

#include "lib/import/store.h"

/* The members of the zip file `in`, which must live longer. sequential: any is packed. */
GG_MUST_CHECK int gg_store_open_zip(struct gg_store **out, struct gg_input *in, const char *prefix,
                                    struct gg_err *err);
/* Where the data of a member that was opened begin in the zip file. */
uint64_t gg_store_zip_data_off(struct gg_store *s, size_t i);

#endif
