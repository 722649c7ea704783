# What people see of two models.
. "$ROOT/tests/cli/lib-diff.sh"
ggtool requant "$TINY" q.gguf --type Q4_K_M -q
status ggtool diff "$TINY" "$TINY"
status ggtool diff "$TINY" q.gguf
status ggtool diff "$TINY" q.gguf -q
status ggtool diff "$TINY" q.gguf --imatrix "$IM" --tensors 'blk.2.*' --top 2 --sort max_abs
status ggtool diff "$TINY" q.gguf --header-only
status ggtool diff "$TINY" q.gguf --tensors blk.1.attn_v.weight --rows --top 1 | tail -4
# a lossless change of types, shards, another order
ggtool requant "$TINY" f.gguf --type F32 -q
status ggtool diff "$TINY" f.gguf
ggtool requant "$TINY" s.gguf --type COPY -q --split-max-tensors 10
status ggtool diff "$TINY" s-00002-of-00004.gguf
mkmodel a.gguf --kv x.a=u32:1 --kv x.b=u32:2 t:f32:32x2 u:f32:32x2
mkmodel b.gguf --kv x.b=u32:2 --kv x.a=u32:1 u:f32:32x2 t:f32:32x2
status ggtool diff a.gguf b.gguf
# the first block that differs
mkmodel c.gguf --kv x.a=u32:1 --kv x.b=u32:2 t:f32:32x2:normal:1,3=5 u:f32:32x2
status ggtool diff a.gguf c.gguf --hex | tail -14
status ggtool diff a.gguf c.gguf --csv
