#!/usr/bin/env bash
# edit.sh GGTOOL MKMODEL INJECT.so: `ggtool edit` killed before each of its system calls, and each of
# them failing. Afterwards the file is as before or as after the edit, never between, once the next
# command has opened it; what failed without being killed needs no such command.
set -u
ggtool=$(realpath "$1") mkmodel=$(realpath "$2") inject=$(realpath "$3")
dir=$(mktemp -d "${TMPDIR:-/tmp}/ggtool-fault-XXXXXX") || exit 1
trap 'cd /; rm -rf "$dir"' EXIT
mkdir "$dir/in" "$dir/work"
cd "$dir/in" || exit 1
passed=0 failed=0

"$mkmodel" model.gguf 'blk.{0-2}.ffn_up.weight:f32:1024x30' 'output.weight:f16:512x40' || exit 1
"$ggtool" edit -q model.gguf --set general.name=str:first --set general.author=str:/home/me/x \
    --reserve=2KiB > /dev/null || exit 1
cd ..

fail() {
    failed=$((failed + 1))
    echo "FAIL edit $*"
}
pass() { passed=$((passed + 1)); }

# fresh: the model as it was, alone in work/.
fresh() { rm -rf work fired; mkdir work; cp in/model.gguf work/model.gguf; }
is() { cmp -s "$1" work/model.gguf; }
journals() { find work -name '.*.ggtool-journal' | wc -l; }
others() { find work -mindepth 1 ! -name model.gguf; }
run() { LD_PRELOAD=$inject GG_INJECT=$1 GG_INJECT_FIRED=fired timeout 60 "$ggtool" edit -q work/model.gguf "${@:2}" > out 2> err; }

# What the next command makes of it: settled WAY, one of finish and undo.
settle() {
    local way=$1 pending rc=0
    pending=$(journals)
    "$ggtool" inspect work/model.gguf > out 2> err || rc=$?
    # A half-written header may not even be readable; then the reason stands before the error.
    if [ "$pending" = 1 ] && ! is in/model.gguf && ! is after.gguf; then
        grep -q 'interrupted half-way' out err || { echo "inspect does not say it is pending"; return; }
    fi
    case $way in
    finish) "$ggtool" edit -q work/model.gguf > out 2> err || [ $? = 2 ] || { echo "not settled: $(cat err)"; return; } ;;
    undo) "$ggtool" edit -q --undo work/model.gguf > out 2> err || { echo "not undone: $(cat err)"; return; } ;;
    esac
    [ "$(journals)" = 0 ] || { echo "journal left"; return; }
    [ "$way" = undo ] && [ "$pending" = 1 ] && ! is in/model.gguf && { echo "not as before"; return; }
    is in/model.gguf || is after.gguf || echo "neither before nor after"
}

# killed NAME WHAT ARGS...: before each call, and with each write half done.
killed() {
    local name=$1 way n spec trouble
    shift
    fresh
    "$ggtool" edit -q work/model.gguf "$@" > /dev/null || { fail "$name: does not work"; return; }
    cp work/model.gguf after.gguf
    for spec in any:%d:kill pwrite:%d:torn write:%d:torn; do
        for ((n = 1; n < 2000; n++)); do
            way=finish; [ $((n % 2)) = 0 ] && way=undo
            fresh
            # shellcheck disable=SC2059
            { run "$(printf "$spec" "$n")" "$@"; } 2> /dev/null
            [ -e fired ] || break
            trouble=$(settle $way)
            if [ -z "$trouble" ]; then pass; else fail "$name, $spec $n, $way: $trouble"; fi
        done
        [ "$spec" != any:%d:kill ] || [ "$n" -gt 12 ] || fail "$name: only $n calls"
    done
}

# failing NAME CALL ERRNO MAY ARGS...: exit 4, one line, the file as before; or, when it MAY, well.
failing() {
    local name=$1 call=$2 errno=$3 may=$4 n rc step=1
    shift 4
    [ "$call" != alloc ] || step=${GG_FAULT_STEP:-3}
    for ((n = 1; n < 2000; n += step)); do
        fresh
        rc=0
        run "$call:$n:$errno" "$@" || rc=$?
        [ -e fired ] || break
        if [ -n "$(others)" ] && ! { [ "$may" = left ] && [ "$(journals)" = 1 ]; }; then
            fail "$name, $call $n $errno: left: $(others)"
        elif [ $rc = 4 ] && [ "$(wc -l < err)" = 1 ] && { is in/model.gguf || { [ "$may" != no ] && is after.gguf; }; }; then
            pass
        elif [ $rc = 0 ] && [ "$may" != no ] && is after.gguf; then
            pass
        else
            fail "$name, $call $n $errno: exit $rc: $(cat err)"
        fi
        [ -z "$(settle finish)" ] || fail "$name, $call $n $errno: $(settle finish)"
    done
    [ $n -gt 1 ] || fail "$name: no $call to fail"
}

in_place=(--set general.name=str:second)
moved=(--unset general.name)
copied=(--copy --set general.name=str:second)
relaid=(--drop-tensor output.weight)

killed 'in place' "${in_place[@]}"
killed 'in place, all moved' "${moved[@]}"
killed 'copy' "${copied[@]}"
killed 'laid out anew' "${relaid[@]}"
for what in in_place moved copied relaid; do
    declare -n args=$what
    fresh
    "$ggtool" edit -q work/model.gguf "${args[@]}" > /dev/null
    cp work/model.gguf after.gguf
    case $what in in_place | moved) copies='' ;; *) copies=1 ;; esac
    failing $what pwrite EIO no "${args[@]}"
    failing $what pwrite ENOSPC no "${args[@]}"
    failing $what fsync EIO left "${args[@]}"
    failing $what pread EIO no "${args[@]}"
    failing $what open EACCES well "${args[@]}"
    failing $what close EIO well "${args[@]}"
    [ -n "$copies" ] || failing $what unlink EIO left "${args[@]}"
    [ -z "$copies" ] || failing $what rename EIO no "${args[@]}"
    [ $what != copied ] || failing $what copy EIO no "${args[@]}" # else read and written
    [ -z "$copies" ] || failing $what fallocate ENOSPC no "${args[@]}"
    failing $what pwrite short well "${args[@]}"
    failing $what pread short well "${args[@]}"
    failing $what pwrite EINTR well "${args[@]}"
    failing $what alloc ENOMEM left "${args[@]}"
done

echo "fault: $passed passed, $failed failed"
[ "$failed" = 0 ]
