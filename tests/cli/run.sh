#!/usr/bin/env bash
# run.sh [--update] [--ggtool PROGRAM] [--tools FOLDER] [PATTERN...]: the cases tests/cli/NAME.sh.
#
# A case is a bash script, run with -eu in an empty folder of its own, with `ggtool` and the programs
# of tests/tools on its PATH, $ROOT (the repository) and $FIX (its fixtures) set. NAME.stdout,
# NAME.stderr and NAME.exit say what is expected; without them: nothing, nothing, 0. The paths of
# repository and scratch folder read ROOT and SCRATCH there. Status 77 with a word on stderr: skipped.
# $SOON is the time in seconds for what is refused at once. --update writes what came out. With GG_TEST_LOOSE
# set, limits of memory and time are wide, or none (sanitizers, emulators).
# Ends with "cli: N passed, N failed".
set -u
# macOS has no timeout(1).
command -v timeout > /dev/null || { timeout() { shift; "$@"; }; export -f timeout; }
here=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$here/../.." && pwd)
update='' ggtool="$ROOT/ggtool" tools="$ROOT/build/release/tests/tools"
patterns=()
while [ $# -gt 0 ]; do
    case $1 in
    --update) update=1 ;;
    --ggtool) shift; ggtool=$1 ;;
    --tools) shift; tools=$1 ;;
    *) patterns+=("$1") ;;
    esac
    shift
done
[ ${#patterns[@]} -gt 0 ] || patterns=('*')
case $ggtool in /*) ;; *) ggtool=$PWD/$ggtool ;; esac
case $tools in /*) ;; *) tools=$PWD/$tools ;; esac
[ -x "$ggtool" ] || { echo "cli: no program $ggtool"; exit 1; }

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
chmod 755 "$work" # some cases run the program as somebody else
mkdir "$work/bin"
ln -s "$ggtool" "$work/bin/ggtool"
export ROOT FIX="$ROOT/fixtures" PATH="$work/bin:$tools:$PATH" LC_ALL=C.UTF-8 TERM=dumb TZ=UTC
export here work update SOON=10
[ -z "${GG_TEST_LOOSE:-}" ] || SOON=120
unset NO_COLOR COLUMNS

normalise() { sed -e "s|$work/[^/]*/scratch|SCRATCH|g" -e "s|$ROOT|ROOT|g" "$1" > "$1.n"; }

# Compares what came out with the expectation, or rewrites that.
settle() { # case, what, expected when there is no file
    local got="$work/$1/$2.n" want="$here/$1.$2" none="$work/$1/$2.none"
    printf '%s' "$3" > "$none"
    if [ -n "$update" ]; then
        if cmp -s "$got" "$none"; then rm -f "$want"; else cp "$got" "$want"; fi
        return 0
    fi
    [ -e "$want" ] || want=$none
    cmp -s "$got" "$want" || { echo "  $2:"; diff -a -u "$want" "$got" | tail -n +3 | head -40; return 1; }
}

run_case() {
    local name=$1 dir="$work/$1" rc=0
    mkdir -p "$dir/scratch" "$dir/tmp"
    (cd "$dir/scratch" && TMPDIR="$dir/tmp" timeout "${GG_TEST_TIMEOUT:-120}" \
        bash -eu "$here/$name.sh" < /dev/null > "$dir/stdout" 2> "$dir/stderr") || rc=$?
    echo "$rc" > "$dir/exit"
    if [ "$rc" = 77 ]; then
        echo skipped > "$dir/result"
        { echo "skip $name: $(head -1 "$dir/stderr")"; } > "$dir/report"
        return
    fi
    for f in stdout stderr exit; do normalise "$dir/$f"; done
    if { settle "$name" stdout '' && settle "$name" stderr '' && settle "$name" exit $'0\n'; } \
        > "$dir/report"; then
        echo passed > "$dir/result"
    else
        echo failed > "$dir/result"
        { echo "FAIL $name"; cat "$dir/report"; [ ! -s "$dir/stderr" ] || head -5 "$dir/stderr"; } \
            > "$dir/report.f"
        mv "$dir/report.f" "$dir/report"
    fi
    rm -rf "$dir/scratch" "$dir/tmp"
}
export -f run_case settle normalise

names=()
for f in "$here"/*.sh; do
    n=$(basename "$f" .sh)
    [ "$n" != run ] && [ "${n#lib-}" = "$n" ] || continue
    # shellcheck disable=SC2254
    for p in "${patterns[@]}"; do
        case $n in $p) names+=("$n"); break ;; esac
    done
done
[ ${#names[@]} -eq 0 ] || printf '%s\n' "${names[@]}" | xargs -P 2 -I{} bash -c 'run_case {}'

passed=0 failed=0 skipped=0
for n in ${names[@]+"${names[@]}"}; do
    case $(cat "$work/$n/result" 2>/dev/null) in
    passed) passed=$((passed + 1)) ;;
    skipped) skipped=$((skipped + 1)); cat "$work/$n/report" ;;
    *) failed=$((failed + 1)); cat "$work/$n/report" 2>/dev/null || echo "FAIL $n: did not run" ;;
    esac
done
[ "$skipped" = 0 ] || echo "cli: $skipped skipped"
echo "cli: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ $((passed + skipped)) -gt 0 ]
