/* mkckpt OUT.safetensors [LIST]: a small checkpoint with random weights, for tests of convert.
 *
 * LIST (standard input when not named) has a line for each tensor: NAME DTYPE SHAPE
 *   NAME   {A-B} in it stands for each number, several times if need be
 *   DTYPE  safetensors' name; F32, F16 and BF16 are between -1 and 1, all else is random bits (8-bit
 *          floats without NaN). What follows a colon says more:
 *            F16:LO,HI  between these            I32:=1,2,3  these, from the first again when all are used
 *            I32:/32    element's index / 32     U8:TEXT     the bytes of TEXT
 *            I64:*32    element's index * 32
 *   SHAPE  4x256, slowest first
 * Values are a fixed sequence that depends on the name alone, between -1 and 1. Empty lines and lines
 * with # are passed over.
 */
#include "lib/base/buf.h"
#include "lib/base/num.h"
#include "lib/quant/half.h"

#include <stdbool.h>
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

static size_t size_of(const char *dtype)
{
    return strstr(dtype, "64") != NULL                                                 ? 8
           : strstr(dtype, "32") != NULL                                               ? 4
           : strstr(dtype, "16") != NULL                                               ? 2
                                                                                       : 1;
}

static void add_float(const char *dtype, double v)
{
    uint8_t b[4];
    if (dtype[1] == '3')
        gg_store_u32(b, gg_bits_from_f32((float)v));
    else
        gg_store_u16(b, dtype[0] == 'B' ? qt_bf16_from_f32((float)v) : qt_f16_from_f32((float)v));
    gg_buf_add(&data, b, size_of(dtype));
}

static void add_int(size_t size, uint64_t v)
{
    uint8_t b[8];
    gg_store_u64(b, v);
    gg_buf_add(&data, b, size);
}

static bool is_float(const char *dtype)
{
    return strcmp(dtype, "F32") == 0 || strcmp(dtype, "F16") == 0 || strcmp(dtype, "BF16") == 0;
}

static uint64_t random_bits(const char *dtype, uint64_t *seed)
{
    uint64_t v = next(seed) >> 16;
    if (strcmp(dtype, "F8_E4M3") == 0 && (v & 0x7f) == 0x7f)
        v ^= 1;
    if (strcmp(dtype, "F8_E5M2") == 0 && (v & 0x7c) == 0x7c)
        v ^= 4;
    return v;
}

/* The values of one tensor: dtype without its colon, and what stood behind it ("" for nothing). */
static void add_values(const char *dtype, const char *spec, uint64_t n, uint64_t seed)
{
    size_t size = size_of(dtype), n_spec = strlen(spec);
    double lo = -1, hi = 1;
    const char *p = spec;
    if (is_float(dtype) && spec[0] != '\0' && spec[0] != '=' && sscanf(spec, "%lf,%lf", &lo, &hi) != 2)
        die("range", spec);
    for (uint64_t i = 0; i < n; i++) {
        char *end = NULL;
        if (spec[0] == '=') {
            p = *p == '\0' || p == spec ? spec + 1 : p;
            double v = strtod(p, &end);
            p = *end == ',' ? end + 1 : end;
            if (is_float(dtype))
                add_float(dtype, v);
            else
                add_int(size, (uint64_t)(int64_t)v);
        } else if (spec[0] == '/') {
            add_int(size, i / strtoull(spec + 1, NULL, 10));
        } else if (spec[0] == '*') {
            add_int(size, i * strtoull(spec + 1, NULL, 10));
        } else if (is_float(dtype)) {
            double v = (double)(int64_t)next(&seed) / 0x1p63;
            add_float(dtype, n_spec == 0 ? v : lo + (hi - lo) * (v + 1) / 2);
        } else if (n_spec > 0) {
            add_int(1, (uint8_t)spec[i % n_spec]);
        } else {
            add_int(size, random_bits(dtype, &seed));
        }
    }
}

static void add_tensor(const char *name, const char *dtype, const char *shape)
{
    uint64_t n = 1, seed = 88172645463325252u;
    size_t begin = data.nbytes, n_type = strcspn(dtype, ":");
    char type[16];
    snprintf(type, sizeof type, "%.*s", (int)n_type, dtype);
    gg_buf_addf(&header, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[", header.nbytes > 0 ? "," : "{", name,
                type);
    for (const char *p = strcmp(shape, "-") == 0 ? "" : shape; *p != '\0';) { /* -: no dimensions */
        char *end;
        uint64_t d = strtoull(p, &end, 10);
        if (end == p || (*end != 'x' && *end != '\0') || !gg_mul_u64(n, d, &n) || n > 1 << 24)
            die("shape", shape);
        gg_buf_addf(&header, "%s%llu", p == shape ? "" : ",", (unsigned long long)d);
        p = *end == 'x' ? end + 1 : end;
    }
    for (const char *p = name; *p != '\0'; p++)
        seed = (seed ^ (uint8_t)*p) * 1099511628211u;
    add_values(type, dtype + n_type + (dtype[n_type] == ':'), n, seed);
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
    char line[1024], name[256], dtype[600], shape[64];
    if (argc < 2)
        die("usage", "mkckpt OUT.safetensors [LIST]");
    FILE *in = argc > 2 ? fopen(argv[2], "r") : stdin, *out = fopen(argv[1], "wb");
    if (in == NULL || out == NULL)
        die("cannot open", in == NULL ? argv[2] : argv[1]);
    while (fgets(line, sizeof line, in) != NULL) {
        if (line[0] == '#' || line[0] == '\n')
            continue;
        if (sscanf(line, "%255s %599s %63s", name, dtype, shape) != 3)
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
