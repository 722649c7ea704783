/* The solver against trying everything; which types may be chosen, groups of experts, recipes. */
#include "lib/plan/solve.h"

#include "lib/base/buf.h"
#include "lib/base/num.h"
#include "lib/plan/target.h"
#include "tests/plan_make.h"

#include <math.h>

/* ---- the knapsack ---------------------------------------------------------------------------- */

enum { MAX_GROUPS = 6, MAX_OPTIONS = 6 };

static uint64_t state = 1;

static uint64_t next_random(uint64_t below)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
}

struct problem {
    struct gg_option options[MAX_GROUPS][MAX_OPTIONS];
    struct gg_group groups[MAX_GROUPS];
    size_t n;
};

/* Some are as types are (more bytes, less error), some are not. */
static void make_problem(struct problem *p)
{
    p->n = 1 + next_random(MAX_GROUPS);
    for (size_t g = 0; g < p->n; g++) {
        p->groups[g] = (struct gg_group){p->options[g], 1 + next_random(MAX_OPTIONS)};
        for (size_t i = 0; i < p->groups[g].n; i++)
            p->options[g][i] = (struct gg_option){32 * (1 + next_random(40)),
                                                  (double)next_random(1000) / 8};
    }
}

static double try_all(const struct problem *p, size_t g, uint64_t left, double cost)
{
    double best = INFINITY;
    if (g == p->n)
        return cost;
    for (size_t i = 0; i < p->groups[g].n; i++) {
        const struct gg_option *o = &p->options[g][i];
        double c = o->nbytes <= left ? try_all(p, g + 1, left - o->nbytes, cost + o->cost) : INFINITY;
        best = c < best ? c : best;
    }
    return best;
}

START_TEST(solver_finds_the_least)
{
    for (int round = 0; round < 3000; round++) {
        struct problem p;
        struct gg_solution s;
        struct gg_err err;
        size_t pick[MAX_GROUPS];
        uint64_t least, most, nbytes = 0;
        double cost = 0;
        make_problem(&p);
        gg_solve_range(p.groups, p.n, &least, &most);
        uint64_t budget = least + next_random(most >= least ? most - least + 64 : 64);
        ck_assert_int_eq(gg_solve(p.groups, p.n, budget, pick, &s, &err), GG_OK);
        for (size_t g = 0; g < p.n; g++) {
            nbytes += p.options[g][pick[g]].nbytes;
            cost += p.options[g][pick[g]].cost;
        }
        ck_assert_uint_le(nbytes, budget);
        ck_assert_uint_eq(nbytes, s.nbytes);
        ck_assert_double_eq(cost, s.cost);
        ck_assert(s.proven);
        ck_assert_double_eq_tol(cost, try_all(&p, 0, budget, 0), 1e-9);
        if (least > 0)
            ck_assert_int_eq(gg_solve(p.groups, p.n, least - 1, pick, &s, &err), GG_ERR_ARG);
    }
}
END_TEST

/* As many groups as a large model has, of types as they are: done in no time, and close to the bound. */
START_TEST(solver_takes_large_models)
{
    enum { GROUPS = 700, OPTIONS = 20 };
    static struct gg_option o[GROUPS][OPTIONS];
    static struct gg_group groups[GROUPS];
    static size_t pick[GROUPS];
    struct gg_solution s;
    struct gg_err err;
    uint64_t least, most;
    for (size_t g = 0; g < GROUPS; g++) {
        uint64_t rows = 1 + next_random(64);
        double share = 1 + (double)next_random(1000);
        groups[g] = (struct gg_group){o[g], OPTIONS};
        for (size_t i = 0; i < OPTIONS; i++)
            o[g][i] = (struct gg_option){rows * 4096 * (3 + i), share * exp2(-(double)i) *
                                                                    (1 + (double)next_random(10) / 50)};
    }
    gg_solve_range(groups, GROUPS, &least, &most);
    ck_assert_int_eq(gg_solve(groups, GROUPS, least + (most - least) / 3, pick, &s, &err), GG_OK);
    ck_assert_double_le(s.cost, s.bound * 1.001);
    ck_assert_uint_ge(s.nbytes, (least + (most - least) / 3) / 1000 * 999);
}
END_TEST

