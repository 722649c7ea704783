# An interrupt, and a kill, leave the target as it was; an interrupt also no temporary behind.
. "$ROOT/tests/cli/lib-requant.sh"
timeout --preserve-status 1 true 2> /dev/null || { echo 'no timeout(1)' >&2; exit 77; }
mkmodel slow.gguf --holes 'blk.{0-7}.ffn_up.weight:f16:16384x16384'
echo precious > there.gguf
for sig in INT TERM HUP; do
    for out in new.gguf there.gguf; do
        rc=0
        timeout --preserve-status -s $sig 0.3 \
            ggtool requant slow.gguf $out --type Q2_K -j1 --force -q --sha256 2> /dev/null || rc=$?
        echo "$sig $out: exit $rc"
        only_here slow.gguf there.gguf
    done
done
for out in new.gguf there.gguf; do
    rc=0
    timeout --foreground --preserve-status -s KILL 0.3 ggtool requant slow.gguf $out --type Q2_K -j1 --force -q || rc=$?
    echo "KILL $out: exit $rc"
done 2> /dev/null
[ ! -e new.gguf ] || echo 'new.gguf is there'
head -c 20 there.gguf
rm -f .there* .new*
# timeout(1) signals the process and its group: the second comes while the first is handled
for _ in $(seq 40); do
    timeout -s INT 0.02 ggtool requant slow.gguf there.gguf --type Q2_K -j1 --force -q 2> /dev/null || true
done
only_here slow.gguf there.gguf
