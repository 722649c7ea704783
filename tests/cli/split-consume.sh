# --consume: the input goes as the output comes, is refused where it would hurt others, and goes on.
. "$ROOT/tests/cli/lib-split.sh"
cp "$TINY" m.gguf
ggtool split m.gguf m --max-size 2M --consume --window 64K -q
ls
ggtool merge 'm-*.gguf' -o m.gguf --consume --window 300K -q
only_here m.gguf
same "$TINY" m.gguf
# in one window, and with every way to cut
for o in '--shards 3 --no-tensor-first' '--max-tensors 1' '--max-size 2M --at-layers'; do
    # shellcheck disable=SC2086
    ggtool split m.gguf m $o --consume -q
    ggtool merge . -o m.gguf --consume -q
    same "$TINY" m.gguf
done
only_here m.gguf
for a in 1 8 4096; do
    small_model x.gguf $a && cp x.gguf y.gguf
    ggtool split y.gguf y --shards 3 --consume --window 4096 -q && ggtool merge y-00001-of-00003.gguf -o y.gguf --consume --window 8K -q
    same x.gguf y.gguf
done
rm x.gguf y.gguf
# data that lie in another order than their table, with gaps
cp "$FIX/ok/ok_align64.gguf" o.gguf
ggtool split o.gguf o --max-tensors 1 --consume -q && ggtool merge . -o o.gguf --consume -q 2> /dev/null || ggtool merge 'o-*' -o o.gguf --consume -q
same "$FIX/ok/ok_align64.gguf" o.gguf
rm o.gguf
# set anew in other shards
ggtool split m.gguf a --shards 2 --consume -q
ggtool split a-00001-of-00002.gguf b --shards 3 --reshard --consume -q
ls
ggtool merge . -o m.gguf --consume -q && same "$TINY" m.gguf
# refused, with everything as it was
ln m.gguf hard.gguf
fails 2 ggtool split m.gguf s --shards 2 --consume
rm hard.gguf
ln -s m.gguf soft.gguf
fails 2 ggtool split soft.gguf s --shards 2 --consume
touch s-00002-of-00002.gguf
fails 2 ggtool split m.gguf s --shards 2 --consume
rm soft.gguf s-00002-of-00002.gguf
touch s-00001-of-00002.gguf.ggtool-part
fails 2 ggtool split m.gguf s --shards 2 --consume
rm s-00001-of-00002.gguf.ggtool-part
fails 2 ggtool split m.gguf s --shards 2 --consume --sha256
fails 2 ggtool split m.gguf s --shards 2 --consume --window 100
only_here m.gguf
same "$TINY" m.gguf
# one that is there is replaced when told to
echo precious > s-00001-of-00002.gguf
cp m.gguf n.gguf
ggtool split n.gguf s --shards 2 --consume --force -q
ggtool merge s-00002-of-00002.gguf -o s.gguf -q && same "$TINY" s.gguf
# bytes that would have to be changed or unpacked are not moved
ggtool convert m.gguf be.gguf --type COPY --endian big -q
fails 3 ggtool split be.gguf s --shards 2 --consume --force 2> err
grep -c 'moves bytes as they are' err
tar cf a.tar m.gguf
fails 3 ggtool split a.tar s --shards 2 --consume --force 2> err
grep -c 'moves bytes as they are' err
[ ! -e s-00001-of-00002.gguf.ggtool-part ] || echo 'a part is left'