/* ---- which types, which groups --------------------------------------------------------------- */

static const struct mk_row experts[] = {
    {"token_embd.weight", {256, 64, 0}, 0, 0},
    {"output.weight", {256, 64, 0}, 0, 0},
    {"output_norm.weight", {256, 0, 0}, 0, 0},
    {"blk.%d.attn_v.weight", {256, 64, 0}, 0, 1},
    {"blk.%d.attn_output.weight", {96, 64, 0}, 0, 1},
    {"blk.%d.ffn_gate_exps.weight", {256, 64, 4}, 0, 1},
    {"blk.%d.ffn_up_exps.weight", {256, 64, 4}, 0, 1},
    {"blk.%d.ffn_down_exps.weight", {256, 64, 4}, 0, 1},
    {"blk.%d.ffn_gate_inp.weight", {256, 4, 0}, 0, 1},
    {NULL, {0}, 0, 0},
};
static const struct mk_model moe = {"llama", 2, 4, 4, 4, QT_F32, experts};

static struct gg_target *target(const struct gg_model *m, struct gg_plan_wishes *w,
                                const struct gg_target_opts *o)
{
    struct gg_target *t;
    struct gg_err err = {0};
    ck_assert_msg(gg_target_new(&t, m, w, o, &err) == GG_OK, "%s", err.msg);
    return t;
}

static struct gg_target_tensor *get(const struct gg_target *t, const char *name)
{
    for (size_t i = 0; i < t->n_tensors; i++) {
        if (ggf_str_eq(t->tensors[i].name, name))
            return &t->tensors[i];
    }
    return NULL;
}

START_TEST(types_are_those_that_fit)
{
    struct gg_model *m = mk_skeleton(&moe);
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    struct gg_target_opts o = {0, QT_NONE, QT_NONE, true};
    struct gg_target *t = target(m, &w, &o);
    ck_assert_uint_eq(t->n_tensors, 12); /* neither norms nor routers */
    ck_assert_ptr_null(get(t, "output_norm.weight"));
    gg_types v = get(t, "blk.0.attn_v.weight")->types, narrow = get(t, "blk.0.attn_output.weight")->types;
    ck_assert((v & GG_TYPE_BIT(QT_Q4_K)) && (v & GG_TYPE_BIT(QT_F32)) && (v & GG_TYPE_BIT(QT_F16)));
    ck_assert(!(v & GG_TYPE_BIT(QT_IQ2_XS)) && !(v & GG_TYPE_BIT(QT_IQ3_XXS))); /* no weights */
    ck_assert(get(t, "output.weight")->types & GG_TYPE_BIT(QT_IQ3_XXS));
    ck_assert(!(narrow & GG_TYPE_BIT(QT_Q4_K)) && (narrow & GG_TYPE_BIT(QT_IQ4_NL)));
    gg_target_free(t);
    o = (struct gg_target_opts){GG_TYPE_BIT(QT_Q4_0) | GG_TYPE_BIT(QT_Q8_0), QT_Q5_0, QT_NONE, true};
    t = target(m, &w, &o);
    ck_assert(get(t, "output.weight")->types == GG_TYPE_BIT(QT_Q8_0));
    gg_target_free(t);
    o = (struct gg_target_opts){GG_TYPE_BIT(QT_Q4_K), QT_NONE, QT_NONE, true};
    struct gg_err err;
    ck_assert_int_eq(gg_target_new(&t, m, &w, &o, &err), GG_ERR_ARG);
    ck_assert_ptr_nonnull(strstr(err.msg, "blk.0.attn_output.weight"));
    gg_model_free(m);
}
END_TEST

