# Odd shapes: long rows, many experts, many tensors, narrow widths, nothing at all.
. "$ROOT/tests/cli/lib-requant.sh"
mkmodel wide.gguf a.weight:f32:262144x3 b.weight:f32:264x4 c.weight:f32:100x4 d.weight:f32:0x4 \
    e.weight:f32:32x0 f.weight:bf16:20x4
for t in Q4_K_M Q4_0 Q8_0; do
    ggtool requant wide.gguf w1.gguf --type $t -q -j1 --max-memory 8M --force
    ggtool requant wide.gguf w2.gguf --type $t -q -j7 --force
    same w1.gguf w2.gguf
    types w1.gguf
done
mkmodel moe.gguf --kv llama.expert_count=u32:256 --kv llama.block_count=u32:1 \
    blk.0.ffn_up_exps.weight:bf16:64x32x256 blk.0.ffn_down_exps.weight:bf16:32x64x256
ggtool requant moe.gguf m1.gguf --type Q4_0 -q -j1
ggtool requant moe.gguf m2.gguf --type Q4_0 -q -j7 --max-memory 4M
same m1.gguf m2.gguf
types m1.gguf
mkmodel many.gguf --holes 't{1-100000}.weight:f32:32x1'
ggtool requant many.gguf many8.gguf --type Q8_0 -q -j2
types many8.gguf | wc -l
ggtool requant many.gguf --type Q8_0 -n --json -q | jq .file_bytes
wc -c < many8.gguf
mkmodel empty.gguf
ggtool requant empty.gguf e.gguf --type Q8_0 -q
types e.gguf
