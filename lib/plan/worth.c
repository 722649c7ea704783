/* Worth: what an error in one tensor does to the answers of the whole model.
 *
 * Encoding adds to a weight matrix an error that knows nothing of its inputs; so the energy of the error
 * of its output is sum_ij E[x_j^2] e_ij^2, and against that of the output itself (taken the same way) it
 * is the weighted NMSE that was measured. What is predicted is the energy of the error of the logits,
 * against that of the logits:
 *
 *     loss = sum over tensors of  share * NMSE
 *
 * Shares follow the error through the network:
 *
 *  - output.weight makes the logits: its share is 1.
 *  - A layer has two branches, the mixer (attention, or what stands in its place) and the feed-forward
 *    part. Each adds its output to the stream that runs through all layers. An error in it is the part
 *    E_b / S_b of what the stream holds from there on: E_b the energy of the branch's output, from its
 *    last matrix and the importance matrix, S_b = E_embedding + E_1 + ... + E_b.
 *  - What enters a feed-forward part is multiplied there, gate by up. Chance errors gain less by that
 *    than what the model has aligned: with R, the energy that the product of two random vectors of the
 *    sizes of gate and up has, over that which the importance matrix shows for it, an error in one of
 *    them counts sqrt(R), as it is in one of two factors (R without a gate).
 *  - So does an error of the stream itself, through both of them: of the part that this branch adds it
 *    is gain times as large, gain = 1.8 sqrt(R). All that came before is multiplied accordingly. Mixers
 *    pass the stream's error on as it is.
 *
 * Some models have single activations a thousand times the usual, which say nothing about all other
 * tokens: no branch counts more than `outlier` times the median, and sqrt(R) is at least 1/8. Nor does an
 * error grow without end on its way: trained networks forget it; `most_passed` is the most. Without an
 * importance matrix branches of a kind are taken to have the same energy, and sqrt(R) to be the usual one.
 *
 * What is left are the factors below. They were found by encoding every matrix of a small trained Llama
 * alone, and measuring the KL divergence (ggtool-recipes(7) has the numbers); there is one for each role,
 * none for a depth, and few digits. Divergence was proportional to the loss over a factor of 40.
 */
#include "lib/base/num.h"
#include "lib/model/role.h"
#include "lib/plan/names.h"
#include "lib/plan/target.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIXER, FFN, N_BRANCHES };

static const double outlier = 8; /* times the median */
static const double usual_energy[N_BRANCHES] = {1, 3}, usual_embedding = 1; /* without a matrix */
static const double output_factor = 1;
static const double embedding_factor = 0.7; /* of the stream at its start */
static const double stream_gain = 1.8;      /* of a feed-forward part, times sqrt(R) */
static const double most_passed = 1.5;    /* times as large on the way through all layers */
static const double usual_root = 0.65, least_root = 0.125; /* of R */

/* The first row whose text stands in the name of a layer's tensor decides. */
enum inside { PLAIN, GATE, UP }; /* those count times sqrt(R) */

static const struct part {
    const char *text;
    int branch;
    bool last; /* its output is that of the branch */
    enum inside inside;
    double factor;
} parts[] = {
    {"ffn_down", FFN, true, PLAIN, 0.5},
    {"channel_mix_value", FFN, true, PLAIN, 0.5},
    {"ffn_gate", FFN, false, GATE, 0.65},
    {"ffn_up", FFN, false, UP, 0.5},
    {"ffn", FFN, false, PLAIN, 0.5},
    {"channel_mix", FFN, false, PLAIN, 0.5},
    {"attn_out", MIXER, true, PLAIN, 0.5},
    {"attn_o.", MIXER, true, PLAIN, 0.5},
    {"ssm_out", MIXER, true, PLAIN, 0.5},
    {"time_mix_output", MIXER, true, PLAIN, 0.5},
    {"shortconv.out_proj", MIXER, true, PLAIN, 0.5},
    {"attn_q.", MIXER, false, PLAIN, 0.17},
    {"attn_k.", MIXER, false, PLAIN, 0.17},
    {"attn_q_", MIXER, false, PLAIN, 0.17},
    {"attn_qkv", MIXER, false, PLAIN, 0.3},
    {"", MIXER, false, PLAIN, 0.5}, /* attn_v, attn_kv_b, inputs of recurrent mixers */
};

