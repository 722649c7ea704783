/* ggtool complete: what the completions of bash, zsh and fish ask for when Tab is pressed and the
 * answer is not in their tables. Says nothing but candidates, and never that something is wrong.
 */
#include "cmds/cmd.h"

#include "gguf/gguf.h"
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/hf/hf.h"
#include "lib/hf/pretok_rules.h"
#include "lib/plan/preset.h"
#include "lib/quant/qtype.h"
#include "lib/sys/input.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static int run_complete(struct cmd_env *env, void *opts, int argc, char **argv);

const struct cmd cmd_complete = {
    .name = "complete",
    .group = "Help",
    .args = "-- WORD...",
    .brief = "Print what the last word of a command line may be",
    .details =
        "For the completions of shells. WORD... is a command line behind 'ggtool', up to the cursor.\n"
        "One candidate a line: whole values of the option that the last word is, or whole arguments.\n"
        "Behind one that ends in '=' more is to come. Files are left to the shell.",
    .examples = "ggtool complete -- inspect model.gguf --metadata=general.\tkeys of the model\n",
    .max_args = SIZE_MAX,
    .hidden = true,
    .run = run_complete,
};

/* Tab must answer at once, so of a header no more than this is read. What is behind it is missing
 * among the candidates; vocabularies of a million tokens fit. */
static const uint64_t MAX_HEADER_NBYTES = 48u << 20;
/* More names than this are nonsense, or nothing to choose from. The counts stand in the first bytes. */
static const uint64_t MAX_NAMES = 65536;
static const uint64_t COUNTS_NBYTES = 24;
static const uint32_t MAX_SHARDS = 256;

struct ask {
    FILE *out;
    const char *head; /* what stands before `typed` and is in each candidate: "Q4_K_M," */
    size_t n_head;
    const char *typed;
    const char *tail;  /* "=" when more is to come */
    const char *model; /* the model on the line, NULL: none */
};

/* ---- candidates ---------------------------------------------------------------------------- */

static void offer(const struct ask *a, const char *s, size_t n, bool any_case)
{
    size_t len = strlen(a->typed);
    if (n < len || (any_case ? strncasecmp(s, a->typed, len) : memcmp(s, a->typed, len)) != 0)
        return;
    fwrite(a->head, 1, a->n_head, a->out);
    fwrite(s, 1, n, a->out);
    fprintf(a->out, "%s\n", a->tail);
}

/* A name out of a file; not if a line or a terminal would take harm of it. */
static void offer_name(const struct ask *a, struct ggf_str name)
{
    struct gg_buf shown = GG_BUF_INIT;
    gg_text_escape(&shown, name.p, (size_t)name.nbytes, 0);
    if (name.nbytes > 0 && shown.nbytes == name.nbytes && !shown.failed)
        offer(a, name.p, (size_t)name.nbytes, false);
    gg_buf_free(&shown);
}

static void offer_types(const struct ask *a)
{
    for (size_t i = 0; i < qt_count(); i++) {
        if (qt_at(i)->flags & QT_ENCODES)
            offer(a, qt_at(i)->name, strlen(qt_at(i)->name), true);
    }
}

static void offer_presets(const struct ask *a)
{
    for (size_t i = 0; i < gg_preset_count(); i++) {
        const struct gg_preset *p = gg_preset_at(i);
        if (p->target)
            offer(a, p->name, strlen(p->name), true);
    }
}

static void offer_commands(const struct ask *a)
{
    for (size_t i = 0; i < cmd_count; i++) {
        if (!cmd_list[i]->hidden)
            offer(a, cmd_list[i]->name, strlen(cmd_list[i]->name), false);
    }
}

static void offer_word(void *ctx, const char *name)
{
    offer(ctx, name, strlen(name), false);
}

/* Words with blanks between; NULL: none. */
static void offer_words(const struct ask *a, const char *words)
{
    while (words != NULL && *words != '\0') {
        size_t n = strcspn(words, " ");
        offer(a, words, n, false);
        words += n + strspn(words + n, " ");
    }
}

static void offer_pretokenizers(const struct ask *a)
{
    for (size_t i = 0; i < gg_hf_n_pre_rules; i++) {
        if (i == 0 || strcmp(gg_hf_pre_rules[i].name, gg_hf_pre_rules[i - 1].name) != 0)
            offer_words(a, gg_hf_pre_rules[i].name);
        offer_words(a, gg_hf_pre_rules[i].also);
    }
    for (const char *const *p = gg_hf_pre_others; *p != NULL; p += 2)
        offer_words(a, *p);
}

