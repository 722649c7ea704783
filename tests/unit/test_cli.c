/* lib/cli and the option tables of all commands. */
#include "cmds/cmd.h"
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/cli/help.h"
#include "lib/cli/json.h"
#include "lib/cli/progress.h"
#include "lib/cli/table.h"
#include "tests/check_main.h"

#include <math.h>
#include <stdlib.h>

struct opts {
    bool json;
    unsigned more;
    struct gg_opt_u64 n, size;
    const char *out;
    int choice, type;
    struct gg_opt_list list, pairs;
    struct gg_opt_glob glob;
    struct {
        bool force;
        const char *where;
    } sub;
};

static const char *const choices[] = {"auto", "always", "never", NULL};
static const struct gg_opt sub_rows[] = {
    {.name = "force", .kind = GG_OPT_FLAG, .dest = 0, .help = "Overwrite"},
    {.name = "where", .letter = 'w', .kind = GG_OPT_PATH, .dest = sizeof(const char *), .arg = "DIR",
     .help = "There"},
    GG_OPT_END,
};
static const struct gg_opt_group sub = {"Sub", sub_rows};
static const struct gg_opt rows[] = {
    {.name = "json", .kind = GG_OPT_FLAG, .dest = offsetof(struct opts, json), .help = "JSON"},
    {.name = "more", .letter = 'm', .kind = GG_OPT_COUNT, .dest = offsetof(struct opts, more),
     .help = "More"},
    {.name = "number", .letter = 'n', .kind = GG_OPT_U64, .dest = offsetof(struct opts, n),
     .arg = "N", .max = 99, .help = "Number"},
    {.name = "max-memory", .kind = GG_OPT_SIZE, .dest = offsetof(struct opts, size), .arg = "SIZE",
     .help = "Memory"},
    GG_OPT_SUBTABLE(&sub, struct opts, sub),
    {.name = "output", .letter = 'o', .kind = GG_OPT_PATH, .dest = offsetof(struct opts, out),
     .arg = "FILE", .help = "Output"},
    {.name = "when", .kind = GG_OPT_CHOICE, .dest = offsetof(struct opts, choice), .arg = "WHEN",
     .choices = choices, .help = "When"},
    {.name = "type", .letter = 't', .kind = GG_OPT_TYPE, .dest = offsetof(struct opts, type),
     .arg = "TYPE", .help = "Type"},
    {.name = "only", .kind = GG_OPT_LIST, .dest = offsetof(struct opts, list), .arg = "PATTERN",
     .help = "Only these"},
    {.name = "copy-from", .letter = 'c', .kind = GG_OPT_PAIRS, .dest = offsetof(struct opts, pairs),
     .arg = "OTHER GLOB", .help = "Pairs"},
    {.name = "tensors", .kind = GG_OPT_GLOB, .dest = offsetof(struct opts, glob), .arg = "GLOB",
     .help = "Tensors"},
    GG_OPT_END,
};

/* Parses words (separated by single spaces) and gives the arguments left over joined by '|', or the
 * message of the error. */
static const char *parse(struct opts *o, unsigned flags, const char *words)
{
    static char copy[256], result[1200];
    static struct gg_arena mem;
    char *argv[32];
    int argc = 0;
    struct gg_err err;
    gg_arena_free(&mem);
    snprintf(copy, sizeof copy, "%s", words);
    for (char *w = strtok(copy, " "); w != NULL; w = strtok(NULL, " "))
        argv[argc++] = w;
    memset(o, 0, sizeof *o);
    struct gg_opt_table t = {rows, o};
    gg_opt_init(t);
    if (gg_opt_parse(&t, 1, flags, argv, &argc, &mem, &err) != GG_OK) {
        ck_assert_int_eq(err.code, GG_ERR_ARG);
        return strcpy(result, err.msg);
    }
    result[0] = '\0';
    for (int i = 0; i < argc; i++)
        strcat(strcat(result, i > 0 ? "|" : ""), argv[i]);
    return result;
}

