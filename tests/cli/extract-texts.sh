# Metadata as files.
. "$ROOT/tests/cli/lib-gguf.sh"
try() { local rc=0; ggtool extract "$@" || rc=$?; [ $rc = 0 ] || echo "-> $rc"; }
exec 2>&1
arr() { str "$1"; u32 9; u32 "$2"; u64 "$3"; } # key, element type, count
{
    head_of 1 9
    kv_str general.architecture llama
    kv_str tokenizer.chat_template "$(printf '{{ bos }}\n\t{%% x %%}')"
    kv_str tokenizer.chat_template.tool_use 'tools'
    arr tokenizer.ggml.tokens 8 4; str a; str "$(printf 'b\nc')"; str '"q"'; str "$(printf '\303\251\377')"
    arr tokenizer.ggml.merges 8 2; str 'a b'; str 'Ġ t'
    arr tokenizer.ggml.token_type 5 2; u32 1; u32 4294967295
    kv_str ../evil 'boo'
    kv_u32 x.count 7
    kv_str empty ''
    tensor_f32 t 8 0
} > m.gguf
pad_file m.gguf; zeros 32 >> m.gguf
try m.gguf --chat-template --vocab --tokens --merges --key 'tokenizer.ggml.*' -o out
for f in out/*; do echo "-- $f"; cat "$f"; echo '<'; done
try m.gguf --chat-template='*' -o all
try m.gguf --chat-template=tool_use -o -; echo
try m.gguf --chat-template -o t.jinja
try m.gguf --key '*evil' --key x.count --key empty -o more; cat more/*; echo
try m.gguf --key x.count --chat-template t -o mixed; ls mixed
jq -c . out/vocab.json out/tokenizer.ggml.token_type.json
echo '== not there'
try m.gguf --chat-template=nope -o no
try m.gguf --key 'nope*' -o no
try m.gguf 'nope*' -o no
try m.gguf t 'nope*' -o no
try "$FIX/ok/ok_min.gguf" --vocab -o no
try "$FIX/ok/ok_min.gguf" --merges -o no
[ ! -e no ]
echo '== usage'
try m.gguf
try m.gguf -o x
try m.gguf t --format raw --dtype f16 -o x
try m.gguf t --dtype bf16 -o x
try m.gguf t --vocab -o -
try m.gguf --key x.count --key 'x.*' -o x
try m.gguf t -o none/deep/t.npy; ls -R none
try m.gguf t -o m.gguf/deep
try m.gguf t -o out
try m.gguf t -o out
try m.gguf t -o out --force
try m.gguf t -o m.gguf
try m.gguf t --format safetensors -o m.gguf
cp m.gguf in.raw; try in.raw t --format raw -o in.raw --force
cmp m.gguf in.raw
for o in t --vocab; do rc=0; ggtool extract m.gguf $o -o - > /dev/full || rc=$?; echo "-> $rc"; done
try m.gguf t --dry-run -o nowhere; [ ! -e nowhere ]
mkdir ro; chmod 555 ro; [ "$(id -u)" = 0 ] || ! ggtool extract m.gguf t -o ro > /dev/null
try none.gguf t -o x
try . t -o x
head -c 200 m.gguf > cut.gguf; try cut.gguf t -o x
