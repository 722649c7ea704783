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
 *
 * Two rows. Let i lead by the margin at a span's first candidate, j at its last. Where these two
 * meet, let all others cost more by the margin. Then none of those is near: not from the first
 * candidate to there, for i leads it at both, nor from there to the last. What is left is the
 * difference of i and j, a line that is 0 where they meet: at a candidate, how many candidates that
 * is away times what one makes. That number is off by 400 u (the meeting by 3 u of t, which is 41
 * to 90 candidates large, the rest by 4 u of 31), and one candidate makes M / 41 at most: 10 u M.
 * So a candidate twice the margin away from the meeting has the row of its side; one that is closer
 * is not decided. The ones next to the two that enclose the meeting are farther away than that if a
 * candidate makes four times the margin.
 */
#ifndef QK_VEC_LEAD23_H
#define QK_VEC_LEAD23_H

#include "lib/quant/vec/span23.h"

V_FN void set_lines(const struct iq_type *t, struct fit *f)
{
    for (int p = 0; p < all_points(t); p++)
        v_set_lines(f->lines + v_lines_of(t->dims) * p, t->dims, f->root_w + t->dims * p,
                    f->root_wx2 + t->dims * p);
}

/* ---- spans, in words --------------------------------------------------------------------------
 */

V_FN int point_of(int32_t what)
{
    return what >> 6 & (MAX_POINTS - 1);
}

/* A bit each of its candidates. */
V_FN uint32_t candidates_in(int32_t what)
{
    return ((2u << (what >> 16)) - 1) << (what & 63);
}

/* The rows around: their spread codes, number, and blocks. */
V_FN const uint16_t *rows_of(const struct fit *f, int32_t near)
{
    return f->cb->near + (near >> 8) * V_BLOCK;
}

V_FN int blocks_of(int32_t near)
{
    return ((near & 255) + V_BLOCK - 1) / V_BLOCK;
}

/* ---- both ends --------------------------------------------------------------------------------
 */

/* Lines of the rows around a span, in n_blocks blocks from place `at` on. */
V_FN void set_rows(const struct iq_type *t, struct fit *f, int32_t what, int32_t near, int n_blocks,
                   int at)
{
    v_set_rows(f->lines + v_lines_of(t->dims) * point_of(what), t->dims, rows_of(f, near),
               near & 255, n_blocks, f->level + at, f->slope + at);
}

/* Lines of spans with one or two blocks of rows around. */
V_FN void set_all_rows(const struct iq_type *t, struct fit *f, const struct spans *s, int n_blocks,
                       int at)
{
    const int n = s->n;

    for (int i = 0; i < n; i++)
        set_rows(t, f, s->what[i], s->near[i], n_blocks, at + i * n_blocks * V_BLOCK);
}

/* The same of those with more, up to four. */
V_FN void set_many_rows(const struct iq_type *t, struct fit *f, const struct spans *s, int at)
{
    for (int i = 0; i < s->n; i++, at += 4 * V_BLOCK) {
        const int n_blocks = blocks_of(s->near[i]);
        set_rows(t, f, s->what[i], s->near[i], n_blocks, at);
        for (int j = n_blocks * V_BLOCK; j < 4 * V_BLOCK; j += VL) {
            vf_store(f->level + at + j, vf_set1(FLT_MAX));
            vf_store(f->slope + at + j, vf_set1(0));
        }
    }
}

/* Who leads at an inverse scale each, by their numbers in lists. */
struct leaders {
    vi row;
    vf first, other; /* leads */
};

/* Lines of block j of the rows around VL spans, which have n_blocks blocks each from `at` on. */
struct columns {
    vf level[V_BLOCK], slope[V_BLOCK];
};

V_FN void load_block(const struct fit *f, int n_blocks, int at, int j, struct columns *c)
{
    const float *level[VL], *slope[VL];

    for (int k = 0; k < VL; k++) {
        level[k] = f->level + at + (k * n_blocks + j) * V_BLOCK;
        slope[k] = f->slope + at + (k * n_blocks + j) * V_BLOCK;
    }
    v_load_columns(c->level, level, V_BLOCK);
    v_load_columns(c->slope, slope, V_BLOCK);
}

