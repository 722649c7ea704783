# Files made beside the outputs.
. "$ROOT/tests/cli/lib-requant.sh"
ggtool requant "$TINY" --type Q4_K_M,Q8_0 -o 'm-{type}.gguf' -q --sha256 --report r.md --stats-out s.json
only_here m-Q4_K_M.gguf m-Q4_K_M.gguf.sha256 m-Q8_0.gguf m-Q8_0.gguf.sha256 r.md s.json
sha256sum -c m-Q4_K_M.gguf.sha256 m-Q8_0.gguf.sha256
sed -n 3,12p r.md
jq -c '.outputs[] | [.type, .file_bytes, .encoded, .copied, (.error.nmse < 0.01), (.files[0].sha256 | length), (.tensors | length)]' s.json
jq -c '.outputs[0].tensors[2] | keys' s.json
ggtool requant "$TINY" j.gguf --type Q8_0 --json | jq -c '[.outputs[0].type, .outputs[0].files[0].path]'
ggtool requant "$TINY" s.gguf --type Q8_0 | sed 's/time .*/time/'
