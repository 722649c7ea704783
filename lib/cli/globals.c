#include "lib/cli/globals.h"

#include <stddef.h>

static const char *const when[] = {"auto", "always", "never", NULL};
/* auto, then the levels in the order of enum gg_cpu_level; a test compares them with gg_cpu_name. */
static const char *const cpu_levels[] = {"auto", "c", "sse2", "avx2", "avx512", "neon", NULL};

static const struct gg_opt opts[] = {
    {.name = "jobs", .letter = 'j', .kind = GG_OPT_U64, .dest = offsetof(struct gg_globals, jobs),
     .arg = "N", .min = 1, .max = 4096, .help = "work with N threads (default: one a CPU)"},
    {.name = "cpu", .kind = GG_OPT_CHOICE, .dest = offsetof(struct gg_globals, cpu), .arg = "LEVEL",
     .choices = cpu_levels, .complete = GG_COMPLETE_CPU,
     .help = "use instructions of this CPU level; results are the same with each"},
    {.name = "progress", .kind = GG_OPT_CHOICE, .dest = offsetof(struct gg_globals, progress),
     .arg = "WHEN", .choices = when, .help = "show how far a long run is"},
    {.name = "color", .kind = GG_OPT_CHOICE, .dest = offsetof(struct gg_globals, color),
     .arg = "WHEN", .choices = when, .help = "use colours (auto minds NO_COLOR)"},
    {.name = "quiet", .letter = 'q', .kind = GG_OPT_FLAG, .dest = offsetof(struct gg_globals, quiet),
     .help = "say nothing but errors"},
    {.name = "verbose", .letter = 'v', .kind = GG_OPT_COUNT,
     .dest = offsetof(struct gg_globals, verbose), .help = "say more; twice: even more"},
    {.name = "help", .letter = 'h', .kind = GG_OPT_FLAG, .dest = offsetof(struct gg_globals, help),
     .help = "show this help"},
    {.name = "version", .letter = 'V', .kind = GG_OPT_FLAG,
     .dest = offsetof(struct gg_globals, version), .help = "show the version"},
    GG_OPT_END,
};

const struct gg_opt_group gg_opts_global = {"Global options", opts};

int gg_globals_cpu(const struct gg_globals *g, enum gg_cpu_level *out, struct gg_err *err)
{
    enum gg_cpu_level level = g->cpu == 0 ? gg_cpu_best() : (enum gg_cpu_level)(g->cpu - 1);
    if (!gg_cpu_has(level))
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--cpu: this machine cannot run level '%s'",
                       gg_cpu_name(level));
    *out = level;
    return GG_OK;
}
