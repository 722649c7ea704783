/* Opcodes, as in Python's pickletools: one row each at the end. A row says what an opcode reads, how many
 * values it takes from the stack and whether it gives one; its function sees them fetched and checked. */
#include "lib/import/pickle_impl.h"

#include <stdlib.h>

struct call { /* an opcode at work */
    const struct gg_pk_op *op;
    uint64_t number;  /* operand, or length of p */
    const uint8_t *p; /* operand of that many bytes */
    uint32_t in[3];   /* taken from the stack, deepest first */
    uint32_t out;     /* to be pushed, when the row says so */
};

enum operand {
    NOTHING,
    NUMBER,  /* of `width` bytes, little-endian */
    BYTES,   /* `width` of them */
    COUNTED, /* a number of that width, then so many bytes */
    LINES    /* read by the function itself */
};

struct gg_pk_op {
    const char *name;
    int (*run)(struct gg_pickle *m, struct call *c, struct gg_err *err); /* NULL: refused */
    uint8_t operand, width, pops;
    bool gives;
    int arg; /* of run: a kind, a value */
};

static const struct gg_pk_op OPS[256];

static const struct gg_pk_op *op_at_work(const struct gg_pickle *m)
{
    return &OPS[m->op_pos < m->nbytes ? m->p[m->op_pos] : '.'];
}

const char *gg_pk_op_name(const struct gg_pickle *m)
{
    return op_at_work(m)->name;
}

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