struct layer {
    uint32_t n;
    bool has[N_BRANCHES], known[N_BRANCHES];
    double energy[N_BRANCHES];
    double share[N_BRANCHES]; /* of an error in the output of the branch */
    double row[UP + 1];       /* energy of an output of gate and up, taken as random; 0: unknown */
    double hidden;            /* energy of an input of the last matrix; 0: unknown */
    double root;              /* sqrt(R) */
};

struct stream {
    struct layer *layers; /* ascending */
    size_t n;
    double embedding; /* energy at the start */
    double used;      /* share of the experts that a token visits */
    double start;     /* share of an error of the stream before the first layer */
    double usual;     /* share of a branch whose place is not known: the mean */
    bool weighted, tied;
};

double gg_target_loss(const struct gg_target_tensor *t, uint32_t type)
{
    const struct gg_type_error *e = &t->error[type];
    return e->wxx > 0 ? t->share * e->wee / e->wxx : 0;
}

/* ---- places ---------------------------------------------------------------------------------- */

static const struct part *part_of(struct ggf_str name)
{
    const struct part *p = parts;
    while (!gg_str_has(name, p->text))
        p++;
    return p;
}

/* The number of a layer of the main stack; encoders and the like are none. */
static bool layer_no(struct ggf_str name, uint32_t *n)
{
    struct gg_layer l;
    if (!gg_layer_of(name, &l) || !ggf_str_eq(l.stack, "blk"))
        return false;
    *n = l.n;
    return true;
}

static int by_no(const void *a, const void *b)
{
    const struct layer *x = a, *y = b;
    return (x->n > y->n) - (x->n < y->n);
}

static struct layer *layer_of(const struct stream *s, struct ggf_str name)
{
    struct layer key = {0};
    if (!layer_no(name, &key.n))
        return NULL;
    return bsearch(&key, s->layers, s->n, sizeof key, by_no);
}

static void list_layers(struct stream *s, const struct gg_target *t)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->n_tensors; i++)
        s->n += layer_no(t->tensors[i].name, &s->layers[s->n].n);
    qsort(s->layers, s->n, sizeof *s->layers, by_no);
    for (size_t i = 0; i < s->n; i++) {
        if (kept == 0 || s->layers[kept - 1].n != s->layers[i].n)
            s->layers[kept++] = s->layers[i];
    }
    s->n = kept;
}

/* ---- energies -------------------------------------------------------------------------------- */

/* sum_ij E[x_j^2] w_ij^2 of a measured tensor; false when it was not measured. */
static bool energy_of(const struct gg_target_tensor *x, double *weighted, double *plain)
{
    for (size_t id = 0; id < QT_ID_END; id++) {
        if (x->error[id].known && x->error[id].wxx > 0) {
            *weighted = x->error[id].wxx;
            *plain = x->error[id].xx;
            return true;
        }
    }
    return false;
}

static void take_layer(struct stream *s, struct layer *l, const struct gg_target_tensor *x,
                       const struct gg_tensor *of)
{
    const struct part *p = part_of(x->name);
    double weighted = 0, plain = 0;
    l->has[p->branch] = true;
    if (!energy_of(x, &weighted, &plain) || !x->weighted)
        return;
    l->row[p->inside] = weighted / (double)(of->nelems / of->ne[0]); /* that of PLAIN is not used */
    if (!p->last)
        return;
    l->known[p->branch] = s->weighted = true;
    l->energy[p->branch] += gg_str_has(x->name, "_exps.") ? s->used * weighted : weighted;
    if (p->branch == FFN)
        l->hidden = plain > 0 ? weighted / plain : 0;
}

static void take_energies(struct stream *s, const struct gg_target *t)
{
    for (size_t i = 0; i < t->n_tensors; i++) {
        const struct gg_target_tensor *x = &t->tensors[i];
        const struct gg_tensor *of = &t->model->tensors[x->src];
        struct layer *l = layer_of(s, x->name);
        double weighted = 0, plain = 0;
        if (l != NULL)
            take_layer(s, l, x, of);
        else if (gg_category_of(x->name) == GG_CAT_EMBD && energy_of(x, &weighted, &plain))
            s->embedding = plain / (double)of->ne[1];
    }
}

/* E[silu(g)^2] of a normal g of variance v: within 2% of it, and GELU's is not far. */
static double activated(double v)
{
    return v * (0.25 + 0.25 * v / (v + 1.4));
}

