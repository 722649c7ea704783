/* Encoders of IQ1_S and IQ1_M: x ~ scale * (t + delta), t in {-1, 0, 1}, delta = +1/8 or -1/8
 * (layouts: blocks.h).
 *
 * With three levels the best split of a group can be found by trying them all: the values are sorted,
 * and two cuts part them into levels 0, 1 and 2. For each pair of cuts and each choice of deltas the
 * scale of least squares is known from sums, and the one that minimises sum w (x - scale q)^2 stays
 * (it maximises (sum w q x)^2 / sum w q^2). Then points off the grid are replaced by the row around
 * them that lies nearest by weight. The scales become 3 bits times a common F16.
 * Results of quantize_row_iq1_s_impl and quantize_row_iq1_m_impl.
 */
#include "lib/quant/blocks.h"
#include "lib/quant/half.h"
#include "lib/quant/ref/points.h"
#include "lib/quant/ref/ref.h"
#include "lib/quant/ref/rows.h"
#include "lib/quant/ref/search.h"

#include <assert.h>
#include <string.h>

enum { DIMS = 8, BITS = 2, N_LEVELS = 3, MAX_GROUP = 32 };
enum { S_GROUP = 32, S_GROUPS = 8, M_GROUP = 16, M_GROUPS = 16 };

#define S_EPS   1e-12f /* a group whose largest magnitude is below is zeros */
#define M_EPS   1e-7f
#define S_FUDGE 1.125f /* on the common scale, found by trial upstream */
#define M_FUDGE 1.1125f

/* What the levels stand for, with delta +1/8 and -1/8. */
static const float plus[N_LEVELS] = {-0.875f, 0.125f, 1.125f};
static const float minus[N_LEVELS] = {-1.125f, -0.125f, 0.875f};

struct group {
    const float *x;
    float w[MAX_GROUP];
    uint8_t order[MAX_GROUP]; /* of the values, ascending; of equal ones the first comes first */
    uint8_t level[MAX_GROUP];
    uint16_t row[MAX_GROUP / DIMS];
    float scale;
    int deltas; /* bit p set: point p (IQ1_S: every point) has delta -1/8 */
};

/* What was found by trying all cuts; deltas < 0: nothing, the weights are all 0. */
struct split {
    int from_1, from_2; /* where levels 1 and 2 begin in the order */
    int deltas;
    float scale, score;
};

/* ---- a group ------------------------------------------------------------------------------------ */

static void sort_group(struct group *g, int n)
{
    for (int i = 0; i < n; i++) {
        int j = i;
        for (; j > 0 && g->x[g->order[j - 1]] > g->x[i]; j--)
            g->order[j] = g->order[j - 1];
        g->order[j] = (uint8_t)i;
    }
}

static void consider(struct split *s, float qx, float qq, int from_1, int from_2, int deltas)
{
    if (qq > 0.0f && qx * qx > s->score * qq) {
        float scale = qx / qq;
        *s = (struct split){from_1, from_2, deltas, scale, scale * qx};
    }
}

/* Puts the levels of a split in place. A negative scale is turned, and with it levels and deltas. */
static void apply_split(struct group *g, int n, const struct split *s, int all_deltas)
{
    bool turn = s->scale < 0.0f;

    for (int j = 0; j < n; j++) {
        int level = (j >= s->from_1) + (j >= s->from_2);
        g->level[g->order[j]] = (uint8_t)(turn ? 2 - level : level);
    }
    g->scale = turn ? -s->scale : s->scale;
    g->deltas = turn ? s->deltas ^ all_deltas : s->deltas;
}

static float delta_of(const struct group *g, int n, int p)
{
    int bit = n == S_GROUP ? 0 : p;
    return g->deltas >> bit & 1 ? -0.125f : 0.125f;
}

/* Of the rows around point p the first that lies nearest at the group's scale. When no distance is
 * finite it is the first of the list. (Upstream searches the whole grid then, and reads past the
 * values there.) */
