/* Whether what was mapped is all of a model, and the one config.json is of. */
#include "lib/hf/hf_impl.h"

#include "lib/base/map.h"
#include "lib/base/num.h"

#include <stdlib.h>

struct layers {
    struct hf *h;
    const char *each; /* a tensor all layers have, up to the number: "blk." */
    size_t each_nbytes;
    struct gg_map kinds; /* what stands behind the number -> bit */
    size_t n_kinds, n_words;
    uint64_t *sets; /* n_words a layer: which kinds it has */
};

/* What stands behind the layer's number in the name of a tensor of a layer; NULL: of none. */
static const char *kind_of(const struct layers *l, const struct hf_vt *v, uint64_t *layer)
{
    char *end;
    if (strncmp(v->name, l->each, l->each_nbytes) != 0 || (v->rule != NULL && v->rule->some))
        return NULL;
    *layer = strtoull(v->name + l->each_nbytes, &end, 10);
    return *end == '.' && *layer < l->h->n_layers ? end + 1 : NULL;
}

static int collect(struct layers *l, struct gg_err *err)
{
    struct hf *h = l->h;
    uint64_t layer, bit, n;
    for (size_t i = 0; i < h->n_vts; i++) {
        const char *kind = kind_of(l, &h->vts[i], &layer);
        if (kind == NULL)
            continue;
        int added = gg_map_add(&l->kinds, kind, strlen(kind), l->n_kinds, NULL);
        if (added < 0)
            return gg_fail_nomem(err, "the kinds of tensors");
        l->n_kinds += (size_t)added;
    }
    l->n_words = l->n_kinds / 64 + 1;
    if (!gg_mul_u64(h->n_layers, l->n_words, &n) || n > SIZE_MAX / 8 ||
        (l->sets = calloc((size_t)n + 1, 8)) == NULL)
        return gg_fail_nomem(err, "the kinds of tensors");
    for (size_t i = 0; i < h->n_vts; i++) {
        const char *kind = kind_of(l, &h->vts[i], &layer);
        if (kind != NULL && gg_map_get(&l->kinds, kind, strlen(kind), &bit))
            l->sets[layer * l->n_words + bit / 64] |= (uint64_t)1 << bit % 64;
    }
    return GG_OK;
}

/* Whether b has all that a has: 0 no, 1 more, 2 the same. */
static int covers(const struct layers *l, uint64_t b, uint64_t a)
{
    const uint64_t *x = l->sets + a * l->n_words, *y = l->sets + b * l->n_words;
    if (memcmp(x, y, l->n_words * 8) == 0)
        return 2;
    for (size_t i = 0; i < l->n_words; i++) {
        if (x[i] & ~y[i])
            return 0;
    }
    return 1;
}

static int fail_layer(struct layers *l, uint64_t a, uint64_t b, struct gg_err *err)
{
    for (size_t i = 0; i < l->h->n_vts; i++) {
        uint64_t layer, bit;
        const char *kind = kind_of(l, &l->h->vts[i], &layer);
        if (kind == NULL || layer != b || !gg_map_get(&l->kinds, kind, strlen(kind), &bit) ||
            (l->sets[a * l->n_words + bit / 64] >> bit % 64 & 1))
            continue;
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "layer %llu is incomplete: no %s%llu.%s, which layer %llu has",
                       (unsigned long long)a, l->each, (unsigned long long)a, kind, (unsigned long long)b);
    }
    return gg_fail(err, GG_ERR_BUG, GG_NOWHERE, "layers that differ in nothing");
}

/* Layers may be of several kinds (dense, experts; full and linear attention), and none of them is another
 * one less a tensor. Layers for further tokens have more than others. */
static int check_kinds(struct layers *l, struct gg_err *err)
{
    enum { MOST = 16 };
    uint64_t kinds[MOST], n_plain = l->h->n_layers - l->h->n_mtp;
    size_t n = 0;
    for (uint64_t a = 0; a < n_plain; a++) {
        size_t k = 0;
        while (k < n && covers(l, kinds[k], a) != 2)
            k++;
        if (k == n && n < MOST)
            kinds[n++] = a;
    }
    for (size_t a = 0; a < n; a++) {
        for (size_t b = 0; b < n; b++) {
            if (covers(l, kinds[b], kinds[a]) == 1)
                return fail_layer(l, kinds[a], kinds[b], err);
        }
    }
    return GG_OK;
}

/* The norm or the like that each layer has, whatever its kind. */
static int check_each(struct layers *l, const char *each, struct gg_err *err)
{
    uint64_t bit, n = l->h->n_layers;
    char kind[64];
    size_t k = strcspn(each, "}") + 2; /* "{L}." */
    if (k > strlen(each))
        return GG_OK;
    int len = (int)strlen(each + k);
    memcpy(kind, each + k, (size_t)len);
    strcpy(kind + len, ".weight");
    bool known = gg_map_get(&l->kinds, kind, strlen(kind), &bit);
    for (uint64_t a = 0; a < n; a++) {
        if (!known || !(l->sets[a * l->n_words + bit / 64] >> bit % 64 & 1))
            return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "layer %llu is missing: no %s%llu.%s",
                           (unsigned long long)a, l->each, (unsigned long long)a, kind);
    }
    return GG_OK;
}

static int check_width(const struct hf *h, struct gg_err *err)
{
    uint64_t width;
    if (!gg_hf_get_u64(h->config, "hidden_size|n_embd|d_model|dim", &width))
        return GG_OK;
    for (size_t i = 0; i < h->n_vts; i++) {
        if (strcmp(h->vts[i].name, "token_embd.weight") == 0 && h->vts[i].ne[0] != width)
            return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                           "the embedding has %llu columns, config.json says hidden_size %llu",
                           (unsigned long long)h->vts[i].ne[0], (unsigned long long)width);
    }
    return GG_OK;
}

const char *gg_hf_each_layer(const struct hf *h)
{
    return h->arch->each_layer != NULL ? h->arch->each_layer : "blk.{L}.attn_norm";
}

int gg_hf_complete(struct hf *h, struct gg_err *err)
{
    char each[64];
    const char *text = gg_hf_each_layer(h);
    size_t n = strcspn(text, "{");
    struct layers l = {.h = h, .each = each, .each_nbytes = n};
    memcpy(each, text, n);
    each[n] = '\0';
    int rc = check_width(h, err);
    if (rc == GG_OK)
        rc = collect(&l, err);
    if (rc == GG_OK)
        rc = check_each(&l, text, err);
    if (rc == GG_OK)
        rc = check_kinds(&l, err);
    gg_map_free(&l.kinds);
    free(l.sets);
    return rc;
}
