#!/usr/bin/env bash
# large.sh FOLDER: files over 4 GiB, with the ggtool and mkmodel of FOLDER. The files are holes, and what is
# made of them is piped: it takes no disk. Ends with "large: N passed, N failed".
set -u
bin=$(cd "$1" && pwd)
ggtool=$bin/ggtool
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
passed=0 failed=0
try() { # name, command...
    local name=$1
    shift
    if "$@" > log 2>&1; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAIL $name"; head -5 log; fi
}
# 4.5 GiB in one tensor, and one behind it whose values say whether it was found.
mkmodel_large() {
    "$bin/mkmodel" large.gguf --holes --kv general.architecture=str:llama --kv llama.block_count=u32:1 \
        'blk.0.ffn_down.weight:f16:2048x1179648:zero' 'blk.0.attn_v.weight:f32:256x1:zero' &&
        [ "$(wc -c < large.gguf)" -gt 4831838208 ] &&
        printf '\0\0\200\077' | dd of=large.gguf bs=1 seek=$(($(wc -c < large.gguf) - 4)) conv=notrunc
}
places() { [ "$("$ggtool" inspect large.gguf --tensors --json | grep -c '48[0-9]\{8\}')" -gt 0 ]; }
last_value() {
    "$ggtool" extract large.gguf blk.0.attn_v.weight --format raw -o - | tail -c 4 | cmp - <(printf '\0\0\200\077')
}
shrunk() { # to Q4_0: one number behind 4 GiB of zeros
    "$ggtool" requant large.gguf - --type Q4_0 -q | tail -c 4 |
        cmp - <(printf '\0\0\200\077')
}
digest() { "$ggtool" hash --xxh3 --no-layer large.gguf; }
try 'made' mkmodel_large
try 'offsets' places
try 'the last value' last_value
try 'digest' digest
try 'quantized' shrunk
echo "large: $passed passed, $failed failed"
[ "$failed" = 0 ]
