# A shard set is followed from any shard; a shard alone is shown, and the rest missed.
. "$ROOT/tests/cli/lib-gguf.sh"
shard() { # number, tensor name
    head_of 1 "$((3 + ($1 == 0)))"
    if [ "$1" = 0 ]; then kv_str general.architecture llama; fi
    kv_u16 split.no "$1"
    kv_u16 split.count 2
    kv_i32 split.tensors.count 2
    tensor_f32 "$2" 8 0
}
for i in 0 1; do
    f=m-0000$((i + 1))-of-00002.gguf
    shard $i blk.$i.attn_q.weight > $f
    pad_file $f
    zeros 32 >> $f
done
ggtool inspect --tensors m-00001-of-00002.gguf
cmp <(ggtool inspect --tensors m-00001-of-00002.gguf) <(ggtool inspect --tensors m-00002-of-00002.gguf)
ggtool inspect m-00002-of-00002.gguf | sed -n '1,2p;/shards/p'
mkdir alone
cp m-00002-of-00002.gguf alone/
rc=0; ggtool inspect --diffable alone/m-00002-of-00002.gguf || rc=$?
echo "-> $rc"
