# In place, or as a copy: which it is, that the dry run tells, and that the data stays.
. "$ROOT/tests/cli/lib-edit.sh"
cp "$TINY" m.gguf
digests m.gguf > data
how() { # ARGS...: what the dry run says, then what is done
    local dry done before
    dry=$(ggtool edit m.gguf "$@" -n --json | jq -r '.files[].how')
    before=$(inode m.gguf)
    done=$(ggtool edit m.gguf "$@" --json | jq -c '.files[] | [.how, .why_not_in_place, .slack]')
    echo "$* => $dry $done $([ "$(inode m.gguf)" = "$before" ] && echo 'same file' || echo 'new file')"
    digests m.gguf | diff data -
}
how --set general.name=Hg
how --set general.name=Hg
how --set general.name=H
how --set general.name='0123456789'
how --unset general.name
how --set general.name='01234567890123456789012345678901234567890123456789'
how --reserve=1000
how --set general.url=https://example.org
how --unset general.url
how --reserve=500
how --reserve=2000
how --copy --set general.name=x
how --reserve=0
how --reserve=0
value m.gguf ggtool.padding
# every length by which a header can get shorter and longer again
ggtool edit -q m.gguf --set x.y="str:$(head -c 200 /dev/zero | tr '\0' y)" > sink
for n in $(seq 199 -1 100) $(seq 101 200); do
    ggtool edit -q m.gguf --set x.y="$(head -c "$n" /dev/zero | tr '\0' z)" --json | jq -r '.files[].how'
done | sort | uniq -c
value m.gguf x.y | tr -d '\n' | wc -c
digests m.gguf | diff data -
ggtool inspect --json m.gguf | jq -c '[.files[0].canonical, .findings]'
# other alignments, byte orders and versions
for f in ok/ok_align64 ok/ok_min ok/ok_empty; do
    cp "$FIX/$f.gguf" a.gguf
    digests a.gguf > adata
    ggtool edit a.gguf --set general.name=str:x --reserve=100 --json | jq -c '[.files[].how, .files[].slack]'
    ggtool edit a.gguf --set general.url=y --json | jq -c '[.files[].how, .files[].slack]'
    digests a.gguf | diff adata -
done
ggtool convert -q --endian=big "$TINY" be.gguf
ggtool edit be.gguf --set general.name=big --reserve=100 | sed 's/, [0-9.]* MiB//'
ggtool edit be.gguf --set llama.context_length=4096 --append tokenizer.ggml.merges=str:x --token 0=unk |
    sed 's/, [0-9.]* MiB//'
ggtool inspect be.gguf | sed -n '1p;/format/p'
value be.gguf llama.context_length
echo 'set the mode:'
chmod 640 m.gguf
ggtool edit -q m.gguf --copy --set general.name=mode > sink
stat -c %a m.gguf
ln -s m.gguf link.gguf
ggtool edit -q link.gguf --copy --set general.name=link > sink
[ -L link.gguf ] && value m.gguf general.name
echo 'outputs:'
fails 2 ggtool edit m.gguf --set general.name=x -o m.gguf 2>&1
fails 2 ggtool edit m.gguf --set general.name=x -o link.gguf 2>&1
fails 2 ggtool edit m.gguf --set general.name=x -o m.gguf --force 2>&1
fails 2 ggtool edit m.gguf --set general.name=x -o a.gguf 2>&1
fails 2 ggtool edit m.gguf --set general.name=x -o - 2>&1
fails 2 ggtool edit - --set general.name=x < m.gguf 2>&1
fails 4 ggtool edit m.gguf --set general.name=x -o no/folder.gguf 2>&1
ggtool edit -q m.gguf --set general.name=x -o a.gguf --force > sink
value a.gguf general.name
fails 4 ggtool edit m.gguf --set general.url=http://x -o /dev/full 2>&1
only_here data adata m.gguf a.gguf be.gguf link.gguf sink
