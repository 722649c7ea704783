# Shard sets: metadata is in the first file, whichever is named; other files change if they must.
. "$ROOT/tests/cli/lib-edit.sh"
ggtool requant -q "$TINY" in.gguf --type COPY --split-max-tensors 15
ls in-*
sums() { sha256sum "$@" | cut -c1-16; }
digests in-00001-of-00003.gguf > data
sums in-0000[23]* > before
ggtool edit in-00003-of-00003.gguf --set general.name=Hg --set tokenizer.chat_template=x --reserve=500 |
    sed 's/, [0-9.]* MiB//'
sums in-0000[23]* | diff before -
in_place in-00001-of-00003.gguf --set general.name=Hf2
ggtool edit in-00002-of-00003.gguf --rename-tensor 'blk.*.attn_q.weight=blk.*.attn_x.weight' | cut -d, -f1
ggtool edit -q in-00002-of-00003.gguf --rename-tensor 'blk.*.attn_x.weight=blk.*.attn_q.weight' > out
digests in-00001-of-00003.gguf | diff data -
sums in-0000[23]* | diff before -
# a new set
ggtool edit in-00001-of-00003.gguf --set general.name=New -o new.gguf | sed 's/, [0-9.]* [MK]iB//'
digests new-00002-of-00003.gguf | diff data -
value new-00001-of-00003.gguf general.name
value in-00001-of-00003.gguf general.name
ggtool edit in-00001-of-00003.gguf --drop-tensor 'blk.1.*' -o fewer.gguf | tail -1
ggtool inspect fewer-00001-of-00003.gguf | head -2
# paths in any shard
ggtool edit -q new-00002-of-00003.gguf --set general.url=/home/me/secret/model > out
ggtool edit new-00003-of-00003.gguf --scrub | cut -d, -f1
echo 'refused:'
refuse() { local want=$1; shift; fails "$want" ggtool edit in-00002-of-00003.gguf "$@" 2>&1; }
refuse 2 --drop-tensor 'blk.1.*'
refuse 2 --set split.count=u16:4
refuse 2 --unset 'split.*'
refuse 2 --set general.name=x -o in.gguf
refuse 2 --set general.name=x -o new.gguf
refuse 2 --set general.name=x -o -
mv in-00003-of-00003.gguf away
refuse 3 --set general.name=x
