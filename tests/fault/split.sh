#!/usr/bin/env bash
# split.sh GGTOOL MKMODEL INJECT.so: split and merge while system calls fail, one after the other, and
# killed while they use their input up. GG_FAULT_KILLS says at how many points (30; "all": every call).
#
# Without --consume: whatever fails, exit 4 and one line; inputs as they were; all outputs, or none. With
# it: no output has its final name that is not whole, no input looks whole that is not, and the same
# command, run again as often as it takes, ends with the same bytes as without a fault. The last line is
# the sum.
set -u
ggtool=$(realpath "$1") mkmodel=$(realpath "$2") inject=$(realpath "$3")
kills=${GG_FAULT_KILLS:-30}
# In memory: each step makes its bytes durable, which a disk takes its time for.
[ -n "${TMPDIR:-}" ] || [ ! -w /dev/shm ] || TMPDIR=/dev/shm
dir=$(mktemp -d "${TMPDIR:-/tmp}/ggtool-fault-XXXXXX") || exit 1
trap 'cd /; rm -rf "$dir"' EXIT
cd "$dir" || exit 1
passed=0 failed=0
RANDOM=${GG_FAULT_SEED:-1}

# Where the alignment is a block of the file system the kernel copies; elsewhere we read and write.
prepare() { # alignment
    mkdir "base$1" "whole$1" "shards$1"
    "$mkmodel" "whole$1/in.gguf" 'blk.{0-5}.ffn_up.weight:f32:512x60' \
        'blk.{0-5}.attn_norm.weight:f32:100' 'output.weight:f16:512x40' --kv "general.alignment=u32:$1" &&
        "$ggtool" split -q "whole$1/in.gguf" "shards$1/s" --shards 4 &&
        "$ggtool" merge -q "shards$1" -o "base$1/out.gguf" || exit 1
    cmp -s "whole$1/in.gguf" "base$1/out.gguf" || { echo 'FAIL merge(split(x)) is not x'; exit 1; }
}
mkdir run
prepare 64
prepare 4096
align=64

ok() { passed=$((passed + 1)); }
fail() {
    failed=$((failed + 1))
    echo "FAIL $*"
}

# same FOLDER: run/ holds just the files of FOLDER.
same() { diff -r "$1" run > /dev/null; }

# A case is: which inputs lie in run/ (whole or shards), which files it makes, its arguments.
split_case() { src=whole$align made=shards$align args=(split in.gguf s --shards 4); }
merge_case() { src=shards$align made=base$align args=(merge s-00002-of-00004.gguf -o out.gguf); }

reset() { rm -rf run && cp -r "$src" run; }
start() { # SPEC EXTRA...: the case's command under a fault
    local spec=$1
    shift
    rm -f fired stderr
    (cd run && LD_PRELOAD=$inject GG_INJECT=$spec GG_INJECT_FIRED=$dir/fired \
        timeout 60 "$ggtool" "${args[@]}" -q "$@" 2> ../stderr > ../stdout)
}

# ---- copies ------------------------------------------------------------------------------------