START_TEST(test_opt_values)
{
    struct opts o;
    ck_assert_str_eq(parse(&o, 0, "a --json -mm b -n7 --output=x --max-memory 2KiB - -- --json"),
                     "a|b|-|--json");
    ck_assert(o.json && o.more == 2 && o.n.set && o.n.v == 7 && o.size.v == 2048);
    ck_assert_str_eq(o.out, "x");
    ck_assert_int_eq(o.type, -1);
    ck_assert_str_eq(parse(&o, 0, "-t Q4_k --only a --only=b --only c --when never -mo y"), "");
    ck_assert(o.type == 12 && o.list.n == 3 && o.choice == 2 && o.more == 1);
    ck_assert_str_eq(o.list.v[0], "a");
    ck_assert_str_eq(o.list.v[2], "c");
    ck_assert_str_eq(o.out, "y");
    ck_assert_str_eq(parse(&o, 0, "--tensors file --force --where=d"), "file");
    ck_assert(o.glob.set && o.glob.pattern == NULL && o.sub.force);
    ck_assert_str_eq(o.sub.where, "d");
    parse(&o, 0, "--tensors=blk.*");
    ck_assert_str_eq(o.glob.pattern, "blk.*");
    ck_assert_str_eq(parse(&o, 0, "--copy-from a --b c --copy-from=d e -c f g -ch i"), "c");
    ck_assert_uint_eq(o.pairs.n, 8);
    for (size_t i = 0; i < 8; i++)
        ck_assert_int_eq(o.pairs.v[i][o.pairs.v[i][0] == '-' ? 2 : 0], "abdefghi"[i]);
    ck_assert_str_eq(parse(&o, GG_OPT_STOP_AT_ARG, "--json cmd --bogus -x"), "cmd|--bogus|-x");
}
END_TEST

START_TEST(test_opt_errors)
{
    static const char *const cases[][2] = {
        {"--jsno", "unknown option '--jsno'; did you mean '--json'?"},
        {"--xyzzy=1", "unknown option '--xyzzy'"},
        {"--out=1", "unknown option '--out'"}, /* names are not abbreviated */
        {"-x", "unknown option '-x'"},
        {"--json=1", "--json takes no value"},
        {"--output", "--output needs a value: --output=FILE"},
        {"-n", "-n needs a value: -n N"},
        {"--copy-from a", "--copy-from needs two words: --copy-from OTHER GLOB"},
        {"-ca", "--copy-from needs two words: --copy-from OTHER GLOB"},
        {"-nx", "--number: 'x' is not a whole number"},
        {"-n 100", "--number: '100' is not between 0 and 99"},
        {"--max-memory 5Q", "--max-memory: '5Q' is not a size (like 4096, 128M or 4GiB)"},
        {"--when=no", "--when: 'no' is not one of auto, always, never"},
        {"-t q4_9", "--type: 'q4_9' is not a tensor type; did you mean 'q4_0'?"},
    };
    struct opts o;
    for (size_t i = 0; i < GG_COUNTOF(cases); i++)
        ck_assert_str_eq(parse(&o, 0, cases[i][0]), cases[i][1]);
}
END_TEST

/* The last word as "OPTION VALUE", with a star for the second of a pair; "-" when it is no value. */
static const char *last(unsigned flags, const char *words, int *n_args)
{
    static char copy[256], result[300];
    char *argv[32];
    int argc = 0;
    struct gg_opt_last l;
    snprintf(copy, sizeof copy, "%s", words);
    for (char *w = copy; w != NULL; argc++) { /* words may be empty */
        char *space = strchr(w, ' ');
        argv[argc] = w;
        if (space != NULL)
            *space++ = '\0';
        w = space;
    }
    struct gg_opt_table t = {rows, NULL};
    gg_opt_parse_last(&t, 1, flags, argv, &argc, &l);
    *n_args = argc;
    if (l.opt == NULL)
        return "-";
    snprintf(result, sizeof result, "%s%s %s", l.opt->name, l.second ? "*" : "", l.value);
    return result;
}

