# Metadata that does not fit.
. "$ROOT/tests/cli/lib-gguf.sh"
try() { local rc=0; ggtool verify "$@" 2>&1 || rc=$?; echo "-> $rc"; }
arr() { str "$1"; u32 9; u32 "$2"; u64 "$3"; } # key, element type, count
{
    head_of 3 19
    kv_str general.architecture llama
    kv_str general.name models
    kv_u32 general.file_type 7
    kv_u32 llama.block_count 3
    kv_str quantize.imatrix.file 'C:\Users\Joe\x.imatrix'
    kv_str general.source.url https://example.org/home/model
    arr general.datasets 8 2; str wiki.txt; str /home/joe/secret.txt
    kv_u16 split.count 1
    kv_str tokenizer.ggml.model gpt2
    arr tokenizer.ggml.tokens 8 6; str a; str b; str ab; str '<|end|>'; str '<0xZZ>'; str a
    arr tokenizer.ggml.token_type 5 6; u32 1; u32 1; u32 9; u32 3; u32 6; u32 1
    arr tokenizer.ggml.scores 6 4; u64 0; u64 0
    arr tokenizer.ggml.merges 8 3; str 'a b'; str 'a zz'; str 'ab'
    kv_u32 tokenizer.ggml.bos_token_id 3
    kv_u32 tokenizer.ggml.eos_token_id 6
    kv_i32 tokenizer.ggml.padding_token_id 4294967295
    kv_str tokenizer.chat_template '<|end|><|user|>{{ x.__class__ }}<|user|>'
    kv_u32 general.alignment 8192
    kv_str tokenizer.ggml.pad '~/x'
    str token_embd.weight; u32 2; u64 4; u64 5; u32 0; u64 0
    tensor_f32 blk.0.attn_norm.weight 8 8192
    tensor_f32 blk.3.attn_norm.weight 8 16384
} > m.gguf
zeros $(((8192 - $(stat -c %s m.gguf) % 8192) % 8192 + 24576)) >> m.gguf
try m.gguf
ggtool verify --json m.gguf | jq -r '.ok, (.findings[] | .severity + " " + .code)' | sort | uniq -c
{ head_of 1 2; kv_str general.architecture llama; kv_u32 llama.block_count 1; tensor_f32 blk.99999999999.x 8 0; } > l.gguf
pad_file l.gguf; zeros 32 >> l.gguf
try l.gguf
# what a real model gets
try "$FIX/models/tiny-bf16.gguf" "$FIX/models/imatrix.gguf"
: > .m.gguf.ggtool-journal
try m.gguf | grep journal
