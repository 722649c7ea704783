/* The rows of the fish completion; what works with them stands in ggtool.fish.in. */
#include "packaging/generate/generate.h"

static void add_values(struct gg_buf *out, const struct gg_opt *o)
{
    enum gen_action a = gen_action(o);
    if (a == GEN_NO_VALUE)
        return;
    if (o->kind != GG_OPT_GLOB)
        gg_buf_adds(out, a == GEN_FILES || a == GEN_GGUF ? " -r" : " -x");
    if (a == GEN_FILES || a == GEN_GGUF)
        gg_buf_adds(out, " -F");
    if (a == GEN_WORDS) {
        gg_buf_adds(out, " -a '");
        gen_words(out, o);
        gg_buf_addc(out, '\'');
    } else if (a == GEN_ASK) {
        gg_buf_adds(out, " -a '(__ggtool_ask)'");
    } else if (a == GEN_PART_FILES) {
        gg_buf_adds(out, " -a '(__ggtool_part_files)'");
    } else if (a == GEN_GGUF) {
        gg_buf_adds(out, " -k -a '(__fish_complete_suffix .gguf)'");
    } else if (a == GEN_DIRS) {
        gg_buf_adds(out, " -a '(__fish_complete_directories)'");
    }
}

static void add_option(struct gg_buf *out, const struct cmd *c, const struct gg_opt *o)
{
    gg_buf_adds(out, "complete -c ggtool");
    if (c != NULL)
        gg_buf_addf(out, " -n '__ggtool_using %s'", c->name);
    if (o->letter != 0)
        gg_buf_addf(out, " -s %c", o->letter);
    gg_buf_addf(out, " -l %s", o->name);
    add_values(out, o);
    gg_buf_adds(out, " -d ");
    gen_quote(out, o->help, "\\'");
    gg_buf_addc(out, '\n');
}

/* By number where they differ. */
static void add_argument(struct gg_buf *out, const struct cmd *c, enum gen_action a,
                         const char *when)
{
    gg_buf_addf(out, "complete -c ggtool -n '__ggtool_using %s%s'", c->name, when);
    if (a == GEN_GGUF)
        gg_buf_adds(out, " -k -F -a '(__fish_complete_suffix .gguf)'");
    else if (a == GEN_ASK)
        gg_buf_adds(out, " -f -a '(__ggtool_ask)'");
    else if (a == GEN_DIRS)
        gg_buf_adds(out, " -f -a '(__fish_complete_directories)'");
    else
        gg_buf_adds(out, a == GEN_FILES ? " -F" : " -f");
    if (a == GEN_WORDS) {
        gg_buf_adds(out, " -a '");
        gen_actions(out, c);
        gg_buf_addc(out, '\'');
    }
    gg_buf_addc(out, '\n');
}

static void rows_of(struct gg_buf *out, const struct cmd *c)
{
    enum gen_action a[3];
    for (size_t i = 0; i < 3; i++)
        a[i] = gen_action_of(cmd_takes(c, i));
    gg_buf_addf(out, "\n# %s\n", c->name);
    gen_each_option(c, false, out, add_option);
    if (a[0] == a[1] && a[1] == a[2]) {
        add_argument(out, c, a[0], "");
        return;
    }
    add_argument(out, c, a[0], " 0");
    add_argument(out, c, a[1], " 1");
    add_argument(out, c, a[2], " more");
}

static void rows(struct gg_buf *out, const char *word)
{
    (void)word;
    gen_each_command(out, rows_of);
}

static void globals(struct gg_buf *out, const char *word)
{
    (void)word;
    gen_each_option(NULL, false, out, add_option);
}

static void command_row(struct gg_buf *out, const struct cmd *c)
{
    gg_buf_addf(out, "complete -c ggtool -n __ggtool_needs_command -f -a %s -d ", c->name);
    gen_quote(out, c->brief, "\\'");
    gg_buf_addf(out, "\ncomplete -c gg-%s -w 'ggtool %s'\n", c->name, c->name);
}

static void commands(struct gg_buf *out, const char *word)
{
    (void)word;
    gen_each_command(out, command_row);
}

/* Options that have a value in the next word, or in the next two. */
static void add_taker(struct gg_buf *out, const struct cmd *c, const struct gg_opt *o)
{
    const char *two = o->kind == GG_OPT_PAIRS ? "2" : "";
    (void)c;
    if (gen_action(o) == GEN_NO_VALUE || o->kind == GG_OPT_GLOB)
        return;
    gg_buf_addf(out, " %s--%s", two, o->name);
    if (o->letter != 0)
        gg_buf_addf(out, " %s-%c", two, o->letter);
}

static void takers_of(struct gg_buf *out, const struct cmd *c)
{
    struct gg_buf names = GG_BUF_INIT;
    gen_each_option(c, true, &names, add_taker);
    if (names.nbytes > 0)
        gg_buf_addf(out, "        case %s\n            printf '%%s\\n'%s\n",
                    c != NULL ? c->name : "''", gg_buf_str(&names));
    gg_buf_free(&names);
}

static void takers(struct gg_buf *out, const char *word)
{
    (void)word;
    takers_of(out, NULL);
    gen_each_command(out, takers_of);
}

bool gen_fish(struct gg_buf *out, const char *template)
{
    static const struct gen_mark marks[] = {
        {"TAKERS", takers}, {"GLOBAL", globals}, {"COMMANDS", commands}, {"ROWS", rows}, {NULL, NULL},
    };
    return gen_template(out, template, marks);
}
