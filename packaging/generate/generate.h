/* generate: writes completions, man pages and a table of tokenizers from the tables of the program.
 *
 * One file for each kind of output. Each takes the text of a template, in which lines "@NAME@" stand
 * for what is generated, and the tables as everything else sees them.
 */
#ifndef GEN_GENERATE_H
#define GEN_GENERATE_H

#include "cmds/cmd.h"
#include "lib/base/buf.h"

/* What a shell does for the value of an option or for an argument. */
enum gen_action {
    GEN_NO_VALUE, /* a flag */
    GEN_NOTHING,  /* there is a value, but nothing to offer */
    GEN_WORDS,    /* one of a fixed list */
    GEN_ASK,      /* ggtool complete knows */
    GEN_FILES,
    GEN_PART_FILES, /* NAME=FILE, @FILE: a file behind = or @ */
    GEN_GGUF,       /* GGUF files before others */
    GEN_DIRS,
};
enum gen_action gen_action(const struct gg_opt *o);
enum gen_action gen_action_of(enum gg_opt_complete kind);
/* The words of GEN_WORDS, set apart by spaces: of an option, of the first argument of a command. */
void gen_words(struct gg_buf *out, const struct gg_opt *o);
void gen_actions(struct gg_buf *out, const struct cmd *c);

/* Calls fn for each option of c (NULL: the global ones), hidden ones only when asked for. */
void gen_each_option(const struct cmd *c, bool hidden, struct gg_buf *out,
                     void (*fn)(struct gg_buf *out, const struct cmd *c, const struct gg_opt *o));
/* And for each command that is not hidden. */
void gen_each_command(struct gg_buf *out, void (*fn)(struct gg_buf *out, const struct cmd *c));

struct gen_mark {
    const char *name; /* a line of the template that is just @name@, or @name word@ */
    void (*fn)(struct gg_buf *out, const char *word);
};
/* Copies the template, the lines of marks (ended by a NULL name) put in. False: an unknown mark. */
bool gen_template(struct gg_buf *out, const char *text, const struct gen_mark *marks);

/* 'text' with every single quote written as quote. */
void gen_quote(struct gg_buf *out, const char *text, const char *quote);

/* The whole text of a file; ends the program when there is none. */
char *gen_read(const char *folder, const char *name);

/* Text as mdoc source: filled lines, a sentence to a line, paragraphs, literal lines as they are. */
void gen_mdoc(struct gg_buf *out, const char *text);
/* One line, as it is. */
void gen_mdoc_literal(struct gg_buf *out, const char *s, size_t n);

bool gen_bash(struct gg_buf *out, const char *template);
bool gen_zsh(struct gg_buf *out, const char *template);
bool gen_fish(struct gg_buf *out, const char *template);
void gen_man_command(struct gg_buf *out, const struct cmd *c);
bool gen_man_main(struct gg_buf *out, const char *template);
bool gen_man_types(struct gg_buf *out, const char *template);
bool gen_tokenizers(struct gg_buf *out, const char *template);

#endif
