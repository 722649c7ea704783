# The same bytes for any number of threads, any CPU level, any memory, by either way to name OUT.
. "$ROOT/tests/cli/lib-requant.sh"
for t in Q4_K_M Q8_0; do
    ggtool requant "$TINY" ref.gguf --type $t --imatrix "$IM" -q -j1 --cpu c --force
    for o in -j1 -j2 -j7 --cpu=c --cpu=sse2 --cpu=avx2 --cpu=avx512 --cpu=neon --max-memory=4MiB --no-stats; do
        rc=0
        ggtool requant "$TINY" -o out.gguf --type $t --imatrix "$IM" -q --force $o 2> err || rc=$?
        if [ $rc = 2 ] && grep -q 'cpu' err; then continue; fi # this machine lacks the level
        [ $rc = 0 ] || { echo "$t $o: exit $rc"; cat err; }
        same ref.gguf out.gguf
    done
done
