# One shard, all of them, a pattern, a folder: the same bytes.
. "$ROOT/tests/cli/lib-split.sh"
small_model x.gguf 32
ggtool split x.gguf dir/s --shards 3 -q
cp x.gguf dir/mmproj.gguf # others beside the set are left alone
for in in dir dir/ dir/s-00001-of-00003.gguf dir/s-00003-of-00003.gguf 'dir/s-*.gguf' \
    'dir/s-0000[12]-of-00003.gguf' dir/../dir; do
    ggtool merge "$in" -o out.gguf -q || echo "$in"
    same x.gguf out.gguf && rm out.gguf
done
ggtool merge dir/s-*.gguf -o out.gguf --json | jq -c '[(.inputs | length), .files[0].path, .tensors]'
ggtool merge dir/s-00002-of-00003.gguf dir -o out2.gguf -n
only_here dir out.gguf x.gguf
cd dir && ggtool merge . -o ../out3.gguf -q && same ../x.gguf ../out3.gguf
mkdir 'we[i]rd' && cp s-* 'we[i]rd/'
ggtool merge 'we[i]rd' -o ../out4.gguf -q && same ../x.gguf ../out4.gguf
ggtool merge 'we[i]rd/s-00002-of-00003.gguf' -o ../out5.gguf -q && same ../x.gguf ../out5.gguf
