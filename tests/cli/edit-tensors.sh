# Tensors renamed, dropped, replaced and added; what stays, stays bit for bit.
. "$ROOT/tests/cli/lib-edit.sh"
cp "$TINY" m.gguf
digests m.gguf > data
# npy FILE DESCR SHAPE: header of a version 1 file; data follows on stdin.
npy() {
    local head="{'descr': '$2', 'fortran_order': False, 'shape': $3, }"
    while [ $(((${#head} + 11) % 64)) != 0 ]; do head="$head "; done
    { printf '\x93NUMPY\x01\x00\\x%02x\\x%02x' 0 0 > /dev/null
      printf '\x93NUMPY\x01\x00'; printf "\\x$(printf %02x $(((${#head} + 1) % 256)))\\x$(printf %02x $(((${#head} + 1) / 256)))"
      printf '%s\n' "$head"; cat; } > "$1"
}
in_place m.gguf --rename-tensor 'blk.*.attn_norm.weight=blk.*.attn_xorm.weight'
in_place m.gguf --rename-tensor 'blk.*.attn_xorm.weight=blk.*.attn_norm.weight' > out
cmp m.gguf "$TINY"
ggtool edit m.gguf --rename-tensor output_norm.weight=out.norm -o r.gguf | sed 's/, [0-9.]* MiB//'
digests r.gguf | sed 's/^out.norm/output_norm.weight/' | sort | diff data -
ggtool edit m.gguf --drop-tensor 'blk.[23].*' -o d.gguf | tail -1
digests d.gguf | diff data - | cut -d' ' -f2 | sed 's/\.[a-z_]*\.weight//' | sort | uniq -c
# replaced: same shape; the others are copied
head -c 1024 /dev/urandom > raw
npy norm.npy '<f4' '(256,)' < raw
ggtool edit m.gguf --import output_norm.weight=norm.npy -o i.gguf | sed 's/, [0-9.]* MiB//'
digests i.gguf | diff data - | cut -d' ' -f1,2
[ "$(digests i.gguf | awk '/^output_norm/ {print $2}')" = "$(sum raw | cut -c1-16)" ] || echo 'not what was imported'
# added, in place of the file itself
head -c 24 /dev/urandom > raw2
npy new.npy '<f2' '(3, 4)' < raw2
cp i.gguf j.gguf
ggtool edit j.gguf --import extra.weight=new.npy --set general.name=imported | sed 's/, [0-9.]* MiB//'
ggtool inspect --json j.gguf | jq -c '[.metadata["general.name"].value, (.tensors[-1] | .name, .type, .shape)]'
digests j.gguf | grep -v ^extra | diff <(digests i.gguf) -
[ "$(digests j.gguf | awk '/^extra/ {print $2}')" = "$(sum raw2 | cut -c1-16)" ] || echo 'not what was imported'
# in place of the file, dropping
ggtool edit j.gguf --drop-tensor extra.weight --drop-tensor 'blk.3.*' -n | tail -1
ggtool edit j.gguf --drop-tensor extra.weight --set general.name=Hf | tail -1
cmp j.gguf i.gguf
ggtool edit j.gguf --set general.alignment=4096 --allow-unsafe > out
ggtool inspect --json j.gguf | jq -c '.files[0] | [.alignment, .canonical]'
digests j.gguf | diff <(digests i.gguf) -
echo 'refused:'
refuse() { local want=$1; shift; fails "$want" ggtool edit m.gguf "$@" 2>&1; }
refuse 2 --rename-tensor no.such=thing
refuse 2 --rename-tensor 'blk.*.a=blk.b'
refuse 2 --rename-tensor output_norm.weight=token_embd.weight
refuse 2 --rename-tensor x
refuse 2 --drop-tensor 'no.such*'
refuse 2 --import output_norm.weight=new.npy
refuse 2 --import output_norm.weight
refuse 2 --import a=new.npy --import a=norm.npy
refuse 4 --import a=absent.npy
refuse 3 --import a=raw
head -c 8 raw > u8; npy u8.npy '|u1' '(8,)' < u8
refuse 3 --import a=u8.npy
head -c 100 norm.npy > short.npy
refuse 3 --import a=short.npy
npy deep.npy '<f4' '(1, 1, 1, 1, 256)' < raw
refuse 3 --import a=deep.npy
refuse 2 --drop-tensor output_norm.weight --reserve=100
cmp m.gguf "$TINY"
