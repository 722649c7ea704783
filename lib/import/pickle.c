/* The machine: objects, stack, and the loop over opcodes. */
#include "lib/import/pickle_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { STOP = '.' };

int gg_pk_bad(const struct gg_pickle *m, enum gg_code code, struct gg_err *err, const char *fmt,
              ...)
{
    char why[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    const char *name = gg_pk_op_name(m);
    return gg_fail(err, code, m->op_pos, "pickle: %s at byte %zu: %s",
                   name != NULL ? name : "an unknown opcode", m->op_pos, why);
}

/* ---- objects and the stack ------------------------------------------------------------------- */

void *gg_pk_grow(struct gg_pickle *m, void *v, size_t n, size_t *cap, size_t size, size_t max,
                 const char *what, struct gg_err *err)
{
    if (n >= max) {
        (void)gg_pk_bad(m, GG_ERR_LIMIT, err, "more than %zu %s", max, what);
        return NULL;
    }
    if (n < *cap)
        return v;
    size_t want = *cap ? 2 * *cap : 256;
    void *w = realloc(v, want * size);
    if (w == NULL)
        (void)gg_fail_nomem(err, "a pickle");
    else
        *cap = want;
    return w;
}

uint32_t gg_pk_new(struct gg_pickle *m, enum gg_pk_kind kind, struct gg_err *err)
{
    struct gg_pk_object *v = gg_pk_grow(m, m->objects, m->n_objects, &m->objects_cap, sizeof *v,
                                        GG_PK_MAX_OBJECTS, "objects", err);
    if (v == NULL)
        return UINT32_MAX;
    m->objects = v;
    v[m->n_objects] = (struct gg_pk_object){.kind = (uint8_t)kind};
    return (uint32_t)m->n_objects++;
}

int gg_pk_push(struct gg_pickle *m, uint32_t o, struct gg_err *err)
{
    if (o == UINT32_MAX)
        return (int)(err->code);
    uint32_t *v = gg_pk_grow(m, m->stack, m->n_stack, &m->stack_cap, sizeof *v, GG_PK_MAX_STACK,
                             "values on the stack", err);
    if (v == NULL)
        return (int)err->code;
    m->stack = v;
    v[m->n_stack++] = o;
    return GG_OK;
}

int gg_pk_top(struct gg_pickle *m, uint32_t *o, struct gg_err *err)
{
    size_t floor = m->n_marks > 0 ? m->marks[m->n_marks - 1] : 0;
    if (m->n_stack <= floor)
        return gg_pk_bad(m, GG_ERR_CORRUPT, err, "the stack is empty");
    *o = m->stack[m->n_stack - 1];
    return GG_OK;
}

int gg_pk_pop(struct gg_pickle *m, uint32_t *o, struct gg_err *err)
{
    int rc = gg_pk_top(m, o, err);
    m->n_stack -= rc == GG_OK;
    return rc;
}

int gg_pk_pop_mark(struct gg_pickle *m, size_t *first, struct gg_err *err)
{
    if (m->n_marks == 0)
        return gg_pk_bad(m, GG_ERR_CORRUPT, err, "there is no mark on the stack");
    *first = m->marks[--m->n_marks];
    return GG_OK;
}

int gg_pk_append(struct gg_pickle *m, uint32_t to, uint32_t item, struct gg_err *err)
{
    struct gg_pk_object *o = &m->objects[to];
    if (o->n == o->cap) {
        uint32_t cap = o->cap ? 2 * o->cap : 4;
        uint32_t *v = gg_arena_alloc(&m->mem, cap * sizeof *v);
        if (v == NULL)
            return gg_fail_nomem(err, "a pickle");
        if (o->n > 0)
            memcpy(v, o->v.items, o->n * sizeof *v);
        o->v.items = v;
        o->cap = cap;
    }
    o->v.items[o->n++] = item;
    return GG_OK;
}

int gg_pk_push_items(struct gg_pickle *m, enum gg_pk_kind kind, size_t first, struct gg_err *err)
{
    uint32_t o = gg_pk_new(m, kind, err);
    int rc = o == UINT32_MAX ? (int)err->code : GG_OK;
    for (size_t i = first; i < m->n_stack && rc == GG_OK; i++)
        rc = gg_pk_append(m, o, m->stack[i], err);
    if (rc != GG_OK)
        return rc;
    m->n_stack = first;
    return gg_pk_push(m, o, err);
}

/* ---- running --------------------------------------------------------------------------------- */

static int run(struct gg_pickle *m, struct gg_err *err)
{
    int rc = GG_OK;
    while (rc == GG_OK && m->pos < m->nbytes) {
        m->op_pos = m->pos++;
        if (m->p[m->op_pos] == STOP)
            return GG_OK;
        rc = gg_pk_run_op(m, err);
    }
    return rc != GG_OK ? rc
                       : gg_fail(err, GG_ERR_TRUNCATED, m->nbytes,
                                 "pickle: ends at byte %zu without STOP", m->nbytes);
}

void gg_pickle_free(struct gg_pickle *m)
{
    if (m == NULL)
        return;
    gg_arena_free(&m->mem);
    free(m->objects);
    free(m->stack);
    free(m->marks);
    free(m->memo);
    free(m->tensors);
    free(m);
}

size_t gg_pickle_n_tensors(const struct gg_pickle *m)
{
    return m->n_tensors;
}

const struct gg_pickle_tensor *gg_pickle_tensor(const struct gg_pickle *m, size_t i)
{
    return m->tensors[i];
}

int gg_pickle_parse(struct gg_pickle **out, const void *p, size_t n, size_t *dropped,
                    struct gg_err *err)
{
    struct gg_err scratch;
    uint32_t root = 0;
    size_t none;
    err = err != NULL ? err : &scratch;
    if (n > GG_PICKLE_MAX_NBYTES)
        return gg_fail(err, GG_ERR_LIMIT, 0, "pickle: has %zu bytes, over the limit of %d", n,
                       GG_PICKLE_MAX_NBYTES);
    struct gg_pickle *m = calloc(1, sizeof *m);
    if (m == NULL)
        return gg_fail_nomem(err, "a pickle");
    m->p = p;
    m->nbytes = n;
    int rc = run(m, err);
    if (rc == GG_OK)
        rc = gg_pk_pop(m, &root, err);
    if (rc == GG_OK)
        rc = gg_pk_collect(m, root, dropped != NULL ? dropped : &none, err);
    if (rc != GG_OK) {
        gg_pickle_free(m);
        return rc;
    }
    *out = m;
    return GG_OK;
}
