#!/usr/bin/env bash
# install.sh install|uninstall: what `make install` and `make uninstall` do. The Makefile says where to
# in BINDIR and so on, and what was built in BIN, STATIC, SHARED. LINKS=1 also makes gg-COMMAND links.
set -eu
cd "$(dirname "$0")/.."
: "${DESTDIR=}" "${LINKS=}"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

# One line a file: mode, from, to; for links: "link", what it holds, where.
line() { printf '%s\t%s\t%s\n' "$1" "$2" "$3"; }

links() { # all names of a command
    local c=$1
    line link ggtool "$BINDIR/gg-$c"
    line link "ggtool-$c.1" "$MANDIR/man1/gg-$c.1"
    line link ggtool "$BASHDIR/gg-$c"
    line link ggtool.fish "$FISHDIR/gg-$c.fish"
}

files() {
    local page
    line 755 "$BIN" "$BINDIR/ggtool"
    line 644 "$STATIC" "$LIBDIR/libggtool.a"
    line "$SHARED_MODE" "$SHARED" "$LIBDIR/${SHARED##*/}"
    for page in $SHARED_NAMES; do line link "${SHARED##*/}" "$LIBDIR/$page"; done
    line 644 "$made/ggtool.pc" "$LIBDIR/pkgconfig/ggtool.pc"
    for page in $HEADERS; do line 644 "$made/${page##*/}" "$INCLUDEDIR/ggtool/${page##*/}"; done
    line 644 completions/ggtool.bash "$BASHDIR/ggtool"
    line 644 completions/_ggtool "$ZSHDIR/_ggtool"
    line 644 completions/ggtool.fish "$FISHDIR/ggtool.fish"
    for page in man/*.[157]; do line 644 "$page" "$MANDIR/man${page##*.}/${page##*/}"; done
    [ -z "$LINKS" ] || for page in man/ggtool-*.1; do
        page=${page#man/ggtool-}
        links "${page%.1}"
    done
}

under_prefix() {
    case $1 in
    "$PREFIX"/*) printf '%s\n' "\${prefix}${1#"$PREFIX"}" ;;
    *) printf '%s\n' "$1" ;;
    esac
}

# Headers lie side by side there, so their includes lose the folders.
make_files() {
    local h
    for h in $HEADERS; do sed 's|#include "lib/base/|#include "|' "$h" > "$made/${h##*/}"; done
    cat > "$made/ggtool.pc" << EOF
prefix=$PREFIX
includedir=$(under_prefix "$INCLUDEDIR")
libdir=$(under_prefix "$LIBDIR")

Name: ggtool
Description: Read and write GGUF, the file format of GGML models
Version: $VERSION
Cflags: -I"\${includedir}"
Libs: -L"\${libdir}" -lggtool
EOF
}

# Where programs look for what was installed does not depend on where they are.
check_prefix() {
    case $PREFIX in
    '' | /*) ;;
    *) echo "install: PREFIX is '$PREFIX': it must begin with /" >&2; exit 1 ;;
    esac
}

# Every folder can be written, or is made under one that can: else nothing is begun.
check_folders() {
    local dir at
    files | cut -f 3 | sed 's|/[^/]*$||' | sort -u | while read -r dir; do
        at=$DESTDIR$dir
        while [ -n "$at" ] && [ ! -e "$at" ]; do
            case $at in */*) at=${at%/*} ;; *) at=. ;; esac
        done
        [ -n "$at" ] || at=/
        if [ ! -d "$at" ]; then
            echo "install: $DESTDIR$dir cannot be made: $at is no folder" >&2
        elif [ ! -w "$at" ] || [ ! -x "$at" ]; then
            echo "install: $DESTDIR$dir cannot be written: be root, or choose another PREFIX" \
                "(now $PREFIX) or DESTDIR" >&2
        else
            continue
        fi
        exit 1
    done
}

do_install() {
    local mode from to
    check_prefix
    make_files
    check_folders
    files | while IFS=$'\t' read -r mode from to; do
        mkdir -p "$DESTDIR${to%/*}"
        if [ "$mode" = link ]; then
            ln -sf "$from" "$DESTDIR$to"
        else
            install -m "$mode" "$from" "$DESTDIR$to"
        fi
    done
    # The loader finds a new library through its cache.
    if [ -z "$DESTDIR" ] && [ "$(id -u)" = 0 ] && command -v ldconfig > /dev/null; then
        ldconfig || true
    fi
    echo "installed in $DESTDIR$PREFIX"
}

do_uninstall() {
    local to
    LINKS=1
    files | cut -f 3 | while read -r to; do rm -f "$DESTDIR$to"; done
    rmdir "$DESTDIR$INCLUDEDIR/ggtool" 2> /dev/null || true
}

case ${1-} in
install) do_install ;;
uninstall) do_uninstall ;;
*) echo 'usage: install.sh install|uninstall' >&2; exit 2 ;;
esac
