#!/usr/bin/env bash
# demo.sh GGTOOL: the main job on the bundled trained model, in build/demo.
set -eu
ggtool=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "$0")/.."
mkdir -p build/demo
in=fixtures/models/tiny-bf16.gguf
out=build/demo/tiny-Q4_K_M.gguf
table=build/demo/errors.csv

step() {
    printf '\n$ ggtool %s\n\n' "$*"
    "$ggtool" "$@"
}

step inspect "$in"
step requant "$in" "$out" --type Q4_K_M --force --stats-out "$table" --sha256
step inspect "$out"

printf '\nError of each tensor (%s):\n\n' "$table"
awk -F, '{ gsub(/"/, "") }
    NR == 1 { printf "%-28s %-5s %-5s %8s %9s %8s %8s\n", "tensor", "from", "to", "bytes", "NMSE", "SNR, dB", "largest" }
    NR > 1 { printf "%-28s %-5s %-5s %8d %9.6f %8.2f %8.5f\n", $2, $3, $4, $6, $8, $9, $11 }' "$table"

printf '\n%12s bytes  %s\n%12s bytes  %s\n' "$(wc -c < "$in" | tr -d ' ')" "$in" \
    "$(wc -c < "$out" | tr -d ' ')" "$out"
