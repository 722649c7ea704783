# Shared by the convert cases: source it.
. "$ROOT/tests/cli/lib-requant.sh"
HF=$ROOT/../shared/models/tiny-hf
# The trained model's checkpoint stands beside the repository, not in it.
need_hf() { [ -e "$HF/config.json" ] || { echo 'no ../shared/models/tiny-hf' >&2; exit 77; }; }
# A small checkpoint of fixtures/hf/quant, in the folder $1.
make_quant() {
    rm -rf "$1" && mkdir "$1" && cp "$FIX/hf/quant/$1"/* "$FIX/hf/tokenizer.model" "$1" && chmod -R u+w "$1"
    mkckpt "$1/model.safetensors" "$1/tensors"
}