static int nearest_row(const struct group *g, const struct qk_codebook *cb, int32_t row_of, int p,
                       float delta)
{
    const float *x = g->x + DIMS * p, *w = g->w + DIMS * p;
    const uint16_t *list = qk_rows_around(cb, row_of);
    float least = FLT_MAX;
    int row = list[1];

    for (int j = 1; j <= list[0]; j++) {
        const int8_t *t = qk_values_of_row(cb, DIMS, list[j]);
        float sum = 0.0f;
        for (int i = 0; i < DIMS; i++) {
            float diff = g->scale * ((float)t[i] + delta) - x[i];
            sum += w[i] * diff * diff;
        }
        if (sum < least) {
            least = sum;
            row = list[j];
        }
    }
    return row;
}

/* Adds w q x and w q q of one point's eight values, where q is what the row's level means times
 * factor. */
static void add_point(const struct group *g, const struct qk_codebook *cb, int p,
                      float delta, float factor, float *qx, float *qq)
{
    const int8_t *t = qk_values_of_row(cb, DIMS, g->row[p]);

    for (int i = 0; i < DIMS; i++) {
        float w = g->w[DIMS * p + i];
        float q = ((float)t[i] + delta) * factor;
        *qx += w * q * g->x[DIMS * p + i];
        *qq += w * q * q;
    }
}

/* Finds the rows of a group's points, and the scale again when one was off the grid. */
static void look_up(struct group *g, int n, const struct qk_codebook *cb)
{
    float qx = 0.0f, qq = 0.0f;
    bool all_on_grid = true;

    for (int p = 0; p < n / DIMS; p++) {
        unsigned code = 0;
        for (int i = 0; i < DIMS; i++)
            code |= (unsigned)g->level[DIMS * p + i] << BITS * i;
        int row = cb->row_of[code];
        if (row < 0) {
            all_on_grid = false;
            row = nearest_row(g, cb, row, p, delta_of(g, n, p));
        }
        g->row[p] = (uint16_t)row;
    }
    if (all_on_grid)
        return;
    for (int p = 0; p < n / DIMS; p++)
        add_point(g, cb, p, delta_of(g, n, p), 1.0f, &qx, &qq);
    if (qx > 0.0f && qq > 0.0f)
        g->scale = qx / qq;
}

/* Upstream aborts on a scale that is not a number; here it stays the largest, so that it is found. */
static float larger_scale(float a, float b)
{
    return b <= a || a != a ? a : b;
}

static int code_of_scale(float inverse, float scale)
{
    return qk_clamp_int(qk_nearest_int(0.5f * (inverse * scale - 1.0f)), 0, 7);
}

/* ---- IQ1_S: one delta for 32 -------------------------------------------------------------------- */

/* Sums over the first j values in order. */
struct prefix {
    float wx[S_GROUP + 1], w[S_GROUP + 1];
};

/* Sums for one first cut and every second one. */
static void cut_sums(const struct prefix *s, int from_1, const float *value, float *qx, float *qq)
{
    const float x0 = (s->wx[from_1] - s->wx[0]) * value[0];
    const float w0 = (s->w[from_1] - s->w[0]) * value[0] * value[0];

    for (int j = 0; j <= S_GROUP; j++) {
        qx[j] = x0 + (s->wx[j] - s->wx[from_1]) * value[1] +
                (s->wx[S_GROUP] - s->wx[j]) * value[2];
        qq[j] = w0 + (s->w[j] - s->w[from_1]) * value[1] * value[1] +
                (s->w[S_GROUP] - s->w[j]) * value[2] * value[2];
    }
}

static struct split split_s(const struct group *g)
{
    struct split s = {-1, -1, -1, 0.0f, -FLT_MAX};
    struct prefix sum = {{0.0f}, {0.0f}};
    float qx[2][S_GROUP + 1], qq[2][S_GROUP + 1];

    for (int j = 0; j < S_GROUP; j++) {
        int i = g->order[j];
        sum.wx[j + 1] = sum.wx[j] + g->w[i] * g->x[i];
        sum.w[j + 1] = sum.w[j] + g->w[i];
    }
    for (int from_1 = 0; from_1 <= S_GROUP; from_1++) {
        cut_sums(&sum, from_1, plus, qx[0], qq[0]);
        cut_sums(&sum, from_1, minus, qx[1], qq[1]);
        for (int j = from_1; j <= S_GROUP; j++) {
            consider(&s, qx[0][j], qq[0][j], from_1, j, 0);
            consider(&s, qx[1][j], qq[1][j], from_1, j, 1);
        }
    }
    return s;
}

