# Chat templates: from files, byte for byte; named ones; from tokenizer_config.json.
. "$ROOT/tests/cli/lib-edit.sh"
cp "$TINY" m.gguf
printf '{%% for m in messages %%}{{ m.content }}{%% endfor %%}\n' > a.jinja
{ cat a.jinja; head -c 50000 /dev/zero | tr '\0' '#'; printf 'ü end'; } > b.jinja
ggtool edit m.gguf --chat-template @a.jinja --chat-template tool_use=@b.jinja --reserve=1KiB | sed 's/, [0-9.]* MiB//'
ggtool inspect --chat-template m.gguf | cmp a.jinja -
ggtool inspect --chat-template=tool_use m.gguf | cmp b.jinja -
value m.gguf tokenizer.chat_templates
sed 's/endfor/endfor -/' a.jinja > c.jinja
in_place m.gguf --chat-template @c.jinja
ggtool inspect --chat-template m.gguf | cmp c.jinja -
sed 's/ü end/a new end/' b.jinja > d.jinja
in_place m.gguf --chat-template tool_use=@d.jinja
in_place m.gguf --chat-template 'plain text'
echo '{"chat_template": "from\nconfig"}' > one.json
echo '{"chat_template": [{"name": "default", "template": "D"}, {"name": "rag", "template": "R"}]}' > many.json
echo '{"bos_token": "x"}' > none.json
in_place m.gguf --chat-template @one.json
in_place m.gguf --chat-template @many.json
in_place m.gguf --chat-template tool_use=@one.json
value m.gguf tokenizer.chat_templates
fails 2 ggtool edit m.gguf --chat-template @none.json 2>&1
fails 2 ggtool edit m.gguf --chat-template rag=@many.json 2>&1
fails 4 ggtool edit m.gguf --chat-template @absent.jinja 2>&1
