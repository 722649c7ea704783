# A real checkpoint becomes, byte for byte, what llama.cpp's converter makes of it; and quantizing it
# on the way is the same as quantizing it afterwards.
. "$ROOT/tests/cli/lib-convert.sh"
need_hf
ln -s "$HF" hf
ggtool convert hf bf16.gguf -q
same bf16.gguf "$TINY"
ggtool convert hf --type auto,Q4_K_M -o 'm-{type}.gguf' -q --imatrix "$IM"
same m-auto.gguf "$TINY"
ggtool requant "$TINY" q.gguf --type Q4_K_M --imatrix "$IM" -q
same m-Q4_K_M.gguf q.gguf
ggtool convert hf --type Q4_K_M --dry-run --json -q | jq .file_bytes
ggtool convert hf named.gguf --name 'My model' -q --override-kv general.author=str:me
ggtool inspect named.gguf --metadata='general.[na]*'
# a folder that lacks a shard, an architecture nobody knows
mkdir part && cp hf/*.json hf/tokenizer.model hf/model-00001* part
fails 3 ggtool convert part no.gguf
mkdir odd && ln -s "$HF"/* odd && rm odd/config.json && echo '{"architectures":["OddForCausalLM"]}' > odd/config.json
fails 3 ggtool convert odd no.gguf
ggtool convert odd raw.gguf --arch raw -q
ggtool inspect raw.gguf --tensors='model.layers.0.*' --diffable

# the same weights as a PyTorch checkpoint: equal tensors, equal keys
if [ -e "$HF/../tiny-pytorch" ]; then
    ggtool convert "$HF/../tiny-pytorch" pt.gguf --name Hf -q
    digests "$TINY" > a.txt
    digests pt.gguf | diff a.txt -
    ggtool inspect "$TINY" --metadata --full > a.txt
    ggtool inspect pt.gguf --metadata --full | diff a.txt -
fi

# back to safetensors: the tensors of the shards, bit for bit, under the names they had
mkdir back
ggtool convert "$TINY" back/model.safetensors -q --split-max-size 4M
ggtool convert back b.gguf --arch raw -q
ggtool convert hf a.gguf --arch raw -q
digests a.gguf > a.txt
digests b.gguf | diff a.txt - && echo "back: $(wc -l < a.txt) tensors, $(ls back | wc -l) files"
