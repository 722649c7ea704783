/* Solver: one option for each group, least cost in all, within so many bytes: the multiple-choice
 * knapsack. Pure and deterministic.
 *
 * The relaxed problem is solved on the lower convex hulls of the groups (Lagrange: one price of a
 * byte for all), which bounds the cost from below; filling up greedily gives a first answer. What
 * could still be better is found exactly: options whose price above the best of their group exceeds
 * the distance between answer and bound are dropped, the others are combined, group after group,
 * keeping only combinations that no other beats in both bytes and cost.
 */
#ifndef GG_PLAN_SOLVE_H
#define GG_PLAN_SOLVE_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gg_option {
    uint64_t nbytes; /* of all groups together below 2^63 */
    double cost;     /* finite, not negative */
};

struct gg_group {
    const struct gg_option *options; /* any order; of equals the first is taken */
    size_t n;                        /* at least 1 */
};

struct gg_solution {
    uint64_t nbytes;
    double cost;
    double bound; /* no choice costs less; equal to cost when proven */
    bool proven;  /* nothing was left out for want of room */
};

/* The fewest bytes that any choice takes, and those of the cheapest choice (more are of no use). */
void gg_solve_range(const struct gg_group *groups, size_t n, uint64_t *least, uint64_t *most);

/* Fills pick[n]. Errors: GG_ERR_ARG when budget is less than the fewest bytes; GG_ERR_NOMEM. */
GG_MUST_CHECK int gg_solve(const struct gg_group *groups, size_t n, uint64_t budget, size_t *pick,
                           struct gg_solution *out, struct gg_err *err);

#endif
