# The examples of convert.
. "$ROOT/tests/cli/lib-convert.sh"
. "$ROOT/tests/cli/lib-examples.sh"
need_hf
WIDTH=$(sed -n 's/.*"hidden_size": *\([0-9]*\).*/\1/p' "$HF/config.json" | head -n 1)
inputs() {
    ln -s "$HF" Llama-3.2-1B
    ln -s "$TINY" model-Q8_0.gguf
    ln -s "$HF/model-00001-of-00002.safetensors" vae.safetensors
    cp -r "$FIX/hf/gemma3-mmproj" gemma-3-4b-it
    mkckpt gemma-3-4b-it/model.safetensors gemma-3-4b-it/tensors
    mkdir my-lora && cp "$FIX/hf/adapters/llama/adapter_config.json" my-lora
    printf '%s F32 %s\n' base_model.model.model.layers.0.mlp.up_proj.lora_A.weight "4x$WIDTH" \
        base_model.model.model.layers.0.mlp.up_proj.lora_B.weight 768x4 | mkckpt my-lora/adapter_model.safetensors
}
run_examples convert
