# GGUF back to safetensors gives the tensors it was made of, bit for bit, under their own names.
. "$ROOT/tests/cli/lib-convert.sh"
for name in llama qwen2 phi4 mistral; do
    mkdir "$name"
    cp "$FIX/hf/$name"/* "$name"
    [ -e "$name/tokenizer.json" ] || cp "$FIX/hf/tokenizer.model" "$name"
    sed '/inv_freq/d' "$FIX/hf/$name/tensors" > "$name/tensors"
    mkckpt "$name/model.safetensors" "$name/tensors"
    ggtool convert "$name" "$name.gguf" -q
    mkdir back
    ggtool convert "$name.gguf" back/m.safetensors -q
    ggtool convert "$name/model.safetensors" a.gguf --arch raw -q
    ggtool convert back/m.safetensors b.gguf --arch raw -q
    digests a.gguf > a.txt
    digests b.gguf | diff a.txt - && echo "$name: $(wc -l < a.txt) tensors"
    rm -r back a.gguf b.gguf
done
# experts have no names of their own there, so the stack keeps its GGUF name; norms lose their 1
mkdir gemma && cp "$FIX/hf/gemma"/* gemma && cp "$FIX/hf/tokenizer.model" gemma
mkckpt gemma/model.safetensors gemma/tensors
ggtool convert gemma gemma.gguf -q
ggtool convert gemma.gguf g.safetensors
# quantized, in several files with an index, then found again
ggtool convert llama.gguf llama-q.gguf --type Q8_0 -q
mkdir s
ggtool convert llama-q.gguf s/model.safetensors --dtype f32 --split-max-size 100K
ls s
ggtool convert llama-q.gguf one.safetensors --dtype f32 -q
ggtool convert s a.gguf --arch raw -q
ggtool convert one.safetensors b.gguf --arch raw -q
digests a.gguf > a.txt
digests b.gguf | diff a.txt -
# a GGUF of version 2, laid out like version 3, becomes version 3
cp llama.gguf v2.gguf
printf '\2' | dd of=v2.gguf bs=1 seek=4 conv=notrunc 2> /dev/null
ggtool convert v2.gguf v3.gguf -q
same v3.gguf llama.gguf
# what makes no sense together
fails 2 ggtool convert llama.gguf x.safetensors --type Q4_0
fails 2 ggtool convert llama.gguf x.gguf --dtype f16
fails 2 ggtool convert llama.gguf x.gguf --arch raw
fails 2 ggtool convert llama.gguf one.safetensors
fails 2 ggtool convert llama.gguf x.safetensors --json