/* sqrt(R), or R when what is multiplied is only one vector. */
static double root_of(const struct layer *l)
{
    bool gated = l->row[GATE] > 0;
    double expected = gated ? activated(l->row[GATE]) * l->row[UP] : activated(l->row[UP]);
    if (!(l->hidden > 0) || !(l->row[UP] > 0))
        return usual_root;
    double root = gated ? sqrt(expected / l->hidden) : expected / l->hidden;
    return root > 1 ? 1 : root < least_root ? least_root : root;
}

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double median_energy(const struct stream *s, double *room)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++) {
        for (int b = 0; b < N_BRANCHES; b++) {
            if (s->layers[i].known[b])
                room[n++] = s->layers[i].energy[b];
        }
    }
    qsort(room, n, sizeof *room, by_size);
    return n > 0 ? room[n / 2] : 1;
}

/* What part of the stream each branch is, where it enters. Branches nobody measured have the median
 * energy; those far above it are outliers. */
static void find_parts(struct stream *s, double median)
{
    double sum = s->weighted ? s->embedding : usual_embedding;
    for (size_t i = 0; i < s->n; i++) {
        struct layer *l = &s->layers[i];
        l->root = root_of(l);
        for (int b = 0; b < N_BRANCHES; b++) {
            if (!l->has[b])
                continue;
            double e = !s->weighted                           ? usual_energy[b]
                       : l->known[b] && l->energy[b] > 0 ? l->energy[b]
                                                         : median;
            e = !s->weighted || e < outlier * median ? e : outlier * median;
            sum += e;
            l->share[b] = e / sum;
        }
    }
}

/* From the end: what becomes of it on the way to the logits. */
static void pass_on(struct stream *s)
{
    double passed = 1, total = 0;
    size_t n = 0;
    for (size_t i = s->n; i-- > 0;) {
        struct layer *l = &s->layers[i];
        for (int b = N_BRANCHES; b-- > 0;) {
            double part = l->share[b];
            l->share[b] = part * passed;
            total += l->share[b];
            n += l->has[b];
            if (b == FFN)
                passed *= 1 + (stream_gain * l->root - 1) * part;
            passed = passed < most_passed ? passed : most_passed;
        }
    }
    s->start = passed;
    s->usual = n > 0 ? total / (double)n : 1;
}

/* ---- shares ---------------------------------------------------------------------------------- */

static double share_of(const struct stream *s, const struct gg_target_tensor *x)
{
    const struct layer *l = layer_of(s, x->name);
    enum gg_category c = gg_category_of(x->name);
    if (c == GG_CAT_OUTPUT)
        return output_factor;
    if (c == GG_CAT_EMBD)
        return embedding_factor * s->start + (s->tied ? output_factor : 0);
    const struct part *p = part_of(x->name);
    double root = p->inside == PLAIN ? 1 : l != NULL ? l->root : usual_root;
    return p->factor * root * (l != NULL ? l->share[p->branch] : s->usual);
}

static double experts_used(const struct gg_model *m)
{
    struct gg_arch a;
    char key[128];
    uint64_t used;
    gg_arch_read(&a, m->meta);
    snprintf(key, sizeof key, "%.*s.expert_used_count", (int)gg_min_u64(a.name.nbytes, 64), a.name.p);
    if (a.n_experts == 0 || !ggf_meta_get_u64(m->meta, key, &used) || used > a.n_experts || used == 0)
        return 1;
    return (double)used / (double)a.n_experts;
}

int gg_target_weigh(struct gg_target *t, struct gg_err *err)
{
    struct stream s = {.used = experts_used(t->model), .tied = true};
    s.layers = calloc(t->n_tensors + 1, sizeof *s.layers);
    double *room = calloc(N_BRANCHES * t->n_tensors + 1, sizeof *room);
    if (s.layers == NULL || room == NULL) {
        free(s.layers);
        free(room);
        return gg_fail_nomem(err, "the shares of tensors");
    }
    for (size_t i = 0; i < t->model->n_tensors; i++)
        s.tied = s.tied && gg_category_of(t->model->tensors[i].name) != GG_CAT_OUTPUT;
    list_layers(&s, t);
    take_energies(&s, t);
    find_parts(&s, median_energy(&s, room));
    pass_on(&s);
    for (size_t i = 0; i < t->n_tensors; i++)
        t->tensors[i].share = share_of(&s, &t->tensors[i]);
    free(s.layers);
    free(room);
    return GG_OK;
}
