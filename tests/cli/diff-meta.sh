# Metadata: what came, went, changed and only moved.
. "$ROOT/tests/cli/lib-diff.sh"
printf '{%%- for m in messages %%}\n{{ m.role }}\n{{ m.content }}\n{%%- endfor %%}\nsame\nsame 2\nsame 3\nlast\n' > one
printf '{%%- for m in messages %%}\n{{ m.role }}:\n{{ m.content }}\nmore\n{%%- endfor %%}\nsame\nsame 2\nsame 3\nlast!\n' > two
long=$(printf 'x%.0s' {1..300})
mkmodel a.gguf --kv g.same=u32:1 --kv g.gone=str:old --kv g.type=u32:7 --kv g.value=f32:0.5 \
    --kv b.0.name=str:n --kv "g.text=str:$(cat one)" --kv "g.long=str:${long}A${long}" t:f32:32
mkmodel b.gguf --kv g.same=u32:1 --kv g.type=u64:7 --kv g.value=f32:0.25 --kv g.new=bool:true \
    --kv b.1.name=str:n --kv "g.text=str:$(cat two)" --kv "g.long=str:${long}B${long}" t:f32:32
status ggtool diff a.gguf b.gguf
(ggtool diff a.gguf b.gguf --json || true) | jq -c '.metadata[] | select(.key != "g.long")'
# the hunks are those of diff -u
(ggtool diff a.gguf b.gguf --full || true) | sed -n 's/^      \([-+@ ].*\)/\1/p' | grep -v 'xxx\|^@@ -1,1 ' > got
printf '%s\n' "$(cat one)" > one.n && printf '%s\n' "$(cat two)" > two.n
(diff -U2 one.n two.n || true) | tail -n +3 | diff - got && echo 'as diff -u'
# long lists: counts and the first differences; the same elements in another order are told
ggtool requant "$TINY" t.gguf --type COPY -q
V=$ROOT/../shared/models/vocab
if [ -e "$V/ggml-vocab-llama-spm.gguf" ]; then
    (ggtool diff "$V/ggml-vocab-llama-spm.gguf" "$V/ggml-vocab-phi-3.gguf" --full 2> /dev/null || true) | grep 'tokens\|scores' > got
    grep -q 'str\[32000\] -> str\[32064\]' got || cat got
fi
