# What shells ask for. Silent and quick, whatever the file is.
cp "$FIX/models/tiny-bf16.gguf" m.gguf
ask() { printf '%s\n' "? $*"; ggtool complete -- "$@"; }
ask re
ask help ins
ask inspect m.gguf --metadata=general.
ask inspect m.gguf --tensors=blk.0.attn_
ask requant m.gguf --type Q8_0,q6
ask requant m.gguf --tensor-type blk.0.attn_o
ask requant m.gguf --tensor-type 'ffn_down=q4_'
ask requant m.gguf out.gguf --imatrix m.gguf --override-kv general.na
ask -q --cpu avx
ask requant m.gguf --nonfinite k
ask requant --bogus=1 m.gguf -t Q4_K_
ask convert checkpoint --arch qwen2
ask convert checkpoint --pre deepseek
ask imatrix filter "$FIX/models/imatrix.gguf" --keep blk.0.attn_
# A set: tensors of all shards, keys of the first.
ggtool requant -q m.gguf s.gguf --type COPY --split-max-tensors 20
ask inspect s-00002-of-00002.gguf --metadata=general.t
ask inspect s-00002-of-00002.gguf --tensors=token
ask inspect s-00001-of-00002.gguf --tensors=output_
# Names that harm a line are left out.
mkmodel odd.gguf "$(printf 'two\nlines'):f32:32x1" "$(printf 'esc\033[31m'):f32:32x1" 'good:f32:32x1'
ask inspect odd.gguf --tensors=
# Nothing to say, and nothing said.
head -c 3000 m.gguf > cut.gguf
ask inspect cut.gguf --metadata=general.a
mkfifo pipe
for f in nothing.gguf . pipe /dev/zero cut.gguf "$FIX"/bad/*.gguf; do
    timeout "$SOON" bash -c 'ggtool complete -- inspect "$1" --tensors= && ggtool complete -- inspect "$1" --metadata=' \
        - "$f" > out 2> err || echo "$f: status $?"
    [ ! -s err ] || { echo "$f:"; cat err; }
done
ask | grep -x inspect
ask '' | grep -x inspect
ask nonsense ''
ask inspect m.gguf --nonsense=
ask requant m.gguf -o ''

# Under 50 ms with 151,936 tokens, 300,000 merges and 1,002 tensors, in one file and in five: processor
# time, the best of ten runs, since the machine may be busy; sanitizers and emulators are slower.
mkskeleton names big.gguf --sparse
ggtool split big.gguf big --shards 5 -q
TIMEFORMAT='%3U %3S'
quick() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        { time ggtool complete -- "$@" > out; } 2>> times
    done
    cat out
    [ -n "${GG_TEST_LOOSE:-}" ] || awk '{ t = $1 + $2; if (NR == 1 || t < best) best = t }
        END { if (best >= 0.05) print best " s" }' times
    rm times
}
quick inspect big.gguf --tensors=blk.110.ffn_down
quick edit big.gguf --unset tokenizer.ggml.m
quick inspect big-00003-of-00005.gguf --tensors=blk.110.ffn_down
quick edit big-00003-of-00005.gguf --unset tokenizer.ggml.m
# A header that goes on for gigabytes is not read to its end, one of millions of names not at all.
printf 'GGUF\3\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0a\11\0\0\0\0\0\0\0\0\0\0\100\0\0\0\0' > long.gguf
printf 'GGUF\3\0\0\0\377\377\377\0\0\0\0\0\0\0\0\0\0\0\0\0' > tensors.gguf
printf 'GGUF\3\0\0\0\0\0\0\0\0\0\0\0\377\377\377\0\0\0\0\0' > keys.gguf
truncate -s 8G long.gguf tensors.gguf keys.gguf
for f in long tensors keys; do
    quick inspect $f.gguf --tensors=
    quick inspect $f.gguf --metadata=
done
# Somebody else's.
chmod 0 m.gguf
if [ "$(id -u)" != 0 ]; then
    quick inspect m.gguf --tensors=
fi
