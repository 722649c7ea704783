# Nonsense is refused with one line and exit 2, and nothing is made.
. "$ROOT/tests/cli/lib-requant.sh"
r() { fails 2 ggtool requant "$@"; }
r
r "$TINY"
r "$TINY" out.gguf
r "$TINY" --type Q4_K_M
r "$TINY" out.gguf --type Q4_K_X
r "$TINY" out.gguf --type ''
r "$TINY" out.gguf --type Q4_K_M,
r "$TINY" out.gguf --type NVFP4
r "$TINY" out.gguf --type Q4_K_M,Q8_0
r "$TINY" 'out-{type}.gguf' --type Q4_K_M,Q4_K
r "$TINY" out.gguf Q4_K_M
r "$TINY" out.gguf Q4_K_M 8
r "$TINY" Q4_K_M
r "$TINY" out.gguf --type Q8_0 -o other.gguf
r "$TINY" a b c --type Q8_0
r "$TINY" - --type Q8_0 --json
r "$TINY" - --type Q8_0 --sha256
r "$TINY" --type Q8_0 -n --report r.md
r "$TINY" out.gguf --type Q8_0 --no-stats --stats-out s.csv
r "$TINY" out.gguf --type Q8_0 --tensor-type ffn_up
r "$TINY" out.gguf --type Q8_0 --tensor-type ffn_up=q99
r "$TINY" out.gguf --type Q8_0 --tensor-type '(=q8_0'
r "$TINY" out.gguf --type Q8_0 --tensor-type ffn_dwon=q8_0
r "$TINY" out.gguf --type F16 --tensor-type ffn_dwon=q8_0
r "$TINY" out.gguf --type Q8_0 --include-weights a
r "$TINY" out.gguf --type Q8_0 --imatrix "$IM" --include-weights a --exclude-weights b
r "$TINY" out.gguf --type Q8_0 --prune-layers 1,x
r "$TINY" out.gguf --type Q8_0 --prune-layers 99
r "$TINY" out.gguf --type Q8_0 --override-kv a.b=7
r "$TINY" out.gguf --type Q8_0 --override-kv a.b=what:7
r "$TINY" out.gguf --type Q8_0 --override-kv a.b=u8:300
r "$TINY" out.gguf --type Q8_0 --keep-split --split-max-size 1M
r "$TINY" out.gguf --type Q8_0 --split-max-size 0
r "$TINY" out.gguf --type Q8_0 --nonfinite maybe
r "$TINY" out.gguf --type Q8_0 -j 0
r "$TINY" out.gguf --type Q8_0 --leave-output-tensor --output-tensor-type q8_0
r "$TINY" out.gguf --type Q8_0 --explain blk.0.attn_q
only_here
