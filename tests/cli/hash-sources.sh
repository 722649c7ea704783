# Checkpoints, archives, JSON.
mkdir ckpt
mkckpt ckpt/model.safetensors "$FIX/hf/llama/tensors"
ggtool hash ckpt | head -3
cmp <(ggtool hash ckpt/model.safetensors | sed 's/ckpt.model.safetensors//') <(ggtool hash ckpt | sed 's/ckpt//')
tar -C ckpt -czf c.tar.gz .
cmp <(ggtool hash --all ckpt | sed 's/ckpt//') <(ggtool hash --all -j2 c.tar.gz | sed 's/c.tar.gz//')
cp "$FIX/ok/ok_min.gguf" m.gguf
tar -cf m.tar m.gguf
cmp <(ggtool hash --all m.gguf | sed 's/m.gguf//') <(ggtool hash --all m.tar | sed 's/m.tar:m.gguf//')
# a model has the digests of its tensors' bytes, in whatever file they are
ggtool convert ckpt raw.gguf --arch raw -q
ggtool hash ckpt | grep down_proj | cut -c1-28 | sort > a
ggtool hash raw.gguf | grep down_proj | cut -c1-28 | sort | cmp a -
# tensors of several slabs: the digest of a model is that of its data
mkmodel b.gguf 'a:f32:1000x1100' 'b:f16:32x100' 'c:bf16:1024x2000'
n=$((1000 * 1100 * 4 + 6400 + 4096000))
for j in 1 2 7; do
    ggtool hash -j$j --sha256 --sha1 --no-layer b.gguf | cut -d' ' -f1-7 | tr -s ' ' > got
    { echo "sha1 $(tail -c $n b.gguf | sha1sum | cut -c1-40)"
      echo "sha256 $(tail -c $n b.gguf | sha256sum | cut -c1-64)"; } | sed 's/$/ /' > want
    cut -d' ' -f1,2 got | cmp - <(cut -d' ' -f1,2 want)
    ggtool hash -j$j --sha256 b.gguf | grep -c "$(tail -c $n b.gguf | head -c 4400000 | sha256sum | cut -c1-64)  b.gguf:a$"
    ggtool verify -j$j -q --deep --sha256 "$(sha256sum < b.gguf | cut -c1-64)" b.gguf
done
ggtool hash --json --xxh3 --sha256 m.gguf
ggtool hash --json --uuid m.gguf m.gguf
ggtool hash --xxh3 m.gguf > xxh3.txt
ggtool hash --json -c xxh3.txt m.gguf
