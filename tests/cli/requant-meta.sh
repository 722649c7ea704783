# Metadata: overrides of all types, names, pruned layers.
. "$ROOT/tests/cli/lib-requant.sh"
ggtool requant "$TINY" out.gguf --type Q8_0 -q --quantized-by 'A. Person' \
    --override-kv x.int=int:-5 --override-kv x.u8=u8:7 --override-kv x.f=float:0.5 \
    --override-kv x.b=bool:true --override-kv x.s=str:a:b=c --override-kv x.i64=i64:-9000000000 \
    --override-kv llama.context_length=int:4096
ggtool inspect --json out.gguf | jq -c '.metadata | to_entries[] | select(.key | test("^x\\.|quantized_by|context_length|file_type|quantization_version")) | [.key, .value.type, .value.value]'
ggtool requant "$TINY" p.gguf --type Q8_0 -q --prune-layers 1,2
types p.gguf | grep attn_q
ggtool inspect --json p.gguf | jq -c '.metadata["llama.block_count"]'
mkmodel al.gguf --kv general.alignment=u32:4096 a.weight:f32:256x4 b.weight:f32:32x3
ggtool requant al.gguf al8.gguf --type Q8_0 -q
ggtool inspect --json al8.gguf | jq -c '.tensors[] | .offset % 4096'
