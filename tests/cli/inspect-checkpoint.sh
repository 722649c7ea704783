# Checkpoints are shown, and requantized, as the models they convert to, in archives too.
. "$ROOT/tests/cli/lib-convert.sh"
mkdir tiny
cp "$FIX/hf/qwen3"/* tiny
mkckpt tiny/model.safetensors tiny/tensors
ggtool inspect tiny
tar -czf tiny.tar.gz tiny
ggtool convert tiny tiny.gguf -q
ggtool convert tiny tiny-Q8_0.gguf -q --type Q8_0
for f in tiny tiny.tar.gz tiny.tar.gz:tiny; do
    ggtool inspect --tensors --diffable $f > got
    ggtool inspect --tensors --diffable tiny.gguf | cmp - got
    ggtool inspect --metadata --full $f > got
    ggtool inspect --metadata --full tiny.gguf | cmp - got
    ggtool requant $f q.gguf --type Q8_0 -q --force
    same q.gguf tiny-Q8_0.gguf
done
ggtool inspect --stats='blk.0.attn_q.weight' tiny.tar.gz | head -3
ggtool inspect --json tiny.tar.gz | jq -c '.files, .model.name, (.tensors | length)'
echo '--- what cannot be converted'
cp tiny/model.safetensors vae.safetensors
ggtool inspect vae.safetensors 2>&1 | grep -v '^$'
fails 3 ggtool requant vae.safetensors q.gguf --type Q8_0 --force 2>&1
rm tiny/tokenizer.json
ggtool inspect tiny | grep warning
mkdir none
fails 3 ggtool inspect none 2>&1
mkdir links && ln -s ../tiny/model.safetensors links/model.safetensors
tar -czf links.tar.gz links
fails 3 ggtool inspect links.tar.gz 2>&1
fails 3 ggtool convert links.tar.gz x.gguf 2>&1
