/* bench: how fast the kernels are, one thread, level by level.
 *
 *     bench [--types=q4_0,...] [--levels=c,avx2,...] [--ops=OP,...] [--runs=N] [--cols=N]
 *           [--rows=N] [--json=FILE] [--best]
 *
 * Operations: decode, encode, weighted (encode with importance weights), search and w-search (the
 * same with --search best, and how many times as long they take), valid (look for scales that are
 * not finite); under type f32 also stats and quick (error sums of two rows, exact and
 * quick) and finite (look for NaN).
 *
 * Rates count f32 elements (GB/s: four bytes each). "x ref" is the ratio to level c, the plain
 * scalar reference as this build compiled it (-O3, baseline instruction set), measured in the same
 * run; "of ceiling" that to memset (decode) or memcpy (others) of the f32 side in the same buffers.
 * Levels and ceiling take turns, run by run, and medians are shown (--best: the fastest), so that a
 * busy machine disturbs all alike. Time is the thread's own CPU time. It never passes or fails.
 */
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/quant/codebook.h"
#include "lib/quant/kernel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum op {
    OP_DECODE,
    OP_ENCODE,
    OP_WEIGHTED,
    OP_SEARCH,
    OP_SEARCH_WEIGHTED,
    OP_VALID,
    OP_STATS,
    OP_QUICK,
    OP_FINITE,
    N_OPS
};
static const char *const op_names[N_OPS] = {"decode", "encode", "weighted", "search", "w-search",
                                            "valid",  "stats",  "quick",    "finite"};

enum { MAX_RUNS = 101, CEILING = GG_CPU_LEVEL_COUNT, N_RACERS };

struct options {
    const char *types, *levels, *ops, *json;
    size_t n_rows, n_cols;
    int n_runs;
    bool best;
};

struct bench {
    struct options opt;
    struct qk_table table[GG_CPU_LEVEL_COUNT];
    float *x, *back, *weights;
    void *blocks, *scratch;
    struct qk_codebook *codebook;
    struct qk_err_sums sums;
    double standard[N_OPS][GG_CPU_LEVEL_COUNT]; /* seconds an element, of encode and weighted */
    size_t kept; /* results go somewhere */
    FILE *json;
    int n_json;
};

/* Is word in the comma-separated list? An empty list holds all. */
static bool listed(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = list; p != NULL && *p != '\0'; p++) {
        size_t m = strcspn(p, ",");
        char item[64];
        if (m == n) {
            memcpy(item, p, n);
            item[n] = '\0';
            if (gg_text_ieq(item, word))
                return true;
        }
        p += m;
        if (*p == '\0')
            break;
    }
    return list == NULL || *list == '\0';
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- one race -------------------------------------------------------------------------------- */

struct race {
    const struct qt_info *type;
    enum op op;
    size_t n_rows;
    double seconds[N_RACERS][MAX_RUNS]; /* a run over n_rows */
    bool runs[N_RACERS];
};

/* On a tile, as the stream does: eight rows again and again. */
static void run_stats(struct bench *b, enum op op, int racer, size_t n_rows)
{
    for (size_t i = 0; i < n_rows; i++) {
        const float *x = b->x + i % 8 * b->opt.n_cols, *y = b->back + i % 8 * b->opt.n_cols;
        if (op == OP_STATS)
            b->table[racer].err_row(&b->sums, x, y, NULL, b->opt.n_cols);
        else if (op == OP_QUICK)
            b->table[racer].err_quick(&b->sums, x, y, NULL, b->opt.n_cols, false, 0);
        else
            b->kept = b->table[racer].find_beyond(x, b->opt.n_cols, INFINITY);
    }
}

