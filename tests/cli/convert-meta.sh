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
