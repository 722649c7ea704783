# Shared by the split and merge cases: source it.
. "$ROOT/tests/cli/lib-requant.sh"
# A small model of an alignment: layers in order, an F16 matrix, a scalar-like vector, odd sizes.
small_model() { # file, alignment
    mkmodel "$1" 'token_embd.weight:f16:64x50' 'blk.{0-3}.attn_norm.weight:f32:64' 'odd:f32:7' \
        'output.weight:f32:64x33' --kv "general.alignment=u32:$2" --kv general.architecture=str:llama \
        --kv llama.block_count=u32:4 --kv llama.embedding_length=u32:64
}
# Sizes of files, one line.
sizes() { stat -c %s "$@" | tr '\n' ' '; echo; }
# The split keys of a file: "no count total" with their types.
split_keys() { ggtool inspect --header-only --json "$1" |
    jq -c '[.metadata | ."split.no", ."split.count", ."split.tensors.count" | .type, .value]'; }
