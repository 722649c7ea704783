# merge(split(x)) is x, for every alignment and every way to cut; each shard lies as its keys say.
. "$ROOT/tests/cli/lib-split.sh"
for a in 1 8 16 32 64 4096; do
    small_model x.gguf $a
    for o in '--max-size 12K' '--max-size 1' '--max-tensors 1' '--max-tensors 3' '--shards 2' '--shards 7' \
        '--shards 1' '--shards 3 --no-tensor-first' '--max-size 9000 --at-layers' \
        '--max-tensors 2 --no-tensor-first --at-layers' '--max-size 40K --max-tensors 2' ''; do
        # shellcheck disable=SC2086
        ggtool split x.gguf d/x $o -q
        ggtool merge d -o back.gguf -q || echo "$a $o"
        same x.gguf back.gguf
        first=$(ls d/x-00001-of-*)
        ggtool inspect --json "$first" | jq -e ".alignment // $a == $a" > /dev/null || echo "alignment of $first"
        rm -r d back.gguf
    done
done 2>&1 | grep -v 'over the limit' || true
# the trained model, whose keys and vocabulary fill the first shard
for o in '--max-size 2M' '--max-size 2MiB --at-layers' '--shards 5 --no-tensor-first' ''; do
    # shellcheck disable=SC2086
    ggtool split "$TINY" t $o -q
    ggtool merge "$(ls t-* | tail -1)" -o back.gguf -q
    same "$TINY" back.gguf
    rm t-* back.gguf
done
# stale split keys go, nothing else changes; older versions and big-endian files come out as v3
ggtool requant "$TINY" stale.gguf --type COPY -q --override-kv split.count=u16:1 --override-kv split.no=u16:0
ggtool split stale.gguf s --shards 2 -q && ggtool merge s-00001-of-00002.gguf -o back.gguf -q
same "$TINY" back.gguf
ggtool convert "$TINY" be.gguf --type COPY -q --endian big 2> /dev/null || cp "$TINY" be.gguf
ggtool split be.gguf b --shards 3 -q && ggtool merge b-00003-of-00003.gguf -o back2.gguf -q
same "$TINY" back2.gguf
split_keys b-00002-of-00003.gguf
# one shard is a set, too
ggtool split x.gguf one --shards 1 -q && split_keys one-00001-of-00001.gguf
ggtool merge one-00001-of-00001.gguf -o back3.gguf -q && same x.gguf back3.gguf
# the other order of bytes, a pipe, checksums
ggtool merge s-00002-of-00002.gguf -o - -q | cmp - "$TINY"
ggtool split x.gguf sums --shards 2 --sha256 -q && sha256sum --quiet -c sums.sha256
ggtool merge sums-00001-of-00002.gguf -o sum.gguf --sha256 -q && sha256sum --quiet -c sum.gguf.sha256
