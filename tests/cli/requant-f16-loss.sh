# What F16 cannot hold is counted: too small becomes 0, too large the largest number.
. "$ROOT/tests/cli/lib-requant.sh"
mkmodel small.gguf a.weight:bf16:256x4:normal:0,1=1e-9:0,2=1e-12:3,3=1e-20 b.weight:bf16:256x4
ggtool requant small.gguf out.gguf --type F16 > /dev/null
ggtool requant small.gguf out2.gguf --type F16 --json 2> /dev/null | jq -c '.outputs[0].tensors[0].f16_flushed'
mkmodel large.gguf a.weight:f32:256x4:zero:2,5=1e6:3,255=-65520:3,0=65519 b.weight:f32:256x4
ggtool requant large.gguf clipped.gguf --type F16 --no-stats > /dev/null
ggtool requant large.gguf out3.gguf --type F16 --json 2> /dev/null | jq -c '.outputs[0].tensors[0].f16_clipped'
same clipped.gguf out3.gguf
ggtool inspect clipped.gguf --stats=a.weight --json | jq -c '.stats[0] | [.min, .max, .inf]'
ggtool requant large.gguf kept.gguf --type F16 --nonfinite=keep-type -q
types kept.gguf
# Beyond about 1e19 the arithmetic of these types overflows on the way to a scale.
mkmodel huge.gguf a.weight:f32:256x4:normal:2,5=1e20 b.weight:f32:256x4
for t in Q3_K Q6_K IQ4_XS Q4_K Q8_0 TQ2_0; do
    fails 3 ggtool requant huge.gguf no.gguf --type $t --pure
done
ggtool requant huge.gguf x.gguf --type Q6_K --pure --nonfinite=keep-type -q
types x.gguf
ggtool requant huge.gguf y.gguf --type Q4_0 --tensor-type .=MXFP4 -q
