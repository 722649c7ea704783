#!/bin/sh
# need.sh LIBRARY...: fails, and says what to install, when pkg-config does not know a library that
# ggtool is built with, or a program with it cannot be built by $CC. None is optional, so that no feature
# is ever silently gone.
set -u
: "${CC:=cc}"
facts() { # its header; packages of Debian, Fedora, Arch, Homebrew
    case $1 in
    cc) echo '- gcc gcc gcc gcc' ;;
    pkg-config) echo '- pkg-config pkgconf-pkg-config pkgconf pkgconf' ;;
    jansson) echo 'jansson.h libjansson-dev jansson-devel jansson jansson' ;;
    libpcre2-8) echo 'pcre2.h libpcre2-dev pcre2-devel pcre2 pcre2' ;;
    nettle) echo 'nettle/sha2.h nettle-dev nettle-devel nettle nettle' ;;
    libxxhash) echo 'xxhash.h libxxhash-dev xxhash-devel xxhash xxhash' ;;
    libarchive) echo 'archive.h libarchive-dev libarchive-devel libarchive libarchive' ;;
    zlib) echo 'zlib.h zlib1g-dev zlib-devel zlib zlib' ;;
    check) echo 'check.h check check-devel check check' ;;
    *) echo "- $1 $1 $1 $1" ;;
    esac
}
named() { # what, facts...
    echo "$1 is missing: it is in $3 (Debian, Ubuntu), $4 (Fedora), $5 (Arch), $6 (Homebrew)" >&2
}

dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
# shellcheck disable=SC2046,SC2086
builds() { # library, header, ...
    pkg-config --exists "$1" || return 1
    [ "$2" != - ] || return 0
    printf '#define PCRE2_CODE_UNIT_WIDTH 8\n#include <%s>\nint main(void) { return 0; }\n' "$2" > "$dir/try.c"
    $CC -o "$dir/try" "$dir/try.c" $(pkg-config --cflags --libs "$1") 2> /dev/null
}

missing=
if ! command -v "${CC%% *}" > /dev/null; then
    missing=cc
elif ! command -v pkg-config > /dev/null; then
    missing=pkg-config
else
    # shellcheck disable=SC2046
    for l in "$@"; do builds "$l" $(facts "$l") || missing="$missing $l"; done
fi
[ -n "$missing" ] || exit 0
# shellcheck disable=SC2046
for l in $missing; do named "$l" $(facts "$l"); done
echo "'make deps' installs it with apt-get or Homebrew" >&2
exit 1
