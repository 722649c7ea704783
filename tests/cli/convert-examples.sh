# The examples of convert.
. "$ROOT/tests/cli/lib-convert.sh"
. "$ROOT/tests/cli/lib-examples.sh"
need_hf
inputs() {
    ln -s "$HF" Llama-3.2-1B
    ln -s "$TINY" model-Q8_0.gguf
    ln -s "$HF/model-00001-of-00002.safetensors" vae.safetensors
    cp -r "$FIX/hf/gemma3-mmproj" gemma-3-4b-it
    mkckpt gemma-3-4b-it/model.safetensors gemma-3-4b-it/tensors
}
run_examples convert
