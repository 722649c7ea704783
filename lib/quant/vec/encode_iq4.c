/* Encoders of IQ4_NL and IQ4_XS: lib/quant/ref/iq4.c with a block, a super-block, in each lane.
 *
 * Of a group's sixteen candidates fifteen have inverse scales that differ by 11 percent at most
 * (120 to 134 over the largest value), and neighbouring middles between values differ by more. So
 * over the fifteen a product inverse * x passes one middle at most, and takes one of two values:
 * those of the smallest and the largest candidate. Their products with the weights are made once. */
#include "lib/quant/grids.h"
#include "lib/quant/vec/iq4.h"
#include "lib/quant/vec/super.h"

enum { GROUP = 32, N_GROUPS = QT_SUPER / GROUP, TRIES = 7, N_TRIES = 2 * TRIES + 1 };
enum { BATCH = VL == 16 ? 5 : 3 }; /* candidates at a time: their sums stay in registers */

/* What an element adds to the sums at the lower and at the higher of its two values. */
struct element {
    vf middle;
    vf qx[2], qq[2];
};

struct group_fit {
    struct element e[GROUP];
    vf inverse[N_TRIES];
    vf qx[N_TRIES + 1], qq[N_TRIES + 1]; /* the last: the candidate of its own */
};

V_FN void fit_setup(struct group_fit *f, const vf *x, const vf *w, vf alone)
{
    vf qx = vf_set1(0), qq = qx;
    for (int i = 0; i < GROUP; i++) {
        struct element *e = &f->e[i];
        vf a = v_iq4_value(v_iq4_nearest(f->inverse[0] * x[i]));
        vf b = v_iq4_value(v_iq4_nearest(f->inverse[N_TRIES - 1] * x[i]));
        vf c = v_iq4_value(v_iq4_nearest(alone * x[i]));
        vf q[2] = {vf_min(a, b), vf_max(a, b)};
        e->middle = (a + b) * 0.5f;
        V_UNROLL
        for (int s = 0; s < 2; s++) {
            e->qx[s] = w[i] * q[s] * x[i];
            e->qq[s] = w[i] * q[s] * q[s];
        }
        qx += w[i] * c * x[i];
        qq += w[i] * c * c;
    }
    f->qx[N_TRIES] = qx;
    f->qq[N_TRIES] = qq;
}

V_FN void fit_batch(struct group_fit *f, const vf *x, int first)
{
    vf qx[BATCH], qq[BATCH];
    V_UNROLL
    for (int c = 0; c < BATCH; c++)
        qx[c] = qq[c] = vf_set1(0);
    for (int i = 0; i < GROUP; i++) {
        const struct element *e = &f->e[i];
        V_UNROLL
        for (int c = 0; c < BATCH; c++) {
            vm high = vf_ge(f->inverse[first + c] * x[i], e->middle);
            qx[c] += vf_select(high, e->qx[1], e->qx[0]);
            qq[c] += vf_select(high, e->qq[1], e->qq[0]);
        }
    }
    V_UNROLL
    for (int c = 0; c < BATCH; c++) {
        f->qx[first + c] = qx[c];
        f->qq[first + c] = qq[c];
    }
}

/* The scale with the least sum w (x - d q)^2; 0 where all are below 1e-15. */
static vf fit_group(const vf *x, const vf *w)
{
    const vf zero = vf_set1(0);
    struct group_fit f;
    vf magnitude = zero, largest = zero;
    for (int i = 0; i < GROUP; i++) {
        vm more = vf_gt(vf_abs(x[i]), magnitude);
        magnitude = vf_select(more, vf_abs(x[i]), magnitude);
        largest = vf_select(more, x[i], largest);
    }
    vm none = vf_lt(magnitude, vf_set1(QK_GROUP_EPS));
    largest = vf_select(none, vf_set1(1), largest);
    for (int k = 0; k < N_TRIES; k++)
        f.inverse[k] = ((float)(k - TRIES) - 127.0f) / largest;
    fit_setup(&f, x, w, 1.0f / (-largest / -127.0f));
    for (int k = 0; k < N_TRIES; k += BATCH)
        fit_batch(&f, x, k);
    vf qx = f.qx[N_TRIES], qq = f.qq[N_TRIES];
    vf d = vf_select(vf_gt(qq, zero), qx / qq, zero), best = d * qx;
    for (int k = 0; k < N_TRIES; k++) {
        qx = f.qx[k];
        qq = f.qq[k];
        vm wins = vm_and(vf_gt(qq, zero), vf_gt(qx * qx, best * qq));
        vf ratio = qx / qq;
        d = vf_select(wins, ratio, d);
        best = vf_select(wins, ratio * qx, best);
    }
    return vf_select(none, zero, d);
}

