#include "lib/model/match.h"

#include "lib/base/map.h"
#include "lib/base/num.h"

#include <string.h>

struct matching {
    const struct gg_model *const *models;
    struct gg_match *out;
    const struct gg_pattern *only;
    struct gg_map by_name; /* to item */
    size_t cap;
};

static bool add_item(struct matching *w, const struct gg_tensor *t)
{
    struct gg_match *m = w->out;
    size_t *tensor = gg_arena_alloc(&m->mem, m->n_models * sizeof *tensor);
    enum gg_match_state *state = gg_arena_zalloc(&m->mem, m->n_models, sizeof *state);
    if (tensor == NULL || state == NULL)
        return false;
    for (size_t i = 0; i < m->n_models; i++)
        tensor[i] = SIZE_MAX;
    m->items[m->n] = (struct gg_match_item){t->name, tensor, state};
    return gg_map_add(&w->by_name, t->name.p, (size_t)t->name.nbytes, m->n++, NULL) >= 0;
}

/* Finds the places of a model's tensors; new names go last. Order is lost when an item stands before
 * one that came earlier. */
static bool add_model(struct matching *w, size_t model)
{
    const struct gg_model *m = w->models[model];
    uint64_t item, last = 0;
    size_t n_base = w->out->n;
    for (size_t i = 0; i < m->n_tensors; i++) {
        const struct gg_tensor *t = &m->tensors[i];
        if (w->only != NULL && !gg_pattern_match(w->only, t->name.p, (size_t)t->name.nbytes))
            continue;
        if (!gg_map_get(&w->by_name, t->name.p, (size_t)t->name.nbytes, &item)) {
            item = w->out->n;
            if (!add_item(w, t))
                return false;
        }
        ((size_t *)w->out->items[item].tensor)[model] = i;
        if (model > 0 && item < n_base && w->out->items[item].tensor[0] != SIZE_MAX) {
            w->out->reordered[model - 1] |= item < last;
            last = item;
        }
    }
    return true;
}

/* Is all of the tensor in its file? Foreign sources have been checked at opening. */
static bool is_cut(const struct gg_model *m, const struct gg_tensor *t)
{
    return m->set != NULL && m->files[t->file].nbytes != GG_NOWHERE &&
           !gg_in_range(t->file_off, gg_tensor_stored_nbytes(t), m->files[t->file].nbytes);
}

static enum gg_match_state state_of(const struct matching *w, const struct gg_match_item *it,
                                    size_t model)
{
    size_t a = it->tensor[0], b = it->tensor[model];
    if (a == SIZE_MAX)
        return b == SIZE_MAX ? GG_MATCH_NEITHER : GG_MATCH_ONLY_OTHER;
    if (b == SIZE_MAX)
        return GG_MATCH_ONLY_BASE;
    const struct gg_tensor *x = &w->models[0]->tensors[a], *y = &w->models[model]->tensors[b];
    if (memcmp(x->ne, y->ne, sizeof x->ne) != 0)
        return GG_MATCH_SHAPE;
    if (!x->known || !y->known)
        return GG_MATCH_TYPE;
    return is_cut(w->models[0], x) || is_cut(w->models[model], y) ? GG_MATCH_CUT : GG_MATCH_BOTH;
}

int gg_match_models(struct gg_match *out, const struct gg_model *const *models, size_t n_models,
                    const struct gg_pattern *only, struct gg_err *err)
{
    struct matching w = {.models = models, .out = out, .only = only};
    *out = (struct gg_match){.n_models = n_models};
    for (size_t i = 0; i < n_models; i++)
        w.cap += models[i]->n_tensors;
    out->items = gg_arena_zalloc(&out->mem, w.cap + 1, sizeof *out->items);
    out->reordered = gg_arena_zalloc(&out->mem, n_models, sizeof *out->reordered);
    bool ok = out->items != NULL && out->reordered != NULL && gg_map_reserve(&w.by_name, w.cap);
    for (size_t i = 0; ok && i < n_models; i++)
        ok = add_model(&w, i);
    gg_map_free(&w.by_name);
    for (size_t i = 0; ok && i < out->n; i++) {
        for (size_t m = 1; m < n_models; m++)
            ((enum gg_match_state *)out->items[i].state)[m - 1] = state_of(&w, &out->items[i], m);
    }
    return ok ? GG_OK : gg_fail_nomem(err, "the list of tensors");
}

void gg_match_free(struct gg_match *m)
{
    gg_arena_free(&m->mem);
    *m = (struct gg_match){0};
}
