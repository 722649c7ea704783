/* Do the shards of a set look like parts of one model? */
#ifndef GG_FAMILY_H
#define GG_FAMILY_H

#include "lib/model/model.h"

/* Adds a GG_FAULT "foreign-shard" for each shard that contradicts the first one's metadata: a key
 * with another value, a layer the model has not, a row width that is not its embedding length.
 * Nothing for a single file or a foreign source. Metadata alone are looked at, so that a shard of
 * another model of the same shape is not found. */
void gg_model_check_family(const struct gg_model *m, struct gg_findings *found);

#endif