/* False when the group is zeros. */
static bool fit_s(struct group *g, const float *importance, float sigma2,
                  const struct qk_codebook *cb)
{
    qk_importance(S_GROUP, g->x, importance, sigma2, g->w);
    if (qk_max_abs(g->x, S_GROUP) < S_EPS)
        return false;
    sort_group(g, S_GROUP);
    struct split s = split_s(g);
    if (s.deltas < 0)
        return false;
    apply_split(g, S_GROUP, &s, 1);
    look_up(g, S_GROUP, cb);
    return true;
}

static void encode_iq1_s(void *dst, const float *x, const float *importance,
                         const struct qk_codebook *cb)
{
    struct qt_block_iq1_s *b = dst;
    struct group g;
    float scale[S_GROUPS] = {0.0f}, largest = 0.0f;
    unsigned high[S_GROUPS] = {0};
    float sigma2 = 2.0f * qk_sum_squares(QT_SUPER, x) / (float)QT_SUPER;

    assert(importance && cb && cb->dims == DIMS && cb->bits == BITS);
    memset(b, 0, sizeof *b);
    for (int j = 0; j < S_GROUPS; j++) {
        g.x = x + S_GROUP * j;
        if (!fit_s(&g, importance + S_GROUP * j, sigma2, cb))
            continue;
        for (int k = 0; k < 4; k++) {
            b->qs[4 * j + k] = (uint8_t)g.row[k];
            high[j] |= (unsigned)(g.row[k] >> 8) << 3 * k;
        }
        high[j] |= (unsigned)g.deltas << 15;
        scale[j] = g.scale;
        largest = larger_scale(largest, scale[j]);
    }
    float d = largest / 15.0f, inverse = 1.0f / d;
    for (int j = 0; j < S_GROUPS; j++) {
        unsigned rest = largest == 0.0f ? high[j] & 0xfff
                                        : high[j] | (unsigned)code_of_scale(inverse, scale[j]) << 12;
        gg_store_u16((uint8_t *)b->qh + 2 * j, (uint16_t)rest);
    }
    gg_store_u16(&b->d, qt_f16_from_f32(d * S_FUDGE));
}

QK_QUANT_WEIGHTED(iq1_s, QT_SUPER, encode_iq1_s)

/* ---- IQ1_M: a delta for 8, a scale for 16 ------------------------------------------------------- */

enum { N_CHOICES = 4 }; /* of deltas: bit 0 for the first point, bit 1 for the second */

/* Choices in the order they are tried in. */
static const int choices[N_CHOICES] = {0, 2, 1, 3};

/* Sums for each choice: w q x in the first half, w q q in the second. */
struct sums {
    float v[2 * N_CHOICES];
};

/* term[l][j]: what the value at place j of the order adds when its level is l. */
static void set_terms(const struct group *g, struct sums term[N_LEVELS][M_GROUP])
{
    for (int l = 0; l < N_LEVELS; l++)
        for (int j = 0; j < M_GROUP; j++) {
            int i = g->order[j];
            for (int k = 0; k < N_CHOICES; k++) {
                float q = choices[k] >> i / DIMS & 1 ? minus[l] : plus[l];
                term[l][j].v[k] = g->w[i] * q * g->x[i];
                term[l][j].v[N_CHOICES + k] = g->w[i] * q * q;
            }
        }
}

static inline void add(struct sums *a, const struct sums *b)
{
    for (int k = 0; k < 2 * N_CHOICES; k++)
        a->v[k] += b->v[k];
}

/* Each sum is taken anew from the lowest value to the highest. */
static struct split split_m(const struct group *g)
{
    struct split s = {-1, -1, -1, 0.0f, -FLT_MAX};
    struct sums term[N_LEVELS][M_GROUP];

