# The JSON of inspect holds what docs/json.md says, for one file and for several.
command -v jq > /dev/null || { echo 'no jq' >&2; exit 77; }
m=$FIX/models/tiny-bf16.gguf
ggtool inspect --json "$m" > all.json
jq -c '[.files[0].version, .model.name, .model.bits_per_weight > 16, .model.file_type.found.name,
    .model.layers, (.tensors | length), (.metadata | length), (.findings | length)]' all.json
jq -c '.metadata["general.architecture"], .metadata["llama.rope.freq_base"],
    (.metadata["tokenizer.ggml.tokens"] | [.type, .elem, .count, .cut, (.value | length)])' all.json
jq -c '.tensors[1]' all.json
jq -c '[.model.types[], .model.roles[]] | map(.bytes) | add' all.json
ggtool inspect --json --full --metadata=tokenizer.ggml.tokens "$m" |
    jq -c '[keys, (.metadata[].value | length), .metadata[].value[300]]'
ggtool inspect --json --layers "$m" | jq -c '.layers[0,1]'
ggtool inspect --json --vocab "$m" | jq -c '.vocab[0,300]'
ggtool inspect --json --tensors='output*' --diffable "$m" | jq -c '.tensors[]'
ggtool inspect --json "$m" "$m" | jq -c '[type, length]'
ggtool inspect --json "$FIX/bad/kv_str_bad_utf8.gguf" | jq -c '.metadata, .findings[0].code'
ggtool inspect --json "$FIX/bad/kv_key_newline.gguf" | jq -c '.metadata'
ggtool inspect --json "$FIX/bad/t_type_removed_q4_0_4_4.gguf" | jq -c '.tensors[]'
