#!/usr/bin/env bash
# run.sh: the NEON kernels, built with the cross compiler and run under qemu-user against the same
# golden bytes and the same reference as everywhere. Ends with "unit: N passed, N failed", or says
# what is not here.
set -eu
cd "$(dirname "$0")/../.."
cc=aarch64-linux-gnu-gcc build=build/arm64
for tool in $cc qemu-aarch64 apt-get; do
    command -v "$tool" > /dev/null || { echo "skip: $tool is not here"; echo "unit: 0 passed, 0 failed"; exit; }
done
tests/arm64/libs.sh $build/libs > $build.log 2>&1 ||
    { echo 'skip: no arm64 libraries to be had'; echo "unit: 0 passed, 0 failed"; exit; }
programs=()
for t in tests/kern/test_*.c tests/golden/test_golden.c; do programs+=("$build/${t%.c}"); done
# The kernels stand on these floors alone.
"${MAKE:-make}" --no-print-directory -j"$(nproc)" CC=$cc BUILD=$build CMD_SRC= \
    LIB_SRC="$(echo lib/base/*.c lib/sys/cpu.c lib/quant/*.c lib/quant/ref/*.c)" \
    LIB_CFLAGS="-isystem $build/libs/usr/include" LIB_LIBS=-ljansson \
    LDFLAGS="-static -L$build/libs/usr/lib/aarch64-linux-gnu" "${programs[@]}" >&2
GG_TEST_RUNNER=qemu-aarch64 GG_TEST_FEW=1 CK_TIMEOUT_MULTIPLIER=20 GG_TEST_TIMEOUT=900 \
    tests/programs.sh "${programs[@]}"
