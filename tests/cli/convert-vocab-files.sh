# Vocabularies in files that no digest of llama.cpp's converter is kept for: vocab.txt, vocab.json with merges.txt,
# tekken.json, tiktoken files nobody describes.
. "$ROOT/tests/cli/lib-convert.sh"
fresh() { # FROM: a checkpoint of fixtures/hf without its tokenizer
    rm -rf x && mkdir x && cp "$FIX/hf/$1/config.json" "$FIX/hf/$1/tensors" x && chmod -R u+w x
    mkckpt x/model.safetensors x/tensors
    echo "-- $2"
    echo "-- $2" >&2
}
show() {
    ggtool convert x out.gguf --force "$@" > /dev/null
    ggtool inspect out.gguf --metadata='tokenizer.ggml.[!t]*'
    ggtool inspect out.gguf --vocab | grep -vE '^[0-9]+	unused|extra_[0-9]|	[a-j]$|▁[b-j]$'
}
fresh vocab-words vocab.txt
printf '%s\n' '[PAD]' '[unused0]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' a '##ing' mill é > x/vocab.txt
echo '{"do_lower_case": false, "tokenizer_class": "BertTokenizer"}' > x/tokenizer_config.json
show
printf '%s\n' '[UNK]' mill the the > x/vocab.txt
ggtool convert x out.gguf --force > /dev/null
printf '%s\n' the mill > x/vocab.txt
fails 3 ggtool convert x no.gguf
fresh vocab-words 'vocab.json and merges.txt'
echo '{"a": 0, "b": 1, "ab": 2, "Ġ": 3, "Ġa": 4, "<|endoftext|>": 5}' > x/vocab.json
printf '%s\r\n' '#version: 0.2' 'a b' 'Ġ a' '' > x/merges.txt
echo '{"tokenizer_class": "Qwen2TokenizerFast", "eos_token": "<|endoftext|>"}' > x/tokenizer_config.json
show
printf '%s\n' '#version: 0.2' 'a b' 'Ġ' > x/merges.txt
fails 3 ggtool convert x no.gguf
printf '%s\n' 'a b' > x/merges.txt
echo '{"tokenizer_class": "CLIPTokenizer"}' > x/tokenizer_config.json
fails 3 ggtool convert x no.gguf
echo '{"a": 0, "b": 1' > x/vocab.json
fails 3 ggtool convert x no.gguf
fresh vocab-words tiktoken
printf '%s\n' 'YQ== 0' 'Yg== 1' 'YWI= 2' > x/other.tiktoken
fails 3 ggtool convert x no.gguf
echo '{"added_tokens_decoder": {"3": {"content": "<|end|>", "special": true}}, "eos_token": "<|end|>"}' \
    > x/tokenizer_config.json
show --pre qwen2
fresh vocab-words tekken.json
cat > x/tekken.json <<'END'
{"config": {"pattern": "x", "default_vocab_size": 35, "default_num_special_tokens": 3}, "special_tokens":
 [{"rank": 0, "token_str": "<unk>"}, {"rank": 1, "token_str": "<s>"}], "vocab": [{"rank": 0, "token_bytes": "YQ=="},
 {"rank": 1, "token_bytes": "Yg=="}, {"rank": 2, "token_bytes": "YWI=", "token_str": "ab"}]}
END
fails 3 ggtool convert x no.gguf
show --pre tekken
fresh vocab-spiece 'a unigram tokenizer.model of a decoder'
cp "$FIX/hf/vocab-spiece/spiece.model" x/tokenizer.model
echo '{"tokenizer_class": "LlamaTokenizer"}' > x/tokenizer_config.json
ggtool convert x out.gguf --force > /dev/null
ggtool inspect out.gguf --metadata='tokenizer.ggml.[!t]*'
fresh vocab-fairseq 'the mask of XLM-R'
cp "$FIX/hf/vocab-fairseq/sentencepiece.bpe.model" x
echo '{"tokenizer_class": "XLMRobertaTokenizer", "mask_token": {"content": "<mask>"}}' > x/tokenizer_config.json
ggtool convert x out.gguf --force > /dev/null
ggtool inspect out.gguf --vocab | tail -n 2
only_here x out.gguf
