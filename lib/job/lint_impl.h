/* What the parts of the lint share. */
#ifndef GG_JOB_LINT_IMPL_H
#define GG_JOB_LINT_IMPL_H

#include "lib/job/lint.h"

/* Findings of a kind are bounded; this many are listed. */
enum { GG_LINT_MOST = 20 };

/* lint_vocab.c: vocabulary, special tokens, chat templates. */
void gg_lint_vocab(const struct gg_model *m, const struct gg_desc *d, struct gg_findings *f);

/* A metadata finding at the place of kv (NULL: of none). */
void gg_lint_note(struct gg_findings *f, enum gg_severity severity, const char *code,
                  const struct ggf_kv *kv, const char *fmt, ...) GG_PRINTF(5, 6);

#endif
