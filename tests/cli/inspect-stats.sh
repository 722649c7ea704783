# Statistics: known values, NaN and infinities found, the same for any number of threads.
. "$ROOT/tests/cli/lib-gguf.sh"
{
    head_of 2 0
    tensor_f32 ramp 8 0
    tensor_f32 spike 64 32
} > s.gguf
pad_file s.gguf
# 0 1 2 3 -1 -2 -3 0.5; then 63 zeros and 1.0
for v in 00000000 3f800000 40000000 40400000 bf800000 c0000000 c0400000 3f000000; do
    u32 $((16#$v))
done >> s.gguf
{ zeros 252; u32 $((16#3f800000)); } >> s.gguf
ggtool inspect --stats s.gguf
LC_ALL=C ggtool inspect --stats=spike s.gguf
ggtool inspect --stats --json s.gguf | sed -n '/stats/,$p'
ggtool inspect --stats "$FIX/bad/d_nan_f32.gguf" "$FIX/bad/d_inf_scale_q8_0.gguf"
m=$FIX/models/tiny-bf16.gguf
for o in -j1 -j2 -j7 --cpu=c; do ggtool $o inspect --stats --json "$m" > out$o; done
cmp out-j1 out-j2 && cmp out-j1 out-j7 && cmp out-j1 out--cpu=c
ggtool inspect --stats='blk.0.*' "$m"
rc=0; ggtool inspect --stats - < "$m" || rc=$?; echo "-> $rc"
rc=0; ggtool inspect --stats='re:(' "$m" || rc=$?; echo "-> $rc"
