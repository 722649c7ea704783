/* Scrubbing: texts keep the names of files, and lose the folders before them. */
#include "cmds/edit.h"

#include "lib/base/num.h"
#include "lib/job/kv.h"
#include "lib/model/private.h"

static int scrub_str(struct ggf_meta *m, const struct ggf_kv *kv, struct gg_err *err)
{
    struct gg_buf b = GG_BUF_INIT;
    int rc = GG_OK;
    gg_buf_adds(&b, "");
    if (gg_private_scrub(&b, (const char *)kv->value.data, (size_t)kv->value.nbytes) && !b.failed) {
        struct ggf_value v = {.type = GGF_STR, .count = 1, .data = (const uint8_t *)b.data,
                              .nbytes = b.nbytes};
        rc = ggf_meta_set(m, kv->key, &v, err);
    }
    if (b.failed)
        rc = gg_fail_nomem(err, "a text");
    gg_buf_free(&b);
    return rc;
}

static int scrub_array(struct ggf_meta *m, const struct ggf_kv *kv, struct gg_err *err)
{
    struct gg_buf data = GG_BUF_INIT, text = GG_BUF_INIT;
    struct ggf_value e, v = {.type = GGF_ARR, .elem = GGF_STR, .count = kv->value.count};
    bool found = false;
    int rc = GG_OK;
    for (struct ggf_iter it = ggf_iter_begin(&kv->value); ggf_iter_next(&it, &e);) {
        uint8_t len[8];
        gg_buf_reset(&text);
        found |= gg_private_scrub(&text, (const char *)e.data, (size_t)e.nbytes);
        gg_store_u64(len, text.nbytes);
        gg_buf_add(&data, len, sizeof len);
        gg_buf_add(&data, gg_buf_str(&text), text.nbytes);
    }
    if (data.failed || text.failed) {
        rc = gg_fail_nomem(err, "an array");
    } else if (found) {
        v.data = (const uint8_t *)data.data;
        v.nbytes = data.nbytes;
        rc = ggf_meta_set(m, kv->key, &v, err);
    }
    gg_buf_free(&data);
    gg_buf_free(&text);
    return rc;
}

int edit_scrub(struct ggf_meta *meta, struct gg_err *err)
{
    int rc = GG_OK;
    for (size_t i = 0; rc == GG_OK && i < ggf_meta_count(meta); i++) {
        const struct ggf_kv *kv = ggf_meta_at(meta, i);
        if (gg_private_exempt(kv->key))
            continue;
        if (kv->value.type == GGF_STR)
            rc = scrub_str(meta, kv, err);
        else if (kv->value.type == GGF_ARR && kv->value.elem == GGF_STR)
            rc = scrub_array(meta, kv, err);
    }
    return rc;
}