START_TEST(experts_go_together)
{
    struct gg_model *m = mk_skeleton(&moe);
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    struct gg_target_opts o = {0, QT_NONE, QT_NONE, true};
    struct gg_target *t = target(m, &w, &o);
    ck_assert_uint_eq(get(t, "blk.1.ffn_gate_exps.weight")->group,
                      get(t, "blk.1.ffn_up_exps.weight")->group);
    ck_assert_uint_ne(get(t, "blk.1.ffn_gate_exps.weight")->group,
                      get(t, "blk.0.ffn_up_exps.weight")->group);
    ck_assert_uint_ne(get(t, "blk.1.ffn_gate_exps.weight")->group,
                      get(t, "blk.1.ffn_down_exps.weight")->group);
    ck_assert_uint_eq(t->n_groups, t->n_tensors - 2);
    gg_target_free(t);
    gg_model_free(m);
}
END_TEST

/* ---- choosing -------------------------------------------------------------------------------- */

/* Errors as they usually are: a quarter for every bit. */
static void invent_errors(struct gg_target *t)
{
    for (size_t i = 0; i < t->n_tensors; i++) {
        for (uint32_t id = 0; id < QT_ID_END; id++) {
            const struct qt_info *q = qt_info(id);
            double n = (double)t->model->tensors[t->tensors[i].src].nelems;
            if (q != NULL && t->tensors[i].types & GG_TYPE_BIT(id) && id != QT_F32)
                t->tensors[i].error[id] =
                    (struct gg_type_error){true, n * exp2(-2 * qt_bpw(q)), n, n * exp2(-2 * qt_bpw(q)), n};
        }
    }
    ck_assert_int_eq(gg_target_weigh(t, NULL), GG_OK);
}

static void check_choice(struct gg_target *t, struct gg_plan_wishes *w, uint64_t budget)
{
    struct gg_budget b = {budget, false};
    struct gg_target_result r = {0};
    struct gg_plan *p;
    struct gg_err err = {0};
    struct gg_buf recipe = GG_BUF_INIT;
    ck_assert_msg(gg_target_choose(t, w, &b, true, &p, &r, &err) == GG_OK, "%s", err.msg);
    ck_assert_uint_le(p->outputs[0].nbytes, budget);
    ck_assert_uint_eq(p->outputs[0].nbytes, r.nbytes);
    ck_assert_uint_eq(mk_get(p, "blk.0.ffn_up_exps.weight")->to,
                      mk_get(p, "blk.0.ffn_gate_exps.weight")->to);
    gg_target_recipe(t, p, &r, "", &recipe);
    ck_assert_ptr_nonnull(strstr(gg_buf_str(&recipe), "^blk\\.0\\.ffn_up_exps\\.weight$="));
    gg_buf_free(&recipe);
    gg_plan_free(p);
}

START_TEST(a_size_is_kept)
{
    struct gg_model *m = mk_skeleton(&moe);
    struct gg_plan_wishes w = GG_PLAN_WISHES_INIT;
    struct gg_target_opts o = {0, QT_NONE, QT_NONE, true};
    struct gg_target *t = target(m, &w, &o);
    invent_errors(t);
    for (uint64_t budget = 170000; budget < 1300000; budget += 33333)
        check_choice(t, &w, budget);
    w.split_max_nbytes = 40000; /* headers of shards count, however many there are */
    for (uint64_t budget = 220000; budget < 400000; budget += 11111)
        check_choice(t, &w, budget);
    struct gg_budget none = {50000, false};
    struct gg_target_result r;
    struct gg_plan *p;
    struct gg_err err;
    ck_assert_int_eq(gg_target_choose(t, &w, &none, true, &p, &r, &err), GG_ERR_ARG);
    ck_assert_ptr_nonnull(strstr(err.msg, "the smallest has"));
    gg_target_free(t);
    gg_model_free(m);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("solve");
    TCase *tc = tcase_create("solve");
    tcase_add_test(tc, solver_finds_the_least);
    tcase_add_test(tc, solver_takes_large_models);
    tcase_add_test(tc, types_are_those_that_fit);
    tcase_add_test(tc, experts_go_together);
    tcase_add_test(tc, a_size_is_kept);
    suite_add_tcase(s, tc);
    return s;
}