START_TEST(test_opt_last)
{
    static const struct {
        const char *words, *last;
        int n_args;
    } cases[] = {
        {"a b", "-", 2},
        {"a --output b", "output b", 1},
        {"a --output=", "output ", 1},
        {"a --output ", "output ", 1},
        {"a --output", "-", 1},
        {"a --output b c", "-", 2},
        {"a -ob", "output b", 1},
        {"a -mo b", "output b", 1},
        {"a --tensors=x", "tensors x", 1},
        {"a --tensors x", "-", 2},
        {"--copy-from a", "copy-from a", 0},
        {"--copy-from a b", "copy-from* b", 0},
        {"--copy-from a b -", "-", 1},
        {"--bogus --json=1 -x --number nonsense a --type q", "type q", 1},
        {"-- --output b", "-", 2},
        {"--json", "-", 0},
    };
    int n;
    for (size_t i = 0; i < GG_COUNTOF(cases); i++) {
        ck_assert_str_eq(last(0, cases[i].words, &n), cases[i].last);
        ck_assert_int_eq(n, cases[i].n_args);
    }
    ck_assert_str_eq(last(GG_OPT_STOP_AT_ARG, "--output x a --output b", &n), "-");
    ck_assert_int_eq(n, 3);
}
END_TEST

START_TEST(test_tables_of_commands)
{
    for (size_t i = 0; i < cmd_count; i++) {
        struct gg_opt_table t[2] = {{gg_opts_global.opts, NULL}, {cmd_list[i]->opts, NULL}};
        struct gg_buf found = GG_BUF_INIT;
        gg_opt_lint(t, 2, &found);
        ck_assert_msg(found.nbytes == 0, "%s:\n%s", cmd_list[i]->name, gg_buf_str(&found));
        ck_assert(cmd_list[i]->brief != NULL && cmd_list[i]->details != NULL);
        ck_assert(cmd_list[i]->examples != NULL && cmd_list[i]->group != NULL);
        cmd_help_one(&found, cmd_list[i]);
        for (const char *line = gg_buf_str(&found); *line != '\0';) {
            size_t n = strcspn(line, "\n");
            ck_assert_msg(n <= 80, "%s: help line over 80 columns: %.*s", cmd_list[i]->name, (int)n,
                          line);
            line += n + (line[n] == '\n');
        }
        gg_buf_free(&found);
    }
}
END_TEST

START_TEST(test_lint_finds)
{
    static const struct gg_opt bad[] = {
        {.name = "a", .letter = 'j', .kind = GG_OPT_FLAG, .help = "Stop."},
        {.name = "a", .kind = GG_OPT_U64, .help = "No arg"},
        {.name = "B", .kind = GG_OPT_CHOICE, .arg = "X", .help = "None"},
        {.name = "c", .kind = GG_OPT_FLAG},
        GG_OPT_END,
    };
    struct gg_opt_table t[2] = {{gg_opts_global.opts, NULL}, {bad, NULL}};
    struct gg_buf out = GG_BUF_INIT;
    gg_opt_lint(t, 2, &out);
    const char *s = gg_buf_str(&out);
    ck_assert(strstr(s, "--a: help ends with a stop") && strstr(s, "--a: declared more than once"));
    ck_assert(strstr(s, "-j: declared more than once") && strstr(s, "--a: its value has no name"));
    ck_assert(strstr(s, "--B: choices and kind disagree") && strstr(s, "--B: a name is lower-case"));
    ck_assert(strstr(s, "--c: no help"));
    gg_buf_free(&out);
}
END_TEST

