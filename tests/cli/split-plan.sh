# What a split would give and what it gives: sizes to the byte, balance, names, folders.
. "$ROOT/tests/cli/lib-split.sh"
cp "$TINY" model.gguf
ggtool split model.gguf out/m --max-size 2M -n
[ ! -e out ] || echo 'a dry run has made a folder'
# the same names and sizes in truth, in JSON, and on the disk
ggtool split model.gguf out/m --max-size 2M -n --json > plan.json
ggtool split model.gguf out/m --max-size 2M --json > done.json
for f in plan done; do jq -r '.files[] | "\(.path) \(.bytes)"' $f.json > $f.txt; done
stat -c '%n %s' out/*.gguf > disk.txt
cmp plan.txt disk.txt && cmp done.txt disk.txt
jq -c '.files | map(.bytes) | [length, max <= 2000000, (max - min) * 5 < max]' done.json
jq -c '[keys, (.files[0] | keys)]' done.json
jq -e '.file_bytes == (.files | map(.bytes) | add) and .tensors == 39' done.json
# a limit that a shard just fits, and one byte less
most=$(jq '.files | map(.bytes) | max' plan.json)
ggtool split model.gguf --max-size "$most" -n --json | jq '.files | length'
ggtool split model.gguf --max-size $((most - 1)) -n --json | jq '.files | map(.bytes) | [length, max] | .[0], .[1] <= '$((most - 1))
# a tensor over the limit stands alone, with a warning
ggtool split model.gguf big --max-size 500K -n --json > big.json
jq -c '[.findings[] | .code] | unique' big.json
jq -c '.files | map(select(.bytes > 500000)) | map(.tensors) | unique' big.json
# names: .gguf and shard numbers go; a folder gets the model's name
ggtool split model.gguf a.gguf --shards 2 -q && ls a-*
ggtool split model.gguf b-00007-of-00009.gguf --shards 2 -q && ls b-*
mkdir there
ggtool split model.gguf there --shards 2 -q && ls there
ggtool split model.gguf new/deep/ --shards 2 -q && ls new/deep
ggtool split model.gguf --shards 2 -n --json | jq -r '.files[].path'
# llama-gguf-split's option names
ggtool split model.gguf g --split-max-size 2M --no-tensor-first-split -q && ls g-*
split_keys g-00001-of-00005.gguf
split_keys g-00005-of-00005.gguf
# existing files, inputs, nonsense
fails 2 ggtool split model.gguf a --shards 2
ggtool split model.gguf a --shards 2 --force -q
fails 2 ggtool split model.gguf -
fails 2 ggtool split model.gguf ''
fails 2 ggtool split model.gguf
fails 2 ggtool split
fails 2 ggtool split model.gguf x --max-size 0
fails 2 ggtool split model.gguf x --max-tensors 0
fails 2 ggtool split model.gguf x --shards 0
fails 2 ggtool split model.gguf x --shards 40
fails 2 ggtool split model.gguf x --shards 2 --max-size 2M
fails 2 ggtool split model.gguf x --shards 1 --no-tensor-first
fails 2 ggtool split model.gguf x --window 1M
fails 4 ggtool split missing.gguf x
fails 4 ggtool split model.gguf model.gguf/x
ls x-* new/x* 2> /dev/null || true
# one shard of a set is not a model
fails 2 ggtool split a-00001-of-00002.gguf c --shards 4
fails 2 ggtool split a-00002-of-00002.gguf c --shards 4 -n
ggtool split a-00002-of-00002.gguf c --shards 4 --reshard -q && ls c-*
ggtool merge c-00002-of-00004.gguf -o c.gguf -q && same model.gguf c.gguf
mkdir lone && cp a-00001-of-00002.gguf lone/
fails 3 ggtool split lone/a-00001-of-00002.gguf d --shards 2
cp model.gguf lone/m-00001-of-00002.gguf
fails 3 ggtool split lone/m-00001-of-00002.gguf d --shards 2
ls d-* 2> /dev/null || true
# many shards need many files at once
(ulimit -Sn 20; ggtool split model.gguf many --max-tensors 1 -q; ggtool merge many-00039-of-00039.gguf -o many.gguf -q)
same model.gguf many.gguf
