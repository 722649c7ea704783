/* config.json: which architecture it is of, what it says of the part that is wanted, how many layers it counts. */
#include "lib/hf/hf_impl.h"

#include "lib/base/num.h"
#include "lib/base/text.h"

#include <ctype.h>
#include <stdlib.h>

static int add_defaults(struct hf *h, struct gg_err *err)
{
    json_t *d = NULL;
    if (h->arch == NULL || h->arch->defaults == NULL)
        return GG_OK;
    int rc = gg_hf_json_text(&d, h->arch->defaults, strlen(h->arch->defaults), "defaults", err);
    if (rc == GG_OK && json_object_update_missing(h->config, d) != 0)
        rc = gg_fail_nomem(err, "a configuration");
    json_decref(d);
    return rc;
}

/* The configuration of the text model, where it is a part of a larger one. */
static json_t *text_part(const struct hf *h)
{
    json_t *o = gg_hf_get(h->raw_config, "thinker_config.text_config|llm_config|lm_config|language_config|"
                                         "text_config|lfm");
    return json_is_object(o) ? o : NULL;
}

/* The first class of "architectures": of the part that is wanted, or of the whole. */
static const char *class_name(const struct hf *h)
{
    static const char *const whole[] = {/* whose part names another */
        "Exaone4_5_ForConditionalGeneration", "DeepseekOCRForCausalLM", "DeepseekOCR2ForCausalLM",
        "UnlimitedOCRForCausalLM", "GlmasrModel", "StepVLForConditionalGeneration",
        "Step3p7ForConditionalGeneration", "Sarashina2VisionForCausalLM",
        "KimiK3ForConditionalGeneration", "InternS1ForConditionalGeneration"};
    const json_t *part = h->opts->mmproj ? json_object_get(h->raw_config, "vision_config") : text_part(h);
    const char *name = json_string_value(json_array_get(json_object_get(h->raw_config, "architectures"), 0));
    const char *inner = json_string_value(json_array_get(json_object_get(part, "architectures"), 0));
    for (size_t i = 0; name != NULL && i < GG_COUNTOF(whole); i++) {
        if (strcmp(name, whole[i]) == 0)
            return name;
    }
    return inner != NULL ? inner : name;
}

/* The class that is spelled most like this one, or the GGUF name. */
static const char *nearest(const char *name, bool by_class)
{
    const char *best = gg_hf_archs[0]->gguf;
    unsigned least = UINT32_MAX;
    for (size_t i = 0; i < gg_hf_n_archs; i++) {
        const char *const one[] = {gg_hf_archs[i]->gguf, NULL};
        for (const char *const *c = by_class ? gg_hf_archs[i]->classes : one; *c != NULL; c++) {
            unsigned d = gg_text_distance(*c, name);
            best = d < least ? *c : best;
            least = d < least ? d : least;
        }
    }
    return best;
}

static int fail_unknown_arch(const char *name, enum gg_code code, const char *what,
                             struct gg_err *err)
{
    char shown[96];
    return gg_fail(err, code, GG_NOWHERE,
                   "%s '%s' is not known (the nearest is '%s'; docs/architectures.md lists them); ggtool "
                   "convert --arch raw keeps names and tensors as they are",
                   what, gg_text_escape_into(shown, sizeof shown, name, strlen(name)),
                   nearest(name, code != GG_ERR_ARG));
}

static int fail_no_projector(const char *name, struct gg_err *err)
{
    char shown[96];
    return gg_fail(err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
                   "--mmproj: no projector is known of architecture '%s' (docs/architectures.md lists them)",
                   gg_text_escape_into(shown, sizeof shown, name, strlen(name)));
}

/* The id of a token by its text: what tokenizer_config.json or tokenizer.json lists. */
static bool listed_token(const struct hf *h, const char *text, size_t n, uint64_t *id)
{
    const char *key;
    json_t *one;
    size_t i;
    json_object_foreach (json_object_get(h->tokenizer_config, "added_tokens_decoder"), key, one) {
        const char *content = gg_hf_get_str(one, "content");
        if (content != NULL && strlen(content) == n && memcmp(content, text, n) == 0)
            return gg_text_parse_u64(key, id);
    }
    json_array_foreach (json_object_get(h->tokenizer, "added_tokens"), i, one) {
        const char *content = gg_hf_get_str(one, "content");
        if (content != NULL && strlen(content) == n && memcmp(content, text, n) == 0)
            return gg_hf_get_u64(one, "id", id);
    }
    return false;
}

