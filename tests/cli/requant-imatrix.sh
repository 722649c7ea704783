# Both formats of a matrix, by content, and its coverage.
. "$ROOT/tests/cli/lib-requant.sh"
cp "$FIX/models/imatrix.gguf" m.bin
cp "$FIX/models/imatrix.dat" m.dat
ggtool requant "$TINY" a.gguf --type Q4_K_M --imatrix m.bin -q
ggtool requant "$TINY" b.gguf --type Q4_K_M --imatrix m.dat -q
diff <(digests a.gguf) <(digests b.gguf) > /dev/null || echo 'formats differ'
ggtool requant "$TINY" none.gguf --type Q4_K_M -q
ggtool requant "$TINY" ex.gguf --type Q4_K_M --imatrix m.bin --exclude-weights blk -q
diff <(digests none.gguf) <(digests ex.gguf) && echo 'all excluded is none'
ggtool requant "$TINY" inc.gguf --type Q4_K_M --imatrix m.bin --include-weights ffn_up -q
diff <(digests a.gguf) <(digests inc.gguf) | grep -c 'ffn_up' || true
diff <(digests none.gguf) <(digests inc.gguf) | grep '^>' | grep -vc 'ffn_up' || true
ggtool inspect --json a.gguf | jq -c '.metadata | to_entries[] | select(.key | startswith("quantize.")) | [.key, .value.value]'
fails 3 ggtool requant "$TINY" x.gguf --type Q4_K_M --imatrix "$ROOT/LICENSE"
fails 4 ggtool requant "$TINY" x.gguf --type Q4_K_M --imatrix absent.gguf
fails 2 ggtool requant "$TINY" x.gguf --type Q2_K_S
