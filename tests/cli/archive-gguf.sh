# A GGUF in an archive is read like the file it is: found by itself, or named ARCHIVE:PATH.
command -v zip > /dev/null || { echo 'zip is not here' >&2; exit 77; }
mkdir in
cp "$FIX/models/tiny-bf16.gguf" in/m.gguf
echo notes > in/README
gzip -c in/m.gguf > m.gguf.gz
tar -cf m.tar in
tar -czf m.tar.gz in
zip -qr m.zip in
zip -qr0 m0.zip in
ggtool inspect --tensors in/m.gguf > want
ggtool requant -q in/m.gguf want.gguf --type Q8_0
for f in m.gguf.gz m.tar m.tar.gz m.zip m0.zip m.tar.gz:in/m.gguf; do
    ggtool inspect --tensors $f | cmp - want
    ggtool requant -q $f got.gguf --type Q8_0
    cmp got.gguf want.gguf
    rm got.gguf
    echo "$f: the same"
done
echo '--- shards'
mkdir sh
ggtool requant -q in/m.gguf sh/s.gguf --type COPY --split-max-tensors 15
ggtool inspect --tensors sh/s-00001-of-00003.gguf > want
tar -cf s.tar sh
tar -czf s.tar.gz sh/s-00003* sh/s-00001* sh/s-00002* # not in order
zip -qr s.zip sh
for f in s.tar s.tar.gz s.zip s.tar.gz:sh/s-00002-of-00003.gguf; do
    ggtool inspect --tensors $f | cmp - want
    ggtool requant -q $f got.gguf --type Q8_0
    cmp got.gguf want.gguf
    rm got.gguf
    echo "$f: the same"
done
ggtool convert -q in/m.gguf back.safetensors
for f in m.gguf.gz s.tar.gz m.zip:in/m.gguf; do
    ggtool convert -q $f got.gguf
    cmp got.gguf in/m.gguf
    ggtool convert -q $f got.safetensors
    cmp got.safetensors back.safetensors
    rm got.*
    echo "convert $f: the same"
done
echo '--- refused'
try() { local rc=0; ggtool "$@" || rc=$?; echo "-> $rc"; }
cp m.tar.gz copy.tar.gz
try requant m.tar.gz m.tar.gz --type Q8_0 --force 2>&1
cmp m.tar.gz copy.tar.gz
try inspect m.tar.gz:in/none.gguf 2>&1
cp in/m.gguf in/n.gguf
tar -czf two.tar.gz in/m.gguf in/n.gguf
try inspect two.tar.gz 2>&1
tar -czf part.tar.gz sh/s-00001* sh/s-00003*
try inspect part.tar.gz 2>&1
tar -cf none.tar in/README want
try inspect none.tar 2>&1
head -c 100000 m.tar.gz > cut.tar.gz
try inspect cut.tar.gz 2>&1
try requant in/m.gguf:x out.gguf --type Q8_0 2>&1
