#!/usr/bin/env bash
# run.sh arm64|i386 [kernels | cases PATTERN...]: the tests, built by a cross compiler and run on that machine's
# program (arm64 under qemu-user). `kernels`: only the kernels, against the same golden bytes and the same
# reference as everywhere. `cases`: only these of the command line. Says "unit: N passed, N failed", or what is
# not here; without `kernels` also "cli: ..." and "large: ...". CROSS_CC names another compiler, with what makes
# it build for that machine: 'clang --target=aarch64-linux-gnu'.
set -eu
cd "$(dirname "$0")/../.."
arch=$1 what=${2:-all} root=$PWD
shift $(($# < 2 ? $# : 2))
build=build/$arch${CROSS_CC:+-${CROSS_CC%% *}}
packages='check libsubunit-dev libjansson-dev'
if [ "$what" = kernels ]; then
    build=$build-kernels
else
    packages="$packages libpcre2-dev nettle-dev libxxhash-dev libarchive-dev zlib1g-dev"
fi
libs=$root/$build/libs
MAKE=${MAKE:-make}
unset MAKEFLAGS MFLAGS
case $arch in
arm64)
    triplet=aarch64-linux-gnu run=(qemu-aarch64 -L "$libs")
    export GG_TEST_LOOSE=1
    ;;
i386) triplet=i386-linux-gnu run=() ;;
*) echo 'usage: run.sh arm64|i386 [kernels | cases PATTERN...]' >&2; exit 2 ;;
esac
cc=${CROSS_CC:-${triplet/i386/i686}-gcc}
none() { echo "skip: $1"; echo 'unit: 0 passed, 0 failed'; exit; }
for tool in "${cc%% *}" ${run[0]+"${run[0]}"} apt-get; do command -v "$tool" > /dev/null || none "$tool is not here"; done
mkdir -p "$build"
# shellcheck disable=SC2086
tests/cross/libs.sh "$arch" "$libs" $packages > "$build/libs.log" 2>&1 || none "no libraries of $arch to be had"

# i386 runs as it is, once it is told where the libraries are.
link="-L$libs/usr/lib/$triplet -Wl,-rpath-link,$libs/usr/lib/$triplet:$libs/lib/$triplet"
[ "$arch" != i386 ] ||
    link="$link -Wl,--dynamic-linker=$libs/lib/ld-linux.so.2 -Wl,-rpath,$libs/usr/lib/$triplet:$libs/lib/$triplet -Wl,--disable-new-dtags"
build() {
    command "$MAKE" --no-print-directory -j"$(nproc)" CC="$cc" BUILD="$build" BIN="$build/ggtool" \
        LIB_CFLAGS="-isystem $libs/usr/include/$triplet -isystem $libs/usr/include" \
        LIB_LIBS='-ljansson -lpcre2-8 -lnettle -lxxhash -larchive -lz' \
        TEST_LIBS='-lcheck -lsubunit' LDFLAGS="$link" "$@" >&2
}
export GG_TEST_FEW=1 CK_TIMEOUT_MULTIPLIER=20 GG_TEST_TIMEOUT=1800
run_programs() { # sources...
    local programs=("${@%.c}")
    GG_TEST_RUNNER="${run[*]}" tests/programs.sh "${programs[@]/#/$build/}"
}

if [ "$what" = kernels ]; then
    # The kernels stand on these floors alone.
    tests=(tests/kern/test_*.c tests/golden/test_golden.c)
    programs=("${tests[@]%.c}")
    build CMD_SRC= LIB_SRC="$(echo lib/base/*.c lib/sys/cpu.c lib/quant/*.c lib/quant/ref/*.c)" \
        LIB_LIBS=-ljansson "${programs[@]/#/$build/}"
    run_programs "${tests[@]}"
    exit
fi
build test-programs
rc=0
[ "$what" = cases ] || run_programs tests/{unit,kern,golden}/test_*.c || rc=1
# What is called on the command line: the emulator with it.
bin=$build/run
rm -rf "$bin" && mkdir -p "$bin"
for t in ggtool tests/tools/*.c; do
    t=${t%.c}
    if [ ${#run[@]} = 0 ]; then
        ln -s "$root/$build/$t" "$bin/${t##*/}"
    else
        printf '#!/bin/sh\nexec %s -0 "$0" "%s" "$@"\n' "${run[*]}" "$root/$build/$t" > "$bin/${t##*/}"
        chmod +x "$bin/${t##*/}"
    fi
done
tests/cli/run.sh --ggtool "$bin/ggtool" --tools "$root/$bin" "$@" || rc=1
[ "$what" = cases ] || tests/cross/large.sh "$bin" || rc=1
exit $rc
