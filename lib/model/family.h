/* Do the shards of a set look like parts of one model? */
#ifndef GG_FAMILY_H
#define GG_FAMILY_H

#include "lib/model/model.h"

/* Adds a GG_FAULT "foreign-shard" for each shard that contradicts the first one's metadata: a key with
 * another value, a layer the model has not, a row width that is not its embedding length; and a
 * GG_WARN "missing-layer" when a layer has no tensor at all. Nothing for a single file or a foreign
 * source. Metadata alone are looked at, so that a shard of another model of the same shape is not
 * found. GG_ERR_NOMEM. */
GG_MUST_CHECK int gg_model_check_family(const struct gg_model *m, struct gg_findings *found,
                                        struct gg_err *err);

#endif
