#!/usr/bin/env bash
# jobs.sh [FOLDER]: how long the big jobs take, on a Llama of 336 million weights (BF16, 673 MB) that is made
# in FOLDER (build/jobs) and stays there. Wall time, processor time and memory of the best of three runs.
# docs/measured.md has what other programs take for the same on the same files. Wants 3 GB and GNU time.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
ggtool=$root/ggtool tools=$root/build/release/tests/tools
mkdir -p "${1:-$root/build/jobs}"
cd "${1:-$root/build/jobs}"

if [ ! -e model.gguf ]; then
    tensors=(token_embd.weight:bf16:2048x32000 output_norm.weight:f32:2048)
    for t in attn_q:2048x2048 attn_k:2048x512 attn_v:2048x512 attn_output:2048x2048 \
        ffn_gate:2048x5632 ffn_up:2048x5632 ffn_down:5632x2048; do
        tensors+=("blk.{0-5}.${t%:*}.weight:bf16:${t#*:}")
    done
    tensors+=('blk.{0-5}.attn_norm.weight:f32:2048' 'blk.{0-5}.ffn_norm.weight:f32:2048')
    "$tools/mkmodel" made.gguf --kv general.architecture=str:llama --kv llama.block_count=u32:6 \
        --kv llama.embedding_length=u32:2048 --kv llama.feed_forward_length=u32:5632 \
        --kv llama.attention.head_count=u32:32 --kv llama.attention.head_count_kv=u32:8 "${tensors[@]}"
    mkdir -p hf
    "$ggtool" convert -q --force made.gguf hf/model.safetensors
    rm made.gguf
    cp "$root/fixtures/hf/tokenizer.model" hf
    cat > hf/config.json << 'JSON'
{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 2048, "intermediate_size": 5632,
 "num_hidden_layers": 6, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64,
 "vocab_size": 32000, "max_position_embeddings": 2048, "rms_norm_eps": 1e-05, "rope_theta": 10000.0,
 "tie_word_embeddings": true, "bos_token_id": 1, "eos_token_id": 2}
JSON
    "$ggtool" convert -q hf model.gguf --type BF16
fi
cat model.gguf hf/* > /dev/null

job() { # name, command...
    local name=$1 best='' line
    shift
    for _ in 1 2 3; do
        rm -f out* part*
        [ "$name" != merge ] || "$ggtool" split -q model.gguf part --max-size 200M
        /usr/bin/time -o time -f '%e %U %S %M' "$@" > /dev/null 2> log || { [ $? = 1 ] || cat log; }
        line=$(tail -1 time)
        [ -n "$best" ] && [ "$(printf '%s\n%s\n' "${line%% *}" "${best%% *}" | sort -g | head -1)" = "${best%% *}" ] || best=$line
    done
    read -r wall user sys mem <<< "$best"
    printf '%-10s %6s s  (processor %s + %s s)  %4d MiB\n' "$name" "$wall" "$user" "$sys" $((mem / 1024))
}

job convert "$ggtool" convert hf out.gguf --type Q4_K_M
for t in Q4_K_M Q6_K Q8_0; do job $t "$ggtool" requant model.gguf out.gguf --type $t; done
job hash "$ggtool" hash --all model.gguf
job split "$ggtool" split model.gguf part --max-size 200M
job merge "$ggtool" merge part-00001-of-00004.gguf -o out.gguf
job inspect "$ggtool" inspect model.gguf
cp model.gguf edited.gguf
"$ggtool" edit -q edited.gguf --reserve=64KiB > /dev/null
echo '{{ messages }}' > chat.jinja
job edit "$ggtool" edit edited.gguf --chat-template @chat.jinja
rm -f edited.gguf
"$ggtool" requant -q model.gguf q.gguf --type Q4_K_M --force
job diff "$ggtool" diff model.gguf q.gguf
job verify "$ggtool" verify --deep q.gguf
rm -f q.gguf out* part*
