#include "lib/cli/csv.h"

void gg_csv_text(FILE *f, const char *s, size_t n)
{
    fputc('"', f);
    for (size_t i = 0; i < n; i++)
        fprintf(f, s[i] == '"' ? "\"\"" : "%c", s[i]);
    fputc('"', f);
}
