/* Base64: four characters, six bits each, are three bytes; = stands for what is missing at the end. */
#include "lib/base/base64.h"

#include <stdint.h>

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool gg_base64_decode(struct gg_buf *out, const char *p, size_t n)
{
    if (n % 4 != 0)
        return false;
    for (size_t i = 0; i < n; i += 4) {
        unsigned pad = 0;
        uint32_t v = 0;
        if (i + 4 == n && p[i + 3] == '=')
            pad = p[i + 2] == '=' ? 2 : 1;
        for (unsigned k = 0; k < 4; k++) {
            int d = k < 4 - pad ? digit(p[i + k]) : 0;
            if (d < 0)
                return false;
            v = v << 6 | (uint32_t)d;
        }
        for (unsigned k = 0; k < 3 - pad; k++)
            gg_buf_addc(out, (char)(v >> (16 - 8 * k)));
    }
    return true;
}
