/* The _arguments of the zsh completion; what works with them stands in _ggtool.in. */
#include "packaging/generate/generate.h"

#include <string.h>

/* Text inside a specification: there, : and ] mean something. */
static void add_text(struct gg_buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr(":[]\\", *text) != NULL)
            gg_buf_addc(out, '\\');
        if (*text == '\'')
            gg_buf_adds(out, "'\\''");
        else
            gg_buf_addc(out, *text);
    }
}

static const char *function_of(enum gen_action a)
{
    static const char *const names[] = {
        [GEN_NO_VALUE] = " ",    [GEN_NOTHING] = " ",         [GEN_WORDS] = " ",
        [GEN_ASK] = "_ggtool_ask", [GEN_FILES] = "_files",    [GEN_PART_FILES] = "_ggtool_part_files",
        [GEN_GGUF] = "_ggtool_gguf", [GEN_DIRS] = "_directories",
    };
    return names[a];
}

/* ":TYPE:action", once a word. */
static void add_values(struct gg_buf *out, const struct gg_opt *o)
{
    enum gen_action a = gen_action(o);
    if (a == GEN_NO_VALUE)
        return;
    gg_buf_adds(out, o->kind == GG_OPT_GLOB ? "::" : ":");
    add_text(out, o->arg);
    gg_buf_addc(out, ':');
    if (a == GEN_WORDS) {
        gg_buf_addc(out, '(');
        gen_words(out, o);
        gg_buf_addc(out, ')');
    } else {
        gg_buf_adds(out, function_of(a));
    }
    if (o->kind == GG_OPT_PAIRS)
        gg_buf_adds(out, ":: ");
}

static void add_option(struct gg_buf *out, const struct cmd *c, const struct gg_opt *o)
{
    enum gen_action a = gen_action(o);
    bool repeats = o->kind == GG_OPT_LIST || o->kind == GG_OPT_PAIRS || o->kind == GG_OPT_COUNT;
    const char *how = a == GEN_NO_VALUE ? "" : o->kind == GG_OPT_GLOB ? "=-" : "=";
    (void)c;
    gg_buf_adds(out, "        ");
    if (o->letter != 0 && repeats)
        gg_buf_addf(out, "\\*{-%c%s,--%s%s}'", o->letter, a != GEN_NO_VALUE ? "+" : "", o->name, how);
    else if (o->letter != 0)
        gg_buf_addf(out, "'(-%c --%s)'{-%c%s,--%s%s}'", o->letter, o->name, o->letter,
                    a != GEN_NO_VALUE ? "+" : "", o->name, how);
    else
        gg_buf_addf(out, "'%s--%s%s", repeats ? "*" : "", o->name, how);
    gg_buf_addc(out, '[');
    add_text(out, o->help);
    gg_buf_addc(out, ']');
    add_values(out, o);
    gg_buf_adds(out, "'\n");
}

/* Its arguments by number; the last ones together. */
static void add_arguments(struct gg_buf *out, const struct cmd *c)
{
    for (size_t i = 0; i < 3 && i < c->max_args; i++) {
        bool rest = i == 2 || (c->max_args > 3 && i > 0 && cmd_takes(c, i) == cmd_takes(c, 2)) ||
                    (c->max_args > 3 && cmd_takes(c, 0) == cmd_takes(c, 1) &&
                     cmd_takes(c, 1) == cmd_takes(c, 2));
        enum gen_action a = gen_action_of(cmd_takes(c, i));
        if (rest)
            gg_buf_adds(out, "        '*:argument:");
        else
            gg_buf_addf(out, "        '%zu%sargument:", i + 1, i < c->min_args ? ":" : "::");
        if (a == GEN_WORDS) {
            gg_buf_addc(out, '(');
            gen_actions(out, c);
            gg_buf_addc(out, ')');
        } else {
            gg_buf_adds(out, function_of(a));
        }
        gg_buf_adds(out, "'\n");
        if (rest)
            break;
    }
}

static void function_for(struct gg_buf *out, const struct cmd *c)
{
    gg_buf_addf(out, "_ggtool-%s()\n{\n    specs=(\n", c->name);
    gen_each_option(c, false, out, add_option);
    add_arguments(out, c);
    gg_buf_adds(out, "    )\n}\n\n");
}

static void functions(struct gg_buf *out, const char *word)
{
    (void)word;
    gen_each_command(out, function_for);
}

static void globals(struct gg_buf *out, const char *word)
{
    (void)word;
    gen_each_option(NULL, false, out, add_option);
}

static void command_line(struct gg_buf *out, const struct cmd *c)
{
    gg_buf_addf(out, "        '%s:", c->name);
    add_text(out, c->brief);
    gg_buf_adds(out, "'\n");
}

static void commands(struct gg_buf *out, const char *word)
{
    (void)word;
    gen_each_command(out, command_line);
}

static void add_link(struct gg_buf *out, const struct cmd *c)
{
    gg_buf_addf(out, " gg-%s", c->name);
}

static void head(struct gg_buf *out, const char *word)
{
    (void)word;
    gg_buf_adds(out, "#compdef ggtool");
    gen_each_command(out, add_link);
    gg_buf_addc(out, '\n');
}

bool gen_zsh(struct gg_buf *out, const char *template)
{
    static const struct gen_mark marks[] = {
        {"HEAD", head}, {"COMMANDS", commands}, {"GLOBAL", globals}, {"FUNCTIONS", functions},
        {NULL, NULL},
    };
    return gen_template(out, template, marks);
}
