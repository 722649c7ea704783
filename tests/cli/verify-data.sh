# Blocks, padding, digests, names of blobs.
try() { local rc=0; ggtool verify "$@" 2>&1 || rc=$?; echo "-> $rc"; }
poke() { printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
cp "$FIX/models/tiny-bf16.gguf" m.gguf
sum=$(sha256sum m.gguf | cut -c1-64)
echo '== digests'
try --sha256 "$sum" m.gguf
try --sha256 "${sum/?/x}" m.gguf
try --sha256 "$(printf %064d 7)" --deep m.gguf | sed "s/$sum/SUM/"
for make in 'ggtool hash --all --uuid --xxh3' 'ggtool hash --no-layer' sha256sum 'sha256sum --tag'; do
    $make m.gguf > manifest
    try --manifest manifest --deep m.gguf
done
ggtool hash m.gguf | grep -v ffn > manifest
try --manifest manifest m.gguf
ggtool hash m.gguf | sed '4s/  [0-9a-f]\{16\}  /  0123456789abcdef  /;$s/  [0-9a-f]\{16\}  /  0123456789abcdef  /' | sed '2s/^/#/' > manifest
try --manifest manifest m.gguf
sed 's/m.gguf/n.gguf/' manifest > other; sed 's/m.gguf/o.gguf/' manifest >> other
try --manifest other m.gguf
echo '0000000000000000000000000000000000000000000000000000000000000000  z.gguf' > other
try --manifest other m.gguf
echo '== blobs'
mkdir -p blobs snapshots
cp m.gguf blobs/"sha256-$sum" && cp m.gguf "sha256-$(printf %064d 1)"
mv "sha256-$(printf %064d 1)" blobs/
cp m.gguf blobs/"$sum" && ln -s ../blobs/"$sum" snapshots/model.gguf
try blobs/"sha256-$sum" | sed "s/$sum/SUM/g"
try blobs/"sha256-$(printf %064d 1)" | sed "s/$sum/SUM/g"
try snapshots/model.gguf
printf 'MIT License' > l; l=sha256-$(sha256sum l | cut -c1-64); mv l blobs/"$l"
try blobs/"$l"
echo 'more' >> blobs/"$l"
try blobs/"$l" | sed 's/the SHA-256 is [0-9a-f]*/the SHA-256 is .../'
echo '== blocks'
mkmodel n.gguf 'a.weight:f32:40x10:normal:3,7=nan:9,39=inf' 'b.weight:f16:32x4x3:normal:9,1=-inf' 'c.weight:bf16:64x2'
try --deep n.gguf
for j in 1 2 7; do cmp <(try --deep -j$j n.gguf) <(try --deep n.gguf); done
try n.gguf | tail -2
ggtool requant -q m.gguf q.gguf --type Q4_K
off=$(ggtool inspect --json --tensors=blk.1.ffn_up.weight q.gguf | jq .tensors[0].offset)
poke q.gguf $((off + 144 * 5)) '\000\174'
poke q.gguf $((off + 144 * 7 + 2)) '\377\377'
try --deep q.gguf
mkmodel p.gguf 'a.weight:f32:5' 'b.weight:f32:8'
poke p.gguf $(($(ggtool inspect --json --tensors=a.weight p.gguf | jq .tensors[0].offset) + 21)) '\001\002'
try --deep p.gguf