START_TEST(test_cpu_choices)
{
    const struct gg_opt *cpu = NULL;
    struct gg_opt_walk w = gg_opt_walk((struct gg_opt_table){gg_opts_global.opts, NULL});
    for (const struct gg_opt *o; (o = gg_opt_next(&w, NULL)) != NULL;)
        cpu = strcmp(o->name, "cpu") == 0 ? o : cpu;
    ck_assert_ptr_nonnull(cpu);
    for (int i = 0; i < GG_CPU_LEVEL_COUNT; i++)
        ck_assert_str_eq(cpu->choices[i + 1], gg_cpu_name((enum gg_cpu_level)i));
    ck_assert_ptr_null(cpu->choices[GG_CPU_LEVEL_COUNT + 1]);
}
END_TEST

START_TEST(test_exit_codes)
{
    static const int want[] = {0, 3, 3, 3, 3, 3, 2, 4, 4, 4, 5};
    for (int i = 0; i < (int)GG_COUNTOF(want); i++)
        ck_assert_int_eq(gg_exit_code((enum gg_code)i), want[i]);
}
END_TEST

/* What f writes, as text in a static buffer. */
static char written[4096];
static FILE *start_writing(void)
{
    memset(written, 0, sizeof written);
    return fmemopen(written, sizeof written - 1, "w");
}

START_TEST(test_msg)
{
    FILE *f = start_writing();
    struct gg_msg m;
    gg_msg_init(&m, f);
    gg_msg_warn(&m, "%d tensors", 3);
    gg_msg_info(&m, "unseen");
    m.level = -1;
    gg_msg_warn(&m, "unseen");
    struct gg_err err;
    gg_fail(&err, GG_ERR_TRUNCATED, 7, "x.gguf: ends early");
    ck_assert_int_eq(gg_msg_fail(&m, &err), 3);
    gg_msg_destroy(&m);
    fclose(f);
    ck_assert_str_eq(written, "ggtool: warning: 3 tensors\nggtool: x.gguf: ends early\n");
}
END_TEST

START_TEST(test_term)
{
    struct gg_buf b = GG_BUF_INIT;
    ck_assert_uint_eq(gg_term_width("a\xc3\xa9\xe4\xb8\xad\xcc\x81", 8), 4);
    gg_term_elide(&b, "abcdefghij", 10, 7, false);
    ck_assert_str_eq(gg_buf_str(&b), "ab..hij");
    gg_buf_reset(&b);
    gg_term_elide(&b, "\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad", 12, 5, true);
    ck_assert_str_eq(gg_buf_str(&b), "\xe4\xb8\xad\xe2\x80\xa6\xe4\xb8\xad");
    gg_buf_reset(&b);
    gg_term_cut(&b, "abcdefghij", 10, 7, false);
    ck_assert_str_eq(gg_buf_str(&b), "abcde..");
    gg_buf_reset(&b);
    gg_term_bar(&b, 0.5, 10, false);
    gg_term_bar(&b, 0.0, 10, false);
    gg_term_bar(&b, 1e-9, 10, false);
    ck_assert_str_eq(gg_buf_str(&b), "######");
    gg_buf_reset(&b);
    gg_term_bar(&b, 0.25, 5, true); /* one block and two eighths */
    ck_assert_str_eq(gg_buf_str(&b), "\xe2\x96\x88\xe2\x96\x8e");
    gg_buf_reset(&b);
    gg_term_bar(&b, 7.0, 2, true);
    ck_assert_uint_eq(b.nbytes, 6);
    gg_buf_free(&b);
}
END_TEST

