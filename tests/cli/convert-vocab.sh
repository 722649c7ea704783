# Real vocabularies, written as the files they came from, are read back: tokens, types, scores, merges,
# and the name of the pre-tokenizer, told from its definition. Where they differ: the vocabulary file of
# deepseek-coder was made before llama.cpp's converter took "<|...|>" and the like for control tokens, and
# filled up with user-defined ones; the converter of 2026-08-21 writes what is written here.
. "$ROOT/tests/cli/lib-convert.sh"
V=$ROOT/../shared/models/vocab
[ -e "$V" ] || { echo 'no ../shared/models/vocab' >&2; exit 77; }
for name in gpt-2 deepseek-coder llama-spm phi-3; do
    mkdir "$name"
    n=$(mkvocab "$V/ggml-vocab-$name.gguf" "$name")
    sed "s/\"vocab_size\": *[0-9]*/\"vocab_size\": $n/" "$FIX/hf/llama/config.json" > "$name/config.json"
    sed "s/^\(model.embed_tokens.weight\) \([A-Z0-9]*\) [0-9]*x/\1 \2 ${n}x/
        s/^\(lm_head.weight\) \([A-Z0-9]*\) [0-9]*x/\1 \2 ${n}x/" "$FIX/hf/llama/tensors" > "$name/tensors"
    mkckpt "$name/model.safetensors" "$name/tensors"
    ggtool convert "$name" "$name.gguf" 2>&1 > /dev/null | sed 's/^/  /'
    for f in "$V/ggml-vocab-$name.gguf" "$name.gguf"; do
        ggtool inspect "$f" --metadata='tokenizer.ggml.[mp][oer][der]*' --full
        ggtool inspect --vocab "$f"
    done > both.txt
    half=$(($(wc -l < both.txt) / 2))
    head -n $half both.txt > want.txt
    tail -n $half both.txt > got.txt
    echo "$name: $n tokens"
    diff want.txt got.txt | grep '^[<>]' | grep -v 'PAD' || true
done
