# Where outputs cannot go, and inputs cannot be read: status 4 (or 2), cause and path in one line.
. "$ROOT/tests/cli/lib-split.sh"
small_model x.gguf 32
ggtool split x.gguf s --shards 2 -q
fails 4 ggtool merge s-00001-of-00002.gguf -o missing/out.gguf
fails 4 ggtool merge s-00001-of-00002.gguf -o /dev/full
fails 4 ggtool merge s-00001-of-00002.gguf -o - > /dev/full
fails 2 ggtool merge s-00001-of-00002.gguf -o .
fails 2 ggtool merge s-00001-of-00002.gguf -o s-00001-of-00002.gguf/
fails 2 ggtool merge s-00001-of-00002.gguf -o - --json
fails 2 ggtool merge s-00001-of-00002.gguf -o - --consume
fails 2 ggtool merge s-00001-of-00002.gguf
fails 3 ggtool split - p --shards 2 < x.gguf
mkfifo fifo
cat x.gguf > fifo & fails 3 ggtool split fifo p --shards 2 2>&1 | grep -c 'pipe'
wait
fails 3 ggtool split . p 2>&1 | grep -o 'is a directory.*'
fails 3 ggtool split /dev/null p 2>&1 | grep -o 'character device.*'
touch plain
fails 4 ggtool split x.gguf plain/sub/p --shards 2
only_here fifo plain s-00001-of-00002.gguf s-00002-of-00002.gguf x.gguf
# a reader that goes away
rc=0; ggtool merge s-00001-of-00002.gguf -o - 2> err | true || rc=$?
# a folder that may not be written, for whom that matters
if [ "$(id -u)" = 0 ]; then
    command -v setpriv > /dev/null || exit 0
    as() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
else
    as() { "$@"; }
fi
chmod 755 .. . 2> /dev/null || true
as true 2> /dev/null && as test -r x.gguf || exit 0
mkdir ro && cp x.gguf ro/ && chmod 555 ro && chmod 444 ro/x.gguf
[ "$(id -u)" != 0 ] || chown -R 65534 ro
fails 4 as ggtool split x.gguf ro/p --shards 2
fails 4 as ggtool split x.gguf ro/new/p --shards 2
fails 4 as ggtool merge s-00001-of-00002.gguf -o ro/out.gguf
fails 4 as ggtool split ro/x.gguf ro/p --shards 2 --consume
ls -A ro
