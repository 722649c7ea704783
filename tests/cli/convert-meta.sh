# General metadata from a file, a name, a model card; no path of the source gets in.
. "$ROOT/tests/cli/lib-convert.sh"
mkdir Some-Model-7B-Instruct-v2
cp "$FIX/hf/llama3"/* Some-Model-7B-Instruct-v2
mkckpt Some-Model-7B-Instruct-v2/model.safetensors "$FIX/hf/llama3/tensors"
ggtool convert Some-Model-7B-Instruct-v2/ a.gguf -q
ggtool inspect a.gguf --metadata='general.*'
cat > m.json << 'JSON'
{"general.name": "Named", "general.author": "A", "general.tags": ["x", "y"], "general.url": null,
 "general.base_models": [{"name": "B", "repo_url": "https://example.org/b"}]}
JSON
ggtool convert Some-Model-7B-Instruct-v2 b.gguf -q --metadata m.json --pre gpt-2
ggtool inspect b.gguf --metadata='general.*'
ggtool inspect b.gguf --metadata='tokenizer.ggml.pre'
grep -c "$PWD" a.gguf b.gguf || true
# keys that no model has are said
echo '{"llama.x": 1, "general.author": "A"}' > m.json
ggtool convert Some-Model-7B-Instruct-v2 b.gguf --force --metadata m.json > /dev/null
# chat templates: named ones beside the default one, from files or from the configuration
D=Some-Model-7B-Instruct-v2
jq 'del(.chat_template)' $D/tokenizer_config.json > t.json && mv t.json $D/tokenizer_config.json
mkdir $D/additional_chat_templates
printf 'the default' > $D/chat_template.jinja
printf 'with tools' > $D/additional_chat_templates/tool_use.jinja
printf 'with documents' > $D/additional_chat_templates/rag-1.jinja
printf 'no template' > $D/additional_chat_templates/README
ggtool convert $D c.gguf -q
ggtool inspect c.gguf --metadata='tokenizer.chat*'
tar -czf c.tar.gz $D
ggtool convert c.tar.gz d.gguf -q
same c.gguf d.gguf
jq '. + {chat_template: [{name: "default", template: "d"}, {name: "a b", template: "x"}, {name: "a-b", template: "y"}]}' \
    $D/tokenizer_config.json > t.json && mv t.json $D/tokenizer_config.json
ggtool convert $D e.gguf -q
ggtool inspect e.gguf --metadata='tokenizer.chat*'
# a file is called after its folder when all such files are called like it
(cd $D && ggtool convert model.safetensors ../f.gguf -q)
same e.gguf f.gguf
cp $D/model.safetensors vae-00001-of-00001.safetensors
ggtool convert vae-00001-of-00001.safetensors g.gguf -q --arch raw
ggtool inspect g.gguf --metadata='general.name'
