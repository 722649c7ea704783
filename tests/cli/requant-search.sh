# --search best: the same size, smaller errors, the same bytes whatever works on it.
. "$ROOT/tests/cli/lib-requant.sh"
size() { stat -c %s "$1"; }
levels() { for l in c sse2 avx2 avx512 neon; do ggtool --cpu=$l help > /dev/null 2>&1 && echo $l; done; }
# Mean of the errors that --stats-out gives, in parts per million.
nmse() { ggtool diff --json "$TINY" "$1" | jq '[.tensors[] | .nmse // 0] | add * 1e6 | floor'; }
ggtool requant "$TINY" plain.gguf --type Q4_0 --imatrix "$IM" -q
ggtool requant "$TINY" standard.gguf --type Q4_0 --imatrix "$IM" -q --search standard
same plain.gguf standard.gguf
for t in Q4_0 IQ4_XS Q4_K_S; do
    ggtool requant "$TINY" std.gguf --type $t -q --pure --force
    ggtool requant "$TINY" best.gguf --type $t -q --pure --search best --force
    [ "$(size std.gguf)" = "$(size best.gguf)" ] || echo "$t: another size"
    [ "$(nmse best.gguf)" -lt "$(nmse std.gguf)" ] || echo "$t: not better"
    for o in -j1 -j7 --max-memory=4MiB $(levels | sed 's/^/--cpu=/'); do
        ggtool requant "$TINY" again.gguf --type $t -q --pure --search best --force $o
        same best.gguf again.gguf
    done
done
# What is measured for a size is measured with it, and a cache keeps the two apart.
sized() { ggtool requant "$TINY" "$1" --target-size 2200000 --allow q3_K,q4_K,q5_K -q --force "${@:2}"; }
sized std.gguf --error-cache c --search standard
sized best.gguf --error-cache c --search best
sized again.gguf # a size asks for it
same best.gguf again.gguf
[ "$(nmse best.gguf)" -lt "$(nmse std.gguf)" ] || echo 'by size: not better'
fails 2 ggtool requant "$TINY" x.gguf --type Q4_0 --search worst
