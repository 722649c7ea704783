# Manifests: right, wrong, moved, incomplete, of shards; those of llama-gguf-hash have the same form.
check() { # WHAT ARGS...: the last lines and the status
    local rc=0 what=$1
    shift
    echo "== $what"
    ggtool hash "$@" > out 2> err || rc=$?
    sed 's/.*  -  /  -  /' out | sort | uniq -c
    sed 's/^/err: /; s/in [0-9.]* s, .*/in TIME/' err
    echo "-> $rc"
}
cp "$FIX/models/tiny-bf16.gguf" m.gguf
ggtool hash --all --uuid m.gguf > all.txt
check 'the strongest is taken' --check all.txt m.gguf
grep -c '^sha256.*Ok$' out
check 'what is named' --check=all.txt --xxh64 --uuid m.gguf
check 'a digest that is not there' -c all.txt --xxh3 m.gguf
grep uuid all.txt > uuid.txt
check 'a uuid' -c uuid.txt m.gguf
ggtool hash --no-layer m.gguf > model.txt
check 'the model alone' -c model.txt m.gguf
grep : all.txt | grep xxh64 > tensors.txt
check 'the tensors alone' -c tensors.txt m.gguf
tail -n +3 tensors.txt > some.txt
check 'some of the tensors alone' -c some.txt m.gguf
{ cat tensors.txt; echo 'xxh64     0123456789abcdef  m.gguf:blk.77.attn_q.weight'; } > more.txt
check 'a tensor too many' -c more.txt m.gguf
sed 's/^xxh64     ..../xxh64     0000/' tensors.txt > wrong.txt
check 'all wrong' -c wrong.txt m.gguf
# one byte of data
cp m.gguf n.gguf
printf '\1' | dd of=n.gguf bs=1 seek=$(($(stat -c %s n.gguf) - 1000)) conv=notrunc status=none
check 'one byte of the data' -c all.txt n.gguf
grep Mismatch out
# elsewhere, under another name, in shards
mkdir dir && cp m.gguf dir/m.gguf && cp m.gguf dir/other.gguf
check 'elsewhere' -c all.txt dir/m.gguf
check 'another name' -c all.txt -v dir/other.gguf
ggtool requant -q m.gguf s.gguf --type COPY --split-max-tensors 9
check 'split' -c all.txt s-00003-of-00005.gguf
ggtool hash --no-layer s-00002-of-00005.gguf | sed 's/ [^ ]*$//' > s.txt
cmp s.txt <(ggtool hash --no-layer m.gguf | sed 's/ [^ ]*$//')
{ cat all.txt; sed 's/m.gguf/zzz.gguf/' all.txt; } > two.txt
check 'one of two models' -c two.txt dir/m.gguf
check 'neither of two models' -c two.txt dir/other.gguf
# manifests that are none
: > empty.txt
check 'an empty manifest' -c empty.txt m.gguf
check 'no manifest' -c "$FIX/models/tiny-bf16.gguf" m.gguf
check 'a missing manifest' -c nothing.txt m.gguf
sha256sum m.gguf > sums.txt
check 'sums of files' -c sums.txt m.gguf
