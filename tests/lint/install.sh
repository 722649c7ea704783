#!/usr/bin/env bash
# install.sh: make install and uninstall; what is installed is enough to build a program with, and the
# format library needs libc alone. Ends with "install: N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0
try() { # name, command...
    local name=$1
    shift
    if "$@" > "$dir/log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $name"
        tail -20 "$dir/log"
    fi
}
make() { command "${MAKE:-make}" --no-print-directory "$@"; }

# ---- what is there ---------------------------------------------------------------------------------

dest="$dir/a folder" to="$dir/a folder/usr"
missing_files() {
    local f bad=0
    for f in bin/ggtool include/ggtool/{gguf,err,finding}.h lib/libggtool.{a,so} lib/pkgconfig/ggtool.pc \
        share/man/man1/ggtool{,-inspect,-requant}.1 share/man/man5/gguf.5 \
        share/man/man7/ggtool-{types,recipes}.7 share/bash-completion/completions/ggtool \
        share/zsh/site-functions/_ggtool share/fish/vendor_completions.d/ggtool.fish; do
        [ -s "$to/$f" ] || { echo "no $f"; bad=1; }
    done
    return $bad
}
link_works() { [ "$("$to/bin/gg-inspect" --json fixtures/ok/ok_min.gguf)" = \
    "$("$to/bin/ggtool" inspect --json fixtures/ok/ok_min.gguf)" ]; }

# ---- the libraries ---------------------------------------------------------------------------------

cat > "$dir/use.c" << 'EOF'
#include <ggtool/gguf.h>
#include <stdio.h>

const char *gguf_type_name(int type); /* of the library beside it */

