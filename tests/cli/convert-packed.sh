# What is packed is unpacked twice: once to see what is in it, once for the data, however the tensors
# of the output are drawn from it; and the output is that of the folder.
. "$ROOT/tests/cli/lib-convert.sh"
mkdir moe
cp "$FIX/hf/mixtral"/* "$FIX/hf/tokenizer.model" moe
# experts of 2 MB that are stored one by one: a stack of them is spread over more than stays at hand
jq '.num_local_experts = 6 | .num_hidden_layers = 1 | .hidden_size = 1024 | .intermediate_size = 1024' \
    moe/config.json > c.json
mv c.json moe/config.json
sed -E -e '/experts/d; s/\{0-1\}/0/; /gate.weight/s/ [0-9]*x[0-9]*$/ 6x1024/' \
    -e '/self_attn\.[qo]_proj/s/ [0-9]+x[0-9]+$/ 1024x1024/' -e '/self_attn\.[kv]_proj/s/ [0-9]+x[0-9]+$/ 512x1024/' \
    -e '/(embed_tokens|lm_head)/s/x[0-9]+$/x1024/' -e '/norm/s/ [0-9]+$/ 1024/' moe/tensors > t
for e in 0 1 2 3 4 5; do
    for w in 1 2 3; do echo "model.layers.0.block_sparse_moe.experts.$e.w$w.weight BF16 1024x1024"; done
done >> t
mv t moe/tensors
mkckpt moe/model.safetensors moe/tensors
ggtool convert moe want.gguf -q
ggtool convert moe want-Q8_0.gguf -q --type Q8_0
tar -cf - moe | gzip -1 > a.tar.gz
ggtool convert a.tar.gz got.gguf -v 2>&1 > /dev/null | grep unpacked
same got.gguf want.gguf
ggtool convert a.tar.gz got-Q8_0.gguf -v --type Q8_0 -j3 2>&1 > /dev/null | grep unpacked
same got-Q8_0.gguf want-Q8_0.gguf
# files in another order than their names'
if [ -e "$HF/config.json" ]; then
    cp -r "$HF" tiny && chmod -R u+w tiny
    ggtool convert tiny want.gguf -q --force
    tar -czf b.tar.gz tiny/model-00002* tiny/model-00001* tiny/config.json tiny/generation_config.json \
        tiny/model.safetensors.index.json tiny/tokenizer*
    ggtool convert b.tar.gz got.gguf -q --force
    same got.gguf want.gguf
fi
