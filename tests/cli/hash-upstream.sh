# What llama-gguf-hash --all --uuid prints (the expectation is its output, of 2026-08), for any number
# of threads and any memory.
cp "$FIX/models/tiny-bf16.gguf" m.gguf
ggtool hash --all --uuid m.gguf
for o in -j1 -j2 -j7 '-j7 --max-memory=1MiB' '-j1 --max-memory=3M'; do
    # shellcheck disable=SC2086
    cmp <(ggtool hash --all --uuid --xxh3 $o m.gguf) <(ggtool hash --xxh3 --uuid --all m.gguf)
done