/* The words "show|check|merge" that the arguments of a command begin with. */
static void offer_actions(const struct ask *a, const struct cmd *c)
{
    for (const char *s = c->args; s != NULL && *s != ' ' && *s != '\0';) {
        size_t n = strcspn(s, "| ");
        offer(a, s, n, false);
        s += n + (s[n] == '|');
    }
}

/* ---- the model ----------------------------------------------------------------------------- */

struct start {
    struct gg_input *in;
    uint64_t nbytes; /* where it ends */
};

static int read_start(void *ctx, uint64_t off, void *buf, size_t n, size_t *got, struct gg_err *err)
{
    const struct start *s = ctx;
    *got = 0;
    if (off >= s->nbytes)
        return GG_OK;
    if (n > s->nbytes - off)
        n = (size_t)(s->nbytes - off);
    return gg_input_read(s->in, off, buf, n, got, err);
}

/* Only files: nobody waits for a pipe. */
static struct gg_input *open_file(const char *path)
{
    struct stat st;
    struct gg_err err;
    struct gg_input *in = NULL;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || gg_input_open(&in, path, &err) != GG_OK)
        return NULL;
    return in;
}

/* What can be read of so many bytes, NULL when that is nothing. */
static struct ggf_file *read_header(const char *path, struct gg_input *in, uint64_t nbytes)
{
    struct gg_err err;
    struct ggf_file *f = NULL;
    struct start start = {in, nbytes};
    struct ggf_reader r = {&start, read_start, gg_input_nbytes(in), path};
    if (ggf_file_read(&f, &r, GGF_PARTIAL | GGF_HEADER_ONLY, &err) == GG_OK ||
        err.code == GG_ERR_TRUNCATED)
        return f;
    ggf_file_free(f);
    return NULL;
}

static struct ggf_file *open_header(const char *path)
{
    struct gg_input *in = open_file(path);
    if (in == NULL)
        return NULL;
    struct ggf_file *f = read_header(path, in, COUNTS_NBYTES);
    bool few = f != NULL && ggf_file_n_kv_declared(f) <= MAX_NAMES &&
               ggf_file_n_tensors_declared(f) <= MAX_NAMES;
    ggf_file_free(f);
    f = few ? read_header(path, in, MAX_HEADER_NBYTES) : NULL;
    gg_input_free(in);
    return f;
}

static bool ends_with(struct ggf_str name, const char *text)
{
    size_t n = strlen(text);
    return name.nbytes > n && memcmp(name.p + name.nbytes - n, text, n) == 0;
}

/* In an importance matrix two tensors stand for one of the model. */
static void offer_tensor(const struct ask *a, struct ggf_str name)
{
    static const char sums[] = ".in_sum2", counts[] = ".counts";
    if (ends_with(name, counts))
        return;
    if (ends_with(name, sums))
        name.nbytes -= sizeof sums - 1;
    offer_name(a, name);
}

static void offer_tensors_of(const struct ask *a, const char *path)
{
    struct ggf_file *f = open_header(path);
    for (size_t i = 0; f != NULL && i < ggf_file_n_tensors(f); i++)
        offer_tensor(a, ggf_file_tensor(f, i)->name);
    ggf_file_free(f);
}

static void offer_tensors(const struct ask *a)
{
    char prefix[4096], path[4200];
    size_t n_prefix;
    uint32_t no, count;
    if (!ggf_split_parse(a->model, &n_prefix, &no, &count) || n_prefix >= sizeof prefix) {
        offer_tensors_of(a, a->model);
        return;
    }
    memcpy(prefix, a->model, n_prefix);
    prefix[n_prefix] = '\0';
    for (no = 0; no < count && no < MAX_SHARDS; no++) {
        if (ggf_split_path(path, sizeof path, prefix, no, count))
            offer_tensors_of(a, path);
    }
}

/* A set has its metadata in the first shard. */
static void offer_keys(const struct ask *a)
{
    char prefix[4096], path[4200];
    size_t n_prefix;
    uint32_t no, count;
    const char *name = a->model;
    if (ggf_split_parse(name, &n_prefix, &no, &count) && n_prefix < sizeof prefix) {
        memcpy(prefix, name, n_prefix);
        prefix[n_prefix] = '\0';
        if (ggf_split_path(path, sizeof path, prefix, 0, count))
            name = path;
    }
    struct ggf_file *f = open_header(name);
    const struct ggf_meta *m = f != NULL ? ggf_file_meta(f) : NULL;
    for (size_t i = 0; m != NULL && i < ggf_meta_count(m); i++)
        offer_name(a, ggf_meta_at(m, i)->key);
    ggf_file_free(f);
}

