. "$ROOT/tests/cli/lib-requant.sh"
ggtool requant "$TINY" --type Q4_K_M,Q8_0 --explain blk.2.ffn_down.weight
ggtool requant "$TINY" --type Q4_K_M --imatrix "$IM" --tensor-type 'attn_q=q5_1' --explain blk.0.attn_q.weight
ggtool requant "$TINY" --type Q4_K_M --explain output_norm.weight --json
