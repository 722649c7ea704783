#!/usr/bin/env bash
# run.sh GGTOOL MKMODEL INJECT.so: makes system calls fail, one after the other, and kills.
# Whatever fails: exit 4, one line, the target as it was, nothing left behind. A fault that can be lived
# with may end well instead, and then the output is the right one. The last line is the sum.
set -u
ggtool=$(realpath "$1") mkmodel=$(realpath "$2") inject=$(realpath "$3")
dir=$(mktemp -d "${TMPDIR:-/tmp}/ggtool-fault-XXXXXX") || exit 1
trap 'cd /; rm -rf "$dir"' EXIT
cd "$dir" || exit 1
passed=0 failed=0

"$mkmodel" in.gguf 'blk.{0-2}.ffn_up.weight:f32:1024x300' 'blk.{0-2}.attn_norm.weight:f32:1024' \
    'output.weight:f16:512x40' 'long:f32:70016x3' || exit 1
"$ggtool" requant -q in.gguf good.gguf --type Q8_0 || exit 1
"$ggtool" requant -q in.gguf copy.gguf --type COPY || exit 1
sha256sum good.gguf | cut -d' ' -f1 > good.sum
echo precious > precious

fail() {
    failed=$((failed + 1))
    echo "FAIL $*"
}

# Left in place: only the files of this script.
leftovers() { ls -A | grep -vxE 'in\.gguf|good\.gguf|copy\.gguf|good\.sum|precious|out\.gguf|stderr|fired'; }

# target_is FILE: out.gguf is a copy of it, or, for "none", not there.
target_is() {
    if [ "$1" = none ]; then [ ! -e out.gguf ]; else cmp -s "$1" out.gguf; fi
}

# attempt NAME GOOD MAY FAULT ARGS...: one run, the target being new or, with --force, there. MAY the
# run, when the fault came, end "well", or fail with the good file "named" already? "no" is neither.
attempt() {
    local name=$1 good=$2 may=$3 spec=$4 before=none rc=0
    shift 4
    rm -f out.gguf fired
    case " $* " in *' --force '*) cp precious out.gguf; before=precious ;; esac
    LD_PRELOAD=$inject GG_INJECT=$spec GG_INJECT_FIRED=fired \
        timeout 60 "$ggtool" requant -q in.gguf "${target:-out.gguf}" "$@" 2> stderr || rc=$?
    local lines rest
    lines=$(wc -l < stderr)
    rest=$(leftovers)
    if [ -n "$rest" ]; then
        fail "$name $spec: left behind: $rest"
        rm -f .out.gguf.* out.gguf.*
    elif [ "$rc" = 0 ] && { [ "$may" = well ] || [ ! -e fired ]; } &&
        { [ -n "${target:-}" ] || target_is "$good"; }; then
        passed=$((passed + 1))
    elif [ "$rc" = 4 ] && [ "$lines" = 1 ] && grep -q '^ggtool: ' stderr &&
        { target_is "$before" || { [ "$may" != no ] && target_is "$good"; }; }; then
        passed=$((passed + 1))
    else
        fail "$name $spec: exit $rc, $lines lines: $(head -3 stderr)"
    fi
}

# each NAME GOOD MAY CALL ERRNO STEP ARGS...: the 1st call fails, the 1+STEPth, ... until none is left.
each() {
    local name=$1 good=$2 may=$3 call=$4 errno=$5 step=$6 n=1
    shift 6
    while [ "$n" -lt 20000 ]; do
        attempt "$name" "$good" "$may" "$call:$n:$errno" "$@"
        [ -e fired ] || break
        n=$((n + step))
    done
    [ "$n" -gt 1 ] || fail "$name: there is no $call to fail"
}

# always NAME GOOD SPEC ARGS...: what must be lived with.
always() {
    local name=$1 good=$2 spec=$3
    shift 3
    attempt "$name" "$good" well "$spec" "$@"
    target_is "$good" || fail "$name $spec: did not end well: $(cat stderr)"
}

enc='--type Q8_0 -j2'
# shellcheck disable=SC2086
{
    for force in '' --force; do
        each "encode $force" good.gguf no pwrite ENOSPC 1 $enc $force
        each "encode $force" good.gguf no pwrite EIO 3 $enc $force
        each "encode $force" good.gguf named fsync EIO 1 $enc $force
        each "encode $force" good.gguf no fallocate ENOSPC 1 $enc $force
        each "encode $force" good.gguf well dup EMFILE 1 $enc $force
        each "encode $force" good.gguf well close EIO 1 $enc $force
        each "encode $force" good.gguf well open EACCES 1 $enc $force
        each "copy $force" copy.gguf no copy EIO 1 --type COPY -j2 $force
        each "copy $force" copy.gguf well copy EINTR 1 --type COPY -j2 $force
    done
    each 'encode' good.gguf no pread EIO 1 $enc
    each 'name' good.gguf no link EIO 1 $enc
    each 'rename' good.gguf no rename EIO 1 $enc --force
    each 'memory' good.gguf well alloc ENOMEM "${GG_FAULT_STEP:-1}" $enc --force
    each 'threads' good.gguf well thread EAGAIN 1 --type Q8_0 -j4
    for call in pread pwrite read; do
        each "short $call" good.gguf well $call short 2 $enc
        each "broken $call" good.gguf well $call EINTR 2 $enc
    done
    target=/dev/null each 'device' good.gguf no write ENOSPC 1 $enc
    always 'no fallocate' good.gguf 'fallocate:*:EOPNOTSUPP' $enc
    always 'no unnamed files' good.gguf 'unnamed:*:EOPNOTSUPP' $enc
    always 'no copying' copy.gguf 'copy:*:EXDEV' --type COPY
    always 'no copying at all' copy.gguf 'copy:*:EPERM' --type COPY
    always 'no threads' good.gguf 'thread:*:EAGAIN' --type Q8_0 -j4
    each 'no fallocate' good.gguf no pwrite ENOSPC 2 $enc
}

# killed MILLISECONDS: kill -9 after that time; hidden temporaries are all that may be left.
killed() {
    cp precious out.gguf
    "$ggtool" requant -q in.gguf out.gguf --type Q8_0 -j2 --force 2> stderr &
    local pid=$!
    sleep "0.$1"
    kill -9 $pid 2> /dev/null
    wait $pid 2> /dev/null
    local rest
    rest=$(leftovers | grep -vE '^\.out\.gguf\.ggtool-[0-9a-v]{6}$')
    if { target_is precious || target_is good.gguf; } && [ -z "$rest" ]; then
        passed=$((passed + 1))
    else
        fail "killed after 0.$1 s: $rest"
    fi
    rm -f .out.gguf.*
}
for ms in 000 002 004 006 008 010 012 015 018 021 025 030 035 040 050 060 080 100; do killed $ms; done

echo "fault: $passed passed, $failed failed"
[ "$failed" = 0 ]
