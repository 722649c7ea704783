# What F16 cannot hold is counted.
. "$ROOT/tests/cli/lib-requant.sh"
mkmodel small.gguf a.weight:bf16:256x4:normal:0,1=1e-9:0,2=1e-12:3,3=1e-20 b.weight:bf16:256x4
ggtool requant small.gguf out.gguf --type F16 > /dev/null
ggtool requant small.gguf out2.gguf --type F16 --json 2> /dev/null | jq -c '.outputs[0].tensors[0].f16_flushed'
