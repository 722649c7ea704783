#!/usr/bin/env bash
# sources.sh: the files of the source tree, one a line: what git knows or would add, or all that is not built.
set -eu
cd "$(dirname "$0")/.."
if [ -e .git ]; then
    git ls-files -co --exclude-standard | while read -r f; do [ ! -e "$f" ] || printf '%s\n' "$f"; done
else
    find . \( -path ./build -o -path ./dist -o -path ./ggtool \) -prune -o \( -type f -o -type l \) -print | sed 's|^\./||'
fi | sort