static void run_once(struct bench *b, const struct race *r, int racer, size_t n_rows)
{
    const size_t n_cols = b->opt.n_cols, n = n_rows * n_cols;
    const size_t row_nbytes = n_cols / r->type->block_nelems * r->type->block_nbytes;
    const bool weighted = r->op == OP_WEIGHTED || r->op == OP_SEARCH_WEIGHTED;
    const bool search = r->op == OP_SEARCH || r->op == OP_SEARCH_WEIGHTED;
    struct qk_args args = {.weights = weighted ? b->weights : NULL,
                           .codebook = b->codebook,
                           .scratch = b->scratch,
                           .search = search ? QK_SEARCH_BEST : QK_SEARCH_STANDARD};
    const struct qk_kernel *k =
        &b->table[racer == CEILING ? (int)GG_CPU_C : racer].k[r->type->type];
    if (racer == CEILING && r->op == OP_DECODE)
        memset(b->back, (int)n_rows & 1, n * sizeof *b->back);
    else if (racer == CEILING)
        memcpy(b->back, b->x, n * sizeof *b->back);
    else if (r->op == OP_DECODE)
        k->dequant(b->back, b->blocks, n / r->type->block_nelems);
    else if (r->op == OP_VALID)
        b->kept = k->valid(b->blocks, n / r->type->block_nelems);
    else if (r->op >= OP_STATS)
        run_stats(b, r->op, racer, n_rows);
    else
        qk_encode(k, b->blocks, b->x, n_rows, n_cols, row_nbytes, n_cols, &args);
}

