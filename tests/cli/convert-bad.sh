# Checkpoints that cannot be right, each with one line that says why, and nothing left behind.
. "$ROOT/tests/cli/lib-convert.sh"
fresh() { # CASE [SED-EXPRESSION FILE]...
    rm -rf x && mkdir x && cp "$FIX/hf/$1"/* x && chmod -R u+w x
    [ -e x/tokenizer.json ] || cp "$FIX/hf/tokenizer.model" x
    shift
    while [ $# -gt 0 ]; do sed -i.orig "$1" "x/$2"; rm "x/$2.orig"; shift 2; done
    mkckpt x/model.safetensors x/tensors
    echo "-- $*" >&2
    fails 3 ggtool convert x out.gguf
}
fresh llama 's/"num_hidden_layers": 2/"num_hidden_layers": 3/' config.json
fresh llama 's/"num_hidden_layers": 2/"num_hidden_layers": 1e99/' config.json
fresh llama '/vocab_size/d' config.json
fresh llama 's/"num_attention_heads": 4/"num_attention_heads": 0/' config.json
fresh llama 's/q_proj/q_prod/' tensors
fresh llama '/embed_tokens/d' tensors
fresh llama 's/^model.embed_tokens.weight F16 320x64/model.embed_tokens.weight F16 100x64/' tensors
fresh llama 's/^{/{"quantization_config":{"quant_method":"aqlm"},/' config.json
fresh llama 's/^{/[/' config.json
fresh mixtral 's/experts.{0-3}.w2/experts.{1-3}.w2/' tensors
fresh mixtral 's/"num_local_experts": 4/"num_local_experts": 8/' config.json
fresh llama 's/{0-1}.mlp.up_proj/{1-1}.mlp.up_proj/' tensors
fresh llama 's/{0-1}.input_layernorm/{0-0}.input_layernorm/' tensors
fresh llama 's/"hidden_size": 64/"hidden_size": 128/' config.json
fresh deepseek3 's/"v_head_dim": 16/"v_head_dim": 8/' config.json
fresh deepseek3 '/v_head_dim/d' config.json
fresh deepseek3 's/"num_nextn_predict_layers": 1/"num_nextn_predict_layers": 0/' config.json
fresh gpt-oss 's/"num_local_experts": 4/"num_local_experts": 8/' config.json
fresh granite-moe 's/"intermediate_size": 96/"intermediate_size": 64/' config.json
fresh qwen35 's/"linear_num_value_heads": 4/"linear_num_value_heads": 3/' config.json
fresh stablelm-12b 's/norms.{0-3}/norms.{0-2}/' tensors
fresh exaone4 's/"vocab_size": 320/"vocab_size": "many"/' config.json
fresh t5 's/"num_layers": 2/"num_layers": 4/' config.json
fresh bert-classes 's/"1": "maybe"/"7": "maybe"/' config.json
fresh qwen3 's/\\\\p{N}|/\\\\p{N}{1,2}|/' tokenizer.json
fresh qwen3 's/"id": 302/"id": 3020/' tokenizer.json
fresh qwen3 's/"type": "BPE"/"type": "Unigram"/' tokenizer.json
fresh qwen3 's/\[\["Ġ", "t"\]/[["Ġ"]/' tokenizer.json
# shapes that are not those the keys speak of
fresh llama 's/"intermediate_size": 96/"intermediate_size": 128/' config.json
fresh llama 's/"num_key_value_heads": 2/"num_key_value_heads": 4/' config.json
fresh llama 's/"num_attention_heads": 4/"num_attention_heads": 2/' config.json
fresh llama 's/"vocab_size": 320/"vocab_size": 100/' config.json
fresh llama 's/lm_head.weight F16 320/lm_head.weight F16 300/' tensors
fresh llama '/input_layernorm/s/64/32/' tensors
fresh llama '/o_proj/s/64x64/64x32/' tensors
fresh llama '/down_proj/s/64x96/32x96/' tensors
fresh llama 's/^{/{"head_dim": 32,/' config.json
fresh llama '/rms_norm_eps/d' config.json
fresh llama 's/"rope_theta": [0-9.]*/"rope_theta": "big"/' config.json
fresh qwen3 's/"head_dim": 32/"head_dim": 64/' config.json
fresh qwen3moe 's/"num_experts_per_tok": 2/"num_experts_per_tok": 99/' config.json
fresh qwen3moe 's/"moe_intermediate_size": 32/"moe_intermediate_size": 48/' config.json
fresh phi3 's/"original_max_position_embeddings": 128/"original_max_position_embeddings": 0/' config.json
cp "$FIX/hf/phi3/config.json" x && cp "$FIX/hf/phi3/tensors" x
rm x/tokenizer.model
fails 3 ggtool convert x out.gguf
cp "$FIX/hf/tokenizer.model" x
head -c 3000 "$FIX/hf/tokenizer.model" > x/tokenizer.model
fails 3 ggtool convert x out.gguf
fails 2 ggtool convert x out.gguf --arch nosuch
fails 2 ggtool convert x
only_here x
