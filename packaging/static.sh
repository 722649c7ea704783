#!/usr/bin/env bash
# static.sh [FOLDER | --golden]: a program that needs nothing at all, as a tarball with checksums in FOLDER (dist).
# Linked against musl; the libraries are built for it from Debian's sources, with Debian's corrections,
# in build/static. `static.sh --golden` builds the tests of golden bytes with them, and runs these. Needs
# a Debian mirror.
set -eu
cd "$(dirname "$0")/.."
dist=${1:-dist} root=$PWD/build/static jobs=-j$(nproc)
MAKE=${MAKE:-make} SUITE=${SUITE:-bookworm}
export LC_ALL=C TZ=UTC CC=musl-gcc
for tool in musl-gcc dpkg-source autoreconf libtoolize apt-get; do
    command -v $tool > /dev/null && continue
    echo "static: $tool is missing (Debian: musl-tools dpkg-dev autoconf automake libtool)" >&2
    exit 77
done
# As it is called where a program is built: no folder of this machine may stand in it.
flags="-O2 -ffile-prefix-map=$root=. -idirafter $root/kernel"
into="$root/usr"

# ---- sources ---------------------------------------------------------------------------------------

# In a state of its own: what the system knows of packages stays as it is.
private_apt() {
    apt-get -qq -o APT::Sandbox::User=root -o Dir::Etc::SourceList="$root/apt/sources.list" \
        -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$root/apt/lists" \
        -o Dir::State::status="$root/apt/status" -o Dir::Cache="$root/apt" -o Debug::NoLocking=1 "$@"
}
sources() {
    [ ! -e "$root/src/done" ] || return 0
    rm -rf "$root"
    mkdir -p "$root/apt/lists/partial" "$root/apt/archives/partial" "$root/src"
    : > "$root/apt/status"
    local mirror
    mirror=$(packaging/mirror.sh "$SUITE")
    echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $SUITE main" \
        > "$root/apt/sources.list"
    private_apt update
    (cd "$root/src" && private_apt source --download-only zlib libzstd xz-utils bzip2 libarchive \
        jansson pcre2 nettle xxhash check)
    for dsc in "$root"/src/*.dsc; do
        local name=${dsc##*/}
        dpkg-source --no-check -x "$dsc" "$root/src/${name%%_*}" > /dev/null 2>> "$root/src/log"
    done
    rm -rf "$root/apt"
    touch "$root/src/done"
}
# Headers of Linux itself, which are no part of musl.
kernel_headers() {
    local of
    mkdir -p "$root/kernel"
    of=$(dirname "$(echo '#include <asm/types.h>' | gcc -E - | sed -n 's/^# 1 "\(.*\/asm\)\/types.h".*/\1/p' | head -1)")
    ln -sfn /usr/include/linux "$root/kernel/linux"
    ln -sfn /usr/include/asm-generic "$root/kernel/asm-generic"
    ln -sfn "$of/asm" "$root/kernel/asm"
}

# ---- libraries -------------------------------------------------------------------------------------