static double time_once(struct bench *b, const struct race *r, int racer, size_t n_rows)
{
    double start = now();
    run_once(b, r, racer, n_rows);
    return now() - start;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double typical(const struct bench *b, double *seconds)
{
    qsort(seconds, (size_t)b->opt.n_runs, sizeof *seconds, compare_doubles);
    return seconds[b->opt.best ? 0 : b->opt.n_runs / 2];
}

/* Fewer rows where the reference would take more than 20 ms; never less than 16. */
static size_t rows_for(struct bench *b, const struct race *r)
{
    size_t n = gg_min_u64(16, b->opt.n_rows);
    double t = time_once(b, r, GG_CPU_C, n) / (double)n;
    double wanted = 0.02 / (t + 1e-12);
    if (wanted >= (double)b->opt.n_rows)
        return b->opt.n_rows;
    return wanted < (double)n ? n : (size_t)wanted;
}

/* Ends the line: of a search, how many times as long as the standard encoding it takes. */
static double print_standard(struct bench *b, enum op op, int level, double seconds)
{
    enum op of = op == OP_SEARCH_WEIGHTED ? OP_WEIGHTED : OP_ENCODE;
    b->standard[op][level] = seconds;
    if ((op != OP_SEARCH && op != OP_SEARCH_WEIGHTED) || !(b->standard[of][level] > 0)) {
        putchar('\n');
        return 0;
    }
    printf("  %.1f x standard\n", seconds / b->standard[of][level]);
    return seconds / b->standard[of][level];
}

static void print_race(struct bench *b, struct race *r)
{
    double t[N_RACERS] = {0}, n = (double)r->n_rows * (double)b->opt.n_cols;
    for (int i = 0; i < N_RACERS; i++)
        t[i] = r->runs[i] ? typical(b, r->seconds[i]) : 0;
    for (int i = 0; i < GG_CPU_LEVEL_COUNT; i++) {
        if (!r->runs[i])
            continue;
        const char *level = gg_cpu_name((enum gg_cpu_level)i);
        double rate = n / t[i], ratio = t[GG_CPU_C] / t[i], part = t[CEILING] / t[i];
        printf("%-8s %-8s %-6s %9.1f %8.2f %8.2f %9.0f%%", r->type->name, op_names[r->op], level,
               rate * 1e-6, rate * 4e-9, ratio, 100 * part);
        double times = print_standard(b, r->op, i, t[i] / n);
        if (b->json != NULL)
            fprintf(b->json,
                    "%s\n  {\"type\": \"%s\", \"op\": \"%s\", \"level\": \"%s\", "
                    "\"elements_per_s\": %.0f, \"gb_per_s\": %.3f, \"ratio_to_reference\": %.3f, "
                    "\"ratio_to_ceiling\": %.4f, \"times_standard\": %.2f}",
                    b->n_json++ > 0 ? "," : "", r->type->name, op_names[r->op], level, rate,
                    rate * 4e-9, ratio, part, times);
    }
    fflush(stdout);
}

static void run_race(struct bench *b, const struct qt_info *type, enum op op)
{
    struct race r = {.type = type, .op = op};
    for (int i = 0; i < GG_CPU_LEVEL_COUNT; i++) {
        enum gg_cpu_level level = (enum gg_cpu_level)i;
        r.runs[i] = i == GG_CPU_C || (gg_cpu_has(level) && b->table[i].level == level &&
                                      listed(b->opt.levels, gg_cpu_name(level)));
    }
    r.runs[CEILING] = true;
    r.n_rows = rows_for(b, &r);
    for (int i = 0; i < N_RACERS; i++) {
        if (r.runs[i])
            run_once(b, &r, i, r.n_rows); /* warms up */
    }
    for (int run = 0; run < b->opt.n_runs; run++) {
        for (int i = 0; i < N_RACERS; i++) {
            if (r.runs[i])
                r.seconds[i][run] = time_once(b, &r, i, r.n_rows);
        }
    }
    print_race(b, &r);
}

/* ---- data ------------------------------------------------------------------------------------ */

static uint32_t next_u32(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return (uint32_t)(*s >> 32);
}

/* Sums of twelve: near normal, as weights are. */
static void fill(struct bench *b)
{
    uint64_t s = 88172645463325252u;
    for (size_t i = 0; i < b->opt.n_rows * b->opt.n_cols; i++) {
        float sum = 0;
        for (int j = 0; j < 12; j++)
            sum += (float)(int)(next_u32(&s) >> 8) * 0x1p-24f;
        b->x[i] = (sum - 6.0f) * 0.05f;
    }
    for (size_t i = 0; i < b->opt.n_cols; i++)
        b->weights[i] = (float)(int)(next_u32(&s) >> 8) * 0x1p-24f + 0.01f;
}

/* Blocks to decode: encoded ones, or random bytes (floats' exponents kept in the middle). */
static void fill_blocks(struct bench *b, const struct qt_info *t)
{
    const struct qk_kernel *k = &b->table[GG_CPU_C].k[t->type];
    size_t row_nbytes = b->opt.n_cols / t->block_nelems * t->block_nbytes;
    struct qk_args args = {.scratch = b->scratch, .codebook = b->codebook};
    uint64_t s = 4101842887655102017u;
    if (k->quant != NULL && !(t->flags & QT_NEEDS_WEIGHTS)) {
        k->quant(b->blocks, b->x, 16, b->opt.n_cols, row_nbytes, b->opt.n_cols, &args);
        for (size_t i = 16; i < b->opt.n_rows; i++)
            memcpy((char *)b->blocks + i * row_nbytes, (char *)b->blocks + i % 16 * row_nbytes,
                   row_nbytes);
        return;
    }
    /* Where floats are wider than F16, exponents are kept from the ends, whose numbers are slow. */
    unsigned keep = t->type == QT_Q8_K || t->type == QT_F64 ? 0x37 : 0xff;
    for (size_t i = 0; i < b->opt.n_rows * row_nbytes; i++)
        ((uint8_t *)b->blocks)[i] = (uint8_t)((next_u32(&s) & keep) | (keep == 0x37 ? 0x30 : 0));
}

static bool open_codebook(struct bench *b, const struct qt_info *t)
{
    struct gg_err err;
    qk_codebook_free(b->codebook);
    b->codebook = NULL;
    return !qk_codebook_wanted(t->type) || qk_codebook_new(&b->codebook, t->type, &err) == 0;
}

static void bench_type(struct bench *b, const struct qt_info *t)
{
    if (!open_codebook(b, t))
        return;
    const struct qk_kernel *k = &b->table[GG_CPU_C].k[t->type];
    if (k->dequant != NULL && listed(b->opt.ops, op_names[OP_DECODE])) {
        fill_blocks(b, t);
        run_race(b, t, OP_DECODE);
    }
    for (enum op op = OP_STATS; t->type == QT_F32 && op <= OP_FINITE; op++) {
        if (listed(b->opt.ops, op_names[op]))
            run_race(b, t, op);
    }
    if (k->quant == NULL)
        return;
    if (!(t->flags & QT_NEEDS_WEIGHTS) && listed(b->opt.ops, op_names[OP_ENCODE]))
        run_race(b, t, OP_ENCODE);
    if ((t->flags & QT_BLOCKS) && listed(b->opt.ops, op_names[OP_WEIGHTED]))
        run_race(b, t, OP_WEIGHTED);
    if (k->improve != NULL && !(t->flags & QT_NEEDS_WEIGHTS) &&
        listed(b->opt.ops, op_names[OP_SEARCH]))
        run_race(b, t, OP_SEARCH);
    if (k->improve != NULL && listed(b->opt.ops, op_names[OP_SEARCH_WEIGHTED]))
        run_race(b, t, OP_SEARCH_WEIGHTED);
    if (listed(b->opt.ops, op_names[OP_VALID]))
        run_race(b, t, OP_VALID);
}

/* ---- main ------------------------------------------------------------------------------------ */

static const char *value_of(const char *arg, const char *name)
{
    size_t n = strlen(name);
    return strncmp(arg, name, n) == 0 && arg[n] == '=' ? arg + n + 1 : NULL;
}

static bool parse(struct options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *v;
        if ((v = value_of(argv[i], "--types")) != NULL)
            o->types = v;
        else if ((v = value_of(argv[i], "--levels")) != NULL)
            o->levels = v;
        else if ((v = value_of(argv[i], "--ops")) != NULL)
            o->ops = v;
        else if ((v = value_of(argv[i], "--json")) != NULL)
            o->json = v;
        else if ((v = value_of(argv[i], "--runs")) != NULL)
            o->n_runs = atoi(v);
        else if ((v = value_of(argv[i], "--rows")) != NULL)
            o->n_rows = strtoul(v, NULL, 10);
        else if ((v = value_of(argv[i], "--cols")) != NULL)
            o->n_cols = strtoul(v, NULL, 10);
        else if (strcmp(argv[i], "--best") == 0)
            o->best = true;
        else
            return false;
    }
    return o->n_runs > 0 && o->n_runs <= MAX_RUNS && o->n_rows >= 16 && o->n_rows <= 1 << 20 &&
           o->n_cols > 0 && o->n_cols <= 1 << 20 && o->n_cols % 256 == 0;
}

