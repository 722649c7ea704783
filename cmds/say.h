/* What several commands tell about a model they have opened. */
#ifndef CMD_SAY_H
#define CMD_SAY_H

#include "cmds/cmd.h"
#include "lib/model/model.h"

/* What an output will not have of the input: version, byte order; then the findings, at most max of
 * them without -v: order and gaps of the file, not its content. */
void cmd_say_normalized(struct cmd_env *env, const struct gg_model *m, size_t max_findings);

#endif
