/* How many CPUs this process may use: affinity, and the quota of its control group. */
#include "lib/sys/pool.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* First line of a small file, without its newline; false when there is none. */
static bool first_line(const char *path, char *line, size_t n)
{
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return false;
    bool ok = fgets(line, (int)n, f) != NULL;
    fclose(f);
    if (ok)
        line[strcspn(line, "\n")] = '\0';
    return ok;
}

/* CPUs that a "quota period" line of a cpu.max grants, rounded up; UINT_MAX for "max". */
static unsigned quota_of(const char *line)
{
    unsigned long long quota, period;
    if (sscanf(line, "%llu %llu", &quota, &period) != 2 || period == 0 || quota == 0)
        return ~0u;
    unsigned long long n = (quota + period - 1) / period;
    return n < 1 ? 1 : n > ~0u ? ~0u : (unsigned)n;
}

/* Least quota from our own control group (version 2) up to the root of what we can see. */
static unsigned cgroup_limit(void)
{
    char line[1024], path[1280], max[128];
    unsigned least = ~0u;
    if (!first_line("/proc/self/cgroup", line, sizeof line) || strncmp(line, "0::/", 4) != 0)
        return least;
    for (char *group = line + 3;;) {
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group[1] == '\0' ? "" : group);
        if (first_line(path, max, sizeof max) && quota_of(max) < least)
            least = quota_of(max);
        char *slash = strrchr(group, '/');
        if (slash == NULL || group[1] == '\0')
            return least;
        slash[slash == group] = '\0'; /* "/a/b" -> "/a" -> "/" */
    }
}

unsigned gg_pool_default_workers(void)
{
    cpu_set_t set;
    unsigned n = 1;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        n = (unsigned)CPU_COUNT(&set);
    unsigned quota = cgroup_limit();
    return quota < n ? quota : n;
}