static bool open_bench(struct bench *b)
{
    size_t n = b->opt.n_rows * b->opt.n_cols;
    for (int i = 0; i < GG_CPU_LEVEL_COUNT; i++)
        qk_init(&b->table[i], (enum gg_cpu_level)i);
    b->x = aligned_alloc(64, n * 4);
    b->back = aligned_alloc(64, n * 4);
    b->blocks = aligned_alloc(64, n * 8 + 1024);
    b->weights = aligned_alloc(64, b->opt.n_cols * 4);
    b->scratch = aligned_alloc(64, 64 * (b->opt.n_cols * 4 + 4096));
    if (b->opt.json != NULL)
        b->json = fopen(b->opt.json, "w");
    return b->x && b->back && b->blocks && b->weights && b->scratch &&
           (b->opt.json == NULL || b->json != NULL);
}

int main(int argc, char **argv)
{
    static struct bench b = {.opt = {.n_rows = 256, .n_cols = 4096, .n_runs = 9}};
    if (!parse(&b.opt, argc, argv)) {
        fprintf(stderr, "usage: bench [--types=T,..] [--levels=L,..] [--ops=OP,..]"
                        " [--runs=N] [--rows=N] [--cols=N] [--json=FILE] [--best]\n");
        return 2;
    }
    if (!open_bench(&b)) {
        perror("bench");
        return 4;
    }
    fill(&b);
    printf("%-8s %-8s %-6s %9s %8s %8s %10s\n", "type", "op", "level", "Mel/s", "GB/s", "x ref",
           "of ceiling");
    if (b.json != NULL)
        fprintf(b.json, "[");
    for (size_t i = 0; i < qt_count(); i++) {
        if (listed(b.opt.types, qt_at(i)->name))
            bench_type(&b, qt_at(i));
    }
    if (b.json != NULL && (fprintf(b.json, "\n]\n") < 0 || fclose(b.json) != 0)) {
        perror("bench");
        return 4;
    }
    qk_codebook_free(b.codebook);
    free(b.x), free(b.back), free(b.blocks), free(b.weights), free(b.scratch);
    return 0;
}
