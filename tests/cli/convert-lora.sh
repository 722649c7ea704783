# PEFT adapters become, byte for byte, what llama.cpp's script makes of them; only the base's config.json is there.
. "$ROOT/tests/cli/lib-convert.sh"
adapter() { # NAME: its folder, of the fixture of that name
    cp -r "$FIX/hf/adapters/$1" "$2" && chmod -R u+w "$2"
    mkckpt "$2/adapter_model.safetensors" "$2/tensors"
}
while read -r want name base; do
    adapter "$name" "$name"
    ggtool convert "$name" "$name.gguf" -q --base "$FIX/hf/$base"
    [ "$(sum "$name.gguf")" = "$want" ] && echo "$name" || echo "$name differs"
done < "$FIX/hf/adapters/SHA256"
same_base=$FIX/hf/llama/config.json
ggtool convert llama again.gguf -q --base "$same_base"
same again.gguf llama.gguf
ggtool inspect llama.gguf --metadata='adapter*'
# rsLoRA: alpha times the root of the rank
sed -i.orig 's/"use_rslora": false/"use_rslora": true/' llama/adapter_config.json
ggtool convert llama rs.gguf --base "$same_base" 2>&1 > /dev/null
ggtool inspect rs.gguf --metadata='adapter.lora*'
# what cannot be
bad() { # SED-EXPRESSION FILE [BASE]
    rm -rf bad && cp -r "$FIX/hf/adapters/llama" bad && chmod -R u+w bad
    sed -i.orig "$1" "bad/$2" && rm "bad/$2.orig"
    mkckpt bad/adapter_model.safetensors bad/tensors
    echo "-- $1 $2" >&2
    fails 3 ggtool convert bad out.gguf --base "${3-$same_base}"
}
bad 's/"use_dora": false/"use_dora": true/' adapter_config.json
bad 's/"peft_type": "LORA"/"peft_type": "IA3"/' adapter_config.json
bad '/lora_alpha/d' adapter_config.json
bad '/q_proj.lora_B/d' tensors
bad 's/q_proj.lora_B.weight F32 64x4/q_proj.lora_B.weight F32 64x8/' tensors
bad 's/q_proj.lora_A.weight F32 4x64/q_proj.lora_A.weight F32 4x32/' tensors
bad 's/{0-1}/{0-2}/' tensors
bad 's/q_proj.lora_A.weight/q_proj.weight/' tensors
bad 's/q_proj/q_prod/' tensors
bad '/model/s/.*q_proj.*//;s/gate_proj.lora_B.weight F32 96x/gate_proj.lora_B.weight F32 80x/' tensors
bad '' tensors "$FIX/hf/gpt2"
bad '' tensors "$FIX/hf/bert"
fails 2 ggtool convert llama out.gguf
fails 2 ggtool convert llama out.gguf --base "$same_base" --mmproj
fails 4 ggtool convert llama out.gguf --base nothing
cp -r "$FIX/hf/llama" whole && cp "$FIX/hf/tokenizer.model" whole
mkckpt whole/model.safetensors whole/tensors
fails 2 ggtool convert whole out.gguf --base "$same_base"
