/* Global options: those every command takes, before or behind its name. */
#ifndef GG_GLOBALS_H
#define GG_GLOBALS_H

#include "lib/base/err.h"
#include "lib/cli/opt.h"
#include "lib/cli/term.h"
#include "lib/sys/cpu.h"

struct gg_globals {
    struct gg_opt_u64 jobs; /* unset: as many as there are CPUs */
    int cpu;                /* index into the choices: 0 auto, else level + 1 */
    int progress, color;    /* enum gg_when */
    bool quiet;
    unsigned verbose;
    bool help, version;
};

extern const struct gg_opt_group gg_opts_global; /* its dest: struct gg_globals */

/* The level that --cpu asks for, the best one for auto; GG_ERR_ARG when this machine lacks it. */
GG_MUST_CHECK int gg_globals_cpu(const struct gg_globals *g, enum gg_cpu_level *out,
                                 struct gg_err *err);

#endif