static int take_operand(struct gg_pickle *m, struct call *c, struct gg_err *err)
{
    int rc = GG_OK;
    if (c->op->operand == NOTHING || c->op->operand == LINES)
        return rc;
    rc = take(m, c->op->width, &c->p, err);
    if (rc != GG_OK || c->op->operand == BYTES)
        return rc;
    for (unsigned i = 0; i < c->op->width; i++)
        c->number |= (uint64_t)c->p[i] << (8 * i);
    return c->op->operand == COUNTED ? take(m, c->number, &c->p, err) : rc;
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

/* ---- values ---------------------------------------------------------------------------------- */

static int op_proto(struct gg_pickle *m, struct call *c, struct gg_err *err)
{
    return c->number <= 5 ? GG_OK
                          : gg_pk_bad(m, GG_ERR_UNSUPPORTED, err, "protocol %llu is newer than 5",
                                      (unsigned long long)c->number);
}

/* FRAME, POP: what is read or taken is of no use. */
static int op_pass(struct gg_pickle *m, struct call *c, struct gg_err *err)
{
    (void)m, (void)c, (void)err;
    return GG_OK;
}

/* NONE, NEWTRUE, EMPTY_DICT...: an object of kind arg; truth is the only value. Bytes, floats and sets
 * are opaque. */
static int op_simple(struct gg_pickle *m, struct call *c, struct gg_err *err)
{
    c->out = gg_pk_new(m, (enum gg_pk_kind)(c->op->arg & 15), err);
    if (c->out != UINT32_MAX && (c->op->arg & 15) == GG_PK_BOOL)
        m->objects[c->out].v.i = c->op->arg >> 4;
    return GG_OK;
}

static void give_int(struct gg_pickle *m, struct call *c, int64_t v, struct gg_err *err)
{
    c->out = gg_pk_new(m, GG_PK_INT, err);
    if (c->out != UINT32_MAX)
        m->objects[c->out].v.i = v;
}

static int op_int(struct gg_pickle *m, struct call *c, struct gg_err *err)
{
    give_int(m, c, c->op->width == 4 ? (int32_t)(uint32_t)c->number : (int64_t)c->number, err);
    return GG_OK;
}

/* LONG1, LONG4: two's complement. What 64 bits don't hold is nothing we need. */
static int op_long(struct gg_pickle *m, struct call *c, struct gg_err *err)
{
    uint64_t n = c->number, v = 0;
    if (n > 8) {
        c->out = gg_pk_new(m, GG_PK_OPAQUE, err);
        return GG_OK;
    }
    for (uint64_t i = 0; i < n; i++)
        v |= (uint64_t)c->p[i] << (8 * i);
    if (n > 0 && n < 8 && c->p[n - 1] & 0x80)
        v |= UINT64_MAX << (8 * n);
    give_int(m, c, (int64_t)v, err);
    return GG_OK;
}

static int op_text(struct gg_pickle *m, struct call *c, struct gg_err *err)
{
    c->out = gg_pk_new(m, GG_PK_STR, err);
    if (c->out != UINT32_MAX) {
        m->objects[c->out].n = (uint32_t)c->number; /* at most the pickle's size */
        m->objects[c->out].v.text = (const char *)c->p;
    }
    return GG_OK;
}

/* ---- containers ------------------------------------------------------------------------------ */

static int op_mark(struct gg_pickle *m, struct call *c, struct gg_err *err)
{
    uint32_t *v = gg_pk_grow(m, m->marks, m->n_marks, &m->marks_cap, sizeof *v, GG_PK_MAX_STACK,
                             "marks", err);
    (void)c;
    if (v == NULL)
        return (int)err->code;
    m->marks = v;
    v[m->n_marks++] = (uint32_t)m->n_stack;
    return GG_OK;
}

static int op_pop_mark(struct gg_pickle *m, struct call *c, struct gg_err *err)
{
    (void)c;
    return gg_pk_pop_mark(m, &m->n_stack, err);
}

/* TUPLE1..3: what was taken. */
static int op_tuple(struct gg_pickle *m, struct call *c, struct gg_err *err)
{
    int rc = GG_OK;
    c->out = gg_pk_new(m, GG_PK_TUPLE, err);
    for (unsigned i = 0; c->out != UINT32_MAX && rc == GG_OK && i < c->op->pops; i++)
        rc = gg_pk_append(m, c->out, c->in[i], err);
    return rc;
}

/* TUPLE, LIST, DICT: what stands above the mark. */
static int op_from_mark(struct gg_pickle *m, struct call *c, struct gg_err *err)
{
    size_t first = 0;
    enum gg_pk_kind kind = (enum gg_pk_kind)c->op->arg;
    int rc = gg_pk_pop_mark(m, &first, err);
    if (rc == GG_OK && kind == GG_PK_DICT && (m->n_stack - first) % 2 != 0)
        rc = gg_pk_bad(m, GG_ERR_CORRUPT, err, "a key without a value");
    return rc != GG_OK ? rc : gg_pk_push_items(m, kind, first, err);
}

/* Adds n values to the container of kind arg on top of the stack. */
static int add_items(struct gg_pickle *m, const struct call *c, const uint32_t *v, size_t n,
                     struct gg_err *err)
{
    uint32_t to = 0;
    enum gg_pk_kind kind = (enum gg_pk_kind)c->op->arg;
    int rc = gg_pk_top(m, &to, err);
    if (rc != GG_OK || m->objects[to].kind == GG_PK_OPAQUE) /* a set, say */
        return rc;
    if (m->objects[to].kind != kind)
        return gg_pk_bad(m, GG_ERR_UNSUPPORTED, err, "adds to something that is no %s",
                         kind == GG_PK_DICT ? "dictionary" : "list");
    if (kind == GG_PK_DICT && n % 2 != 0)
        return gg_pk_bad(m, GG_ERR_CORRUPT, err, "a key without a value");
    for (size_t i = 0; i < n && rc == GG_OK; i++)
        rc = gg_pk_append(m, to, v[i], err);
    return rc;
}

static int op_add(struct gg_pickle *m, struct call *c, struct gg_err *err)
{
    return add_items(m, c, c->in, c->op->pops, err);
}

static int op_add_mark(struct gg_pickle *m, struct call *c, struct gg_err *err)
{
    size_t first = 0, n;
    int rc = gg_pk_pop_mark(m, &first, err);
    if (rc != GG_OK)
        return rc;
    n = m->n_stack - first;
    m->n_stack = first; /* what was above stays where it is until something is pushed */
    return add_items(m, c, m->stack + first, n, err);
}

/* ---- the memo -------------------------------------------------------------------------------- */

static int memo_put(struct gg_pickle *m, uint64_t at, struct gg_err *err)
{
    uint32_t top = 0;
    int rc = gg_pk_top(m, &top, err);
    if (rc != GG_OK)
        return rc;
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
    m->memo[at] = top + 1;
    return GG_OK;
}

static int op_put(struct gg_pickle *m, struct call *c, struct gg_err *err)
{
    return memo_put(m, c->number, err);
}

static int op_memoize(struct gg_pickle *m, struct call *c, struct gg_err *err)
{
    (void)c;
    return memo_put(m, m->n_memo++, err);
}

static int op_get(struct gg_pickle *m, struct call *c, struct gg_err *err)
{
    if (c->number >= m->memo_cap || m->memo[c->number] == 0)
        return gg_pk_bad(m, GG_ERR_CORRUPT, err, "memo index %llu was never set",
                         (unsigned long long)c->number);
    c->out = m->memo[c->number] - 1;
    return GG_OK;
}

/* ---- names and calls ------------------------------------------------------------------------- */

static int op_global(struct gg_pickle *m, struct call *c, struct gg_err *err)
{
    const char *module = NULL, *name = NULL;
    size_t module_nbytes = 0, name_nbytes = 0;
    int rc = take_line(m, &module, &module_nbytes, err);
    if (rc == GG_OK)
        rc = take_line(m, &name, &name_nbytes, err);
    return rc != GG_OK ? rc
                       : gg_pk_global(m, module, module_nbytes, name, name_nbytes, &c->out, err);
}

static int op_stack_global(struct gg_pickle *m, struct call *c, struct gg_err *err)
{
    const struct gg_pk_object *x = &m->objects[c->in[0]], *y = &m->objects[c->in[1]];
    if (x->kind != GG_PK_STR || y->kind != GG_PK_STR)
        return gg_pk_bad(m, GG_ERR_CORRUPT, err, "its names are no text");
    return gg_pk_global(m, x->v.text, x->n, y->v.text, y->n, &c->out, err);
}

static int op_reduce(struct gg_pickle *m, struct call *c, struct gg_err *err)
{
    return gg_pk_reduce(m, c->in[0], c->in[1], &c->out, err);
}

/* Attributes of a dictionary (PyTorch's _metadata) are not needed; nothing else may have any. */
static int op_build(struct gg_pickle *m, struct call *c, struct gg_err *err)
{
    const struct gg_pk_object *o = &m->objects[c->in[0]], *state = &m->objects[c->in[1]];
    if (o->kind != GG_PK_DICT || (state->kind != GG_PK_DICT && state->kind != GG_PK_NONE))
        return gg_pk_bad(m, GG_ERR_UNSUPPORTED, err,
                         "sets the state of something that is no plain "
                         "dictionary: only tensors are rebuilt, nothing is executed");
    c->out = c->in[0];
    return GG_OK;
}

static int op_binpersid(struct gg_pickle *m, struct call *c, struct gg_err *err)
{
    return gg_pk_persistent(m, c->in[0], &c->out, err);
}

/* ---- one opcode ------------------------------------------------------------------------------ */

int gg_pk_run_op(struct gg_pickle *m, struct gg_err *err)
{
    struct call c = {.op = op_at_work(m)};
    if (c.op->run == NULL)
        return gg_pk_bad(m, GG_ERR_UNSUPPORTED, err,
                         "(0x%02x) is not one that checkpoints need, "
                         "and is refused: nothing is executed",
                         m->p[m->op_pos]);
    int rc = take_operand(m, &c, err);
    for (unsigned i = c.op->pops; rc == GG_OK && i-- > 0;)
        rc = gg_pk_pop(m, &c.in[i], err);
    if (rc == GG_OK)
        rc = c.op->run(m, &c, err);
    return rc == GG_OK && c.op->gives ? gg_pk_push(m, c.out, err) : rc;
}

#define YES true
#define NO  false
enum { TRUE_ARG = GG_PK_BOOL | 1 << 4 };

static const struct gg_pk_op OPS[256] = {
    [0x80] = {"PROTO", op_proto, NUMBER, 1, 0, NO, 0},
    [0x95] = {"FRAME", op_pass, NUMBER, 8, 0, NO, 0},
    ['('] = {"MARK", op_mark, NOTHING, 0, 0, NO, 0},
    ['0'] = {"POP", op_pass, NOTHING, 0, 1, NO, 0},
    ['1'] = {"POP_MARK", op_pop_mark, NOTHING, 0, 0, NO, 0},
    ['N'] = {"NONE", op_simple, NOTHING, 0, 0, YES, GG_PK_NONE},
    [0x88] = {"NEWTRUE", op_simple, NOTHING, 0, 0, YES, TRUE_ARG},
    [0x89] = {"NEWFALSE", op_simple, NOTHING, 0, 0, YES, GG_PK_BOOL},
    ['}'] = {"EMPTY_DICT", op_simple, NOTHING, 0, 0, YES, GG_PK_DICT},
    [']'] = {"EMPTY_LIST", op_simple, NOTHING, 0, 0, YES, GG_PK_LIST},
    [')'] = {"EMPTY_TUPLE", op_simple, NOTHING, 0, 0, YES, GG_PK_TUPLE},
    [0x8f] = {"EMPTY_SET", op_simple, NOTHING, 0, 0, YES, GG_PK_OPAQUE},
    ['J'] = {"BININT", op_int, NUMBER, 4, 0, YES, 0},
    ['K'] = {"BININT1", op_int, NUMBER, 1, 0, YES, 0},
    ['M'] = {"BININT2", op_int, NUMBER, 2, 0, YES, 0},
    [0x8a] = {"LONG1", op_long, COUNTED, 1, 0, YES, 0},
    [0x8b] = {"LONG4", op_long, COUNTED, 4, 0, YES, 0},
    ['G'] = {"BINFLOAT", op_simple, BYTES, 8, 0, YES, GG_PK_OPAQUE},
    ['X'] = {"BINUNICODE", op_text, COUNTED, 4, 0, YES, 0},
    [0x8c] = {"SHORT_BINUNICODE", op_text, COUNTED, 1, 0, YES, 0},
    [0x8d] = {"BINUNICODE8", op_text, COUNTED, 8, 0, YES, 0},
    ['B'] = {"BINBYTES", op_simple, COUNTED, 4, 0, YES, GG_PK_OPAQUE},
    ['C'] = {"SHORT_BINBYTES", op_simple, COUNTED, 1, 0, YES, GG_PK_OPAQUE},
    [0x8e] = {"BINBYTES8", op_simple, COUNTED, 8, 0, YES, GG_PK_OPAQUE},
    [0x96] = {"BYTEARRAY8", op_simple, COUNTED, 8, 0, YES, GG_PK_OPAQUE},
    ['T'] = {"BINSTRING", op_text, COUNTED, 4, 0, YES, 0},
    ['U'] = {"SHORT_BINSTRING", op_text, COUNTED, 1, 0, YES, 0},
    [0x85] = {"TUPLE1", op_tuple, NOTHING, 0, 1, YES, 0},
    [0x86] = {"TUPLE2", op_tuple, NOTHING, 0, 2, YES, 0},
    [0x87] = {"TUPLE3", op_tuple, NOTHING, 0, 3, YES, 0},
    ['t'] = {"TUPLE", op_from_mark, NOTHING, 0, 0, NO, GG_PK_TUPLE},
    ['l'] = {"LIST", op_from_mark, NOTHING, 0, 0, NO, GG_PK_LIST},
    ['d'] = {"DICT", op_from_mark, NOTHING, 0, 0, NO, GG_PK_DICT},
    [0x91] = {"FROZENSET", op_from_mark, NOTHING, 0, 0, NO, GG_PK_OPAQUE},
    ['a'] = {"APPEND", op_add, NOTHING, 0, 1, NO, GG_PK_LIST},
    ['s'] = {"SETITEM", op_add, NOTHING, 0, 2, NO, GG_PK_DICT},
    ['e'] = {"APPENDS", op_add_mark, NOTHING, 0, 0, NO, GG_PK_LIST},
    ['u'] = {"SETITEMS", op_add_mark, NOTHING, 0, 0, NO, GG_PK_DICT},
    [0x90] = {"ADDITEMS", op_add_mark, NOTHING, 0, 0, NO, GG_PK_OPAQUE},
    ['q'] = {"BINPUT", op_put, NUMBER, 1, 0, NO, 0},
    ['r'] = {"LONG_BINPUT", op_put, NUMBER, 4, 0, NO, 0},
    [0x94] = {"MEMOIZE", op_memoize, NOTHING, 0, 0, NO, 0},
    ['h'] = {"BINGET", op_get, NUMBER, 1, 0, YES, 0},
    ['j'] = {"LONG_BINGET", op_get, NUMBER, 4, 0, YES, 0},
    ['c'] = {"GLOBAL", op_global, LINES, 0, 0, YES, 0},
    [0x93] = {"STACK_GLOBAL", op_stack_global, NOTHING, 0, 2, YES, 0},
    ['R'] = {"REDUCE", op_reduce, NOTHING, 0, 2, YES, 0},
    ['b'] = {"BUILD", op_build, NOTHING, 0, 2, YES, 0},
    ['Q'] = {"BINPERSID", op_binpersid, NOTHING, 0, 1, YES, 0},
    /* Known, and refused by name. */
    ['.'] = {.name = "STOP"},
    ['i'] = {.name = "INST"},
    ['o'] = {.name = "OBJ"},
    [0x81] = {.name = "NEWOBJ"},
    [0x92] = {.name = "NEWOBJ_EX"},
    [0x82] = {.name = "EXT1"},
    [0x83] = {.name = "EXT2"},
    [0x84] = {.name = "EXT4"},
    ['P'] = {.name = "PERSID"},
    [0x97] = {.name = "NEXT_BUFFER"},
    [0x98] = {.name = "READONLY_BUFFER"},
    ['2'] = {.name = "DUP"},
    ['F'] = {.name = "FLOAT"},
    ['I'] = {.name = "INT"},
    ['L'] = {.name = "LONG"},
    ['S'] = {.name = "STRING"},
    ['V'] = {.name = "UNICODE"},
    ['g'] = {.name = "GET"},
    ['p'] = {.name = "PUT"},
};
