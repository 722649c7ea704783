# Sourced by the tests of packages: try, skip, finish; $work is a folder under build/ that stays.
set -u
cd "$(dirname "$0")/../.." || exit 1
root=$PWD
MAKE=${MAKE:-make}
unset MAKEFLAGS MFLAGS
passed=0 failed=0
version=$(sed -n 's/^VERSION *:= *//p' Makefile)

try() { # name, command...
    local name=$1 start=$SECONDS
    shift
    if "$@" > "$work/log" 2>&1; then
        passed=$((passed + 1))
        echo "ok $name ($((SECONDS - start)) s)"
    else
        failed=$((failed + 1))
        echo "FAIL $name"
        tail -30 "$work/log"
    fi
}
skip() { echo "skip $1: $2"; }
need() { # name, programs...: false, with a word, where one is missing
    local name=$1 p
    shift
    for p in "$@"; do
        command -v "$p" > /dev/null || { skip "$name" "$p is not here"; return 1; }
    done
}
nothing() { # of what a command says
    local said
    said=$("$@" 2>&1) || { echo "$said"; return 1; }
    [ -z "$said" ] || { echo "$said"; return 1; }
}
finish() {
    echo "packages: $passed passed, $failed failed"
    [ "$failed" = 0 ] || exit 1
}
