# A --consume that was cut short: what is there says so, other commands keep off, the same one goes on.
. "$ROOT/tests/cli/lib-split.sh"
timeout --preserve-status 1 true 2> /dev/null || { echo 'no timeout(1)' >&2; exit 77; }
mkmodel big.gguf 'blk.{0-9}.ffn_up.weight:f16:1024x1024:ramp'
sum=$(sum big.gguf)
whole=$(stat -c %s big.gguf)
begin() { # signal: until it was caught with part of the way gone
    local rc try left
    for try in 0.05 0.1 0.2 0.3 0.02 0.4 0.01 0.6 0.8 1.2; do
        rc=0
        timeout --foreground --preserve-status -s "$1" $try ggtool split big.gguf big --shards 3 --consume --window 64K > /dev/null || rc=$?
        left=$(stat -c %s big.gguf 2> /dev/null || echo 0)
        [ "$left" -ge "$whole" ] || [ "$left" -lt 2000000 ] || { echo "$1: exit $rc"; return 0; }
        [ "$rc" = 0 ] || [ "$left" -ge "$whole" ] || ggtool split big.gguf big --shards 3 --consume -q
        [ -e big.gguf ] || ggtool merge big-00001-of-00003.gguf -o big.gguf --consume -q
    done
    exit 77
}
for sig in INT TERM KILL; do
    begin $sig 2> err
    [ $sig = KILL ] || grep -c 'nothing is lost' err
    rc=0; ggtool inspect big.gguf > /dev/null 2> err || rc=$?
    echo "inspect: exit $rc"
    ls big-*.gguf 2> /dev/null || true
    # not by another command, nor with other options, nor without --consume
    fails 2 ggtool split big.gguf big --shards 3 2>&1 | grep -c 'cut short'
    fails 2 ggtool split big.gguf big --shards 3 --consume -n 2>&1 | grep -c 'cut short'
    fails 2 ggtool split big.gguf big --shards 2 --consume 2>&1 | grep -c 'other options'
    # with another window, and from another folder
    (mkdir -p elsewhere && cd elsewhere && ggtool split ../big.gguf ../big --shards 3 --consume -q)
    only_here big-00001-of-00003.gguf big-00002-of-00003.gguf big-00003-of-00003.gguf elsewhere err
    ggtool merge big-00002-of-00003.gguf -o big.gguf --consume -q
    [ "$(sum big.gguf)" = "$sum" ] || echo 'other bytes'
done
# what was moved must still be there
begin KILL 2> err
mv big-00002-of-00003.gguf.ggtool-part away
fails 3 ggtool split big.gguf big --shards 3 --consume 2>&1 | grep -c 'is missing'
mv away big-00002-of-00003.gguf.ggtool-part
cp big.gguf copy && truncate -s 1M big.gguf
fails 3 ggtool split big.gguf big --shards 3 --consume 2>&1 | grep -c 'the journal left it'
cp big.gguf other && mv other big.gguf
fails 2 ggtool split big.gguf big --shards 3 --consume 2>&1 | grep -c 'is not the file'