configured() { # package, options...
    local at=$root/src/$1
    shift
    [ -e "$at/configure" ] || (cd "$at" && autoreconf -fi)
    (cd "$at" && CFLAGS="$flags" CPPFLAGS="-I$into/include" LDFLAGS="-static -L$into/lib" \
        PKG_CONFIG_LIBDIR="$into/lib/pkgconfig" ./configure --prefix="$into" --libdir="$into/lib" "$@" &&
        "$MAKE" "$jobs" && "$MAKE" install)
}
plain() { # package, arguments of make...
    local at=$root/src/$1
    shift
    "$MAKE" "$jobs" -C "$at" "$@"
}
library() { # name, command...
    local name=$1
    shift
    [ ! -e "$root/done-$name" ] || return 0
    echo "static: building $name"
    "$@" > "$root/$name.log" 2>&1 || { tail -20 "$root/$name.log" >&2; exit 1; }
    touch "$root/done-$name"
}
bzip2() {
    plain bzip2 CC=$CC CFLAGS="$flags -D_FILE_OFFSET_BITS=64" libbz2.a
    install -m 644 "$root/src/bzip2/bzlib.h" "$into/include"
    install -m 644 "$root/src/bzip2/libbz2.a" "$into/lib"
}
zstd() {
    plain libzstd/lib CC=$CC CFLAGS="$flags" PREFIX="$into" ZSTD_LEGACY_SUPPORT=0 libzstd.a
    plain libzstd/lib PREFIX="$into" LIBDIR="$into/lib" install-static install-includes install-pc
}
xxhash() {
    plain xxhash CC=$CC CFLAGS="$flags" libxxhash.a
    install -m 644 "$root"/src/xxhash/{xxhash,xxh3}.h "$into/include"
    install -m 644 "$root/src/xxhash/libxxhash.a" "$into/lib"
}
libarchive() { # whose configure is of another libtool than its ltmain.sh
    rm -f "$root/src/libarchive/configure"
    configured libarchive --disable-shared --disable-acl --disable-xattr --without-xml2 --without-expat \
        --without-openssl --without-nettle --without-lz4 --disable-bsdtar --disable-bsdcat --disable-bsdcpio
}
libraries() {
    mkdir -p "$into/include" "$into/lib"
    library zlib configured zlib --static
    library zstd zstd
    library bzip2 bzip2
    library xxhash xxhash
    library xz configured xz-utils --disable-shared --disable-nls --disable-xz --disable-xzdec \
        --disable-lzmadec --disable-lzmainfo --disable-scripts --disable-doc
    library jansson configured jansson --disable-shared
    library pcre2 configured pcre2 --disable-shared --enable-jit --enable-unicode
    library nettle configured nettle --disable-shared --disable-public-key --disable-openssl \
        --disable-documentation --enable-fat
    library libarchive libarchive
}

# ---- the program -----------------------------------------------------------------------------------

build() {
    "$MAKE" --no-print-directory "$jobs" CC=$CC BUILD="$root/ggtool" BIN="$root/ggtool/ggtool" \
        CFLAGS="-O2 -idirafter $root/kernel" LDFLAGS='-static -s' LIB_CFLAGS="-I$into/include" \
        TEST_LIBS=-lcheck LIB_LIBS="-L$into/lib -ljansson -lpcre2-8 -lnettle -lxxhash -larchive -lzstd -llzma -lbz2 -lz" "$@"
}
licenses() { # of what is linked in
    local p
    mkdir -p "$1"
    for p in zlib libzstd xz-utils bzip2 libarchive jansson pcre2 nettle xxhash; do
        cp "$root/src/$p/debian/copyright" "$1/$p"
    done
    cp /usr/share/doc/musl/copyright "$1/musl" 2> /dev/null || cp /usr/share/doc/musl-dev/copyright "$1/musl"
}
tarball() {
    local version name date
    version=$(sed -n 's/^VERSION *:= *//p' Makefile)
    date=$(sed -n 's/^DATE *:= *//p' Makefile)
    name=ggtool-$version-linux-$(uname -m)
    rm -rf "${root:?}/$name"
    mkdir -p "$root/$name" "$dist"
    install -m 755 "$root/ggtool/ggtool" "$root/$name/ggtool"
    cp -R README.md LICENSE CHANGELOG.md man completions "$root/$name"
    licenses "$root/$name/licenses"
    chmod -R u=rwX,go=rX "$root/$name"
    tar -C "$root" --sort=name --mtime="$date 00:00:00 UTC" --owner=0 --group=0 --numeric-owner \
        -cf - "$name" | gzip -9n > "$dist/$name.tar.gz"
    (cd "$dist" && sha256sum "$name.tar.gz" > "$name.tar.gz.sha256" && cat "$name.tar.gz.sha256")
}

sources
kernel_headers
libraries
if [ "$dist" = --golden ]; then
    library check configured check --disable-shared --disable-subunit
    build "$root/ggtool/tests/golden/test_golden"
    "$root/ggtool/tests/golden/test_golden"
else
    build "$root/ggtool/ggtool"
    tarball
fi
