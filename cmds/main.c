/* ggtool: finds the command, parses its options, runs it, and is the one place that exits.
 *
 * Called through a link named gg-COMMAND it is that command.
 */
#include "cmds/cmd.h"
#include "lib/base/text.h"
#include "lib/sys/cleanup.h"
#include "lib/sys/file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The command that argv[0] names ("gg-inspect"), or NULL. */
static const struct cmd *command_of_link(const char *argv0)
{
    const char *slash = strrchr(argv0, '/');
    const char *base = slash != NULL ? slash + 1 : argv0;
    return strncmp(base, "gg-", 3) == 0 ? cmd_find(base + 3) : NULL;
}

/* Global options as far as they are known become the environment. */
static int settle_globals(struct cmd_env *env, struct gg_err *err)
{
    const struct gg_globals *g = &env->globals;
    env->msg.level = g->quiet ? -1 : (int)g->verbose;
    env->msg.term = gg_term_of(2, (enum gg_when)g->color);
    env->out_term = gg_term_of(1, (enum gg_when)g->color);
    env->progress = (enum gg_when)g->progress;
    env->n_threads = g->jobs.set ? (unsigned)g->jobs.v : 0;
    return gg_globals_cpu(g, &env->cpu, err);
}

static int check_arity(const struct cmd *c, size_t n, char **argv, struct gg_err *err)
{
    char shown[128];
    if (n < c->min_args)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "%s missing: ggtool %s %s",
                       n == 0 && c->min_args > 1 ? "arguments are" : "an argument is", c->name,
                       c->args);
    if (n > c->max_args)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "one argument too many: '%s'",
                       gg_text_escape_into(shown, sizeof shown, argv[c->max_args],
                                           strlen(argv[c->max_args])));
    return GG_OK;
}

/* Finds the command in argv and takes its name and all before it away. NULL in *out: none named. */
static int find_command(struct cmd_env *env, int *argc, char ***argv, const struct cmd **out,
                        struct gg_err *err)
{
    struct gg_opt_table globals = {gg_opts_global.opts, &env->globals};
    int rc = gg_opt_parse(&globals, 1, GG_OPT_STOP_AT_ARG, *argv, argc, &env->mem, err);
    *out = NULL;
    if (rc != GG_OK || *argc == 0)
        return rc;
    *out = cmd_find((*argv)[0]);
    if (*out == NULL)
        return env->globals.help || env->globals.version ? GG_OK
                                                         : cmd_fail_unknown((*argv)[0], err);
    ++*argv;
    --*argc;
    return GG_OK;
}

static int print_help(struct cmd_env *env, const struct cmd *c)
{
    if (!env->globals.version)
        return cmd_print_help(env, c);
    fputs("ggtool " GG_VERSION "\n", env->out);
    return CMD_OK;
}

/* Options of the command c, then the command itself. */
static int run_command(struct cmd_env *env, const struct cmd *c, int argc, char **argv)
{
    struct gg_err err;
    void *opts = gg_arena_zalloc(&env->mem, 1, c->opts_nbytes + 1);
    if (opts == NULL) {
        gg_fail_nomem(&err, "options");
        return gg_msg_fail(&env->msg, &err);
    }
    struct gg_opt_table tables[2] = {{gg_opts_global.opts, &env->globals}, {c->opts, opts}};
    gg_opt_init(tables[1]);
    if (c->defaults != NULL)
        c->defaults(opts);
    env->cmd = c;
    snprintf(env->msg.who, sizeof env->msg.who, "ggtool: %s", c->name);
    int rc = gg_opt_parse(tables, 2, 0, argv, &argc, &env->mem, &err);
    if (env->globals.help || env->globals.version)
        return print_help(env, c);
    if (rc == GG_OK)
        rc = settle_globals(env, &err);
    if (rc == GG_OK)
        rc = check_arity(c, (size_t)argc, argv, &err);
    if (rc != GG_OK)
        return gg_msg_fail(&env->msg, &err);
    return c->run(env, opts, argc, argv);
}

static int dispatch(struct cmd_env *env, int argc, char **argv)
{
    struct gg_err err;
    const struct cmd *c = argc > 0 ? command_of_link(argv[0]) : NULL;
    if (argc > 0) {
        argc--;
        argv++;
    }
    if (c == NULL && find_command(env, &argc, &argv, &c, &err) != GG_OK && !env->globals.help)
        return gg_msg_fail(&env->msg, &err);
    if (c != NULL)
        return run_command(env, c, argc, argv);
    if (env->globals.help || env->globals.version)
        return print_help(env, NULL);
    gg_msg_error(&env->msg, "no command given; see 'ggtool help'");
    return CMD_USAGE;
}

/* With a buffer of one size whatever the C library, what goes to a file or a pipe stands there in the
 * same order. */
static void widen_stdout(void)
{
    static char buf[1 << 16]; /* outlives main */
    if (!isatty(STDOUT_FILENO))
        setvbuf(stdout, buf, _IOFBF, sizeof buf);
}

int main(int argc, char **argv)
{
    struct cmd_env env = {.out = stdout};
    widen_stdout();
    gg_msg_init(&env.msg, stderr);
    gg_cleanup_install();
    gg_file_allow_many();
    int rc = dispatch(&env, argc, argv);
    int out_rc = gg_msg_close_out(&env.msg, env.out);
    gg_msg_destroy(&env.msg);
    gg_arena_free(&env.mem);
    return rc == CMD_OK ? out_rc : rc;
}
