/* Opcodes, as in Python's pickletools: one row each at the end. */
#include "lib/import/pickle_impl.h"

#include <stdlib.h>

/* ---- operands -------------------------------------------------------------------------------- */

static int take(struct gg_pickle *m, uint64_t n, const uint8_t **p, struct gg_err *err)
{
    if (n > m->nbytes - m->pos)
        return gg_pk_bad(m, GG_ERR_TRUNCATED, err, "its %llu bytes go beyond the end of the pickle",
                         (unsigned long long)n);
    *p = m->p + m->pos;
    m->pos += (size_t)n;
    return GG_OK;
}

/* A little-endian number of the opcode's width. */
static int take_number(struct gg_pickle *m, uint64_t *v, struct gg_err *err)
{
    const uint8_t *p = NULL;
    int width = gg_pk_op(m)->arg;
    int rc = take(m, (uint64_t)width, &p, err);
    *v = 0;
    for (int i = 0; i < width && rc == GG_OK; i++)
        *v |= (uint64_t)p[i] << (8 * i);
    return rc;
}

/* Text up to a newline. */
static int take_line(struct gg_pickle *m, const char **s, size_t *n, struct gg_err *err)
{
    const uint8_t *p = m->p + m->pos;
    const uint8_t *end = memchr(p, '\n', m->nbytes - m->pos);
    if (end == NULL)
        return gg_pk_bad(m, GG_ERR_TRUNCATED, err, "its text has no end");
    *s = (const char *)p;
    *n = (size_t)(end - p);
    m->pos += *n + 1;
    return GG_OK;
}

/* ---- opcodes --------------------------------------------------------------------------------- */

static int op_proto(struct gg_pickle *m, struct gg_err *err)
{
    const uint8_t *p = NULL;
    int rc = take(m, 1, &p, err);
    if (rc == GG_OK && *p > 5)
        rc = gg_pk_bad(m, GG_ERR_UNSUPPORTED, err, "protocol %d is newer than 5", *p);
    return rc;
}

static int op_frame(struct gg_pickle *m, struct gg_err *err)
{
    uint64_t n;
    return take_number(m, &n, err);
}

static int op_mark(struct gg_pickle *m, struct gg_err *err)
{
    uint32_t *v = gg_pk_grow(m, m->marks, m->n_marks, &m->marks_cap, sizeof *v, GG_PK_MAX_STACK,
                             "marks", err);
    if (v == NULL)
        return (int)err->code;
    m->marks = v;
    v[m->n_marks++] = (uint32_t)m->n_stack;
    return GG_OK;
}

static int op_pop(struct gg_pickle *m, struct gg_err *err)
{
    uint32_t o = 0;
    return gg_pk_pop(m, &o, err);
}

static int op_pop_mark(struct gg_pickle *m, struct gg_err *err)
{
    return gg_pk_pop_mark(m, &m->n_stack, err);
}

/* NONE, NEWTRUE, EMPTY_DICT...: an object of kind arg; truth is the only value. */
static int op_simple(struct gg_pickle *m, struct gg_err *err)
{
    const struct gg_pk_op *op = gg_pk_op(m);
    uint32_t o = gg_pk_new(m, (enum gg_pk_kind)(op->arg & 15), err);
    if (o != UINT32_MAX && (op->arg & 15) == GG_PK_BOOL)
        m->objects[o].v.i = op->arg >> 4;
    return gg_pk_push(m, o, err);
}

static int push_int(struct gg_pickle *m, int64_t v, struct gg_err *err)
{
    uint32_t o = gg_pk_new(m, GG_PK_INT, err);
    if (o != UINT32_MAX)
        m->objects[o].v.i = v;
    return gg_pk_push(m, o, err);
}

static int op_int(struct gg_pickle *m, struct gg_err *err)
{
    uint64_t v = 0;
    int width = gg_pk_op(m)->arg;
    int rc = take_number(m, &v, err);
    return rc != GG_OK ? rc : push_int(m, width == 4 ? (int32_t)(uint32_t)v : (int64_t)v, err);
}