V_FN struct leaders leaders_of(const struct columns *c, vf t)
{
    struct leaders l;
    vf lead[V_BLOCK];

    for (int k = 0; k < V_BLOCK; k++)
        lead[k] = v_numbered(t * c->slope[k] - c->level[k], k);
    v_two_best(lead, &l.first, &l.other);
    l.row = (vi)l.first & (V_BLOCK - 1);
    return l;
}

/* Adds those of block j to those of blocks before. */
V_FN void add_leaders(struct leaders *l, struct leaders of, int j)
{
    l->row = vi_select(vf_lt(l->first, of.first), of.row + V_BLOCK * j, l->row);
    v_merge(&l->first, &l->other, of.first, of.other);
}

/* Which rows lead at the inverse scales t[0] and t[1] of VL spans. */
V_FN void look_at_ends(const struct fit *f, int n_blocks, int at, const vf t[2],
                       struct leaders l[2])
{
    struct columns c;

    load_block(f, n_blocks, at, 0, &c);
    l[0] = leaders_of(&c, t[0]);
    l[1] = leaders_of(&c, t[1]);
    for (int j = 1; j < n_blocks; j++) {
        load_block(f, n_blocks, at, j, &c);
        add_leaders(&l[0], leaders_of(&c, t[0]), j);
        add_leaders(&l[1], leaders_of(&c, t[1]), j);
    }
}

/* Puts down the questions about a span. */
V_FN void ask(struct fit *f, int32_t what, int32_t near, int at)
{
    for (int k = 0; k <= what >> 16; k += VL)
        f->asked[f->n_asked++] = (struct question){what, near, (uint16_t)at, (uint16_t)k};
}

/* Inverse scales of the first and the last candidate of spans, and margins. */
V_FN void set_ends(const struct iq_type *t, struct fit *f, const struct spans *s)
{
    for (int i = 0; i < s->n; i += VL) {
        const vi what = vi_load(s->what + i), k = what & 63;
        const vu point = (vu)what >> 6 & (MAX_POINTS - 1);
        const vf base = float_at(t, f->base_of, point);
        vf_store(f->ends.t[0] + i, inverse_at(t, k, base));
        vf_store(f->ends.t[1] + i, inverse_at(t, k + (vi)((vu)what >> 16), base));
        vf_store(f->ends.margin + i, float_at(t, f->margin, point));
    }
}

/* Which rows lead there; whether they do by the margin at both ends, and whether they are two. The
 * spans' lines are from `at` on. */
V_FN void find_leaders(struct fit *f, int n, int n_blocks, int at)
{
    struct ends *e = &f->ends;

    for (int i = 0; i < n; i += VL, at += VL * n_blocks * V_BLOCK) {
        const vf t[2] = {vf_load(e->t[0] + i), vf_load(e->t[1] + i)};
        const vf margin = vf_load(e->margin + i);
        struct leaders l[2];
        look_at_ends(f, n_blocks, at, t, l);
        vi_store(e->rows + i, l[0].row | (vi)((vu)l[1].row << 8));
        e->clear[i / VL] = (uint8_t)vm_bits(
            vm_and(vf_gt(l[0].first - l[0].other, margin), vf_gt(l[1].first - l[1].other, margin)));
        e->two[i / VL] = (uint8_t)~vm_bits(vi_eq(l[0].row, l[1].row));
    }
}

/* Looks at spans whose lines are from `at` on. Most have one row, which leads by a margin at both
 * ends. Those with two such rows are put down as mixed; questions are asked about the rest. near
 * becomes the row at the first candidate. Three loops: what is found takes long. */
V_FN void look_at_spans(const struct iq_type *t, struct fit *f, struct spans *s, int n_blocks,
                        int at)
{
    const int size = n_blocks * V_BLOCK;
    struct mixed *m = &f->mixed;

    set_ends(t, f, s);
    find_leaders(f, s->n, n_blocks, at);
    for (int i = 0; i < s->n; i += VL, at += VL * size) {
        const vi what = vi_load(s->what + i), near = vi_load(s->near + i);
        const vi rows = vi_load(f->ends.rows + i), list = (vi)((vu)near >> 8) * V_BLOCK;
        const uint32_t all = s->n - i < VL ? (1u << (s->n - i)) - 1 : (1u << VL) - 1;
        const uint32_t clear = f->ends.clear[i / VL], two = all & clear & f->ends.two[i / VL];
        v_pack(m->ends + m->s.n, rows, two);
        v_pack(m->lines + m->s.n, at + size * v_lanes(), two);
        add_spans(&m->s, what, near, two);
        for (uint32_t bits = all & ~clear; bits; bits &= bits - 1) {
            const int b = __builtin_ctz(bits);
            ask(f, s->what[i + b], s->near[i + b], at + b * size);
        }
        vi_store(s->near + i, vi_gather_u16(f->cb->near, list + (rows & 255)));
    }
}

