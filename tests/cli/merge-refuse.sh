# What must not be merged; nothing is written, and no shard changes. Each of these once passed with
# status 0, or destroyed a file, in a tool of its kind.
. "$ROOT/tests/cli/lib-split.sh"
. "$ROOT/tests/cli/lib-gguf.sh"
small_model x.gguf 32
small_model y.gguf 32
ggtool split x.gguf s --shards 3 -q
sha256sum s-* x.gguf > sums
refuses() { # status, arguments
    local want=$1
    shift
    fails "$want" ggtool merge "$@"
    [ ! -e out.gguf ] || { echo "out.gguf is there: $*"; rm out.gguf; }
    sha256sum --quiet -c sums
}
# the output is always named, and never taken from a pattern
refuses 2 s-0000*
refuses 2 s-00001-of-00003.gguf s-00002-of-00003.gguf s-00003-of-00003.gguf
refuses 2 s-00001-of-00003.gguf -o s-00002-of-00003.gguf
refuses 2 s-00001-of-00003.gguf -o s-00002-of-00003.gguf --force
refuses 2 s-0000* -o x.gguf
ln -s s-00002-of-00003.gguf link.gguf
refuses 2 s-0000* -o link.gguf --force
refuses 2 s-0000* -o link.gguf
# what is no shard of it
refuses 2 s-00001-of-00003.gguf x.gguf -o out.gguf
refuses 4 s-00001-of-00003.gguf missing.gguf -o out.gguf
refuses 2 'nothing-*.gguf' -o out.gguf
# a broken set: each in a folder of its own
broken() { rm -rf d && mkdir d && cp s-* d/; }
broken; rm d/s-00002-of-00003.gguf
refuses 3 d -o out.gguf
refuses 3 d/s-00001-of-00003.gguf -o out.gguf
for i in 1 2 3; do
    broken; truncate -s -100 d/s-0000$i-of-00003.gguf
    refuses 3 d -o out.gguf
done
broken; mv d/s-00002-of-00003.gguf t; mv d/s-00003-of-00003.gguf d/s-00002-of-00003.gguf; mv t d/s-00003-of-00003.gguf
refuses 3 d -o out.gguf
broken; cp d/s-00001-of-00003.gguf d/s-00002-of-00003.gguf
refuses 3 d -o out.gguf
broken; mv d/s-00001-of-00003.gguf d/first.gguf
refuses 3 d/first.gguf -o out.gguf
broken; for i in 1 2 3; do mv d/s-0000$i-of-00003.gguf d/s-0000$i-of-00004.gguf; done
refuses 3 d -o out.gguf
# keys of a wrong type or value, written over in place
poke() { # file, key, distance behind the key, bytes as printf has them
    local at
    at=$(LC_ALL=C grep -aobF "$2" "$1" | cut -d: -f1)
    printf "$4" | dd of="$1" bs=1 seek=$((at + ${#2} + $3)) conv=notrunc 2> /dev/null
}
broken; poke d/s-00002-of-00003.gguf split.tensors.count 4 '\3'
refuses 3 d -o out.gguf
broken; for i in 1 2 3; do poke d/s-0000$i-of-00003.gguf split.tensors.count 4 '\3'; done
refuses 3 d -o out.gguf
broken; poke d/s-00003-of-00003.gguf split.count 4 '\4'
refuses 3 d -o out.gguf
broken; poke d/s-00001-of-00003.gguf split.count 0 '\3' # i16
refuses 3 d -o out.gguf
broken; poke d/s-00002-of-00003.gguf split.no 4 '\2'
refuses 3 d -o out.gguf
broken; poke d/s-00001-of-00003.gguf split.count -3 'O'
refuses 3 d -o out.gguf
# a shard of another model: other tensors, another width, more layers, another architecture
mkmodel z.gguf 'token_embd.weight:f16:32x50' 'blk.{0-3}.attn_norm.weight:f32:32' 'odd:f32:7' \
    'output.weight:f32:32x33' --kv general.architecture=str:llama --kv llama.block_count=u32:4 \
    --kv llama.embedding_length=u32:32
mkdir z && ggtool split z.gguf z/s --shards 3 -q
for i in 2 3; do
    broken; cp z/s-0000$i-of-00003.gguf d/
    refuses 3 d -o out.gguf
done
broken; cp z/s-00003-of-00003.gguf d/
ggtool merge d -o forced.gguf --allow-unsafe -q
mkmodel w.gguf 'token_embd.weight:f16:64x50' 'blk.{4-7}.attn_norm.weight:f32:64' 'odd:f32:7' \
    'output.weight:f32:64x33' --kv general.architecture=str:llama --kv llama.block_count=u32:8
mkdir w && ggtool split w.gguf w/s --shards 3 -q
broken; cp w/s-00002-of-00003.gguf d/
refuses 3 d -o out.gguf
# folders
mkdir empty
refuses 2 empty -o out.gguf
broken; cp z/s-00001-of-00003.gguf d/other-00001-of-00003.gguf
refuses 2 d -o out.gguf
mkdir two && cp x.gguf two/a.gguf && cp y.gguf two/b.gguf
refuses 2 two -o out.gguf
# a whole model is a set of one
mkdir single && cp x.gguf single/
ggtool merge single -o whole.gguf > /dev/null && same x.gguf whole.gguf
# an existing file is replaced when told to, and stays when it goes wrong
echo precious > there.gguf
fails 2 ggtool merge s-00001-of-00003.gguf -o there.gguf
broken; truncate -s -100 d/s-00003-of-00003.gguf
fails 3 ggtool merge d -o there.gguf --force
cat there.gguf
ggtool merge s-00003-of-00003.gguf -o there.gguf --force -q && same x.gguf there.gguf