/* LONG1, LONG4: a length, then two's complement. What 64 bits don't hold is nothing we need. */
static int op_long(struct gg_pickle *m, struct gg_err *err)
{
    uint64_t n = 0, v = 0;
    const uint8_t *p = NULL;
    int rc = take_number(m, &n, err);
    if (rc == GG_OK)
        rc = take(m, n, &p, err);
    if (rc != GG_OK)
        return rc;
    if (n > 8)
        return gg_pk_push(m, gg_pk_new(m, GG_PK_OPAQUE, err), err);
    for (uint64_t i = 0; i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    if (n > 0 && n < 8 && p[n - 1] & 0x80)
        v |= UINT64_MAX << (8 * n);
    return push_int(m, (int64_t)v, err);
}

static int op_text(struct gg_pickle *m, struct gg_err *err)
{
    uint64_t n = 0;
    const uint8_t *p = NULL;
    int rc = take_number(m, &n, err);
    if (rc == GG_OK)
        rc = take(m, n, &p, err);
    if (rc != GG_OK)
        return rc;
    uint32_t o = gg_pk_new(m, GG_PK_STR, err);
    if (o != UINT32_MAX) {
        m->objects[o].n = (uint32_t)n; /* at most the pickle's size */
        m->objects[o].v.text = (const char *)p;
    }
    return gg_pk_push(m, o, err);
}

static int op_bytes(struct gg_pickle *m, struct gg_err *err)
{
    uint64_t n = 0;
    const uint8_t *p = NULL;
    int rc = take_number(m, &n, err);
    if (rc == GG_OK)
        rc = take(m, n, &p, err);
    return rc != GG_OK ? rc : gg_pk_push(m, gg_pk_new(m, GG_PK_OPAQUE, err), err);
}

static int op_float(struct gg_pickle *m, struct gg_err *err)
{
    const uint8_t *p = NULL;
    int rc = take(m, 8, &p, err);
    return rc != GG_OK ? rc : gg_pk_push(m, gg_pk_new(m, GG_PK_OPAQUE, err), err);
}

/* TUPLE1..3: arg values. */
static int op_tuple_n(struct gg_pickle *m, struct gg_err *err)
{
    size_t n = (size_t)gg_pk_op(m)->arg;
    size_t floor = m->n_marks > 0 ? m->marks[m->n_marks - 1] : 0;
    if (m->n_stack - floor < n)
        return gg_pk_bad(m, GG_ERR_CORRUPT, err, "the stack is empty");
    return gg_pk_push_items(m, GG_PK_TUPLE, m->n_stack - n, err);
}

/* TUPLE, LIST, DICT: what stands above the mark. */
static int op_from_mark(struct gg_pickle *m, struct gg_err *err)
{
    size_t first = 0;
    enum gg_pk_kind kind = (enum gg_pk_kind)gg_pk_op(m)->arg;
    int rc = gg_pk_pop_mark(m, &first, err);
    if (rc == GG_OK && kind == GG_PK_DICT && (m->n_stack - first) % 2 != 0)
        rc = gg_pk_bad(m, GG_ERR_CORRUPT, err, "a key without a value");
    return rc != GG_OK ? rc : gg_pk_push_items(m, kind, first, err);
}

/* Moves the values from `first` on into the container below them. */
static int add_items(struct gg_pickle *m, enum gg_pk_kind kind, size_t first, struct gg_err *err)
{
    size_t floor = m->n_marks > 0 ? m->marks[m->n_marks - 1] : 0;
    if (first <= floor)
        return gg_pk_bad(m, GG_ERR_CORRUPT, err, "the stack is empty");
    uint32_t to = m->stack[first - 1];
    if (m->objects[to].kind == GG_PK_OPAQUE) { /* a set, say */
        m->n_stack = first;
        return GG_OK;
    }
    if (m->objects[to].kind != kind)
        return gg_pk_bad(m, GG_ERR_UNSUPPORTED, err, "adds to something that is no %s",
                         kind == GG_PK_DICT ? "dictionary" : "list");
    if (kind == GG_PK_DICT && (m->n_stack - first) % 2 != 0)
        return gg_pk_bad(m, GG_ERR_CORRUPT, err, "a key without a value");
    int rc = GG_OK;
    for (size_t i = first; i < m->n_stack && rc == GG_OK; i++)
        rc = gg_pk_append(m, to, m->stack[i], err);
    m->n_stack = first;
    return rc;
}

/* APPEND, SETITEM: arg says the kind, and with it how many values. */
static int op_add(struct gg_pickle *m, struct gg_err *err)
{
    enum gg_pk_kind kind = (enum gg_pk_kind)gg_pk_op(m)->arg;
    size_t n = kind == GG_PK_DICT ? 2 : 1;
    if (m->n_stack < n)
        return gg_pk_bad(m, GG_ERR_CORRUPT, err, "the stack is empty");
    return add_items(m, kind, m->n_stack - n, err);
}

static int op_add_mark(struct gg_pickle *m, struct gg_err *err)
{
    size_t first = 0;
    enum gg_pk_kind kind = (enum gg_pk_kind)gg_pk_op(m)->arg;
    int rc = gg_pk_pop_mark(m, &first, err);
    return rc != GG_OK ? rc : add_items(m, kind, first, err);
}

static int memo_put(struct gg_pickle *m, uint64_t at, struct gg_err *err)
{
    size_t floor = m->n_marks > 0 ? m->marks[m->n_marks - 1] : 0;
    if (m->n_stack <= floor)
        return gg_pk_bad(m, GG_ERR_CORRUPT, err, "the stack is empty");
    if (at >= GG_PK_MAX_OBJECTS)
        return gg_pk_bad(m, GG_ERR_LIMIT, err, "memo index %llu is over %d", (unsigned long long)at,
                         GG_PK_MAX_OBJECTS);
    if (at >= m->memo_cap) {
        size_t cap = gg_max_u64(2 * m->memo_cap, at + 256);
        uint32_t *v = realloc(m->memo, cap * sizeof *v);
        if (v == NULL)
            return gg_fail_nomem(err, "a pickle");
        memset(v + m->memo_cap, 0, (cap - m->memo_cap) * sizeof *v);
        m->memo = v;
        m->memo_cap = cap;
    }
    m->memo[at] = m->stack[m->n_stack - 1] + 1;
    return GG_OK;
}

static int op_put(struct gg_pickle *m, struct gg_err *err)
{
    uint64_t at = 0;
    int rc = take_number(m, &at, err);
    return rc != GG_OK ? rc : memo_put(m, at, err);
}

static int op_memoize(struct gg_pickle *m, struct gg_err *err)
{
    return memo_put(m, m->n_memo++, err);
}

static int op_get(struct gg_pickle *m, struct gg_err *err)
{
    uint64_t at = 0;
    int rc = take_number(m, &at, err);
    if (rc != GG_OK)
        return rc;
    if (at >= m->memo_cap || m->memo[at] == 0)
        return gg_pk_bad(m, GG_ERR_CORRUPT, err, "memo index %llu was never set",
                         (unsigned long long)at);
    return gg_pk_push(m, m->memo[at] - 1, err);
}

static int op_global(struct gg_pickle *m, struct gg_err *err)
{
    const char *module = NULL, *name = NULL;
    size_t module_nbytes = 0, name_nbytes = 0;
    uint32_t o = 0;
    int rc = take_line(m, &module, &module_nbytes, err);
    if (rc == GG_OK)
        rc = take_line(m, &name, &name_nbytes, err);
    if (rc == GG_OK)
        rc = gg_pk_global(m, module, module_nbytes, name, name_nbytes, &o, err);
    return rc != GG_OK ? rc : gg_pk_push(m, o, err);
}

static int op_stack_global(struct gg_pickle *m, struct gg_err *err)
{
    uint32_t a = 0, b = 0, o = 0;
    int rc = gg_pk_pop(m, &b, err);
    if (rc == GG_OK)
        rc = gg_pk_pop(m, &a, err);
    if (rc != GG_OK)
        return rc;
    const struct gg_pk_object *x = &m->objects[a], *y = &m->objects[b];
    if (x->kind != GG_PK_STR || y->kind != GG_PK_STR)
        return gg_pk_bad(m, GG_ERR_CORRUPT, err, "its names are no text");
    rc = gg_pk_global(m, x->v.text, x->n, y->v.text, y->n, &o, err);
    return rc != GG_OK ? rc : gg_pk_push(m, o, err);
}

static int op_reduce(struct gg_pickle *m, struct gg_err *err)
{
    uint32_t callable = 0, args = 0, o = 0;
    int rc = gg_pk_pop(m, &args, err);
    if (rc == GG_OK)
        rc = gg_pk_pop(m, &callable, err);
    if (rc == GG_OK)
        rc = gg_pk_reduce(m, callable, args, &o, err);
    return rc != GG_OK ? rc : gg_pk_push(m, o, err);
}

/* Attributes of a dictionary (PyTorch's _metadata) are not needed; nothing else may have any. */
static int op_build(struct gg_pickle *m, struct gg_err *err)
{
    uint32_t state = 0, o = 0;
    int rc = gg_pk_pop(m, &state, err);
    if (rc == GG_OK)
        rc = gg_pk_pop(m, &o, err);
    if (rc != GG_OK)
        return rc;
    if (m->objects[o].kind != GG_PK_DICT ||
        (m->objects[state].kind != GG_PK_DICT && m->objects[state].kind != GG_PK_NONE))
        return gg_pk_bad(m, GG_ERR_UNSUPPORTED, err,
                         "sets the state of something that is no plain "
                         "dictionary: only tensors are rebuilt, nothing is executed");
    return gg_pk_push(m, o, err);
}

static int op_binpersid(struct gg_pickle *m, struct gg_err *err)
{
    uint32_t id = 0, o = 0;
    int rc = gg_pk_pop(m, &id, err);
    if (rc == GG_OK)
        rc = gg_pk_persistent(m, id, &o, err);
    return rc != GG_OK ? rc : gg_pk_push(m, o, err);
}

enum { TRUE_ARG = GG_PK_BOOL | 1 << 4, STOP = '.' };

static const struct gg_pk_op OPS[256] = {
    [0x80] = {"PROTO", op_proto, 1},
    [0x95] = {"FRAME", op_frame, 8},
    ['('] = {"MARK", op_mark, 0},
    ['.'] = {"STOP", NULL, 0},
    ['0'] = {"POP", op_pop, 0},
    ['1'] = {"POP_MARK", op_pop_mark, 0},
    ['N'] = {"NONE", op_simple, GG_PK_NONE},
    [0x88] = {"NEWTRUE", op_simple, TRUE_ARG},
    [0x89] = {"NEWFALSE", op_simple, GG_PK_BOOL},
    ['}'] = {"EMPTY_DICT", op_simple, GG_PK_DICT},
    [']'] = {"EMPTY_LIST", op_simple, GG_PK_LIST},
    [')'] = {"EMPTY_TUPLE", op_simple, GG_PK_TUPLE},
    [0x8f] = {"EMPTY_SET", op_simple, GG_PK_OPAQUE},
    ['J'] = {"BININT", op_int, 4},
    ['K'] = {"BININT1", op_int, 1},
    ['M'] = {"BININT2", op_int, 2},
    [0x8a] = {"LONG1", op_long, 1},
    [0x8b] = {"LONG4", op_long, 4},
    ['G'] = {"BINFLOAT", op_float, 8},
    ['X'] = {"BINUNICODE", op_text, 4},
    [0x8c] = {"SHORT_BINUNICODE", op_text, 1},
    [0x8d] = {"BINUNICODE8", op_text, 8},
    ['B'] = {"BINBYTES", op_bytes, 4},
    ['C'] = {"SHORT_BINBYTES", op_bytes, 1},
    [0x8e] = {"BINBYTES8", op_bytes, 8},
    [0x96] = {"BYTEARRAY8", op_bytes, 8},
    ['T'] = {"BINSTRING", op_text, 4},
    ['U'] = {"SHORT_BINSTRING", op_text, 1},
    [0x85] = {"TUPLE1", op_tuple_n, 1},
    [0x86] = {"TUPLE2", op_tuple_n, 2},
    [0x87] = {"TUPLE3", op_tuple_n, 3},
    ['t'] = {"TUPLE", op_from_mark, GG_PK_TUPLE},
    ['l'] = {"LIST", op_from_mark, GG_PK_LIST},
    ['d'] = {"DICT", op_from_mark, GG_PK_DICT},
    [0x91] = {"FROZENSET", op_from_mark, GG_PK_OPAQUE},
    ['a'] = {"APPEND", op_add, GG_PK_LIST},
    ['s'] = {"SETITEM", op_add, GG_PK_DICT},
    ['e'] = {"APPENDS", op_add_mark, GG_PK_LIST},
    ['u'] = {"SETITEMS", op_add_mark, GG_PK_DICT},
    [0x90] = {"ADDITEMS", op_add_mark, GG_PK_OPAQUE},
    ['q'] = {"BINPUT", op_put, 1},
    ['r'] = {"LONG_BINPUT", op_put, 4},
    [0x94] = {"MEMOIZE", op_memoize, 0},
    ['h'] = {"BINGET", op_get, 1},
    ['j'] = {"LONG_BINGET", op_get, 4},
    ['c'] = {"GLOBAL", op_global, 0},
    [0x93] = {"STACK_GLOBAL", op_stack_global, 0},
    ['R'] = {"REDUCE", op_reduce, 0},
    ['b'] = {"BUILD", op_build, 0},
    ['Q'] = {"BINPERSID", op_binpersid, 0},
    /* Known, and refused by name. */
    ['i'] = {"INST", NULL, 0},
    ['o'] = {"OBJ", NULL, 0},
    [0x81] = {"NEWOBJ", NULL, 0},
    [0x92] = {"NEWOBJ_EX", NULL, 0},
    [0x82] = {"EXT1", NULL, 0},
    [0x83] = {"EXT2", NULL, 0},
    [0x84] = {"EXT4", NULL, 0},
    ['P'] = {"PERSID", NULL, 0},
    [0x97] = {"NEXT_BUFFER", NULL, 0},
    [0x98] = {"READONLY_BUFFER", NULL, 0},
    ['2'] = {"DUP", NULL, 0},
    ['F'] = {"FLOAT", NULL, 0},
    ['I'] = {"INT", NULL, 0},
    ['L'] = {"LONG", NULL, 0},
    ['S'] = {"STRING", NULL, 0},
    ['V'] = {"UNICODE", NULL, 0},
    ['g'] = {"GET", NULL, 0},
    ['p'] = {"PUT", NULL, 0},
};

const struct gg_pk_op *gg_pk_op(const struct gg_pickle *m)
{
    return &OPS[m->op_pos < m->nbytes ? m->p[m->op_pos] : STOP];
}
