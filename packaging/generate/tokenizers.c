/* docs/tokenizers.md: the table of pre-tokenizers, in a text around it. */
#include "packaging/generate/generate.h"

#include "lib/hf/pretok_rules.h"

#include <string.h>

/* In a cell of a table, as code: | would end it. */
static void add_code(struct gg_buf *out, const char *text)
{
    const char *tick = strchr(text, '`') != NULL ? "``" : "`";
    gg_buf_adds(out, tick);
    gg_buf_adds(out, tick[1] != '\0' ? " " : "");
    for (; *text != '\0'; text++)
        gg_buf_addf(out, *text == '|' ? "\\%c" : "%c", *text);
    gg_buf_adds(out, tick[1] != '\0' ? " " : "");
    gg_buf_adds(out, tick);
}

static void add_names(struct gg_buf *out, const char *names)
{
    const char *gap = "";
    while (names != NULL && *names != '\0') {
        size_t n = strcspn(names, " ");
        gg_buf_addf(out, "%s`%.*s`", gap, (int)n, names);
        gap = ", ";
        names += n + strspn(names + n, " ");
    }
}

static void add_when(struct gg_buf *out, const struct hf_pre_rule *r)
{
    const struct {
        enum hf_column c;
        const char *yes, *no;
    } columns[] = {
        {r->starts, "text begins with a special token", "text begins with no special token"},
        {r->removes, "pieces are what is left when the rest is removed", "pieces are isolated"},
        {r->pairs, "RobertaProcessing", "no RobertaProcessing"},
        {r->cleans, "clean_up_tokenization_spaces", "no clean_up_tokenization_spaces"},
    };
    const char *gap = "";
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        if (columns[i].c == HF_ANY)
            continue;
        gg_buf_addf(out, "%s%s", gap, columns[i].c == HF_YES ? columns[i].yes : columns[i].no);
        gap = "; ";
    }
    if (r->first != NULL)
        gg_buf_addf(out, ", `%s`", r->first);
    if (r->normalizer != NULL)
        gg_buf_addf(out, "%s%s", gap, *r->normalizer != '\0' ? r->normalizer : "no normalizer");
}

static void add_rules(struct gg_buf *out, const char *word)
{
    (void)word;
    gg_buf_adds(out, "| name | of | definition | when | same cut |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < gg_hf_n_pre_rules; i++) {
        const struct hf_pre_rule *r = &gg_hf_pre_rules[i];
        gg_buf_addf(out, "| `%s` | %s | ", r->name, r->model);
        add_code(out, r->text);
        gg_buf_adds(out, " | ");
        add_when(out, r);
        gg_buf_adds(out, " | ");
        add_names(out, r->also);
        gg_buf_adds(out, " |\n");
    }
}

static void add_others(struct gg_buf *out, const char *word)
{
    (void)word;
    gg_buf_adds(out, "| name | what it is |\n|---|---|\n");
    for (size_t i = 0; gg_hf_pre_others[i] != NULL; i += 2)
        gg_buf_addf(out, "| `%s` | %s |\n", gg_hf_pre_others[i], gg_hf_pre_others[i + 1]);
}

bool gen_tokenizers(struct gg_buf *out, const char *template)
{
    static const struct gen_mark marks[] = {{"RULES", add_rules}, {"OTHERS", add_others}, {NULL, NULL}};
    return gen_template(out, template, marks);
}
