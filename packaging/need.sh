#!/bin/sh
# need.sh LIBRARY...: fails, and says what to install, when pkg-config does not know a library that
# ggtool is built with. None is optional, so that no feature is ever silently gone.
set -u
packages() { # Debian, Fedora, Arch, Homebrew
    case $1 in
    pkg-config) set -- pkg-config pkgconf-pkg-config pkgconf pkg-config ;;
    jansson) set -- libjansson-dev jansson-devel jansson jansson ;;
    libpcre2-8) set -- libpcre2-dev pcre2-devel pcre2 pcre2 ;;
    nettle) set -- nettle-dev nettle-devel nettle nettle ;;
    libxxhash) set -- libxxhash-dev xxhash-devel xxhash xxhash ;;
    libarchive) set -- libarchive-dev libarchive-devel libarchive libarchive ;;
    zlib) set -- zlib1g-dev zlib-devel zlib zlib ;;
    check) set -- check check-devel check check ;;
    *) set -- "$1" "$1" "$1" "$1" ;;
    esac
    echo "$1 (Debian, Ubuntu), $2 (Fedora), $3 (Arch), $4 (Homebrew)"
}

missing=
if ! command -v pkg-config > /dev/null; then
    missing=pkg-config
else
    for l in "$@"; do pkg-config --exists "$l" || missing="$missing $l"; done
fi
[ -n "$missing" ] || exit 0
for l in $missing; do echo "$l is missing: it is in $(packages "$l")" >&2; done
echo "'make deps' installs it with apt-get or Homebrew" >&2
exit 1
