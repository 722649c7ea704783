#!/usr/bin/env bash
# check.sh quick|full: all runners one after the other; the last line is the sum of their counts,
# "N passed, N failed". What did not run counts as failed.
set -u
cd "$(dirname "$0")/.." || exit 1
MAKE=${MAKE:-make}
# Called from make: its flags would make the sub-makes fight over job slots.
jobs=-j$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
passed=0 failed=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

# step NAME PREFIX COMMAND...: COMMAND must end with a line "PREFIX: N passed, N failed".
step() {
    local name=$1 prefix=$2 rc=0 line p f start=$SECONDS
    shift 2
    "$@" > "$log" 2>&1 || rc=$?
    line=$(grep -aE "^$prefix: [0-9]+ passed, [0-9]+ failed\$" "$log" | tail -1)
    p=$(sed -E 's/.*: ([0-9]+) passed.*/\1/' <<< "$line")
    f=$(sed -E 's/.* ([0-9]+) failed$/\1/' <<< "$line")
    if [ -z "$line" ]; then p=0 f=1; fi
    if [ "$rc" != 0 ] && [ "$f" = 0 ]; then f=1; fi
    passed=$((passed + p)) failed=$((failed + f))
    printf '%-34s %5d passed, %d failed  (%d s)\n' "$name" "$p" "$f" $((SECONDS - start))
    if [ "$f" != 0 ]; then tail -60 "$log"; else grep -aiE '^skip|skipped$' "$log" | sed 's/^/  /'; fi
}

# one NAME COMMAND...: a step that is a single test.
one() {
    local name=$1
    shift
    step "$name" one count_one "$@"
}

count_one() {
    "$@" && echo 'one: 1 passed, 0 failed'
}

# The programs of a build: tests/unit and, where fast enough, the others.
programs() { # build folder, kinds...
    local build=$1 kind t
    shift
    for kind in "$@"; do
        for t in "tests/$kind"/test_*.c; do
            [ ! -e "$t" ] || printf '%s\n' "$build/${t%.c}"
        done
    done
}

run_programs() {
    # shellcheck disable=SC2046
    tests/programs.sh $(programs "$@")
}

# Fuzz targets over their corpora and the bad files.
replay() {
    local build=$1 n=0 bad=0 t name
    for t in tests/fuzz/fuzz_*.c; do
        [ -e "$t" ] || continue
        name=$(basename "$t" .c)
        local inputs=(fixtures/bad fixtures/ok "fixtures/fuzz/${name#fuzz_}")
        if "$build/${t%.c}" "${inputs[@]}"; then n=$((n + 1)); else bad=$((bad + 1)); fi
    done
    echo "fuzz: $n passed, $bad failed"
    [ "$bad" = 0 ]
}

build() { "$MAKE" --no-print-directory "$jobs" DEV=1 "$@"; }

sanitized() { # asan or ubsan
    local b="build/$1"
    one "build, $1" build MODE="$1" test-programs
    export GG_TEST_LOOSE=1 CK_TIMEOUT_MULTIPLIER=20 GG_TEST_TIMEOUT=900
    GG_TEST_FEW=1 step "unit, kernel and golden tests, $1" unit run_programs "$b" unit kern golden
    step "bad input, $1" cli tests/cli/run.sh --ggtool "$b/ggtool" 'inspect*' '*bad*' 'split-*' 'merge-*' \
        requant-usage requant-targets requant-nonfinite requant-odd requant-split requant-imatrix
    step "fuzz replay, $1" fuzz replay "$b"
    unset GG_TEST_LOOSE CK_TIMEOUT_MULTIPLIER GG_TEST_TIMEOUT
}

export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1:allocator_may_return_null=1:quarantine_size_mb=16
export UBSAN_OPTIONS=print_stacktrace=1

one 'build' build test-programs
step 'unit, kernel and golden tests' unit run_programs build/release unit kern golden
step 'command line' cli tests/cli/run.sh
step 'fuzz replay' fuzz replay build/release
one 'example of the public header' build example
if [ "${1:-}" = full ]; then
    step 'lint' lint "$MAKE" --no-print-directory DEV=1 lint
    step 'installation' install tests/lint/install.sh
    for f in tests/fault/*.sh; do
        f=$(basename "$f" .sh)
        step "faults and kills, $f" fault "$MAKE" --no-print-directory DEV=1 "fault-$f"
    done
    step 'arm64 kernels under qemu' unit tests/cross/run.sh arm64 kernels
    sanitized asan
    sanitized ubsan
    if command -v clang > /dev/null; then
        one 'build with clang' build CC=clang BUILD=build/clang BIN=build/clang/ggtool test-programs
    else
        echo 'skip build with clang: it is not here'
    fi
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
