# Every view of the bundled model, as text.
m=$FIX/models/tiny-bf16.gguf
cp "$m" m.gguf
for o in '' '--metadata=general.*' '--tensors=blk.0.*' '--tensors=re:norm' --layers --diffable; do
    echo "--- $o"
    # shellcheck disable=SC2086
    ggtool inspect $o m.gguf
done
echo '--- several'
ggtool inspect --metadata=general.architecture m.gguf m.gguf
echo '--- vocab'
ggtool inspect --vocab m.gguf | sed -n '1,5p;300,303p;$p'
echo '--- full'
ggtool inspect --metadata=tokenizer.ggml.scores --full m.gguf | tail -1 | tr ',' '\n' | wc -l | tr -d ' '
echo '--- diffable metadata'
ggtool inspect --diffable --metadata='*.block_count' m.gguf
echo '--- ASCII, colours'
LC_ALL=C ggtool --color=always inspect m.gguf | sed -n '1p;11p' | tr '\033' '^'
