# Shard sets: everything that can be wrong with one, at once.
try() { local rc=0; ggtool verify "$@" 2>&1 || rc=$?; echo "-> $rc"; }
T="$FIX/models/tiny-bf16.gguf"
make() { rm -f m-*; ggtool requant -q "$T" m.gguf --type COPY --split-max-tensors 13; }
make
echo '== whole'
try --deep m-00002-of-00003.gguf
echo '== one missing'
rm m-00002-of-00003.gguf
try m-00001-of-00003.gguf
echo '== the first missing'
make; rm m-00001-of-00003.gguf
try m-00003-of-00003.gguf
echo '== swapped'
make; mv m-00002-of-00003.gguf x; mv m-00003-of-00003.gguf m-00002-of-00003.gguf; mv x m-00003-of-00003.gguf
try m-00001-of-00003.gguf
echo '== cut short'
make; truncate -s -1000 m-00002-of-00003.gguf; truncate -s 50 m-00003-of-00003.gguf
try --deep m-00001-of-00003.gguf | sed 's/[0-9]* bytes of data/N bytes of data/; /missing-data/d'
echo '== twice the same'
make; cp m-00002-of-00003.gguf m-00003-of-00003.gguf
try m-00001-of-00003.gguf | head -8
echo '== of another model'
mkmodel foreign.gguf --kv general.architecture=str:gpt2 --kv split.no=u16:2 --kv split.count=u16:3 \
    --kv split.tensors.count=i32:39 'blk.9.attn_norm.weight:f32:64'
make; mv foreign.gguf m-00003-of-00003.gguf
try m-00001-of-00003.gguf
echo '== no shard at all'
make; echo '<html>' > m-00003-of-00003.gguf
try m-00001-of-00003.gguf
echo '== renamed'
make; mv m-00001-of-00003.gguf renamed.gguf
try renamed.gguf
echo '== sums of shards'
make; sha256sum m-* > sums
try --manifest sums m-00002-of-00003.gguf
sed -i '2s/^..../0000/' sums
try --manifest sums m-00002-of-00003.gguf
sed -i 2d sums
try --manifest sums m-00002-of-00003.gguf
try --sha256 "$(sha256sum < m-00002-of-00003.gguf | cut -c1-64)" m-00002-of-00003.gguf
