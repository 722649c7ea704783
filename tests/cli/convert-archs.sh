# Each architecture becomes, byte for byte, what llama.cpp's converter makes of it (fixtures/hf/README.md).
. "$ROOT/tests/cli/lib-convert.sh"
while read -r want name tokenizer opts; do
    mkdir -p "$name"
    cp -r "$FIX/hf/$name"/* "$name"
    if [ "$tokenizer" = - ]; then :
    elif [ -n "$tokenizer" ]; then cp "$FIX/hf/$tokenizer" "$name"
    elif [ ! -e "$name/tokenizer.json" ]; then cp "$FIX/hf/tokenizer.model" "$name"; fi
    mkckpt "$name/model.safetensors" "$FIX/hf/$name/tensors"
    for t in "$name"/*/tensors; do [ ! -e "$t" ] || mkckpt "${t%tensors}model.safetensors" "$t"; done
    ggtool convert "$name" "$name.gguf" -q --force $opts
    [ "$(sum "$name.gguf")" = "$want" ] && echo "$name" || echo "$name differs"
    # drawn in pieces, by several workers, quantized on the way
    ggtool convert "$name" "$name-q.gguf" -q --force $opts --type Q8_0 -j3 --max-memory 8M
    ggtool requant "$name.gguf" "$name-r.gguf" -q --force --type Q8_0
    same "$name-q.gguf" "$name-r.gguf"
done < "$FIX/hf/SHA256"
# layers that predict further tokens
ggtool convert deepseek3 kept.gguf -q --mtp keep
ggtool convert glm4-moe dropped.gguf -q --mtp drop
for f in kept dropped; do
    ggtool inspect $f.gguf --metadata='*block_count'
    ggtool inspect $f.gguf --metadata='*nextn*'
    ggtool inspect $f.gguf --json | grep -c 'blk\.2\.'
done
fails 2 ggtool convert llama no.gguf --mtp keep
# parts that see
fails 3 ggtool convert llama no.gguf --mmproj
fails 2 ggtool convert gemma3-mmproj no.gguf --mmproj --arch gemma3
# what was decided is said
ggtool convert deepseek3 q.gguf --force 2>&1 > /dev/null
ggtool convert qwen3 q.gguf --force 2>&1 > /dev/null
ggtool convert gemma3-vision q.gguf --force 2>&1 > /dev/null