/* ---- spans with two rows ----------------------------------------------------------------------
 */

/* Finds where the two lines of mixed spans meet, and the parts behind. close: whether the candidate
 * before (bit 0) or the one behind (bit 1) is too close to that to tell; whether others could be
 * (bit 2). */
V_FN void find_meetings(const struct iq_type *t, struct fit *f)
{
    struct mixed *m = &f->mixed;

    fill_up(&m->s);
    vi_store(m->ends + m->s.n, vi_set1(0));
    vi_store(m->lines + m->s.n, vi_set1(0));
    for (int i = 0; i < m->s.n; i += VL) {
        const vi what = vi_load(m->s.what + i), list = (vi)((vu)vi_load(m->s.near + i) >> 8);
        const vi ends = vi_load(m->ends + i), lines = vi_load(m->lines + i), here = ends & 255;
        const vi there = (vi)((vu)ends >> 8), zero = vi_set1(0);
        const vu point = (vu)what >> 6 & (MAX_POINTS - 1);
        const vf base = float_at(t, f->base_of, point), margin = float_at(t, f->margin, point);
        const vf level = vf_gather(f->level, lines + here);
        const vf slope = vf_gather(f->slope, lines + here);
        const vf level_2 = vf_gather(f->level, lines + there);
        const vf slope_2 = vf_gather(f->slope, lines + there);
        const vf meet = (level - level_2) / (slope - slope_2), pace = base * (1.0f / t->step);
        const vf steps = vf_max((meet - inverse_at(t, what & 63, base)) * pace, vf_set1(0));
        const vi last = (vi)((vu)what >> 16) - 1, k = vi_min(vi_trunc(steps), last);
        const vf gap = vf_abs(slope - slope_2) / pace, part = steps - vf_from_i(k);
        const vm before = vf_le(part * gap, 2.0f * margin);
        const vm behind = vf_le((1.0f - part) * gap, 2.0f * margin);
        const vm loose = vf_le(gap, 4.0f * margin);
        vf_store(m->t + i, meet);
        vf_store(m->limit + i, vf_max(level - meet * slope, level_2 - meet * slope_2) + margin);
        vi_store(m->behind + i, what + (k + 1) - (vi)((vu)(k + 1) << 16));
        vi_store(m->row + i, vi_gather_u16(f->cb->near, list * V_BLOCK + there));
        vi_store(m->close + i, vi_select(before, vi_set1(1), zero) |
                                   vi_select(behind, vi_set1(2), zero) |
                                   vi_select(loose, vi_set1(4), zero));
    }
}

/* Splits the spans first .. end - 1 where no third row comes near the two where these meet; asks
 * questions about the others. */
V_FN void split_spans(struct fit *f, int first, int end, int n_blocks)
{
    const struct mixed *m = &f->mixed;
    struct spans *s = &f->split;

    for (int i = first; i < end; i++) {
        const int32_t at = m->lines[i], ends = m->ends[i], close = m->close[i];
        const uint32_t within =
            v_rows_within(f->level + at, f->slope + at, n_blocks, m->t[i], m->limit[i]);
        const uint32_t others = within & ~(1u << (ends & 255) | 1u << (ends >> 8));
        if (others != 0 || close > 3) {
            ask(f, m->s.what[i], m->s.near[i], at);
            continue;
        }
        s->what[s->n] = m->behind[i];
        s->near[s->n++] = m->row[i];
        f->undecided[f->n_undecided] =
            ((uint32_t)m->behind[i] - 1) % (PLACES * MAX_POINTS) | (uint32_t)close << 16;
        f->n_undecided += close != 0;
    }
}

#endif
