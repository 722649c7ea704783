# Each architecture becomes, byte for byte, what llama.cpp's converter makes of it (fixtures/hf/README.md).
. "$ROOT/tests/cli/lib-convert.sh"
while read -r want name; do
    mkdir "$name"
    cp -r "$FIX/hf/$name"/* "$name"
    case $name in
        vocab-*) ;; # a tokenizer of another kind
        *) [ -e "$name/tokenizer.json" ] || cp "$FIX/hf/tokenizer.model" "$name" ;;
    esac
    mkckpt "$name/model.safetensors" "$FIX/hf/$name/tensors"
    ggtool convert "$name" "$name.gguf" -q
    [ "$(sum "$name.gguf")" = "$want" ] && echo "$name" || echo "$name differs"
    # drawn in pieces, by several workers, quantized on the way
    ggtool convert "$name" "$name-q.gguf" -q --type Q8_0 -j3 --max-memory 8M
    ggtool requant "$name.gguf" "$name-r.gguf" -q --type Q8_0
    same "$name-q.gguf" "$name-r.gguf"
done < "$FIX/hf/SHA256"
# what was decided is said
ggtool convert qwen3 q.gguf --force 2>&1 > /dev/null
ggtool convert gemma3-vision q.gguf --force 2>&1 > /dev/null
