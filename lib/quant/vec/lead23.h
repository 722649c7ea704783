/* Which rows lead in the spans of codebook types (fit23.h), by estimates (lines.h).
 *
 * Estimates. Let t be the inverse of the scale s, N = sum w (q - t x)^2 the distance of a row over
 * s^2, M = sum w (q_top + t |x|)^2 and u = 2^-24. The reference's sum, over s^2, is within 14 u M
 * of N (six roundings in a term, relative to it or to its parts before they cancel, seven in the
 * sum). A lead, or a cost, is within 13 u M of what it stands for (the rounding of t = 1 / s
 * included; terms may be added in any order), a lead's last bits within 16 u M more. So a row that
 * leads another by more than 86 u M is the nearer one for the reference. Where the best leads by
 * less, the reference's sums are taken. M grows with t: the margin is that of the last candidate.
 * For what holds between two candidates, take t there as the inverse of the rounded s: it lies
 * between theirs, and the difference of two distances N is a line in it. The margin's floor is
 * above what is lost where terms are not normal numbers (each by 2^-150, times one factor; all over
 * s^2).
 */
#ifndef QK_VEC_LEAD23_H
#define QK_VEC_LEAD23_H

#include "lib/quant/vec/span23.h"

V_FN void set_lines(const struct iq_type *t, struct fit *f)
{
    for (int p = 0; p < MAX_POINTS; p++)
        v_set_lines(&f->lines[p], t->dims, f->root_w + t->dims * p, f->root_wx2 + t->dims * p);
}

/* The rows around a span off the grid: their spread codes, number, and blocks. */
V_FN const uint16_t *rows_of(const struct fit *f, int span)
{
    return f->cb->near + (f->near[span] >> 8) * V_BLOCK;
}

V_FN int n_rows_of(const struct fit *f, int span)
{
    return f->near[span] & 255;
}

V_FN int blocks_of(const struct fit *f, int span)
{
    return (n_rows_of(f, span) + V_BLOCK - 1) / V_BLOCK;
}

/* Lines of the rows around a span, in n_blocks blocks from place `at` on; the list's first row
 * stands in the rest of a block. */
V_FN void set_rows(const struct iq_type *t, struct fit *f, int span, int n_blocks, int at)
{
    v_set_rows(&f->lines[f->point[span]], t->dims, rows_of(f, span), n_blocks, f->level + at,
               f->slope + at);
}

/* Most spans off the grid have one row, which leads at both ends. The others are put down. */
V_FN void look_at_ends(struct fit *f, int span, int n_blocks, int at)
{
    const float margin = f->margin[f->point[span]];
    const uint32_t here =
        v_rivals(f->level + at, f->slope + at, n_blocks, f->inverse[f->from[span]], margin);
    const uint32_t there =
        v_rivals(f->level + at, f->slope + at, n_blocks, f->inverse[f->to[span]], margin);
    const uint32_t rivals = (here | there) & ~0u >> (32 - n_rows_of(f, span));

    f->row[span] = rows_of(f, span)[__builtin_ctz(here)];
    f->mixed[f->n_mixed] = (struct mixed){(uint16_t)span, (uint16_t)at, here, there};
    f->n_mixed += (rivals & (rivals - 1)) != 0;
}

/* Spans whose lines there is no room for are counted among those with many rows around. */
static __attribute__((noinline)) void make_room(struct fit *f)
{
    while (f->n_few * V_BLOCK > ROOM)
        f->many[f->n_many++] = f->few[--f->n_few];
    while ((f->n_few + 2 * f->n_some) * V_BLOCK > ROOM)
        f->many[f->n_many++] = f->some[--f->n_some];
}

V_FN void look_at_all_ends(struct fit *f, const uint16_t *spans, int n, int n_blocks, int at)
{
    for (int i = 0; i < n; i++)
        look_at_ends(f, spans[i], n_blocks, at + i * n_blocks * V_BLOCK);
}

static __attribute__((noinline)) void look_at_few(struct fit *f)
{
    look_at_all_ends(f, f->few, f->n_few, 1, 0);
}

static __attribute__((noinline)) void look_at_some(struct fit *f)
{
    look_at_all_ends(f, f->some, f->n_some, 2, f->n_few * V_BLOCK);
}

/* Lines of n spans, each with n_blocks of rows around. */
V_FN void set_all_rows(const struct iq_type *t, struct fit *f, const uint16_t *spans, int n,
                       int n_blocks, int at)
{
    for (int i = 0; i < n; i++)
        set_rows(t, f, spans[i], n_blocks, at + i * n_blocks * V_BLOCK);
}

/* Looks at those with more rows around, while there is room for their lines. Leaves the others. */
V_FN void look_at_many(const struct iq_type *t, struct fit *f, int at)
{
    const int n = f->n_many;

    f->n_many = 0;
    for (int i = 0; i < n; i++) {
        const uint16_t span = f->many[i];
        const int n_blocks = blocks_of(f, span);
        if (n_blocks > 4 || at + n_blocks * V_BLOCK > ROOM) {
            f->many[f->n_many++] = span;
            continue;
        }
        set_rows(t, f, span, n_blocks, at);
        look_at_ends(f, span, n_blocks, at);
        at += n_blocks * V_BLOCK;
    }
}

/* Splits a mixed span in two where the row that leads at its first candidate and the one that leads
 * at its last meet, if each is the only one to lead at both ends of its part. Otherwise the span is
 * put down among those with many rows. n_blocks: what its rows take at most. */
V_FN void split_span(struct fit *f, float step, struct mixed m, int n_blocks)
{
    const int p = f->point[m.span], from = f->from[m.span];
    const uint32_t rows = ~0u >> (32 - n_rows_of(f, m.span));
    const float *level = f->level + m.rows, *slope = f->slope + m.rows;
    const int i = __builtin_ctz(m.here), j = __builtin_ctz(m.there);
    const float meet = (level[i] - level[j]) / (slope[i] - slope[j]);
    const float steps = (meet - f->inverse[from]) * f->base_of[p] * (1.0f / step);
    const int last = f->to[m.span] - from - 1;
    const float most = (float)(last > 0 ? last : 0);
    const float clamped = steps < most ? steps : most;
    const int k = (int)(clamped > 0.0f ? clamped : 0.0f);
    const float *inverse = f->inverse + from + k;
    const uint32_t before = v_rivals_of(level, slope, n_blocks, inverse[0], f->margin[p], i);
    const uint32_t behind = v_rivals_of(level, slope, n_blocks, inverse[1], f->margin[p], j);
    const uint32_t others = ((m.here | before) ^ 1u << i) | ((m.there | behind) ^ 1u << j);
    const bool settled = (others & rows) == 0;

    f->split[f->n_split] = m.span;
    f->split_place[f->n_split] = (uint16_t)(f->place[m.span] + k + 1);
    f->split_row[f->n_split] = rows_of(f, m.span)[j];
    f->n_split += settled;
    f->many[f->n_many] = m.span;
    f->n_many += !settled;
}

/* The mixed spans first .. end - 1. */
V_FN void split_spans(struct fit *f, float step, int first, int end, int n_blocks)
{
    for (int i = first; i < end; i++)
        split_span(f, step, f->mixed[i], n_blocks);
}

static __attribute__((noinline)) void split_few(struct fit *f, float step, int end)
{
    split_spans(f, step, 0, end, 1);
}

static __attribute__((noinline)) void split_some(struct fit *f, float step, int first, int end)
{
    split_spans(f, step, first, end, 2);
}

static __attribute__((noinline)) void split_many(struct fit *f, float step, int first, int end)
{
    split_spans(f, step, first, end, 4);
}

#endif
