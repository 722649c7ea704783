#!/usr/bin/env bash
# debian.sh: the Debian packages are built, twice and in two folders with the same bytes; lintian has
# nothing to say; they are installed, used and removed in a clean root. Ends with "packages: N passed,
# N failed".
work=build/packages/debian
. "$(dirname "$0")/lib.sh"
mkdir -p "$work"
work=$root/$work
clean="$work/root"
need 'Debian packages' dpkg-buildpackage dh || { finish; exit; }

build() { # which
    rm -rf "${work:?}/$1"
    WORK="$work/$1/another-folder-$1" DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:-nocheck}" packaging/deb.sh "$work/$1"
}
same() {
    local deb bad=0
    for deb in "$work"/1/*.deb "$work"/1/*.tar.*; do cmp "$deb" "$work/2/${deb##*/}" || bad=1; done
    return $bad
}
lint() {
    local as=
    [ "$(id -u)" != 0 ] || as=--allow-root
    nothing lintian $as --info --display-info --pedantic --fail-on none "$work/1/ggtool_${version}_$(dpkg --print-architecture).changes"
}

# ---- in a clean root -------------------------------------------------------------------------------

bare() {
    rm -rf "$clean"
    [ -e "$work/bare.tar" ] || {
        debootstrap --variant=minbase "${SUITE:-bookworm}" "$clean" "$(packaging/mirror.sh "${SUITE:-bookworm}")" &&
            tar -C "$clean" -cf "$work/bare.tar" . && rm -rf "$clean"
    } || return 1
    mkdir "$clean" && tar -C "$clean" -xf "$work/bare.tar"
}
inside() { chroot "$clean" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 HOME=/root DEBIAN_FRONTEND=noninteractive "$@"; }
everything() { (cd "$clean" && find . -xdev \( -path ./var/lib/apt -o -path ./var/cache -o -path ./proc \) -prune -o -print | sort); }
install_it() {
    cp "$work"/1/{ggtool,libggtool0,libggtool-dev}_"${version}"_*.deb "$clean/mnt" &&
        cp fixtures/models/tiny-bf16.gguf "$clean/mnt/m.gguf" &&
        inside apt-get -qq update || return 1
    # What they depend on stays when they go.
    inside apt-get -qq install --no-install-recommends -y libarchive13 libjansson4 libnettle8 libpcre2-8-0 \
        libxxhash0 zlib1g libc6-dev || return 1
    everything > "$work/before"
    inside sh -c 'apt-get -qq install --no-install-recommends -y /mnt/*.deb'
}
use_it() {
    inside ggtool requant -q /mnt/m.gguf /mnt/q.gguf --type Q4_K_M --sha256 &&
        inside ggtool verify /mnt/q.gguf --deep &&
        inside ggtool diff /mnt/m.gguf /mnt/q.gguf | grep -q Q4_K &&
        inside ggtool complete -- requant /mnt/m.gguf --type q4_k_ | grep -q Q4_K_M &&
        cmp "$clean/mnt/q.gguf" <(./ggtool requant -q fixtures/models/tiny-bf16.gguf - --type Q4_K_M)
}
use_library() { # built outside, run inside
    local lib
    lib=$(echo "$clean"/usr/lib/*/libggtool.so)
    cc -std=c11 -I"$clean/usr/include" -o "$clean/mnt/example" docs/example.c -L"${lib%/*}" -lggtool &&
        inside /mnt/example /mnt/m.gguf | grep -q '^token_embd.weight: type 30'
}
remove_it() {
    inside apt-get -qq purge -y ggtool libggtool0 libggtool-dev && inside rm -rf /mnt/example /mnt/q.gguf /mnt/q.gguf.sha256 || return 1
    everything > "$work/after"
    diff "$work/before" "$work/after"
}

try 'built' build 1
try 'built again, in another folder' build 2
try 'the same bytes' same
if need lintian lintian; then try 'lintian says nothing' lint; fi
if [ "$(id -u)" != 0 ]; then
    skip 'a clean root' 'only root can make one'
elif need 'a clean root' debootstrap chroot; then
    try 'a clean root' bare
    try 'installed' install_it
    try 'used' use_it
    try 'a program of its library' use_library
    try 'removed, and nothing is left' remove_it
    rm -rf "$clean"
fi
finish