    set_terms(g, term);
    for (int from_1 = 0; from_1 <= M_GROUP; from_1++)
        for (int from_2 = from_1; from_2 <= M_GROUP; from_2++) {
            struct sums all = {{0.0f}};
            for (int j = 0; j < M_GROUP; j++)
                add(&all, &term[(j >= from_1) + (j >= from_2)][j]);
            for (int k = 0; k < N_CHOICES; k++)
                consider(&s, all.v[k], all.v[N_CHOICES + k], from_1, from_2, choices[k]);
        }
    return s;
}

/* Leaves scale, rows and deltas 0 for a group of zeros. */
static void fit_m(struct group *g, const float *importance, float sigma2,
                  const struct qk_codebook *cb)
{
    g->scale = 0.0f;
    g->deltas = 0;
    g->row[0] = g->row[1] = 0;
    if (importance)
        qk_importance(M_GROUP, g->x, importance, sigma2, g->w);
    else
        for (int i = 0; i < M_GROUP; i++)
            g->w[i] = g->x[i] * g->x[i];
    if (qk_max_abs(g->x, M_GROUP) < M_EPS)
        return;
    sort_group(g, M_GROUP);
    struct split s = split_m(g);
    if (s.deltas < 0)
        return;
    apply_split(g, M_GROUP, &s, 3);
    look_up(g, M_GROUP, cb);
}

/* The common scale of least squares for the rounded scales; fallback when weights are all 0. */
static float common_scale(const struct group *groups, const int *code,
                          const struct qk_codebook *cb, float fallback)
{
    float qx = 0.0f, qq = 0.0f;

    for (int j = 0; j < M_GROUPS; j++)
        for (int p = 0; p < M_GROUP / DIMS; p++)
            add_point(&groups[j], cb, p, delta_of(&groups[j], M_GROUP, p),
                      (float)(2 * code[j] + 1), &qx, &qq);
    return qq > 0.0f ? qx / qq : fallback;
}

static void pack_m(const struct group *groups, const int *code, uint16_t d,
                   struct qt_block_iq1_m *b)
{
    unsigned word[4];

    for (int i = 0; i < 4; i++)
        word[i] = (unsigned)(d >> 4 * i & 15) << 12;
    for (int j = 0; j < M_GROUPS; j++) {
        word[j / 4] |= (unsigned)code[j] << 3 * (j % 4);
        b->qh[j] |= (uint8_t)((groups[j].deltas & 1) << 3 | (groups[j].deltas & 2) << 6);
    }
    for (int i = 0; i < 4; i++)
        gg_store_u16(b->scales + 2 * i, (uint16_t)word[i]);
}

static void encode_iq1_m(void *dst, const float *x, const float *importance,
                         const struct qk_codebook *cb)
{
    struct qt_block_iq1_m *b = dst;
    struct group groups[M_GROUPS];
    int code[M_GROUPS];
    float largest = 0.0f;
    float sigma2 = 2.0f * qk_sum_squares(QT_SUPER, x) / (float)QT_SUPER;

    assert(cb && cb->dims == DIMS && cb->bits == BITS);
    memset(b, 0, sizeof *b);
    for (int j = 0; j < M_GROUPS; j++) {
        struct group *g = &groups[j];
        g->x = x + M_GROUP * j;
        fit_m(g, importance ? importance + M_GROUP * j : NULL, sigma2, cb);
        b->qs[2 * j] = (uint8_t)g->row[0];
        b->qs[2 * j + 1] = (uint8_t)g->row[1];
        b->qh[j] = (uint8_t)(g->row[0] >> 8 | g->row[1] >> 8 << 4);
        largest = larger_scale(largest, g->scale);
    }
    if (largest == 0.0f)
        return;
    float d = largest / 15.0f, inverse = 1.0f / d;
    for (int j = 0; j < M_GROUPS; j++)
        code[j] = code_of_scale(inverse, groups[j].scale);
    d = common_scale(groups, code, cb, d);
    pack_m(groups, code, qt_f16_from_f32(d * M_FUDGE), b);
}

QK_QUANT_WEIGHTED(iq1_m, QT_SUPER, encode_iq1_m)
