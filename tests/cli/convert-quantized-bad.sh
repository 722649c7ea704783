# Quantized checkpoints that cannot be right, each with one line that says why, and nothing left behind.
. "$ROOT/tests/cli/lib-convert.sh"
fresh() { # CASE [SED-EXPRESSION FILE]...
    local name=$1
    echo "-- $*" >&2
    make_quant "$name"
    shift
    while [ $# -gt 0 ]; do sed -i.orig "$1" "$name/$2"; rm "$name/$2.orig"; shift 2; done
    mkckpt "$name/model.safetensors" "$name/tensors"
    fails 3 ggtool convert "$name" out.gguf
    rm -r "$name"
}
fresh fp8-block '/q_proj.weight_scale_inv/d' tensors
fresh fp8-block '/q_proj.weight /d' tensors
fresh fp8-block '/q_proj.weight_scale_inv/s/2x2/3x2/' tensors
fresh fp8-block '/q_proj.weight_scale_inv/s/2x2/-/' tensors
fresh fp8-block '/q_proj.weight /s/F8_E4M3/F16/' tensors
fresh fp8-block 's/128,/-1,/' config.json
fresh fp8-block 's/"quant_method": "fp8",//' config.json
fresh fp8-block 's/"quant_method": "fp8"/"quant_method": "aqlm"/' config.json
fresh fp8-block '/layers/d' tensors
fresh ct-float 's/160x1/159x1/' tensors
fresh ct-float 's/float-quantized/sparse-24/' config.json
fresh ct-float 's/"weights"/"activations"/' config.json
only_here
