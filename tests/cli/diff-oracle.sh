# The numbers are those of the plainest loops (tests/tools/difforacle.c) to 1e-9, for types of every
# kind on either side, with and without weights; and the same text for any number of threads.
. "$ROOT/tests/cli/lib-diff.sh"
ggtool requant "$TINY" --type Q4_K_M,Q8_0,IQ3_S,Q5_1,F32,F16,TQ1_0 -o 'm-{type}.gguf' -q
check() { # A B
    ggtool diff "$1" "$2" --imatrix "$IM" --json -j2 > got.json || true
    difforacle "$1" "$2" "$IM" > want.jsonl
    jq -rs --slurpfile want <(jq -s . want.jsonl) '
        def near($a; $b): $a == $b or
            (($a - $b) | fabs) <= 1e-9 * ([($a | fabs), ($b | fabs)] | max);
        .[0].tensors as $got | $want[0] as $want |
        if ($got | length) != ($want | length) then "not as many tensors" else empty end,
        (range($got | length) as $i | $got[$i] as $g | $want[$i] as $w |
         ("rmse", "nmse", "max_abs", "cosine", "row_error", "exact") as $k |
         select(near($g[$k]; $w[$k]) | not) | "\($g.name): \($k) \($g[$k]), not \($w[$k])"),
        # sums of both signs cancel: what is left is judged by the size of what was added
        (range($got | length) as $i | $got[$i] as $g | $want[$i] as $w |
         select((($g.bias - $w.bias) | fabs) > 1e-9 * $w.rmse) | "\($g.name): bias"),
        (range($got | length) as $i | $got[$i] as $g | $want[$i] as $w |
         select(($g.weighted_nmse == null) != ($w.weighted == null) or
                ($w.weighted != null and (near($g.weighted_nmse; $w.weighted) | not))) |
         "\($g.name): weighted \($g.weighted_nmse), not \($w.weighted)"),
        (range($got | length) as $i | $got[$i] as $g | $want[$i] as $w |
         select($g.same_bytes | not) |
         select([$g.max_row, $g.max_col] != [$w.max_row, $w.max_col]) | "\($g.name): place")' \
        got.json > wrong.txt
    echo "$1 $2: $(jq '.tensors | length' got.json) tensors, $(wc -l < wrong.txt) wrong"
    head -3 wrong.txt
}
check "$TINY" m-Q4_K_M.gguf
check m-F32.gguf m-Q8_0.gguf
check m-Q4_K_M.gguf m-IQ3_S.gguf
check m-Q5_1.gguf m-TQ1_0.gguf
check m-F16.gguf "$TINY"
# short rows, rows longer than a tile, stacked matrices, odd values everywhere
mkmodel a.gguf s:f32:3x5000 l:f32:70000x3 m:f32:64x9x3 v:f32:17 z:f32:32x4:zero
mkmodel b.gguf s:f16:3x5000 l:bf16:70000x3 m:f16:64x9x3 v:f32:17:ramp z:f32:32x4:const=1
difforacle a.gguf b.gguf > o.jsonl
ggtool diff a.gguf b.gguf --json > got.json || true
jq -rn --slurpfile g got.json --slurpfile o o.jsonl '
    def near($a; $b): $a == $b or (($a - $b) | fabs) <= 1e-9 * ([($a | fabs), ($b | fabs)] | max);
    range(5) as $i | $g[0].tensors[$i] as $g | $o[$i] as $o |
    "\($g.name) \(["rmse", "max_abs", "cosine", "exact"] | all(. as $k | near($g[$k]; $o[$k])))
     \($g.nmse == $o.nmse or near($g.nmse; $o.nmse)) \($g.row_error == $o.row_error or near($g.row_error; $o.row_error))"'
# the same text
ggtool diff "$TINY" m-Q4_K_M.gguf --imatrix "$IM" --json -j1 --cpu=c > one.json || true
for o in -j2 -j7 --max-memory=4MiB; do
    ggtool diff "$TINY" m-Q4_K_M.gguf --imatrix "$IM" --json $o > other.json || true
    same one.json other.json
done
