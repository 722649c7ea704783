/* Lint: what is legal in a model, and probably not what was meant. */
#ifndef GG_JOB_LINT_H
#define GG_JOB_LINT_H

#include "lib/model/describe.h"

/* Notes what metadata and tensors say that does not fit together, or that llama.cpp trips over.
 * Codes (severity; GG_FAULT where the model cannot work):
 *
 *     no-architecture, no-file-type, file-type, no-quantization-version, old-version, big-alignment
 *     stale-split, split-total            keys of a shard set in a file that is none
 *     model-name, private-path            what should not be published
 *     layer-count, layer-number, activation-type
 *     vocab-length (fault), vocab-rows (fault), token-id, token-twice, token-kind, byte-token,
 *     no-pre-tokenizer, no-merges, merge, template-unsafe, template-token
 *
 * Only what could be read is looked at; looks at metadata alone. */
void gg_lint(const struct gg_model *m, struct gg_findings *f);

#endif
