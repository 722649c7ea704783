#!/usr/bin/env bash
# rss.sh [TYPE]: peak memory of requant on a sparse 40 GB file that holds one tensor of 8 GB, and of
# --dry-run and inspect on the headers of a 70B and a 671B model. Wants about 25 GB of disk for Q8_0,
# a GNU time(1), and minutes. Fails when 256 MiB (or, for headers, 50 ms) are exceeded.
set -eu
type=${1:-Q8_0}
root=$(cd "$(dirname "$0")/../.." && pwd)
tools=$root/build/release/tests/tools
work=$(mktemp -d "${TMPDIR:-/tmp}/rss.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
bad=0

measure() { # label, most KiB, most hundredths of a second, command...
    local label=$1 kib=$2 cs=$3
    shift 3
    /usr/bin/time -o time -f '%e %M' "$@" > out
    local seconds mem
    read -r seconds mem < time
    printf '%-28s %9s s  %7s MiB\n' "$label" "$seconds" $((mem / 1024))
    [ "$mem" -le "$kib" ] || { echo "  over $((kib / 1024)) MiB"; bad=1; }
    [ "$(printf '%.0f' "${seconds/./}")" -le "$cs" ] || { echo '  over the time'; bad=1; }
}

for kind in llama-70b deepseek-671b; do
    "$tools/mkskeleton" $kind head.gguf
    measure "$kind --dry-run" 262144 5 "$root/ggtool" requant head.gguf --type Q4_K_M --dry-run -q
    measure "$kind inspect" 262144 5 "$root/ggtool" inspect --header-only head.gguf
done
"$tools/mkskeleton" giant giant.gguf --sparse
measure "40 GB to $type" 262144 999999999 \
    "$root/ggtool" requant giant.gguf out.gguf --type "$type" --force
cat out
exit $bad
