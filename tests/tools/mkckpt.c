/* mkckpt OUT.safetensors [LIST]: a small checkpoint with random weights, for tests of convert.
 *
 * LIST (standard input when not named) has a line for each tensor: NAME DTYPE SHAPE
 *   NAME   {A-B} in it stands for each number, several times if need be
 *   DTYPE  F32, F16 or BF16
 *   SHAPE  4x256, slowest first
 * Values are a fixed sequence that depends on the name alone, between -1 and 1. Empty lines and lines
 * with # are passed over.
 */
#include "lib/base/buf.h"
#include "lib/base/num.h"
#include "lib/quant/half.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct gg_buf header, data;

static _Noreturn void die(const char *what, const char *arg)
{
    fprintf(stderr, "mkckpt: %s: %s\n", what, arg);
    exit(2);
}

static uint64_t next(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

static void add_value(const char *dtype, float v)
{
    uint8_t b[4];
    if (strcmp(dtype, "F32") == 0)
        gg_store_u32(b, gg_bits_from_f32(v));
    else
        gg_store_u16(b, dtype[0] == 'B' ? qt_bf16_from_f32(v) : qt_f16_from_f32(v));
    gg_buf_add(&data, b, dtype[1] == '3' ? 4 : 2);
}

static void add_tensor(const char *name, const char *dtype, const char *shape)
{
    uint64_t n = 1, seed = 88172645463325252u;
    size_t begin = data.nbytes;
    gg_buf_addf(&header, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[", header.nbytes > 0 ? "," : "{", name,
                dtype);
    for (const char *p = shape; *p != '\0';) {
        char *end;
        uint64_t d = strtoull(p, &end, 10);
        if (end == p || (*end != 'x' && *end != '\0') || !gg_mul_u64(n, d, &n) || n > 1 << 24)
            die("shape", shape);
        gg_buf_addf(&header, "%s%llu", p == shape ? "" : ",", (unsigned long long)d);
        p = *end == 'x' ? end + 1 : end;
    }
    for (const char *p = name; *p != '\0'; p++)
        seed = (seed ^ (uint8_t)*p) * 1099511628211u;
    for (uint64_t i = 0; i < n; i++)
        add_value(dtype, (float)((double)(int64_t)next(&seed) / 0x1p63));
    gg_buf_addf(&header, "],\"data_offsets\":[%zu,%zu]}", begin, data.nbytes);
}

static void expand(const char *name, const char *dtype, const char *shape)
{
    char one[512];
    unsigned long a, b;
    const char *open = strchr(name, '{'), *close = open != NULL ? strchr(open, '}') : NULL;
    if (open == NULL) {
        add_tensor(name, dtype, shape);
        return;
    }
    if (close == NULL || sscanf(open, "{%lu-%lu}", &a, &b) != 2 || b - a > 1000)
        die("name", name);
    for (unsigned long i = a; i <= b; i++) {
        snprintf(one, sizeof one, "%.*s%lu%s", (int)(open - name), name, i, close + 1);
        expand(one, dtype, shape);
    }
}

int main(int argc, char **argv)
{
    char line[512], name[256], dtype[8], shape[64];
    if (argc < 2)
        die("usage", "mkckpt OUT.safetensors [LIST]");
    FILE *in = argc > 2 ? fopen(argv[2], "r") : stdin, *out = fopen(argv[1], "wb");
    if (in == NULL || out == NULL)
        die("cannot open", in == NULL ? argv[2] : argv[1]);
    while (fgets(line, sizeof line, in) != NULL) {
        if (line[0] == '#' || line[0] == '\n')
            continue;
        if (sscanf(line, "%255s %7s %63s", name, dtype, shape) != 3)
            die("line", line);
        expand(name, dtype, shape);
    }
    gg_buf_addc(&header, '}');
    while (header.nbytes % 8 != 0)
        gg_buf_addc(&header, ' ');
    uint8_t n[8];
    gg_store_u64(n, header.nbytes);
    if (header.failed || data.failed)
        die("out of memory", argv[1]);
    fwrite(n, 1, 8, out);
    fwrite(header.data, 1, header.nbytes, out);
    fwrite(gg_buf_str(&data), 1, data.nbytes, out);
    if (in != stdin)
        fclose(in);
    gg_buf_free(&header);
    gg_buf_free(&data);
    return fclose(out) == 0 ? 0 : 1;
}
