#!/usr/bin/env bash
# lint.sh LIBRARY GENERATOR: rules about the sources themselves, and that what is generated of them is
# as committed. Ends with "lint: N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 1
lib=$1 generate=$2
passed=0 failed=0

# report NAME: what stands on stdin are the faults.
report() {
    local faults
    faults=$(cat)
    if [ -z "$faults" ]; then
        passed=$((passed + 1))
    else
        echo "FAIL $1"
        printf '%s\n' "$faults" | head -30 | sed 's/^/  /'
        failed=$((failed + 1))
    fi
}

# Sources of the tree, also those not committed yet.
sources() { find gguf lib cmds "$@" -name '*.[ch]' -o -name '*.def' | sort; }

# ---- floors: docs/DESIGN.md, section 3. folder: what it may include besides itself ---------------

floors() {
    cat << 'TABLE'
lib/base:
lib/sys: lib/base
lib/quant: lib/base lib/sys
gguf: lib/base lib/sys lib/quant/qtype.h lib/quant/qtype.def
lib/model: lib/base lib/sys lib/quant gguf
lib/cli: lib/base lib/sys lib/quant/qtype.h
lib/report: lib/base lib/sys
lib/import: lib/base lib/sys lib/quant gguf lib/model
lib/plan: lib/base lib/sys lib/quant gguf lib/model
lib/export: lib/base lib/sys lib/quant
lib/hf: lib/base lib/sys lib/quant gguf lib/model lib/import
lib/stream: lib/base lib/sys lib/quant gguf lib/model lib/plan
lib/job: lib/base lib/sys lib/quant gguf lib/model lib/cli lib/report lib/import lib/export lib/plan lib/hf lib/stream
TABLE
}

# One line an include: FILE INCLUDED.
includes() {
    sources | xargs grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' /dev/null |
        sed -E 's/^([^:]*):[0-9]*:[^"]*"([^"]*)".*/\1 \2/'
}

floor_faults() {
    includes | awk '
        NR == FNR { sub(":", "", $1); may[$1] = $1; for (i = 2; i <= NF; i++) may[$1] = may[$1] " " $i; next }
        {
            n = split($1, part, "/"); dir = part[1] == "lib" ? part[1] "/" part[2] : part[1]
            if (dir == "cmds") {
                split(part[n], a, /[._]/); m = split($2, q, "/"); split(q[m], b, /[._]/)
                if (q[1] == "cmds" && b[1] != a[1] && q[m] !~ /^(cmd\.h|cmds\.def|make\.h|shards\.h|say\.h)$/)
                    print $1 " includes " $2 ", another command"
                next
            }
            if (!(dir in may)) { print $1 " stands on no known floor"; next }
            k = split(may[dir], ok, " "); good = 0
            for (i = 1; i <= k; i++)
                if (index($2, ok[i] "/") == 1 || $2 == ok[i]) good = 1
            if (!good) print $1 " includes " $2
        }' <(floors) -
}

# The lint itself: a row it must catch.
floor_self_test() {
    [ "$(includes() { echo 'lib/base/x.c lib/sys/y.h'; }; floor_faults)" = \
        'lib/base/x.c includes lib/sys/y.h' ] || echo 'the floor check finds nothing'
}

# ---- the others ------------------------------------------------------------------------------------

symbol_faults() {
    local names
    names=$(nm -g --defined-only "$lib" | awk 'NF == 3 { print $3 }' | sed 's/^_//') || names=
    [ -n "$names" ] || { echo "no symbols in $lib"; return; }
    printf '%s\n' "$names" | grep -vE '^(ggf_|gg_|qt_|qk_|cmd_)' | sort -u
}

# Each header compiles alone, but for the vector vocabulary: that wants a level (lib/quant/vec/v.h),
# and every part of it is compiled for every level anyhow.
header_faults() {
    sources | grep '\.h$' | grep -vE '^lib/quant/(vec|x86|arm)/' | xargs -P 2 -I{} bash -c \
        'printf "#include \"%s\"\n" {} | ${CC:-cc} -I. -std=c11 -D_GNU_SOURCE -fsyntax-only -Wall -x c - \
            > /dev/null 2>&1 || echo "{} does not compile alone"'
}

# Functions over 100 lines. Needs universal-ctags.
function_faults() {
    sources | grep '\.[ch]$' | xargs ctags --languages=C --c-kinds=f --fields=+ne -o - 2>/dev/null |
        awk -F'\t' '{ from = to = 0
            for (i = 4; i <= NF; i++) { if ($i ~ /^line:/) from = substr($i, 6); if ($i ~ /^end:/) to = substr($i, 5) }
            if (to - from + 1 > 100) printf "%s: %s has %d lines\n", $2, $1, to - from + 1 }'
}

# Files over 500 lines, but for data: tables that say so in their name.
file_faults() {
    sources | grep -vE '(grids|table|tables|_data)\.[ch]$|\.def$' | xargs wc -l |
        awk '$2 != "total" && $1 > 500 { print $2 " has " $1 " lines" }'
}

path_faults() { # of the machines we work on
    git ls-files -co --exclude-standard | grep -vE '\.(gguf|dat|png)$' |
        xargs -d '\n' grep -nIE '/(ro''ot|wo''rk)/' 2>/dev/null | head -20
}

header_guard_faults() {
    sources tests | grep '\.h$' | while read -r h; do
        [ "$(grep -cE '^#(ifndef|define) [A-Z0-9_]+_H$' "$h")" = 2 ] || echo "$h has no include guard"
    done
}

# What `make generate` would change.
drift_faults() {
    local dir
    dir=$(mktemp -d)
    mkdir "$dir/completions" "$dir/man" "$dir/docs"
    "$generate" packaging/generate "$dir" 2>&1
    for f in "$dir"/completions/* "$dir"/man/* "$dir"/docs/*; do
        cmp -s "$f" "${f#"$dir/"}" || echo "${f#"$dir/"} is not what the tables say: make generate"
    done
    for f in completions/* man/ggtool-*.1; do # of commands that are gone
        [ -e "$dir/$f" ] || echo "$f is not generated any more"
    done
    rm -rf "$dir"
}

# All but references to pages that are not installed here; ours must be in man/.
man_faults() {
    mandoc -T lint -W style man/* | grep -v 'referenced manual not found'
    sed -n 's/^\.\(It \)\{0,1\}Xr \([a-z-]*\) \([0-9]\).*/\2.\3/p' man/* | sort -u | while read -r page; do
        case $page in g[a-z-]*) [ -e "man/$page" ] || echo "man/$page is referred to, and is not there" ;; esac
    done
}

report 'floor check works' < <(floor_self_test)
report 'floors: includes go down only' < <(floor_faults)
report 'exported names have their prefixes' < <(symbol_faults)
report 'headers are self-sufficient' < <(header_faults)
report 'headers have guards' < <(header_guard_faults)
report 'files under 500 lines' < <(file_faults)
report 'no machine paths' < <(path_faults)
report 'completions and man pages are as generated' < <(drift_faults)
if command -v mandoc > /dev/null; then
    report 'man pages are clean' < <(man_faults)
else
    echo 'skip man pages are clean: mandoc is not here'
fi
if command -v ctags > /dev/null && ctags --version 2>/dev/null | grep -q Universal; then
    report 'functions under 100 lines' < <(function_faults)
else
    echo 'skip functions under 100 lines: universal-ctags is not here'
fi
echo "lint: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
