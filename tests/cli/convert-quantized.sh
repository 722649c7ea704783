# Quantized checkpoints become, byte for byte, what llama.cpp's converter makes of them, but for the key
# that says what they were (fixtures/hf/quant/README.md).
. "$ROOT/tests/cli/lib-convert.sh"
while read -r want name options; do
    make_quant "$name"
    ggtool convert "$name" "$name.gguf" -q --force $options
    ggtool edit "$name.gguf" -o plain.gguf --force --unset quantize.source --reserve=0 > /dev/null
    [ "$(sum plain.gguf)" = "$want" ] && echo "$name" || echo "$name differs"
    [ -z "$options" ] || continue
    # drawn in pieces, by several workers, quantized on the way
    ggtool convert "$name" "$name-f32.gguf" -q --type F32
    ggtool convert "$name" "$name-q.gguf" -q --type Q8_0 -j3 --max-memory 8M
    ggtool requant "$name-f32.gguf" "$name-r.gguf" -q --type Q8_0
    [ "$(digests "$name-q.gguf")" = "$(digests "$name-r.gguf")" ] || echo "$name: Q8_0 differs"
done < "$FIX/hf/quant/SHA256"
ggtool convert fp8-block --dry-run x.gguf | grep blk
ggtool inspect --json fp8-block.gguf | jq -r '.metadata["quantize.source"].value'
# inspect and diff count what is stored, not what it is decoded to
ggtool inspect fp8-block | sed -n '/by type/,/^$/p'
ggtool inspect fp8-block --json | jq -c '.tensors[] | select(.name == "blk.0.ffn_up.weight") | [.type, .stored, .bytes, .stored_bytes]'
ggtool diff fp8-block fp8-block.gguf | sed -n '/^  type/,/^$/p'
