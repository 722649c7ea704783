#include "lib/job/ftype.h"

#include "lib/plan/preset.h"

#include <stdio.h>

/* Upstream's flag for "guessed, the key was absent". */
static const uint64_t GUESSED = 1024;

/* The K types come in mixtures named after one base type: S holds it nearly alone inside of layers, M
 * adds `richer` there. L of the 3-bit ones adds it everywhere, so that `between`, which M uses for the
 * rest, does not occur. Rules: lib/plan. */
static const struct {
    enum qt_type base, richer, between;
    const char *small, *medium, *large;
} mixtures[] = {
    {QT_Q3_K, QT_Q5_K, QT_Q4_K, "Q3_K_S", "Q3_K_M", "Q3_K_L"},
    {QT_Q4_K, QT_Q6_K, QT_NONE, "Q4_K_S", "Q4_K_M", NULL},
    {QT_Q5_K, QT_Q6_K, QT_NONE, "Q5_K_S", "Q5_K_M", NULL},
};

static uint64_t n_in_layers(const struct gg_desc *d, enum qt_type type)
{
    uint64_t n = 0;
    for (size_t i = 0; i < d->n_types; i++)
        n += d->types[i].type == (uint32_t)type ? d->types[i].n_in_layers : 0;
    return n;
}

uint32_t gg_ftype_found(const struct gg_desc *d)
{
    uint64_t n[QT_ID_END] = {0};
    bool any = false;
    for (size_t i = 0; i < d->n_types; i++) { /* matrices: norms stay F32 in every file type */
        if (d->types[i].type < QT_ID_END) {
            n[d->types[i].type] += d->types[i].n_matrices;
            any |= d->types[i].n_matrices > 0;
        }
    }
    for (size_t i = 0; i < d->n_types && !any; i++) {
        if (d->types[i].type < QT_ID_END)
            n[d->types[i].type] += d->types[i].sum.n_tensors;
    }
    uint32_t guess = gg_preset_guess(n) & ~(uint32_t)GUESSED;
    const struct gg_preset *p = gg_preset_by_ftype(guess);
    for (size_t i = 0; p != NULL && i < sizeof mixtures / sizeof mixtures[0]; i++) {
        if (p->base != mixtures[i].base)
            continue;
        bool richer = n_in_layers(d, mixtures[i].richer) > 0;
        bool between = n_in_layers(d, mixtures[i].between) > 0;
        const char *name = !richer                                   ? mixtures[i].small
                           : between || mixtures[i].large == NULL ? mixtures[i].medium
                                                                      : mixtures[i].large;
        p = gg_preset_by_name(name);
        return p != NULL ? p->ftype : guess;
    }
    return guess;
}

const char *gg_ftype_name(uint64_t ftype, char tmp[32])
{
    const struct gg_preset *p =
        ftype <= UINT32_MAX ? gg_preset_by_ftype((uint32_t)(ftype & ~GUESSED)) : NULL;
    if (p != NULL)
        return p->name;
    snprintf(tmp, 32, "unknown (%llu)", (unsigned long long)ftype);
    return tmp;
}
