/* The parts of models that see images, written by --mmproj for beside the text model. Hyper-parameters are
 * those of vision_config; "global" is all of config.json, "preprocessor" what prepares images. */
#include "lib/hf/eyes.h"

const struct hf_rule gg_hf_rest[] = { /* the text model */
    T_DROP("*"),
    T_END,
};

const struct hf_key gg_hf_eyes[] = {
    K_BLOCK(HF_FILE_TYPE),
    K_FIXED(".has_vision_encoder", BOOL, "true"),
    K_NEED(".vision.projection_dim", U32, "global.text_config.hidden_size|global.hidden_size"),
    K_END,
};
const struct hf_key gg_hf_eyes_size[] = {
    K_NEED(".vision.image_size", U32, "image_size"),
    K_END,
};
const struct hf_key gg_hf_eyes_widths[] = {
    K_NEED(".vision.patch_size", U32, "patch_size"),
    K_NEED(".vision.embedding_length", U32, "hidden_size"),
    K_NEED(".vision.feed_forward_length", U32, "intermediate_size"),
    K_END,
};
const struct hf_key gg_hf_eyes_gelu[] = {
    K_FIXED(".use_gelu", BOOL, "true"),
    K_END,
};
const struct hf_key gg_hf_eyes_act[] = {
    K_FIXED(".use_silu", BOOL, "true", .when = "hidden_act~silu"),
    K_FIXED(".use_gelu", BOOL, "true", .when = "hidden_act~gelu"),
    K_END,
};
const struct hf_key gg_hf_eyes_layers[] = {
    K_SUM(".vision.block_count", U32, "N"),
    K_NEED(".vision.attention.head_count", U32, "num_attention_heads|num_heads|heads|vt_num_attention_heads"),
    K_NEED(".vision.image_mean", F32, "preprocessor.image_mean"),
    K_NEED(".vision.image_std", F32, "preprocessor.image_std"),
    K_END,
};
