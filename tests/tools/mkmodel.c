/* mkmodel OUT [--kv KEY=TYPE:VALUE]... [--holes] TENSOR...: small GGUF models for tests.
 *
 * TENSOR is NAME:TYPE:SHAPE[:FILL[:ROW,COL=VALUE]...]
 *   TYPE   f32, f16, bf16; any other with FILL zero
 *   SHAPE  256x4 (fastest first)
 *   FILL   normal (default; a fixed sequence that depends on the name), zero, ramp, const=V
 * NAME{A-B} makes one tensor for each number. --holes leaves all data to a hole of the file.
 */
#include "gguf/gguf.h"
#include "lib/base/num.h"
#include "lib/base/text.h"
#include "lib/quant/half.h"
#include "lib/quant/qtype.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_POKES = 8 };

struct spec {
    char *name;
    uint32_t type, n_dims;
    uint64_t ne[4];
    char fill[16];
    float value;
    struct {
        uint64_t row, col;
        float value;
    } poke[MAX_POKES];
    size_t n_pokes;
};

static struct spec *specs;
static size_t n_specs, cap_specs;

static _Noreturn void die(const char *what, const char *arg)
{
    fprintf(stderr, "mkmodel: %s: %s\n", what, arg);
    exit(2);
}

static void check(int rc, const struct gg_err *err)
{
    if (rc != GG_OK)
        die("failed", err->msg);
}

static struct spec *new_spec(void)
{
    if (n_specs == cap_specs) {
        cap_specs = cap_specs > 0 ? cap_specs * 2 : 64;
        specs = realloc(specs, cap_specs * sizeof *specs);
        if (specs == NULL)
            die("out of memory", "tensors");
    }
    return memset(&specs[n_specs++], 0, sizeof *specs);
}

static void parse_shape(struct spec *s, char *text)
{
    char *save = NULL;
    for (int i = 0; i < 4; i++)
        s->ne[i] = 1;
    for (char *p; (p = strtok_r(text, "x", &save)) != NULL; text = NULL) {
        if (s->n_dims == 4)
            die("too many dimensions", s->name);
        s->ne[s->n_dims++] = strtoull(p, NULL, 10);
    }
}

static void parse_fill(struct spec *s, const char *text)
{
    const char *eq = strchr(text, '=');
    size_t n = eq != NULL ? (size_t)(eq - text) : strlen(text);
    snprintf(s->fill, sizeof s->fill, "%.*s", (int)n, text);
    s->value = eq != NULL ? strtof(eq + 1, NULL) : 0;
}

static void parse_poke(struct spec *s, const char *text)
{
    unsigned long long row, col;
    char value[32];
    if (s->n_pokes == MAX_POKES || sscanf(text, "%llu,%llu=%31s", &row, &col, value) != 3)
        die("bad poke", text);
    s->poke[s->n_pokes].row = row;
    s->poke[s->n_pokes].col = col;
    s->poke[s->n_pokes++].value = strtof(value, NULL);
}

static void parse_one(const char *name, const char *rest)
{
    struct spec *s = new_spec();
    char *copy = strdup(rest), *save = NULL;
    s->name = strdup(name);
    const char *type = strtok_r(copy, ":", &save);
    char *shape = strtok_r(NULL, ":", &save);
    const char *fill = strtok_r(NULL, ":", &save);
    if (type == NULL || shape == NULL || qt_by_name(type) == NULL)
        die("bad tensor", rest);
    s->type = qt_by_name(type)->type;
    parse_shape(s, shape);
    parse_fill(s, fill != NULL ? fill : "normal");
    for (const char *p; (p = strtok_r(NULL, ":", &save)) != NULL;)
        parse_poke(s, p);
    free(copy);
}

static void parse_tensor(const char *text)
{
    const char *colon = strchr(text, ':'), *brace = strchr(text, '{');
    unsigned long long first = 0, last = 0;
    int used = 0;
    char name[256];
    if (colon == NULL)
        die("bad tensor", text);
    if (brace == NULL || brace > colon) {
        snprintf(name, sizeof name, "%.*s", (int)(colon - text), text);
        parse_one(name, colon + 1);
        return;
    }
    if (sscanf(brace, "{%llu-%llu}%n", &first, &last, &used) != 2)
        die("bad range", text);
    for (unsigned long long i = first; i <= last; i++) {
        snprintf(name, sizeof name, "%.*s%llu%.*s", (int)(brace - text), text, i,
                 (int)(colon - brace - used), brace + used);
        parse_one(name, colon + 1);
    }
}

