/* generate TEMPLATES OUT: writes OUT/completions, OUT/man and OUT/docs/tokenizers.md. See generate.h. */
#include "packaging/generate/generate.h"

#include "lib/quant/qtype.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the writers share ---------------------------------------------------------------- */

enum gen_action gen_action_of(enum gg_opt_complete kind)
{
    switch (kind) {
    case GG_COMPLETE_FILE:
        return GEN_FILES;
    case GG_COMPLETE_GGUF:
        return GEN_GGUF;
    case GG_COMPLETE_DIR:
        return GEN_DIRS;
    case GG_COMPLETE_QTYPE:
    case GG_COMPLETE_CPU:
    case GG_COMPLETE_ACTION:
        return GEN_WORDS;
    case GG_COMPLETE_TYPE_OR_PRESET:
    case GG_COMPLETE_TENSOR:
    case GG_COMPLETE_KEY:
    case GG_COMPLETE_COMMAND:
    case GG_COMPLETE_ARCH:
    case GG_COMPLETE_PRETOK:
        return GEN_ASK;
    case GG_COMPLETE_NONE:
        break;
    }
    return GEN_NOTHING;
}

enum gen_action gen_action(const struct gg_opt *o)
{
    if (o->kind == GG_OPT_FLAG || o->kind == GG_OPT_COUNT)
        return GEN_NO_VALUE;
    if (o->kind == GG_OPT_CHOICE || o->kind == GG_OPT_TYPE)
        return GEN_WORDS;
    enum gen_action a = gen_action_of(o->complete);
    if (a == GEN_FILES && strpbrk(o->arg, "=@") != NULL)
        return GEN_PART_FILES;
    return a == GEN_NOTHING && o->kind == GG_OPT_PATH ? GEN_FILES : a;
}

void gen_words(struct gg_buf *out, const struct gg_opt *o)
{
    const char *gap = "";
    for (int i = 0; o->kind == GG_OPT_CHOICE && o->choices[i] != NULL; i++, gap = " ")
        gg_buf_addf(out, "%s%s", gap, o->choices[i]);
    for (size_t i = 0; o->kind == GG_OPT_TYPE && i < qt_count(); i++) {
        if (qt_at(i)->flags & QT_ENCODES) {
            gg_buf_addf(out, "%s%s", gap, qt_at(i)->name);
            gap = " ";
        }
    }
}

void gen_actions(struct gg_buf *out, const struct cmd *c)
{
    for (const char *s = c->args; *s != ' ' && *s != '\0'; s++)
        gg_buf_addc(out, *s == '|' ? ' ' : *s);
}

void gen_each_option(const struct cmd *c, bool hidden, struct gg_buf *out,
                     void (*fn)(struct gg_buf *out, const struct cmd *c, const struct gg_opt *o))
{
    const struct gg_opt *opts = c != NULL ? c->opts : gg_opts_global.opts;
    struct gg_opt_walk w = gg_opt_walk((struct gg_opt_table){opts, NULL});
    for (const struct gg_opt *o; (o = gg_opt_next(&w, NULL)) != NULL;) {
        if (hidden || !o->hidden)
            fn(out, c, o);
    }
}

void gen_each_command(struct gg_buf *out, void (*fn)(struct gg_buf *out, const struct cmd *c))
{
    for (size_t i = 0; i < cmd_count; i++) {
        if (!cmd_list[i]->hidden)
            fn(out, cmd_list[i]);
    }
}

void gen_quote(struct gg_buf *out, const char *text, const char *quote)
{
    gg_buf_addc(out, '\'');
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            gg_buf_adds(out, quote);
        else
            gg_buf_addc(out, *text);
    }
    gg_buf_addc(out, '\'');
}

static const struct gen_mark *find_mark(const struct gen_mark *m, const char *name, size_t n)
{
    while (m->name != NULL && (strlen(m->name) != n || strncmp(m->name, name, n) != 0))
        m++;
    return m->name != NULL ? m : NULL;
}

bool gen_template(struct gg_buf *out, const char *text, const struct gen_mark *marks)
{
    while (*text != '\0') {
        size_t n = strcspn(text, "\n");
        char word[64] = "";
        if (n < 3 || text[0] != '@' || text[n - 1] != '@') {
            gg_buf_add(out, text, n);
            gg_buf_addc(out, '\n');
        } else {
            size_t len = strcspn(text + 1, " @\n");
            const struct gen_mark *m = find_mark(marks, text + 1, len);
            if (m == NULL || n - len >= sizeof word) {
                fprintf(stderr, "generate: nothing known for %.*s\n", (int)n, text);
                return false;
            }
            if (text[len + 1] == ' ')
                snprintf(word, sizeof word, "%.*s", (int)(n - len - 3), text + len + 2);
            m->fn(out, word);
        }
        text += n + (text[n] == '\n');
    }
    return true;
}

/* ---- files --------------------------------------------------------------------------------- */

char *gen_read(const char *folder, const char *name)
{
    enum { MOST = 1 << 20 };
    char path[4096], *text = calloc(1, MOST);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "r");
    if (f == NULL || text == NULL || fread(text, 1, MOST - 1, f) == 0 || ferror(f)) {
        perror(path);
        exit(1);
    }
    fclose(f);
    return text;
}

static void write_file(const char *folder, const char *name, struct gg_buf *text)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = text->failed ? NULL : fopen(path, "w");
    if (f == NULL || fwrite(text->data, 1, text->nbytes, f) != text->nbytes || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
    gg_buf_free(text);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *template, *out;
        bool (*fn)(struct gg_buf *out, const char *template);
    } files[] = {
        {"ggtool.bash.in", "completions/ggtool.bash", gen_bash},
        {"_ggtool.in", "completions/_ggtool", gen_zsh},
        {"ggtool.fish.in", "completions/ggtool.fish", gen_fish},
        {"ggtool.1.in", "man/ggtool.1", gen_man_main},
        {"ggtool-types.7.in", "man/ggtool-types.7", gen_man_types},
        {"tokenizers.md.in", "docs/tokenizers.md", gen_tokenizers},
    };
    if (argc != 3) {
        fputs("usage: generate TEMPLATES OUT\n", stderr);
        return 2;
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct gg_buf out = GG_BUF_INIT;
        char *template = gen_read(argv[1], files[i].template);
        if (!files[i].fn(&out, template))
            return 1;
        write_file(argv[2], files[i].out, &out);
        free(template);
    }
    for (size_t i = 0; i < cmd_count; i++) {
        struct gg_buf out = GG_BUF_INIT;
        char name[64];
        if (cmd_list[i]->hidden)
            continue;
        snprintf(name, sizeof name, "man/ggtool-%s.1", cmd_list[i]->name);
        gen_man_command(&out, cmd_list[i]);
        write_file(argv[2], name, &out);
    }
    return 0;
}
