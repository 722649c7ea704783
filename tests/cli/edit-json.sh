# Patches in JSON, keys from other files, and the list of changes as JSON.
. "$ROOT/tests/cli/lib-edit.sh"
cp "$TINY" m.gguf
digests m.gguf > data
cat > patch.json << 'JSON'
{
  "general.name": "Patched ü",
  "general.tags": ["a", "b"],
  "llama.context_length": 8192,
  "llama.rope.freq_base": 1e6,
  "tokenizer.ggml.add_bos_token": false,
  "general.size_label": null,
  "x.big": {"type": "u64", "value": "18446744073709551615"},
  "x.f": {"type": "f32", "value": "-inf"},
  "x.list": {"type": "arr", "elem": "i8", "value": [1, -128]}
}
JSON
ggtool edit m.gguf --from-json patch.json | sed 's/, [0-9.]* MiB//'
ggtool edit m.gguf --from-json patch.json 2>&1 -n || true
jq 'del(."general.size_label")' patch.json > again.json
ggtool edit m.gguf --from-json again.json
# what inspect prints is a patch: back to what it was
ggtool inspect --json --full "$TINY" > all.json
ggtool edit m.gguf --from-json all.json --unset 'x.*' --unset general.tags --json |
    jq -c '.dry_run, (.changes[] | [.change, .key, .before.value, .after.value]), (.files[] | [.path, .how])'
ggtool inspect --json --full m.gguf | jq '.metadata | del(."ggtool.padding")' -S > is.json
jq -S .metadata all.json | diff - is.json
digests m.gguf | diff data -
# copied from another model
cp "$FIX/ok/ok_min.gguf" o.gguf
ggtool edit -q o.gguf --set x.y=str:there > out
ggtool edit o.gguf --copy-from m.gguf 'tokenizer.ggml.*' --copy-from m.gguf 're:^general\.(name|type)$' -n --json |
    jq -c '.changes[] | [.change, .key]'
ggtool edit -q o.gguf --copy-from m.gguf 'tokenizer.*' > out
[ "$(value o.gguf tokenizer.ggml.tokens)" = "$(value m.gguf tokenizer.ggml.tokens)" ] || echo 'tokens differ'
echo 'refused:'
refuse() { local want=$1; shift; fails "$want" ggtool edit m.gguf "$@" 2>&1; }
bad() { printf '%s' "$1" > bad.json; refuse "$2" --from-json bad.json; }
bad '[1]' 2
bad '{"general.name": 5}' 2
bad '{"general.name": ["x"]}' 2
bad '{"general.name": {"value": "x"}}' 2
bad '{"general.architecture": "x"}' 2
bad '{"absent": null}' 2
bad '{"absent": 1}' 2
bad '{"llama.context_length": "many"}' 2
bad '{"llama.context_length": 1.5}' 2
bad '{"llama.context_length": 4294967296}' 2
bad '{"tokenizer.ggml.add_bos_token": 1}' 2
bad '{"tokenizer.ggml.tokens": {"type": "arr", "elem": "str", "count": 9, "cut": true, "value": ["x"]}}' 2
bad '{"x": {"type": "arr", "elem": "arr", "value": [[1]]}}' 3
bad '{"x": {"type": "str", "value": "x", "value_hex": "0g"}}' 2
bad '{"": {"type": "str", "value": "x"}}' 2
bad '{"general.name": "x", "general.name": "y"}' 3
bad '{"general.name": ' 3
refuse 4 --from-json absent.json
refuse 4 --copy-from absent.gguf '*'
refuse 2 --copy-from "$TINY" 'nothing.*'
refuse 2 --copy-from m.gguf
refuse 2 --copy-from "$FIX/ok/ok_min.gguf" 'split*' --set general.architecture=x
refuse 3 --copy-from "$FIX/bad/h_bad_magic.gguf" '*'
