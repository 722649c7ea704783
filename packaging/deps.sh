#!/usr/bin/env bash
# deps.sh [check] [i386] [packages]: installs what building ggtool needs, with `check` also what testing it
# needs, with `i386` a compiler for that, with `packages` what making and testing packages needs, and only what
# is missing: a second run changes nothing and asks no network.
set -eu
deb='gcc make pkg-config libc6-dev libjansson-dev libpcre2-dev nettle-dev libxxhash-dev libarchive-dev zlib1g-dev'
deb_check='check chromium xfsprogs clang universal-ctags jq tmux zsh fish mandoc'
brew='pkg-config jansson pcre2 nettle xxhash libarchive make'
brew_check='check universal-ctags jq tmux fish mandoc'
deb_packages='dpkg-dev debhelper lintian debootstrap musl-tools autoconf automake libtool jq check
    rpm rpmlint ruby makepkg libarchive-tools fakeroot shellcheck nix-bin'
# The kernels for arm64 are tested on other machines too.
[ "$(dpkg --print-architecture 2>/dev/null)" != amd64 ] ||
    deb_check="$deb_check gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
for what in "$@"; do
    case $what in
    check) deb="$deb $deb_check" brew="$brew $brew_check" ;;
    i386) deb="$deb gcc-i686-linux-gnu libc6-dev-i386-cross" ;;
    packages) deb="$deb $deb_packages" ;;
    esac
done

missing=
if command -v apt-get > /dev/null; then
    for p in $deb; do
        dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' ||
            { [ "$p" = pkg-config ] && command -v pkg-config > /dev/null; } || missing="$missing $p"
    done
    [ -n "$missing" ] || exit 0
    echo "deps: installing$missing"
    sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
    export DEBIAN_FRONTEND=noninteractive
    $sudo apt-get update -qq
    # shellcheck disable=SC2086
    $sudo apt-get install -y -qq --no-install-recommends $missing
elif command -v brew > /dev/null; then
    for p in $brew; do
        brew list --versions "$p" > /dev/null 2>&1 || missing="$missing $p"
    done
    [ -n "$missing" ] || exit 0
    echo "deps: installing$missing"
    # shellcheck disable=SC2086
    brew install $missing
else
    echo "deps: neither apt-get nor brew is here; needed: a C compiler, make, pkg-config, jansson," >&2
    echo "pcre2, nettle, xxhash, libarchive, and for the tests check, clang, universal-ctags, jq" >&2
    exit 1
fi