# attempt NAME MAY SPEC: MAY the fault be lived with ("well"), or come when there are names ("named")?
attempt() {
    local name=$1 may=$2 spec=$3 rc=0
    reset
    start "$spec" -j2 || rc=$?
    rm -rf both && cp -r "$src" both && cp "$made"/* both
    if [ "$rc" = 0 ] && { [ "$may" = well ] || [ ! -e fired ]; } && same both; then
        ok
    elif [ "$rc" = 4 ] && [ "$(wc -l < stderr)" = 1 ] && { same "$src" || { [ "$may" = named ] &&
        diff -r both run | grep -v '^Only in both' | wc -l | grep -qx 0; }; }; then
        ok
    else
        fail "$name $spec: exit $rc: $(head -2 stderr) $(ls -A run | tr '\n' ' ')"
    fi
}
each() { # NAME MAY CALL ERRNO STEP
    local n=1
    while [ "$n" -lt 5000 ]; do
        attempt "$1" "$2" "$3:$n:$4"
        [ -e fired ] || break
        n=$((n + $5))
    done
    [ "$n" -gt 1 ] || fail "$1: there is no $3 to fail"
}

for what in split merge; do
    align=64
    ${what}_case
    each "$what" no pwrite ENOSPC 1
    each "$what" no fallocate ENOSPC 1
    each "$what" named fsync EIO 1
    each "$what" named link EIO 1
    each "$what" well close EIO 1
    each "$what" well dup EMFILE 1
    each "$what" well open EACCES 1
    each "$what" well alloc ENOMEM "${GG_FAULT_STEP:-37}"
    each "$what" well pread short 5
    each "$what" no pread EIO 5
    align=4096
    ${what}_case
    each "$what" no copy EIO 1
    each "$what" no copy ENOSPC 1
    each "$what" well copy EINTR 3
    each "$what" well copy short 3
    for spec in 'copy:*:EXDEV' 'unnamed:*:EOPNOTSUPP' 'fallocate:*:EOPNOTSUPP' 'thread:*:EAGAIN'; do
        attempt "$what" well "$spec"
        [ ! -s stderr ] || fail "$what $spec: did not end well: $(cat stderr)"
    done
done

# ---- inputs that are used up -------------------------------------------------------------------

# What has its final name is whole; what is not whole does not look so.
check_names() {
    local f good
    for f in run/*.gguf; do
        [ -e "$f" ] || continue
        good=$src/${f#run/}
        [ -e "$good" ] || good=$made/${f#run/}
        if ! cmp -s "$f" "$good" && "$ggtool" inspect --json "$f" > /dev/null 2>&1; then
            fail "$1: $f looks whole and is not"
        fi
    done
}

# finish NAME: runs the command again until all is done.
finish() {
    local tries=0
    until same "$made"; do
        tries=$((tries + 1))
        if [ "$tries" -gt 3 ] || ! start '' --consume --window 32K; then
            fail "$1: cannot be finished: $(head -2 stderr) $(ls -A run | tr '\n' ' ')"
            return
        fi
    done
    ok
}

# consumed NAME SPEC...: killed or failing with each in turn, then finished.
consumed() {
    local name=$1 spec
    shift
    reset
    for spec in "$@"; do
        start "$spec" --consume --window 32K 2> /dev/null
        check_names "$name $*"
    done
    finish "$name $*"
}

count_calls() {
    local lo=1 hi=20000 mid
    while [ "$lo" -lt "$hi" ]; do
        mid=$(((lo + hi) / 2))
        reset
        start "any:$mid:kill" --consume --window 32K 2> /dev/null
        if [ -e fired ]; then lo=$((mid + 1)); else hi=$mid; fi
    done
    calls=$((lo - 1))
}

for what in split merge; do
    case $what in split) align=64 ;; merge) align=4096 ;; esac
    ${what}_case
    reset
    start '' --consume --window 32K || fail "$what --consume: $(cat stderr)"
    same "$made" || fail "$what --consume: $(ls -A run | tr '\n' ' ')"
    count_calls
    n=$kills
    [ "$kills" != all ] || n=$calls
    for ((i = 0; i < n; i++)); do
        if [ "$kills" = all ]; then at=$((i + 1)); else at=$((RANDOM % calls + 1)); fi
        how=kill
        [ $((i % 2)) = 0 ] || how=torn
        case $((i % 5)) in
        4) consumed "$what" "any:$at:$how" "any:$((RANDOM % calls + 1)):kill" ;; # and again
        *) consumed "$what" "any:$at:$how" ;;
        esac
    done
    for at in 1 2 3 5 8 13 21 34 55 89 144; do
        for call in pwrite copy fsync; do
            consumed "$what" "$call:$at:ENOSPC"
            consumed "$what" "$call:$at:EIO"
        done
        consumed "$what" "ftruncate:$at:EIO"
        consumed "$what" "pread:$at:EIO"
        consumed "$what" "rename:$at:EIO"
        consumed "$what" "unlink:$at:EACCES"
        consumed "$what" "alloc:$((at * 7)):ENOMEM"
    done
    echo "$what --consume: $calls system calls, $n kills"
done

echo "fault: $passed passed, $failed failed"
[ "$failed" = 0 ]
