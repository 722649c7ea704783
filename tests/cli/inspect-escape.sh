# Names and texts from files cannot speak to the terminal; templates come out as stored.
. "$ROOT/tests/cli/lib-gguf.sh"
evil=$(printf 'a\033[31mb')
{
    head_of 0 4
    kv_str general.name "$evil"
    kv_str "$evil" "$evil"
    kv_str tokenizer.chat_template "$evil"
    kv_str tokenizer.chat_template.rag 'second'
} > evil.gguf
pad_file evil.gguf
ggtool inspect evil.gguf
ggtool inspect --metadata evil.gguf
ggtool inspect --json --metadata evil.gguf | sed -n '/metadata"/,$p'
ggtool inspect --chat-template evil.gguf | od -c | head -2
ggtool inspect --chat-template=rag evil.gguf; echo
rc=0; ggtool inspect --chat-template=no evil.gguf || rc=$?; echo "-> $rc"
rc=0; ggtool inspect --vocab evil.gguf || rc=$?; echo "-> $rc"
cp evil.gguf "$evil.gguf"
ggtool inspect "$evil.gguf" --metadata=general.name ok-not-there.gguf || echo "-> $?"
