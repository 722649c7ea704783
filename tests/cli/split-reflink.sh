# Where the file system shares blocks and the alignment is a block, split and merge copy no data, and do
# not ask for room either. On loop-mounted file systems, where the machine lets us make such.
. "$ROOT/tests/cli/lib-split.sh"
export PATH="$PATH:/usr/sbin:/sbin"
[ "$(id -u)" = 0 ] || { echo 'loop mounts need root' >&2; exit 77; }
here=$PWD mounted=
trap 'cd /; [ -z "$mounted" ] || umount "$here/mnt"' EXIT
mkmodel m.gguf 'blk.{0-7}.ffn_up.weight:f16:2048x2048:ramp' 'blk.{0-7}.attn_norm.weight:f32:2048' \
    --kv general.alignment=u32:4096
used() { sync -f .; df --output=used -k . | tail -1; }
kinds=0
for fs in xfs btrfs; do
    command -v mkfs.$fs > /dev/null || continue
    truncate -s 320M $fs.img
    mkfs.$fs -q $fs.img > /dev/null 2>&1 || continue
    mkdir -p mnt
    mount -o loop $fs.img mnt 2> /dev/null || continue
    mounted=1 kinds=$((kinds + 1))
    cd mnt
    cp ../m.gguf . && sync -f . # then too little room is left for another copy
    head -c "$(($(df --output=avail -B1 . | tail -1) - 50000000))" /dev/zero > fill 2> /dev/null || true
    before=$(used)
    ggtool split m.gguf s --shards 3 -q || echo "$fs: split"
    ggtool merge s-00001-of-00003.gguf -o w.gguf -q || echo "$fs: merge"
    after=$(used)
    same m.gguf w.gguf
    [ $((after - before)) -lt 2000 ] || echo "$fs: $((after - before)) KiB more are used"
    ggtool merge s-00001-of-00003.gguf -o w.gguf --consume --force -q || echo "$fs: consume"
    same m.gguf w.gguf
    [ ! -e s-00001-of-00003.gguf ] || echo "$fs: the shards are there"
    cd ..
    umount mnt
    mounted=
done
[ $kinds -gt 0 ] || { echo 'no loop-mounted XFS or Btrfs here' >&2; exit 77; }