START_TEST(test_table)
{
    static const struct gg_column cols[] = {
        {"name", GG_LEFT, true}, {"bytes", GG_RIGHT, false}, {"note", GG_LEFT, false}};
    struct gg_table t;
    struct gg_term term = {.columns = 34};
    struct gg_err err;
    FILE *f = start_writing();
    gg_table_init(&t, cols, 3, " ");
    gg_table_row(&t);
    gg_table_raw(&t, GG_BOLD, "blk.0.attn_norm.weight\x1b", 23);
    gg_table_cell(&t, GG_PLAIN, "%d", 12);
    gg_table_rule(&t);
    gg_table_row(&t);
    gg_table_cell(&t, GG_PLAIN, "x");
    gg_table_cell(&t, GG_PLAIN, "1,024");
    gg_table_cell(&t, GG_PLAIN, "yes");
    ck_assert_int_eq(gg_table_print(&t, f, &term, &err), GG_OK);
    fclose(f);
    gg_table_free(&t);
    ck_assert_str_eq(written, " name                  bytes  note\n"
                              " blk.0.att..eight\\x1b     12\n\n"
                              " x                     1,024  yes\n");
}
END_TEST

START_TEST(test_json)
{
    FILE *f = start_writing();
    struct gg_json j;
    gg_json_begin(&j, f);
    gg_json_object(&j, NULL);
    gg_json_text(&j, "s", "a\"\\\n\x01\xc3\xa9\xff", 8);
    gg_json_key_n(&j, "k\xff", 2);
    gg_json_object_inline(&j, NULL);
    gg_json_u64(&j, "u", UINT64_MAX);
    gg_json_i64(&j, "i", -5);
    gg_json_close(&j);
    gg_json_array(&j, "empty");
    gg_json_close(&j);
    gg_json_array_inline(&j, "f");
    gg_json_f64(&j, NULL, 0.1);
    gg_json_f32(&j, NULL, 0.1f);
    gg_json_f64(&j, NULL, NAN);
    gg_json_f32(&j, NULL, -INFINITY);
    gg_json_bool(&j, NULL, true);
    gg_json_null(&j, NULL);
    gg_json_end(&j);
    fclose(f);
    ck_assert_str_eq(written, "{\n"
                              "  \"s\": \"a\\\"\\\\\\n\\u0001\xc3\xa9\\ufffd\",\n"
                              "  \"s_hex\": \"61225c0a01c3a9ff\",\n"
                              "  \"k\\ufffd\": {\"u\": 18446744073709551615, \"i\": -5},\n"
                              "  \"empty\": [],\n"
                              "  \"f\": [0.1, 0.1, \"nan\", \"-inf\", true, null]\n"
                              "}\n");
}
END_TEST

START_TEST(test_progress_text)
{
    struct gg_buf b = GG_BUF_INIT;
    gg_progress_text(&b, "working", 250u << 20, 1000u << 20, 10.0);
    ck_assert_str_eq(gg_buf_str(&b), "working   25%  250 MiB of 1000 MiB  25.0 MiB/s  0:30 left");
    gg_buf_reset(&b);
    gg_progress_text(&b, "reading", 0, 0, 0);
    ck_assert_str_eq(gg_buf_str(&b), "reading  0 B  0 B/s");
    gg_buf_free(&b);
}
END_TEST

START_TEST(test_wrap)
{
    struct gg_buf b = GG_BUF_INIT;
    gg_help_wrap(&b, "one two three four\n\nfive\nsix\n  kept as it is, long\nseven", 2, 12);
    ck_assert_str_eq(gg_buf_str(&b), "  one two\n  three four\n\n  five six\n"
                                     "    kept as it is, long\n  seven\n");
    gg_buf_free(&b);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("cli");
    TCase *t = tcase_create("cli");
    tcase_add_test(t, test_opt_values);
    tcase_add_test(t, test_opt_errors);
    tcase_add_test(t, test_opt_last);
    tcase_add_test(t, test_tables_of_commands);
    tcase_add_test(t, test_lint_finds);
    tcase_add_test(t, test_cpu_choices);
    tcase_add_test(t, test_exit_codes);
    tcase_add_test(t, test_msg);
    tcase_add_test(t, test_term);
    tcase_add_test(t, test_table);
    tcase_add_test(t, test_json);
    tcase_add_test(t, test_progress_text);
    tcase_add_test(t, test_wrap);
    suite_add_tcase(s, t);
    return s;
}