/* A sum of twelve uniform numbers less six is normal enough, and the same everywhere. */
static float normal(uint64_t *state)
{
    float sum = 0;
    for (int i = 0; i < 12; i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        sum += (float)(*state >> 40) / 16777216.0F;
    }
    return (sum - 6.0F) * 0.05F;
}

static float value_at(const struct spec *s, uint64_t row, uint64_t col, uint64_t *state)
{
    float v = 0;
    if (strcmp(s->fill, "normal") == 0)
        v = normal(state);
    else if (strcmp(s->fill, "ramp") == 0)
        v = (float)col / (float)s->ne[0] - 0.5F;
    else if (strcmp(s->fill, "const") == 0)
        v = s->value;
    else if (strcmp(s->fill, "zero") != 0)
        die("unknown fill", s->fill);
    for (size_t i = 0; i < s->n_pokes; i++) {
        if (s->poke[i].row == row && s->poke[i].col == col)
            v = s->poke[i].value;
    }
    return v;
}

static void put(FILE *f, uint32_t type, float v)
{
    uint8_t raw[4];
    if (type == QT_F32) {
        gg_store_u32(raw, gg_bits_from_f32(v));
        fwrite(raw, 1, 4, f);
    } else {
        gg_store_u16(raw, type == QT_F16 ? qt_f16_from_f32(v) : qt_bf16_from_f32(v));
        fwrite(raw, 1, 2, f);
    }
}

static void put_tensor(FILE *f, const struct spec *s, uint64_t nbytes)
{
    uint64_t state = 88172645463325252u, rows = s->ne[1] * s->ne[2] * s->ne[3];
    for (const char *p = s->name; *p != '\0'; p++)
        state = (state ^ (uint8_t)*p) * 1099511628211u;
    if (s->type != QT_F32 && s->type != QT_F16 && s->type != QT_BF16) {
        for (uint64_t i = 0; i < nbytes; i++)
            putc(0, f);
        return;
    }
    for (uint64_t r = 0; r < rows; r++) {
        for (uint64_t c = 0; c < s->ne[0]; c++)
            put(f, s->type, value_at(s, r, c, &state));
    }
}

static void set_kv(struct ggf_meta *meta, const char *text)
{
    char *key = strdup(text), *eq = strchr(key, '='), *colon = eq ? strchr(eq, ':') : NULL;
    enum ggf_vtype t;
    struct gg_err err;
    if (colon == NULL)
        die("bad key", text);
    *eq = *colon = '\0';
    if (!ggf_vtype_by_name(eq + 1, &t))
        die("bad type", text);
    check(ggf_meta_set_text(meta, key, t, colon + 1, &err), &err);
    free(key);
}

static void write_model(const char *path, const struct ggf_meta *meta, bool holes)
{
    struct ggf_tensor_spec *v = calloc(n_specs + 1, sizeof *v);
    struct ggf_layout *l = NULL;
    struct gg_err err;
    size_t n;
    for (size_t i = 0; i < n_specs; i++) {
        v[i].name = ggf_str(specs[i].name);
        v[i].type = specs[i].type;
        v[i].n_dims = specs[i].n_dims;
        memcpy(v[i].ne, specs[i].ne, sizeof v[i].ne);
    }
    check(ggf_layout_new(&l, meta, v, n_specs, &err), &err);
    FILE *f = fopen(path, "wb");
    if (f == NULL)
        die("cannot write", path);
    const void *head = ggf_layout_header(l, &n);
    fwrite(head, 1, n, f);
    for (size_t i = 0; !holes && i < n_specs; i++) {
        fseeko(f, (off_t)ggf_layout_tensor_off(l, i), SEEK_SET);
        put_tensor(f, &specs[i], ggf_layout_tensor_nbytes(l, i));
    }
    fflush(f);
    if (ftruncate(fileno(f), (off_t)ggf_layout_file_nbytes(l)) != 0 || fclose(f) != 0)
        die("cannot write", path);
    ggf_layout_free(l);
    free(v);
}

int main(int argc, char **argv)
{
    struct ggf_meta *meta = NULL;
    struct gg_err err;
    bool holes = false;
    if (argc < 2 || argv[1][0] == '-')
        die("usage", "mkmodel OUT [--kv KEY=TYPE:VALUE]... [--holes] TENSOR...");
    check(ggf_meta_new(&meta, &err), &err);
    set_kv(meta, "general.architecture=str:llama");
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--kv") == 0 && i + 1 < argc)
            set_kv(meta, argv[++i]);
        else if (strcmp(argv[i], "--holes") == 0)
            holes = true;
        else
            parse_tensor(argv[i]);
    }
    write_model(argv[1], meta, holes);
    for (size_t i = 0; i < n_specs; i++)
        free(specs[i].name);
    free(specs);
    ggf_meta_free(meta);
    return 0;
}
