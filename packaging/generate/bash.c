/* The tables of the bash completion; what works with them stands in ggtool.bash.in. */
#include "packaging/generate/generate.h"

static void add_name(struct gg_buf *out, const struct cmd *c)
{
    gg_buf_addf(out, " %s", c->name);
}

static void commands(struct gg_buf *out, const char *word)
{
    (void)word;
    gg_buf_adds(out, "_ggtool_commands='");
    gen_each_command(out, add_name);
    gg_buf_adds(out, "'\n");
}

static void add_option(struct gg_buf *out, const struct cmd *c, const struct gg_opt *o)
{
    (void)c;
    gg_buf_addf(out, " --%s", o->name);
    if (o->kind == GG_OPT_GLOB)
        gg_buf_addf(out, " --%s=", o->name);
}

static void options_of(struct gg_buf *out, const struct cmd *c)
{
    gg_buf_addf(out, "    %s) options='", c->name);
    gen_each_option(c, false, out, add_option);
    gg_buf_adds(out, "' ;;\n");
}

static void options(struct gg_buf *out, const char *word)
{
    (void)word;
    gen_each_command(out, options_of);
}

static void global_options(struct gg_buf *out, const char *word)
{
    (void)word;
    gg_buf_adds(out, "    options+='");
    gen_each_option(NULL, false, out, add_option);
    gg_buf_adds(out, "'\n");
}

static void add_kind(struct gg_buf *out, const struct cmd *c, const struct gg_opt *o)
{
    static const char *const kinds[] = {
        [GEN_NOTHING] = "none", [GEN_WORDS] = "words", [GEN_ASK] = "ask", [GEN_FILES] = "files",
        [GEN_PART_FILES] = "files", [GEN_GGUF] = "gguf", [GEN_DIRS] = "dirs",
    };
    enum gen_action a = gen_action(o);
    const char *who = c != NULL ? c->name : "*";
    if (a == GEN_NO_VALUE)
        return;
    gg_buf_addf(out, "    %s:--%s", who, o->name);
    if (o->letter != 0)
        gg_buf_addf(out, " | %s:-%c", who, o->letter);
    gg_buf_addf(out, ") kind=%s", kinds[a]);
    if (a == GEN_WORDS) {
        gg_buf_adds(out, " choices='");
        gen_words(out, o);
        gg_buf_addc(out, '\'');
    }
    if (o->kind == GG_OPT_GLOB)
        gg_buf_adds(out, " takes=0");
    if (o->kind == GG_OPT_PAIRS)
        gg_buf_adds(out, " takes=2");
    gg_buf_adds(out, " ;;\n");
}

static void kinds_of(struct gg_buf *out, const struct cmd *c)
{
    gen_each_option(c, true, out, add_kind);
}

static void kinds(struct gg_buf *out, const char *word)
{
    (void)word;
    gen_each_command(out, kinds_of);
    gen_each_option(NULL, true, out, add_kind);
}

/* What argument number n, counted from 0, is. */
static void arguments_of(struct gg_buf *out, const struct cmd *c)
{
    static const char *const names[] = {
        [GEN_NO_VALUE] = "none", [GEN_NOTHING] = "none", [GEN_WORDS] = "words", [GEN_ASK] = "ask",
        [GEN_FILES] = "files", [GEN_PART_FILES] = "files", [GEN_GGUF] = "gguf", [GEN_DIRS] = "dirs",
    };
    for (size_t i = 0; i < 3; i++) {
        const char *which = i == 2 ? "*" : i == 1 ? "1" : "0";
        enum gen_action a = gen_action_of(cmd_takes(c, i));
        gg_buf_addf(out, "    %s:%s) kind=%s", c->name, which, names[a]);
        if (a == GEN_WORDS) {
            gg_buf_adds(out, " choices='");
            gen_actions(out, c);
            gg_buf_addc(out, '\'');
        }
        gg_buf_adds(out, " ;;\n");
    }
}

static void arguments(struct gg_buf *out, const char *word)
{
    (void)word;
    gen_each_command(out, arguments_of);
}

static void add_link(struct gg_buf *out, const struct cmd *c)
{
    gg_buf_addf(out, " gg-%s", c->name);
}

static void links(struct gg_buf *out, const char *word)
{
    (void)word;
    gg_buf_adds(out, "complete -F _ggtool ggtool");
    gen_each_command(out, add_link);
    gg_buf_addc(out, '\n');
}

bool gen_bash(struct gg_buf *out, const char *template)
{
    static const struct gen_mark marks[] = {
        {"COMMANDS", commands}, {"OPTIONS", options},     {"GLOBAL", global_options},
        {"KINDS", kinds},       {"ARGUMENTS", arguments}, {"LINKS", links},
        {NULL, NULL},
    };
    return gen_template(out, template, marks);
}
