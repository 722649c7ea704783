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
fresh ct-int4 's/"group_size": 32/"group_size": 48/' config.json
fresh ct-int4 '/q_proj.weight_shape/s/=160,160/=160,1000/' tensors
fresh ct-int4 '/q_proj.weight_shape/s/=160,160/=160,-1/' tensors
fresh ct-int4 '/q_proj.weight_shape/d' tensors
fresh ct-int4 '/q_proj.weight_scale/s/160x5/160x4/' tensors
fresh ct-int4 '/q_proj.weight_zero_point/s/20x5/160x5/' tensors
fresh ct-int4 's/"num_bits": 4/"num_bits": 16/' config.json
fresh gptq4 's/"bits": 4/"bits": 3/' config.json
fresh gptq4 's/"group_size": 32/"group_size": 0/' config.json
fresh gptq4 's/"quant_method": "gptq"/"quant_method": "gptq", "checkpoint_format": "marlin"/' config.json
fresh gptq4 '/q_proj.g_idx/s/=2,0/=2,7/' tensors
fresh gptq4 '/q_proj.qzeros/d' tensors
fresh gptq4 's/"bits": 4/"bits": 4, "is_marlin_format": true/' config.json
fresh gptq4 '/q_proj.g_idx/d' tensors 's/"bits": 4/"bits": 4, "desc_act": true/' config.json
fresh gptq4 's/"quantization_config"/"another"/' config.json
fresh gptq4 '/q_proj.scales/s/F16:[^ ]*/I16/' tensors
fresh gptq8 '/down_proj.g_idx/d;s/qweight I32 72x160/qweight I32 72x158/' tensors
fresh awq4 's/gemm/gemv/' config.json
fresh awq4 's/gemm/marlin/' config.json
fresh awq4 's/"group_size": 32/"group_size": 32.5/' config.json
fresh awq-gemv '/q_proj.qzeros/s/192x4/192x1/' tensors
fresh awq-fast '/q_proj.qweight/s/I16/I32/' tensors
fresh awq-fast '/q_proj.scales/s/16x192/2x192/' tensors
fresh awq-old '/w_bit/d' quant_config.json
fresh gptq-old 's/64,/"all",/' quantize_config.json
fresh ct-int3 '/q_proj.weight_packed/s/192x18/192x19/' tensors
fresh ct-group 's/"group_size": 32/"group_size": 96/' config.json
fresh ct-group '/"group_size": 32/d;s/"group",/"group"/' config.json
fresh ct-mxfp8 '/q_proj.weight_scale/d' tensors
fresh ct-sparse24 '/q_proj.bitmask/d' tensors
fresh ct-sparse24 '/q_proj.bitmask/s/=51/=255/' tensors
fresh ct-sparse24 '/q_proj.compressed/s/192x96/192x95/' tensors
fresh ct-sparse24 '/q_proj.weight_scale/s/192x1/191x1/' tensors
fresh ct-sparse24 's/sparse-24-bitmask/marlin-24/' config.json
fresh ct-marlin4 '/q_proj.meta/d' tensors
fresh ct-marlin4 '/q_proj.meta/s/8x512/8x256/' tensors
fresh ct-marlin4 '/q_proj.scale_packed/s/2x256/1x256/' tensors
fresh ct-marlin4 '/q_proj.weight_packed/s/8x512/8x500/' tensors
fresh ct-marlin4 's/"num_bits": 4/"num_bits": 2/' config.json
fresh ct-sparse '/q_proj.row_offsets/d' tensors
fresh ct-sparse '/q_proj.row_offsets/s/\*95/*1000/' tensors
fresh awq4 's/"group_size": 32/"group_size": 64/' config.json
fresh nvfp4 's/"NVFP4"/"INT2"/' config.json
fresh nvfp4 '/q_proj.weight_scale /s/128x8/128x4/' tensors
fresh nvfp4 '/q_proj.weight_scale_2/s/-/2/;' tensors
fresh nvfp4 '/q_proj/s/128x64/128x72/;/q_proj/s/128x8/128x9/' tensors
fresh nvfp4 '/q_proj.weight_scale /d' tensors
fresh nvfp4 '/q_proj.*scale/d' tensors
fresh nvfp4-moe 's/experts.{0-2}.up_proj.weight_scale_2/experts.{0-1}.up_proj.weight_scale_2/' tensors
fresh nvfp4-moe 's/experts.{0-2}.up_proj.weight_scale /experts.{0-1}.up_proj.weight_scale /' tensors
fresh ct-nvfp4 '/q_proj.weight_global_scale/d' tensors
fresh ct-nvfp4 '/q_proj.weight_global_scale/s/F32:100,1000/F32:=0/' tensors
fresh ct-nvfp4 '/q_proj.weight_scale/d' tensors
fresh ct-mxfp4 '/q_proj.weight_packed/s/U8/I8/' tensors
fresh bnb8 '/q_proj.weight /d' tensors
fresh bnb8 '/q_proj.weight_format/s/=0/=2/' tensors
fresh bnb-nf4 '/q_proj.weight.absmax/s/400/401/' tensors
fresh bnb-nf4 '/q_proj.weight.nested_quant_map/d' tensors
fresh bnb-nf4 '/q_proj.weight.nested_quant_map/s/256/255/' tensors
fresh bnb-nf4 '/q_proj.*quant_state/s/blocksize/blocksizf/' tensors
fresh bnb-nf4 '/q_proj.*quant_state/s/"quant_type"/!quant_type"/' tensors
fresh bnb-nf4 '/q_proj.*quant_state/s/\[160,160\]/[160,161]/' tensors
fresh bitnet '/q_proj.weight_scale/d' tensors
fresh bitnet '/q_proj.weight /d' tensors
fresh bitnet '/q_proj.weight_scale/s/F32:[^ ]*/F32:=0/' tensors
fresh bitnet '/q_proj.weight_scale/s/ 1$/ 2/' tensors
fresh hqq4 '/q_proj.zero/d' tensors
fresh hqq4 '/q_proj.axis/s/=1/=2/' tensors
fresh hqq4 '/q_proj.quant_zero/s/=0/=1/' tensors
fresh hqq4 '/q_proj.group_size/s/=32/=48/' tensors
fresh hqq4 '/q_proj.shape/d' tensors
only_here
