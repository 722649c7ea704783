/* Help: text from tables. Nothing here knows a command; cmds/help.c puts the pieces together. */
#ifndef GG_HELP_H
#define GG_HELP_H

#include "lib/base/buf.h"
#include "lib/cli/opt.h"

/* Appends text broken at spaces to lines of at most `width` columns, each after `indent` spaces. An
 * empty line ends a paragraph; a line that begins with a space is copied as it is. */
void gg_help_wrap(struct gg_buf *out, const char *text, size_t indent, size_t width);

/* Appends the options of a table, a line or more each: own ones under `title`, those of groups under
 * their titles. Nothing when there are none. */
void gg_help_options(struct gg_buf *out, const char *title, const struct gg_opt *opts, size_t width);

/* "-j, --jobs=N" and the like. */
void gg_help_option_name(struct gg_buf *out, const struct gg_opt *o);

#endif