/* 1 / d; 0 where that is not finite. */
V_FN vf inverse_of(vf d)
{
    vf inverse = 1.0f / d;
    return vf_select(vf_lt(vf_abs(inverse), vf_set1(V_INF)), inverse, vf_set1(0));
}

/* Four words of levels. */
V_FN void pack_levels(const vf *x, vf inverse, vu word[4])
{
    vu level[GROUP];
    for (int i = 0; i < GROUP; i++)
        level[i] = (vu)v_iq4_nearest(inverse * x[i]);
    for (int i = 0; i < 4; i++)
        word[i] = v_word_at(level, 4 * i) | v_word_at(level, 16 + 4 * i) << 4;
}

/* Scale of the group at element `first`. */
static vf fit_weighted(const struct v_super *b, int first)
{
    vf w[GROUP];
    if (b->weights != NULL) {
        v_importance(b, first, GROUP, w);
    } else {
        for (int i = 0; i < GROUP; i++)
            w[i] = b->x[first + i] * b->x[first + i];
    }
    return fit_group(b->x + first, w);
}

/* ---- blocks -----------------------------------------------------------------------------------
 */

static void encode_iq4_nl(struct v_super *b)
{
    vu bits, word[4];
    v_load_blocks(b->x, b->at.x, GROUP, GROUP);
    b->sigma2 = v_sum_squares(b->x, GROUP) * (2.0f / (float)GROUP);
    vf d = fit_weighted(b, 0);
    v_through_f16(d, &bits);
    pack_levels(b->x, inverse_of(d), word);
    v_store_halves(b, 0, bits);
    v_store_words(b, 2, word, 4);
}

static void encode_iq4_xs(struct v_super *b)
{
    vf scale[N_GROUPS], magnitude = vf_set1(0), largest = magnitude;
    vu bits, word[34];
    v_load_blocks(b->x, b->at.x, QT_SUPER, QT_SUPER);
    if (b->weights != NULL)
        b->sigma2 = v_sum_squares(b->x, QT_SUPER) * (2.0f / (float)QT_SUPER);
    for (int j = 0; j < N_GROUPS; j++) {
        scale[j] = fit_weighted(b, GROUP * j);
        vm more = vf_gt(vf_abs(scale[j]), magnitude);
        magnitude = vf_select(more, vf_abs(scale[j]), magnitude);
        largest = vf_select(more, scale[j], largest);
    }
    vf d = -largest / 32.0f, inverse = inverse_of(d);
    v_through_f16(d, &bits);
    word[0] = bits;
    word[1] = (vu)vi_set1(0);
    for (int j = 0; j < N_GROUPS; j++) {
        vi q = vi_clamp(v_nearest_wild(inverse * scale[j]), -32, 31);
        vu code = (vu)(q + 32);
        pack_levels(b->x + GROUP * j, inverse_of(d * vf_from_i(q)), word + 2 + 4 * j);
        word[0] |= code >> 4 << (16 + 2 * j);
        word[1] |= (code & 15) << 4 * j;
    }
    v_store_words(b, 0, word, 34);
}

/* ---- entries ----------------------------------------------------------------------------------
 */

#define QUANT(type, nelems)                                                                        \
    static void quant_##type(void *dst, const float *src, size_t n_rows, size_t n_cols,            \
                             size_t dst_stride, size_t src_stride, const struct qk_args *args)     \
    {                                                                                              \
        struct v_walk w = {dst,        src,    n_rows, n_cols, dst_stride,                         \
                           src_stride, nelems, sizeof(struct qt_block_##type), 0, 0};              \
        struct v_super b;                                                                          \
        b.weights = args != NULL ? args->weights : NULL;                                           \
        while (v_next_group(&w, &b.at))                                                            \
            encode_##type(&b);                                                                     \
    }

QUANT(iq4_nl, GROUP)
QUANT(iq4_xs, QT_SUPER)
#undef QUANT

void V_NAME(qk_vec_encode_iq4)(struct qk_table *table)
{
    struct qk_kernel *k = table->k;
    k[QT_IQ4_NL].quant = quant_iq4_nl;
    k[QT_IQ4_XS].quant = quant_iq4_xs;
}
