/* lib/sys/digest: known answers, pieces, texts. */
#include "lib/sys/digest.h"
#include "tests/check_main.h"

#include <stdlib.h>
#include <string.h>

/* The UUID is Python's uuid.uuid5(UUID("ef001206-dadc-5f6d-a15f-3359e577d4e5"), "abc"); XXH values are
 * xxhsum's. */
static const struct {
    enum gg_digest_kind kind;
    const char *text, *digest;
} known[] = {
    {GG_XXH64, "", "ef46db3751d8e999"},
    {GG_XXH64, "abc", "44bc2cf5ad770999"},
    {GG_SHA1, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
    {GG_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {GG_SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {GG_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {GG_XXH3_128, "", "99aa06d3014798d86001c324468d497f"},
    {GG_XXH3_128, "abc", "06b05ab6733a618578af5f94892f3950"},
    {GG_UUID, "abc", "9f2200fc-45e8-5a39-9535-c3ea5c0e0cef"},
};

START_TEST(test_known)
{
    char text[GG_DIGEST_TEXT];
    uint8_t out[GG_DIGEST_NBYTES], back[GG_DIGEST_NBYTES];
    enum gg_digest_kind kind = known[_i].kind;
    struct gg_digest *d = gg_digest_new(kind);
    ck_assert_ptr_nonnull(d);
    for (int twice = 0; twice < 2; twice++) { /* ending starts anew */
        gg_digest_add(d, known[_i].text, strlen(known[_i].text));
        gg_digest_end(d, out);
        ck_assert_str_eq(gg_digest_text(text, kind, out), known[_i].digest);
    }
    ck_assert(gg_digest_parse(back, kind, text, strlen(text)));
    ck_assert_mem_eq(back, out, gg_digest_nbytes(kind));
    gg_digest_free(d);
}
END_TEST

/* However the bytes come, zeros included, the digest is theirs. */
START_TEST(test_pieces)
{
    enum { N = 20000 };
    enum gg_digest_kind kind = (enum gg_digest_kind)_i;
    uint8_t *p = calloc(1, N), whole[GG_DIGEST_NBYTES], cut[GG_DIGEST_NBYTES];
    struct gg_digest *d = gg_digest_new(kind);
    for (int i = 0; i < N / 2; i++)
        p[i] = (uint8_t)(i * i >> 3);
    gg_digest_add(d, p, N);
    gg_digest_end(d, whole);
    for (size_t at = 0, n = 1; at < N / 2; at += n, n = n * 3 % 1001 + 1)
        gg_digest_add(d, p + at, at + n > N / 2 ? N / 2 - at : n);
    gg_digest_add_zeros(d, N - N / 2);
    gg_digest_end(d, cut);
    ck_assert_mem_eq(whole, cut, gg_digest_nbytes(kind));
    p[N - 1] = 1;
    gg_digest_add(d, p, N);
    gg_digest_end(d, cut);
    ck_assert_mem_ne(whole, cut, gg_digest_nbytes(kind));
    gg_digest_free(d);
    free(p);
}
END_TEST

START_TEST(test_names)
{
    enum gg_digest_kind k;
    uint8_t out[GG_DIGEST_NBYTES];
    for (int i = 0; i < GG_DIGEST_COUNT; i++) {
        const char *name = gg_digest_name((enum gg_digest_kind)i);
        ck_assert(gg_digest_by_name(name, strlen(name), &k));
        ck_assert_int_eq((int)k, i);
        ck_assert(!gg_digest_by_name(name, strlen(name) - 1, &k));
    }
    ck_assert(gg_digest_parse(out, GG_XXH64, "EF46DB3751d8e999", 16));
    ck_assert(!gg_digest_parse(out, GG_XXH64, "ef46db3751d8e99", 15));
    ck_assert(!gg_digest_parse(out, GG_XXH64, "ef46db3751d8e9990", 17));
    ck_assert(!gg_digest_parse(out, GG_XXH64, "ef46db3751d8e99g", 16));
    ck_assert(!gg_digest_parse(out, GG_UUID, "6c3a8fcd29ac5e919e7f000000000000", 32));
    ck_assert(!gg_digest_parse(out, GG_UUID, "", 0));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("digest");
    TCase *t = tcase_create("digest");
    tcase_add_loop_test(t, test_known, 0, sizeof known / sizeof known[0]);
    tcase_add_loop_test(t, test_pieces, 0, GG_DIGEST_COUNT);
    tcase_add_test(t, test_names);
    suite_add_tcase(s, t);
    return s;
}
