#include "lib/base/buf.h"
#include "lib/base/text.h"
#include "lib/cli/opt.h"
#include "lib/job/wishes.h"

#include <stdlib.h>
#include <string.h>

static const char type_slot[] = "{type}";

static int unknown_type(const char *name, struct gg_err *err)
{
    const char *names[128];
    size_t n = 0;
    for (size_t i = 0; i < gg_preset_count() && n < 128; i++) {
        if (gg_preset_at(i)->target)
            names[n++] = gg_preset_at(i)->name;
    }
    const struct gg_preset *p = gg_preset_by_name(name);
    if (p != NULL)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "--type: '%s' can be read but not written; use --tensor-type for it", name);
    const char *near = gg_opt_nearest(name, names, n);
    return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--type: unknown type '%.64s'%s%s%s", name,
                   near != NULL ? "; did you mean " : "; 'ggtool help requant' lists them",
                   near != NULL ? near : "", near != NULL ? "?" : "");
}

/* "auto", as converters call it, is COPY: the types a model has. */
static int add_type(struct gg_targets *t, const char *name, struct gg_err *err)
{
    bool automatic = gg_text_ieq(name, "auto");
    const struct gg_preset *p = gg_preset_by_name(automatic ? "COPY" : name);
    if (name[0] == '\0')
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--type: a name is empty");
    if (p == NULL || !p->target)
        return unknown_type(name, err);
    for (size_t i = 0; i < t->n; i++) {
        if (t->presets[i] == p)
            return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--type: %s is given twice", p->name);
    }
    t->names[t->n] = automatic ? "auto" : p->name;
    t->presets[t->n++] = p;
    return GG_OK;
}

/* What a size is asked of has no preset of its own; the solver sees to the types. */
static void add_sized(struct gg_targets *t)
{
    t->names[t->n] = "solved";
    t->presets[t->n++] = gg_preset_by_name("COPY");
}

/* The path with every {type} replaced. */
static const char *fill_in(struct gg_targets *t, const char *output, const char *type)
{
    struct gg_buf b = GG_BUF_INIT;
    gg_buf_adds(&b, "");
    for (const char *slot; (slot = strstr(output, type_slot)) != NULL;) {
        gg_buf_add(&b, output, (size_t)(slot - output));
        gg_buf_adds(&b, type);
        output = slot + strlen(type_slot);
    }
    gg_buf_adds(&b, output);
    const char *path = b.failed ? NULL : gg_arena_strndup(&t->arena, b.data, b.nbytes);
    gg_buf_free(&b);
    return path;
}

static int name_outputs(struct gg_targets *t, const char *output, struct gg_err *err)
{
    if (t->n > 1 && strstr(output, type_slot) == NULL)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "--output: several types need {type} in the name, as in 'model-{type}.gguf'");
    for (size_t i = 0; i < t->n; i++) {
        t->paths[i] = fill_in(t, output, t->names[i]);
        if (t->paths[i] == NULL)
            return gg_fail_nomem(err, "the names of outputs");
    }
    return GG_OK;
}

int gg_targets_parse(struct gg_targets *out, const char *types, const char *output,
                     struct gg_err *err)
{
    *out = (struct gg_targets){0};
    size_t max = 1;
    for (const char *s = types; s != NULL && *s != '\0'; s++)
        max += *s == ',';
    out->presets = gg_arena_zalloc(&out->arena, max, sizeof *out->presets);
    out->names = gg_arena_zalloc(&out->arena, max, sizeof *out->names);
    const char **paths = gg_arena_zalloc(&out->arena, max, sizeof *paths);
    bool ok = out->presets != NULL && out->names != NULL && paths != NULL;
    int rc = ok ? GG_OK : gg_fail_nomem(err, "the list of types");
    if (rc == GG_OK && types == NULL)
        add_sized(out);
    for (const char *s = types; s != NULL && rc == GG_OK; s++) {
        size_t n = strcspn(s, ",");
        char *name = gg_arena_strndup(&out->arena, s, n);
        rc = name == NULL ? gg_fail_nomem(err, "the list of types") : add_type(out, name, err);
        s += n;
        if (*s == '\0')
            break;
    }
    if (rc == GG_OK && output != NULL) {
        out->paths = paths;
        rc = name_outputs(out, output, err);
    }
    if (rc != GG_OK)
        gg_targets_free(out);
    return rc;
}

void gg_targets_free(struct gg_targets *t)
{
    gg_arena_free(&t->arena);
    *t = (struct gg_targets){0};
}
