/* The help command, the list of commands, and the help of each. */
#include "cmds/cmd.h"
#include "lib/base/text.h"
#include "lib/cli/help.h"

#include <string.h>

enum { HELP_WIDTH = 80 };

static int run_help(struct cmd_env *env, void *opts, int argc, char **argv);

const struct cmd cmd_help = {
    .name = "help",
    .group = "Help",
    .args = "[COMMAND]",
    .brief = "Explain ggtool or one of its commands",
    .details = "Without COMMAND, lists the commands and the options all of them take.",
    .examples = "ggtool help inspect\tall about inspect\n",
    .max_args = 1,
    .takes = {GG_COMPLETE_COMMAND},
    .run = run_help,
};

#define CMD(name) extern const struct cmd cmd_##name;
#include "cmds/cmds.def"
#undef CMD

const struct cmd *const cmd_list[] = {
#define CMD(name) &cmd_##name,
#include "cmds/cmds.def"
#undef CMD
};
const size_t cmd_count = sizeof cmd_list / sizeof cmd_list[0];

const struct cmd *cmd_find(const char *name)
{
    for (size_t i = 0; i < cmd_count; i++) {
        if (strcmp(cmd_list[i]->name, name) == 0)
            return cmd_list[i];
    }
    return NULL;
}

enum gg_opt_complete cmd_takes(const struct cmd *c, size_t i)
{
    size_t last = sizeof c->takes / sizeof c->takes[0] - 1;
    while (last > 0 && c->takes[last] == GG_COMPLETE_NONE)
        last--;
    if (i >= c->max_args)
        return GG_COMPLETE_NONE;
    if (c->takes[last] == GG_COMPLETE_NONE)
        return GG_COMPLETE_GGUF;
    return c->takes[i < last ? i : last];
}

int cmd_fail_unknown(const char *name, struct gg_err *err)
{
    const char *names[64], *near;
    char shown[128];
    size_t n = 0;
    for (size_t i = 0; i < cmd_count && n < 64; i++) {
        if (!cmd_list[i]->hidden)
            names[n++] = cmd_list[i]->name;
    }
    gg_text_escape_into(shown, sizeof shown, name, strlen(name));
    near = gg_opt_nearest(name, names, n);
    if (near == NULL)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "unknown command '%s'; see 'ggtool help'", shown);
    return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "unknown command '%s'; did you mean '%s'?", shown,
                   near);
}

/* Is this the first command of its group in the list? */
static bool opens_group(size_t i)
{
    if (cmd_list[i]->hidden)
        return false;
    for (size_t k = 0; k < i; k++) {
        if (strcmp(cmd_list[k]->group, cmd_list[i]->group) == 0)
            return false;
    }
    return true;
}

static void help_all(struct gg_buf *out)
{
    gg_buf_adds(out, "ggtool " GG_VERSION " - look at, make and move GGUF models\n\n"
                     "Usage: ggtool COMMAND [OPTION]... [FILE]...\n");
    for (size_t i = 0; i < cmd_count; i++) {
        if (!opens_group(i))
            continue;
        gg_buf_addf(out, "\n%s:\n", cmd_list[i]->group);
        for (size_t k = i; k < cmd_count; k++) {
            if (!cmd_list[k]->hidden && strcmp(cmd_list[k]->group, cmd_list[i]->group) == 0)
                gg_buf_addf(out, "  %-12s %s\n", cmd_list[k]->name, cmd_list[k]->brief);
        }
    }
    gg_help_options(out, gg_opts_global.title, gg_opts_global.opts, HELP_WIDTH);
    gg_buf_adds(out, "\n'ggtool help COMMAND' explains one command.\n"
                     "Exit status: 0 done, 1 the answer is no, 2 usage, 3 bad input, 4 environment,\n"
                     "5 a bug in ggtool.\n");
}

static void add_examples(struct gg_buf *out, const char *s)
{
    gg_buf_adds(out, "\nExamples:\n");
    while (*s != '\0') {
        size_t n = strcspn(s, "\t\n");
        size_t end = n + strcspn(s + n, "\n");
        gg_buf_adds(out, "  ");
        gg_buf_add(out, s, n);
        if (s[n] == '\t') {
            gg_buf_adds(out, "\n      ");
            gg_buf_add(out, s + n + 1, end - n - 1);
        }
        gg_buf_addc(out, '\n');
        s += end + (s[end] == '\n');
    }
}

void cmd_help_one(struct gg_buf *out, const struct cmd *c)
{
    gg_buf_addf(out, "Usage: ggtool %s%s%s%s\n\n%s.\n", c->name, c->opts != NULL ? " [OPTION]..." : "",
                c->args != NULL ? " " : "", c->args != NULL ? c->args : "", c->brief);
    if (c->details != NULL) {
        gg_buf_addc(out, '\n');
        gg_help_wrap(out, c->details, 0, HELP_WIDTH);
    }
    if (c->opts != NULL)
        gg_help_options(out, "Options", c->opts, HELP_WIDTH);
    gg_help_options(out, gg_opts_global.title, gg_opts_global.opts, HELP_WIDTH);
    if (c->examples != NULL)
        add_examples(out, c->examples);
}

int cmd_print_help(struct cmd_env *env, const struct cmd *c)
{
    struct gg_buf text = GG_BUF_INIT;
    if (c != NULL)
        cmd_help_one(&text, c);
    else
        help_all(&text);
    fputs(gg_buf_str(&text), env->out);
    gg_buf_free(&text);
    return CMD_OK;
}

static int run_help(struct cmd_env *env, void *opts, int argc, char **argv)
{
    const struct cmd *c = argc > 0 ? cmd_find(argv[0]) : NULL;
    (void)opts;
    if (argc > 0 && c == NULL) {
        struct gg_err err;
        cmd_fail_unknown(argv[0], &err);
        return gg_msg_fail(&env->msg, &err);
    }
    return cmd_print_help(env, c);
}