/* Tokens a projector names become numbers of its configuration: "image_break=[IMG_BREAK]". */
int gg_hf_config_tokens(struct hf *h, struct gg_err *err)
{
    const char *p = h->arch->tokens;
    uint64_t id;
    if (p == NULL)
        return GG_OK;
    size_t n = strcspn(p, "=");
    char *name = gg_arena_strndup(h->arena, p, n);
    if (name != NULL && !listed_token(h, p + n + 1, strlen(p + n + 1), &id))
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "neither tokenizer_config.json nor tokenizer.json lists %s, which --mmproj needs", p + n + 1);
    return name != NULL && json_object_set_new(h->config, name, json_integer((json_int_t)id)) == 0
               ? GG_OK
               : gg_fail_nomem(err, "a configuration");
}

/* The configuration of a projector: that of the part that sees or hears, with the rest inside. */
static int vision_config(struct hf *h, struct gg_err *err)
{
    json_t *pre = NULL, *processor = NULL;
    json_t *vision = gg_hf_get(h->raw_config, "vision_config|whisper_config|audio_config|speech_config");
    if (!json_is_object(vision))
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE,
                       "config.json: no vision_config or audio_config, which --mmproj needs");
    int rc = gg_hf_json_file(h, "preprocessor_config.json", &pre, err);
    if (rc == GG_OK)
        rc = gg_hf_json_file(h, "processor_config.json", &processor, err);
    json_t *image = json_object_get(processor, "image_processor");
    if (pre == NULL)
        pre = json_object();
    json_t *media = json_incref(json_object_get(pre, "media_proc_cfg")); /* Kimi K2.5's, which may replace itself */
    if (rc == GG_OK && json_is_object(media))
        rc = gg_hf_merge(pre, media, err);
    json_decref(media);
    if (rc == GG_OK && processor != NULL)
        rc = gg_hf_merge(pre, processor, err);
    if (rc == GG_OK && json_is_object(image))
        rc = gg_hf_merge(pre, image, err);
    json_decref(processor);
    json_decref(h->config);
    h->config = json_copy(vision);
    json_t *clip = gg_hf_get(vision, "width.clip-l-14-224"); /* DeepSeek-OCR, which sees with two models */
    if (rc == GG_OK && json_is_object(clip))
        rc = gg_hf_merge(h->config, clip, err);
    json_t *global = json_copy(h->raw_config), *text = text_part(h);
    if ((text != NULL && json_object_set(global, "text_config", text) != 0) ||
        json_object_set_new(h->config, "preprocessor", pre) != 0 ||
        json_object_set_new(h->config, "global", global) != 0)
        return gg_fail_nomem(err, "a configuration");
    return rc;
}

static int choose_arch(struct hf *h, struct gg_err *err)
{
    const char *asked = h->opts->arch;
    if (asked != NULL && h->opts->mmproj)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE, "--mmproj goes by the class in config.json, without --arch");
    if (asked != NULL && strcmp(asked, "raw") == 0)
        return GG_OK;
    if (asked != NULL) {
        h->arch = gg_hf_arch_by_gguf(asked, strlen(asked));
        return h->arch != NULL ? GG_OK
                               : fail_unknown_arch(asked, GG_ERR_ARG, "--arch: architecture", err);
    }
    const char *name = class_name(h);
    if (name == NULL)
        return gg_fail(
            err, GG_ERR_UNSUPPORTED, GG_NOWHERE,
            "no config.json with \"architectures\" beside the tensors, so their names cannot "
            "be mapped; ggtool convert --arch NAME says what it is, --arch raw keeps all names");
    if (h->opts->mmproj) {
        h->arch = gg_hf_projector_by_class(h, name);
        return h->arch != NULL ? GG_OK : fail_no_projector(name, err);
    }
    h->arch = gg_hf_arch_by_class(h, name);
    return h->arch != NULL
               ? GG_OK
               : fail_unknown_arch(name, GG_ERR_UNSUPPORTED, "config.json: architecture", err);
}

/* How many layers tensors named mtp.* are of. */
static uint64_t named_mtp(const struct hf *h)
{
    uint64_t n = 0, layer = 0, none;
    for (size_t i = 0; i < gg_checkpoint_n_tensors(h->ckpt); i++) {
        const struct gg_ckpt_tensor *t = gg_checkpoint_tensor(h->ckpt, i);
        if (gg_hf_match("*mtp.layers.{L}.*", t->name, t->name_nbytes, &layer, &none) && layer >= n)
            n = layer + 1;
    }
    return n;
}

