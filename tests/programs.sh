#!/usr/bin/env bash
# programs.sh PROGRAM...: runs Check programs, two at a time (each by $GG_TEST_RUNNER where that is
# set), shows what failed, and ends with "unit: N passed, N failed". A program that dies without a
# count is one failure.
set -u
# macOS has no timeout(1).
command -v timeout > /dev/null || { timeout() { shift; "$@"; }; export -f timeout; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
export dir

run_one() {
    local log="$dir/${1//\//_}"
    # shellcheck disable=SC2086
    timeout "${GG_TEST_TIMEOUT:-300}" ${GG_TEST_RUNNER:-} "$1" > "$log" 2>&1
    echo "$?" > "$log.rc"
}
export -f run_one
printf '%s\n' "$@" | xargs -P 2 -I{} bash -c 'run_one {}'

passed=0 failed=0
for t in "$@"; do
    log="$dir/${t//\//_}"
    rc=$(cat "$log.rc" 2>/dev/null || echo none)
    read -r checks bad <<< "$(sed -n \
        's/^[0-9]*%: Checks: \([0-9]*\), Failures: \([0-9]*\), Errors: \([0-9]*\).*/\1 \2+\3/p' "$log" |
        tail -1)"
    if [ -z "${checks:-}" ] || [ "$checks" = 0 ]; then
        echo "$t: no result (status $rc)"; tail -20 "$log"
        failed=$((failed + 1))
        continue
    fi
    bad=$((bad))
    if [ "$rc" != 0 ] && [ "$bad" = 0 ]; then bad=1; fi
    passed=$((passed + checks - bad)) failed=$((failed + bad))
    if [ "$bad" != 0 ]; then echo "$t:"; grep -v '^100%' "$log" | tail -40; fi
    grep -i '^skip' "$log"
done
echo "unit: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
