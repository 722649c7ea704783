/* What descriptions of the parts that see share: the start of each, its usual keys, SigLIP's layers. */
#ifndef GG_HF_EYES_H
#define GG_HF_EYES_H

#include "lib/hf/arch.h"

extern const struct hf_rule gg_hf_eyes_video[];
extern const struct hf_key gg_hf_eyes[];
extern const struct hf_key gg_hf_eyes_size[];   /* of images */
extern const struct hf_key gg_hf_eyes_widths[]; /* of patches and layers */
extern const struct hf_key gg_hf_eyes_layers[];
extern const struct hf_key gg_hf_eyes_gelu[];
extern const struct hf_key gg_hf_eyes_act[]; /* as hidden_act says */

#define EYES .gguf = "clip", .prefixes = LIST("model."), .each_layer = "v.blk.{L}.ln1", .flags = HF_PROJECTOR

/* Layers of a SigLIP encoder whose names begin with of; out is what its output projection is called. */
#define SIGLIP_LAYERS(of, out) \
    T(of "layer_norm1", "v.blk.{L}.ln1"), \
    T(of "layer_norm2", "v.blk.{L}.ln2"), \
    T(of "self_attn.q_proj", "v.blk.{L}.attn_q"), \
    T(of "self_attn.k_proj", "v.blk.{L}.attn_k"), \
    T(of "self_attn.v_proj", "v.blk.{L}.attn_v"), \
    T(of "self_attn." out, "v.blk.{L}.attn_out"), \
    T(of "mlp.fc1", "v.blk.{L}.ffn_up"), \
    T(of "mlp.fc2", "v.blk.{L}.ffn_down")

/* An encoder of SigLIP from behind its patches on. */
#define SIGLIP(of, out) \
    T(of "embeddings.position_embedding", "v.position_embd", .as = HF_AS_F32), \
    SIGLIP_LAYERS(of "encoder.layers.{L}.", out), \
    T(of "post_layernorm", "v.post_ln")

/* By how much patches are merged to give as many tokens as the preprocessor counts; 4 is what is taken where it is not said. */
#define MERGED "int(int(image_size / patch_size) / int(sqrt(preprocessor.image_seq_length|256)))"
#define K_MERGED K_SUM(".vision.projector.scale_factor", U32, MERGED, .when = MERGED " * (" MERGED " - 4)")

#endif
