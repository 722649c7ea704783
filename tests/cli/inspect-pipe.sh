# Truncated input, standard input, --header-only.
m=$FIX/models/tiny-bf16.gguf
cp "$m" m.gguf
head -c 3000 m.gguf > h.gguf   # in the middle of the vocabulary
head -c 24000 m.gguf > t.gguf  # in the middle of the tensor list
head -c 100000 m.gguf > d.gguf # in the middle of the data
try() { local rc=0; ggtool inspect "$@" || rc=$?; echo "-> $rc"; }
for f in h t d; do
    echo "--- $f"
    try --diffable $f.gguf | tail -3
    try --header-only $f.gguf | tail -1
    try - < $f.gguf | tail -1
    cat $f.gguf | try - | tail -1
    cat $f.gguf | try --header-only - | tail -1
done 2>&1
echo '--- screen of a header cut short'
try h.gguf 2>&1
echo '--- whole'
cat m.gguf | try - | sed -n '1,2p;$p'
try - < m.gguf | sed -n '1,2p;$p'
cmp <(cat m.gguf | ggtool inspect --tensors -) <(ggtool inspect --tensors m.gguf)
