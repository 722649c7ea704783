# Several models beside one base, read once.
. "$ROOT/tests/cli/lib-diff.sh"
ggtool requant "$TINY" --type Q2_K,Q4_K_M,Q8_0 -o 'm-{type}.gguf' -q
cp "$TINY" base.gguf
status ggtool diff base.gguf m-Q8_0.gguf m-Q4_K_M.gguf m-Q2_K.gguf base.gguf --imatrix "$IM" --top 3
# each gets the numbers it has alone
ggtool diff base.gguf m-Q8_0.gguf m-Q4_K_M.gguf m-Q2_K.gguf --json > many.json || true
for i in 0 1 2; do
    m=$(jq -r ".models[$i].file.path" many.json)
    ggtool diff base.gguf "$m" --json > one.json || true
    diff <(jq -c ".models[$i] | .tensors, .metadata" many.json) <(jq -c '.tensors, .metadata' one.json) > /dev/null && echo "$m: as alone"
done
# one lacks a tensor, another has it in another shape: the rest is compared
mkmodel a.gguf t:f32:32x2 u:f32:32x2
mkmodel b.gguf t:f32:32x2:ramp
mkmodel c.gguf t:f32:32x2 u:f32:32x3
status ggtool diff a.gguf b.gguf c.gguf
# base tells equal bytes apart from others tile by tile
mkmodel x.gguf t:f32:4096x64
mkmodel y.gguf t:f32:4096x64:normal:63,4095=9
status ggtool diff x.gguf y.gguf x.gguf --csv | cut -d, -f1,2,11-14
