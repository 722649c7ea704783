# Shards out, shards in, and back to one file.
. "$ROOT/tests/cli/lib-requant.sh"
ggtool requant "$TINY" one.gguf --type Q8_0 -q
ggtool requant "$TINY" s.gguf --type Q8_0 --split-max-size 1M -q --sha256
ls -A
for f in s-*.gguf; do
    [ "$(wc -c < $f)" -le 1000000 ] || echo "$f is too large"
done
sha256sum -c --quiet s.gguf.sha256
diff <(digests one.gguf) <(digests s-00001-of-00005.gguf) || echo 'tensors differ'
ggtool requant s-00002-of-00005.gguf merged.gguf --type COPY -q
diff <(digests one.gguf) <(digests merged.gguf) || echo 'merged differs'
ggtool requant s-00001-of-00005.gguf k.gguf --type Q4_0 --keep-split -q
ls k-*
ggtool requant "$TINY" t.gguf --type Q8_0 --split-max-tensors 20 -q
ls t-*
fails 2 ggtool requant "$TINY" s.gguf --type Q8_0 --split-max-size 1M
fails 2 ggtool requant s-00001-of-00005.gguf s.gguf --type Q8_0 --split-max-size 1M --force
fails 2 ggtool requant "$TINY" - --type Q8_0 --split-max-size 1M
ggtool requant "$TINY" --type Q8_0 --split-max-size 1M -n --json | jq -c '[.file_bytes, .files]'
rm s-00003-of-00005.gguf
fails 3 ggtool requant s-00001-of-00005.gguf x.gguf --type Q4_0
# other ways to cut
ggtool requant "$TINY" --type Q8_0 --shards 3 -n --json | jq -c '.files | [length, (max < 1.3 * min)]'
ggtool requant "$TINY" --type Q8_0 --shards 3 --no-tensor-first --at-layers -n --json | jq -c '.files | [length, .[0] < 30000]'
fails 2 ggtool requant "$TINY" u.gguf --type Q8_0 --at-layers
fails 2 ggtool requant "$TINY" u.gguf --type Q8_0 --shards 2 --split-max-size 1M
fails 2 ggtool requant "$TINY" u.gguf --type Q8_0 --shards 2 --keep-split
fails 2 ggtool requant "$TINY" u.gguf --type Q8_0 --shards 40
