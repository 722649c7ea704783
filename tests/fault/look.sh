#!/usr/bin/env bash
# look.sh GGTOOL MKMODEL INJECT.so: system calls fail under hash, verify and extract, one after the other.
# hash and verify: exit 4 and one line, or, where the fault can be lived with, the right answer; never a
# wrong one. extract: besides, every file that has its name is whole and nothing else is left behind;
# also when it is killed. The last line is the sum.
set -u
ggtool=$(realpath "$1") mkmodel=$(realpath "$2") inject=$(realpath "$3")
[ -n "${TMPDIR:-}" ] || [ ! -w /dev/shm ] || TMPDIR=/dev/shm
dir=$(mktemp -d "${TMPDIR:-/tmp}/ggtool-look-XXXXXX") || exit 1
trap 'cd /; rm -rf "$dir"' EXIT
cd "$dir" || exit 1
passed=0 failed=0

"$mkmodel" in.gguf 'blk.{0-1}.ffn_up.weight:f32:1024x600' 'blk.0.attn_norm.weight:f32:1024' \
    'output.weight:f16:512x40' || exit 1
sum=$(sha256sum in.gguf | cut -c1-64)
"$ggtool" hash --all --uuid in.gguf > manifest || exit 1

fail() {
    failed=$((failed + 1))
    echo "FAIL $*"
}

run() { # SPEC COMMAND...: with the fault
    local spec=$1
    shift
    rm -f fired
    rc=0
    LD_PRELOAD=$inject GG_INJECT=$spec GG_INJECT_FIRED=$dir/fired timeout 60 "$ggtool" "$@" > stdout 2> stderr || rc=$?
    lines=$(wc -l < stderr)
}

# answer NAME SPEC MAY ARGS...: MAY the run end well although the fault came?
answer() {
    local name=$1 spec=$2 may=$3
    shift 3
    run "$spec" "$@"
    if [ "$rc" = 0 ] && { [ "$may" = well ] || [ ! -e fired ]; } && cmp -s stdout good; then
        passed=$((passed + 1))
    elif [ "$rc" = 4 ] && [ "$lines" = 1 ] && grep -q '^ggtool: ' stderr; then
        passed=$((passed + 1))
    else
        fail "$name $spec: exit $rc, $lines lines: $(head -3 stderr)$(diff stdout good | head -3)"
    fi
}

# whole MAY NAME SPEC ARGS...: the same for extract into out/.
whole() {
    local may=$1 name=$2 spec=$3 f
    shift 3
    rm -rf out && mkdir out
    case " $* " in *' --force '*) for f in goods/*; do echo precious > "out/${f##*/}"; done ;; esac
    run "$spec" extract -q in.gguf "$@" -o out
    for f in $(ls -A out); do
        cmp -s "out/$f" "goods/$f" || echo precious | cmp -s - "out/$f" || fail "$name $spec: out/$f is not whole"
    done
    if [ "$rc" = 0 ] && { [ "$may" = well ] || [ ! -e fired ]; } && diff -r out goods > diff; then
        passed=$((passed + 1))
    elif [ "$rc" = 4 ] && [ "$lines" = 1 ]; then
        passed=$((passed + 1))
    else
        fail "$name $spec: exit $rc, $lines lines: $(head -3 stderr)"
    fi
}

# each STEP CALL ERRNO FUNCTION...: until no such call is left to fail. %: where the fault goes.
each() {
    local step=$1 call=$2 errno=$3 n=1 args
    shift 3
    while [ "$n" -lt 20000 ]; do
        args=("${@/%%/$call:$n:$errno}")
        "${args[@]}"
        [ -e fired ] || break
        n=$((n + step))
    done
    [ "$n" -gt 1 ] || fail "$*: there is no $call to fail"
}

for j in 2; do
    for c in "hash --all --uuid -j$j in.gguf" "hash --check manifest -j$j in.gguf" \
        "verify --deep --sha256 $sum --manifest manifest -j$j in.gguf"; do
        # shellcheck disable=SC2086
        {
            "$ggtool" $c > good || fail "$c does not work"
            each 1 pread EIO answer "$c" % well $c
            each 1 pread short answer "$c" % well $c
            each 1 pread EINTR answer "$c" % well $c
            each 1 open EACCES answer "$c" % well $c
            each "${GG_FAULT_STEP:-5}" alloc ENOMEM answer "$c" % well $c
        }
    done
done
c="hash --all --uuid -j4 in.gguf"
# shellcheck disable=SC2086
{ "$ggtool" $c > good; each 1 thread EAGAIN answer "$c" % well $c; }

for format in npy safetensors raw; do
    rm -rf goods
    "$ggtool" extract -q in.gguf '*' --key '*' --format $format --dtype auto -o goods || fail "extract $format"
    a=('*' --key '*' --format $format -j2)
    for force in '' --force; do
        # shellcheck disable=SC2086
        {
            each 1 pwrite ENOSPC whole no "extract $format" % "${a[@]}" $force
            each 2 pwrite EIO whole no "extract $format" % "${a[@]}" $force
            each 1 fsync EIO whole no "extract $format" % "${a[@]}" $force
            each 1 fallocate ENOSPC whole no "extract $format" % "${a[@]}" $force
            each 1 close EIO whole well "extract $format" % "${a[@]}" $force
            each 1 open EACCES whole well "extract $format" % "${a[@]}" $force
        }
    done
    each 1 link EIO whole no "extract $format" % "${a[@]}"
    each 1 rename EIO whole no "extract $format" % "${a[@]}" --force
    each 1 pread EIO whole well "extract $format" % "${a[@]}"
    each 1 pread short whole well "extract $format" % "${a[@]}"
    each 1 pwrite short whole well "extract $format" % "${a[@]}"
    each "${GG_FAULT_STEP:-5}" alloc ENOMEM whole well "extract $format" % "${a[@]}"
    whole well "extract $format" 'unnamed:*:EOPNOTSUPP' "${a[@]}"
    whole well "extract $format" 'fallocate:*:EOPNOTSUPP' "${a[@]}"
done

# Kills: what has its name is whole.
for ms in 000 002 004 006 008 010 014 018 024 030 040 060; do
    rm -rf out && mkdir out
    "$ggtool" extract -q in.gguf '*' --key '*' --format raw -o out 2> stderr &
    pid=$!
    sleep "0.$ms"
    kill -9 $pid 2> /dev/null
    wait $pid 2> /dev/null
    ok=1
    for f in $(ls -A out | grep -vE '^\..*\.ggtool-[0-9a-v]{6}$'); do
        cmp -s "out/$f" "goods/$f" || { ok=0; fail "killed after 0.$ms s: out/$f is not whole"; }
    done
    passed=$((passed + ok))
done

echo "fault: $passed passed, $failed failed"
[ "$failed" = 0 ]
