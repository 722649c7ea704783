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
ggtool hash --json --xxh3 --sha256 m.gguf
ggtool hash --json --uuid m.gguf m.gguf
ggtool hash --xxh3 m.gguf > xxh3.txt
ggtool hash --json -c xxh3.txt m.gguf