int main(int argc, char **argv)
{
    struct ggf_set *set;
    struct gg_err err;
    if (argc != 2 || ggf_set_open(&set, argv[1], GGF_STRICT, &err) != GG_OK)
        return 1;
    printf("%zu tensors, %s\n", ggf_file_n_tensors(ggf_set_file(set, 0)), gguf_type_name(0));
    ggf_set_free(set);
    return 0;
}
EOF
# What ggml's library is called and exports.
cat > "$dir/ggml.c" << 'EOF'
const char *gguf_type_name(int type);
const char *gguf_type_name(int type) { return type == 0 ? "of ggml" : 0; }
EOF
# shellcheck disable=SC2086
cc() { command ${CC:-cc} -std=c11 -Wall -Werror "$@"; }
pc() { PKG_CONFIG_PATH="$to/lib/pkgconfig" pkg-config --define-variable=prefix="$dir/link" "$@" ggtool; }
build_shared() {
    # shellcheck disable=SC2046
    cc -o "$dir/shared" "$dir/use.c" "$dir/ggml.o" $(pc --cflags --libs)
}
build_static() { cc -I"$dir/link/include" -o "$dir/static" "$dir/use.c" "$dir/ggml.o" "$to/lib/libggtool.a"; }
says() { # program
    [ "$(LD_LIBRARY_PATH="$to/lib" "$1" fixtures/models/tiny-bf16.gguf)" = '39 tensors, of ggml' ]
}
only_libc() {
    [ "$(objdump -p "$to/lib/libggtool.so" | awk '/NEEDED/ { print $2 }')" = libc.so.6 ] &&
        objdump -p "$to/lib/libggtool.so" | grep -q 'SONAME *libggtool.so.[0-9]*$'
}
# All that the headers declare, and nothing else.
exports() {
    nm -D --defined-only "$to/lib/libggtool.so" | awk '{ print $3 }' | sort > "$dir/exported"
    cat "$to"/include/ggtool/*.h | sed 's|/\*.*||' | grep -oE '\b(ggf|gg)_[a-z0-9_]+\(' | tr -d '(' |
        sort -u > "$dir/declared"
    nm "$to/lib/libggtool.a" | awk '$2 == "T" { print $3 }' | sort > "$dir/defined"
    diff <(comm -12 "$dir/declared" "$dir/defined") "$dir/exported"
}

# Names of folders may hold anything.
odd_prefix() {
    local at="$dir/b" prefix='/my & tools'
    make install DESTDIR="$at" PREFIX="$prefix" || return 1
    eval "cc -o '$dir/odd' '$dir/use.c' '$dir/ggml.o' $(PKG_CONFIG_SYSROOT_DIR="$at" \
        PKG_CONFIG_PATH="$at$prefix/lib/pkgconfig" pkg-config --cflags --libs ggtool)" &&
        make uninstall DESTDIR="$at" PREFIX="$prefix" && [ -z "$(find "$at" ! -type d)" ]
}

# ---- where it cannot be ----------------------------------------------------------------------------

refused() { # what is said, make's variables...
    local what=$1
    shift
    if make install "$@" > "$dir/said" 2>&1; then echo "was done"; return 1; fi
    cat "$dir/said"
    grep -q "$what" "$dir/said"
}
libraries_missing() {
    if PKG_CONFIG_LIBDIR=/nowhere PKG_CONFIG_PATH='' make BUILD="$dir/build" BIN="$dir/build/ggtool" \
        "$dir/build/ggtool" > "$dir/said" 2>&1; then return 1; fi
    cat "$dir/said"
    grep -q '^jansson is missing: it is in libjansson-dev (Debian' "$dir/said" &&
        grep -q '^zlib is missing: it is in zlib1g-dev' "$dir/said" && ! grep -q ' CC ' "$dir/said"
}
# Each one alone is named alone, be it pkg-config or a header that is not there.
each_missing() {
    local all='jansson libpcre2-8 nettle libxxhash libarchive zlib check' pc="$dir/pc" l d
    mkdir "$pc"
    for d in $(pkg-config --variable pc_path pkg-config | tr : ' '); do
        for l in "$d"/*.pc; do [ ! -e "$l" ] || ln -sf "$l" "$pc"; done
    done
    for l in $all; do
        mv "$pc/$l.pc" "$dir/hidden"
        # shellcheck disable=SC2086
        if PKG_CONFIG_PATH='' PKG_CONFIG_LIBDIR="$pc" packaging/need.sh $all 2> "$dir/said"; then echo "$l: fine"; return 1; fi
        mv "$dir/hidden" "$pc/$l.pc"
        [ "$(sed -n 's/ is missing: it is in .*(Debian.*//p' "$dir/said")" = "$l" ] || { cat "$dir/said"; return 1; }
    done
    # shellcheck disable=SC2086
    if CC='cc -nostdinc' packaging/need.sh $all 2> "$dir/said"; then return 1; fi
    [ "$(grep -c 'is missing: it is in' "$dir/said")" = 7 ]
}

try 'make install' make install DESTDIR="$dest" PREFIX=/usr
ln -s "$to" "$dir/link"
try 'all files are there' missing_files
try 'the installed ggtool' "$to/bin/ggtool" --version
try 'a second time' make install DESTDIR="$dest" PREFIX=/usr LINKS=1
try 'links are commands' link_works
if [ "$(uname)" = Linux ]; then
    cc -c -o "$dir/ggml.o" "$dir/ggml.c"
    try 'a program with the shared library' build_shared
    try 'that program' says "$dir/shared"
    try 'a program with the static library' build_static
    try 'that program too' says "$dir/static"
    try 'a prefix with a blank and a sign' odd_prefix
    try 'the library needs libc alone' only_libc
    try 'the library exports what its headers declare' exports
else
    echo 'skip what the libraries export: not on this system'
fi
try 'make uninstall' make uninstall DESTDIR="$dest" PREFIX=/usr
try 'nothing is left' bash -c '[ -z "$(find "$0" ! -type d -o -name ggtool)" ]' "$dest"
try 'a place that cannot be' refused 'is no folder' PREFIX=/dev/null/usr
try 'a place that depends on the folder' refused 'must begin with /' PREFIX=relative DESTDIR="$dir"
[ ! -d /proc/self ] || try 'a place that cannot be written' refused 'cannot be written\|not permitted\|Read-only' PREFIX=/sys/usr
try 'a missing library is named, with its package' libraries_missing
try 'each alone' each_missing
echo "install: $passed passed, $failed failed"
[ "$failed" = 0 ]