/* ---- the command line ---------------------------------------------------------------------- */

static void offer_kind(struct ask *a, enum gg_opt_complete kind)
{
    if (kind == GG_COMPLETE_QTYPE)
        offer_types(a);
    else if (kind == GG_COMPLETE_TYPE_OR_PRESET)
        offer_presets(a);
    else if (kind == GG_COMPLETE_COMMAND)
        offer_commands(a);
    else if (kind == GG_COMPLETE_ARCH)
        gg_hf_each_arch(offer_word, a);
    else if (kind == GG_COMPLETE_PRETOK)
        offer_pretokenizers(a);
    else if (kind == GG_COMPLETE_TENSOR && a->model != NULL)
        offer_tensors(a);
    else if (kind == GG_COMPLETE_KEY && a->model != NULL)
        offer_keys(a);
}

static void move_head(struct ask *a, const char *behind)
{
    a->n_head = (size_t)(behind - a->head);
    a->typed = behind;
}

/* The value of an option. The name of the value, o->arg, says how it is composed: "KEY=VALUE",
 * "REGEX=TYPE", "TYPE[,TYPE...]". */
static void offer_value(struct ask *a, const struct gg_opt *o, bool second)
{
    const char *eq = o->arg != NULL ? strchr(o->arg, '=') : NULL;
    const char *typed_eq = strrchr(a->typed, '='), *comma = strrchr(a->typed, ',');
    for (int i = 0; o->kind == GG_OPT_CHOICE && o->choices[i] != NULL; i++)
        offer(a, o->choices[i], strlen(o->choices[i]), true);
    if (second || o->kind == GG_OPT_CHOICE)
        return;
    if (eq != NULL && typed_eq != NULL) {
        move_head(a, typed_eq + 1);
        if (strcmp(eq, "=TYPE") == 0)
            offer_types(a);
        return;
    }
    if (eq != NULL)
        a->tail = "=";
    else if (o->arg != NULL && strchr(o->arg, ',') != NULL && comma != NULL)
        move_head(a, comma + 1);
    offer_kind(a, o->complete);
}

/* The first argument that is a GGUF file. */
static const char *find_model(int argc, char **argv)
{
    for (int i = 0; i < argc && i < 8; i++) {
        struct gg_err err;
        struct gg_input *in = open_file(argv[i]);
        char magic[4];
        size_t got = 0;
        bool found = in != NULL && gg_input_read(in, 0, magic, sizeof magic, &got, &err) == GG_OK &&
                     got == sizeof magic && memcmp(magic, "GGUF", 4) == 0;
        gg_input_free(in);
        if (found)
            return argv[i];
    }
    return NULL;
}

static int run_complete(struct cmd_env *env, void *opts, int argc, char **argv)
{
    struct gg_opt_table globals = {gg_opts_global.opts, NULL};
    struct gg_opt_last last;
    const char *word = argc > 0 ? argv[argc - 1] : "";
    (void)opts;
    gg_opt_parse_last(&globals, 1, GG_OPT_STOP_AT_ARG, argv, &argc, &last);
    bool at_command = argc <= 1;
    const struct cmd *c = at_command ? NULL : cmd_find(argv[0]);
    struct ask a = {.out = env->out, .tail = "", .head = word, .typed = word};
    if (c != NULL) {
        struct gg_opt_table tables[2] = {globals, {c->opts, NULL}};
        argc--;
        argv++;
        gg_opt_parse_last(tables, GG_COUNTOF(tables), 0, argv, &argc, &last);
    }
    if (last.opt != NULL) {
        a.head = a.typed = last.value;
        a.model = c != NULL ? find_model(argc, argv) : NULL;
        offer_value(&a, last.opt, last.second);
    } else if (word[0] != '-' && at_command) {
        offer_commands(&a);
    } else if (word[0] != '-' && c != NULL && argc > 0) {
        a.model = find_model(argc - 1, argv);
        if (cmd_takes(c, (size_t)argc - 1) == GG_COMPLETE_ACTION)
            offer_actions(&a, c);
        offer_kind(&a, cmd_takes(c, (size_t)argc - 1));
    }
    return CMD_OK;
}
