/* lib/base/linediff: shortest scripts, hunks that lead from one text to the other. */
#include "lib/base/linediff.h"
#include "tests/check_main.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state;

static unsigned rng(unsigned n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(state >> 33) % n;
}

enum { MOST = 40 };

/* Lines of one letter, of few different ones, so that there is much to choose from. */
static size_t make(char text[2 * MOST + 1], char lines[MOST])
{
    size_t n = rng(MOST);
    for (size_t i = 0; i < n; i++) {
        lines[i] = (char)('a' + rng(4));
        text[2 * i] = lines[i];
        text[2 * i + 1] = '\n';
    }
    text[2 * n] = '\0';
    return n;
}

static size_t longest_common(const char *a, size_t n, const char *b, size_t m)
{
    size_t t[MOST + 1][MOST + 1] = {{0}};
    for (size_t i = 1; i <= n; i++) {
        for (size_t j = 1; j <= m; j++) {
            size_t up = t[i - 1][j], left = t[i][j - 1];
            t[i][j] = a[i - 1] == b[j - 1] ? t[i - 1][j - 1] + 1 : up > left ? up : left;
        }
    }
    return t[n][m];
}

/* Applies hunks (of single letters) to a. */
static size_t apply(const char *a, size_t n, const char *hunks, char *out)
{
    size_t at = 0, len = 0;
    for (const char *p = hunks; *p != '\0'; p = strchr(p, '\n') + 1) {
        size_t from, count;
        if (sscanf(p, "@@ -%zu,%zu", &from, &count) == 2) {
            from -= count > 0;
            while (at < from)
                out[len++] = a[at++];
        } else if (p[0] == '+') {
            out[len++] = p[1];
        } else {
            ck_assert(at < n && a[at] == p[1]);
            if (p[0] == ' ')
                out[len++] = a[at];
            at++;
        }
    }
    while (at < n)
        out[len++] = a[at++];
    return len;
}

START_TEST(test_random)
{
    state = 1;
    for (int round = 0; round < 3000; round++) {
        char a[MOST], b[MOST], ta[2 * MOST + 1], tb[2 * MOST + 1], got[4 * MOST];
        struct gg_buf out = GG_BUF_INIT;
        struct gg_line_diff d;
        struct gg_err err;
        size_t n = make(ta, a), m = make(tb, b);
        ck_assert_int_eq(gg_line_diff(&d, &out, ta, 2 * n, tb, 2 * m, rng(4), &err), GG_OK);
        size_t common = longest_common(a, n, b, m);
        ck_assert_uint_eq(d.n_removed, n - common);
        ck_assert_uint_eq(d.n_added, m - common);
        size_t len = apply(a, n, gg_buf_str(&out), got);
        ck_assert_uint_eq(len, m);
        ck_assert_int_eq(memcmp(got, b, m), 0);
        gg_buf_free(&out);
    }
}
END_TEST

/* Too different to look for what is common: everything goes and comes. */
START_TEST(test_hopeless)
{
    struct gg_buf a = GG_BUF_INIT, b = GG_BUF_INIT;
    struct gg_line_diff d;
    struct gg_err err;
    gg_buf_adds(&a, "same\n");
    gg_buf_adds(&b, "same\n");
    for (int i = 0; i < 2000; i++) {
        gg_buf_addf(&a, "a%d\n", i);
        gg_buf_addf(&b, "b%d\n", i);
    }
    ck_assert_int_eq(gg_line_diff(&d, NULL, a.data, a.nbytes, b.data, b.nbytes, 3, &err), GG_OK);
    ck_assert(d.whole && d.n_removed == 2000 && d.n_added == 2000);
    gg_buf_free(&a);
    gg_buf_free(&b);
}
END_TEST

START_TEST(test_words)
{
    struct gg_buf out = GG_BUF_INIT;
    struct gg_line_diff d;
    struct gg_err err;
    ck_assert_int_eq(gg_line_diff(&d, &out, "", 0, "x\033", 2, 3, &err), GG_OK);
    ck_assert_str_eq(gg_buf_str(&out), "@@ -0,0 +1,1 @@\n+x\\x1b\n");
    gg_buf_reset(&out);
    ck_assert_int_eq(gg_line_diff(&d, &out, "a\nb", 3, "a\nb\n", 4, 3, &err), GG_OK);
    ck_assert_str_eq(gg_buf_str(&out), "");
    ck_assert(d.n_removed == 0 && d.n_added == 0);
    gg_buf_free(&out);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("linediff");
    TCase *t = tcase_create("linediff");
    tcase_add_test(t, test_random);
    tcase_add_test(t, test_hopeless);
    tcase_add_test(t, test_words);
    suite_add_tcase(s, t);
    return s;
}