/* Layers, and those behind them that predict further tokens. */
int gg_hf_config_layers(struct hf *h, struct gg_err *err)
{
    const struct hf_arch *a = h->arch;
    const char *text = a->mtp_layers, *missing;
    enum gg_hf_mtp mtp = h->opts->mtp;
    double d = 0;
    const char *names = a->flags & HF_PROJECTOR ? "n_layers|num_hidden_layers|n_layer|num_layers|depth|layers|"
                                                  "encoder_layers|vt_num_hidden_layers"
                                                : "n_layers|num_hidden_layers|n_layer|num_layers|"
                                                  "num_transformer_layers";
    if (!gg_hf_get_u64(h->config, names, &h->n_layers) ||
        h->n_layers == 0 || h->n_layers > UINT32_MAX)
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "config.json: no num_hidden_layers");
    if (mtp != GG_HF_MTP_AUTO && text == NULL)
        return gg_fail(err, GG_ERR_ARG, GG_NOWHERE,
                       "--mtp: architecture '%s' has no layers for further tokens", a->gguf);
    h->has_mtp = text != NULL && gg_hf_eval(h, &text, &d, &missing);
    if (a->flags & HF_MTP_PREFIX) {
        d = (double)named_mtp(h);
        h->has_mtp = d > 0;
    }
    if (!(d >= 0 && d <= 1000))
        return gg_fail(err, GG_ERR_CORRUPT, GG_NOWHERE, "config.json: %g layers for further tokens", d);
    bool keep = mtp == GG_HF_MTP_KEEP || (mtp == GG_HF_MTP_AUTO && (a->flags & HF_MTP_KEPT));
    *(keep ? &h->n_mtp : &h->n_mtp_dropped) = (uint64_t)d;
    h->n_layers += h->n_mtp;
    return GG_OK;
}

/* "LLLG", again and again, says which layers see a window only; "3,4,5" which have experts. */
static int spell_windows(struct hf *h)
{
    const char *p = gg_hf_get_str(h->config, "sliding_window_pattern");
    const char *moe = gg_hf_get_str(h->config, "moe_layers_enum");
    uint64_t n, first;
    int bad = 0;
    if (p != NULL && *p != '\0' && json_object_get(h->config, "layer_types") == NULL &&
        gg_hf_get_u64(h->config, "num_hidden_layers", &n) && n < 1 << 16) {
        json_t *list = json_array();
        bad |= list == NULL;
        for (size_t i = 0; i < n; i++)
            bad |= json_array_append_new(list, json_string(p[i % strlen(p)] == 'L' ? "sliding_attention"
                                                                                   : "full_attention"));
        bad |= json_object_set_new(h->config, "layer_types", list);
    }
    if (moe != NULL && isdigit((unsigned char)*moe)) {
        first = strtoul(moe, NULL, 10);
        bad |= json_object_set_new(h->config, "first_moe_layer", json_integer((json_int_t)first));
    }
    return bad;
}

/* "M*E-" says a kind of layer a letter: the list of words that others have. */
static int spell_pattern(struct hf *h, struct gg_err *err)
{
    const char *p = gg_hf_get_str(h->config, "hybrid_override_pattern");
    json_t *list = json_array();
    int bad = list == NULL;
    for (; p != NULL && *p != '\0'; p++)
        bad |= json_array_append_new(list, json_string(*p == 'M'   ? "mamba"
                                                       : *p == '*' ? "attention"
                                                       : *p == 'E' ? "moe"
                                                                   : "mlp"));
    if (json_array_size(list) > 0)
        bad |= json_object_set(h->config, "layers_block_type", list);
    json_decref(list);
    bad |= spell_windows(h);
    list = json_object_get(h->config, "layers_block_type");
    if (json_is_array(list) && json_object_get(h->config, "num_hidden_layers") == NULL)
        bad |= json_object_set_new(h->config, "num_hidden_layers", json_integer((json_int_t)json_array_size(list)));
    return bad ? gg_fail_nomem(err, "a configuration") : GG_OK;
}

int gg_hf_config_read(struct hf *h, struct gg_err *err)
{
    int rc = gg_hf_lora_open(h, err);
    if (rc == GG_OK && h->raw_config == NULL)
        rc = gg_hf_json_file(h, "config.json", &h->raw_config, err);
    if (rc != GG_OK)
        return rc;
    if (h->raw_config == NULL)
        h->raw_config = json_object();
    h->config = json_copy(h->raw_config);
    json_t *text = text_part(h);
    if (h->config == NULL)
        return gg_fail_nomem(err, "a configuration");
    if (text != NULL)
        rc = gg_hf_merge(h->config, text, err);
    if (rc == GG_OK)
        rc = choose_arch(h, err);
    if (rc == GG_OK && h->opts->mmproj)
        rc = vision_config(h, err);
    if (rc == GG_OK)
        rc = gg_hf_unpack(h, err);
    if (rc == GG_OK)
        rc = spell_pattern(h, err);
    if (rc == GG_OK)
        rc = add_defaults(h, err);
    return rc;
}
