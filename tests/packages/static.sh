#!/usr/bin/env bash
# static.sh: the program for any Linux needs nothing, and passes what the other one passes: golden bytes
# at every CPU level, and the command line. Ends with "packages: N passed, N failed".
work=build/packages/static
. "$(dirname "$0")/lib.sh"
mkdir -p "$work"
work=$root/$work
need 'static program' musl-gcc dpkg-source autoreconf libtoolize apt-get || { finish; exit; }

build() { rm -rf "$work/dist" && packaging/static.sh "$work/dist"; }
checksum() { (cd "$work/dist" && sha256sum -c ./*.sha256); }
unpacked() {
    rm -rf "$work/un" && mkdir "$work/un" && tar -xf "$work/dist"/ggtool-*.tar.gz -C "$work/un" --strip-components 1
}
needs_nothing() { ! readelf -lW "$work/un/ggtool" | grep -E 'INTERP|NEEDED'; }
# In a folder with nothing else in it.
alone() {
    rm -rf "$work/alone" && mkdir "$work/alone" && cp "$work/un/ggtool" fixtures/models/tiny-bf16.gguf "$work/alone" || return 1
    if [ "$(id -u)" = 0 ]; then
        chroot "$work/alone" /ggtool requant -q /tiny-bf16.gguf /q.gguf --type Q4_K_M
    else
        (cd "$work/alone" && ./ggtool requant -q tiny-bf16.gguf q.gguf --type Q4_K_M)
    fi && cmp "$work/alone/q.gguf" <(./ggtool requant -q fixtures/models/tiny-bf16.gguf - --type Q4_K_M)
}
golden() { packaging/static.sh --golden; }
command_line() { tests/cli/run.sh --ggtool "$work/un/ggtool"; }

try 'built' build
try 'its checksum' checksum
try 'unpacked' unpacked
try 'it needs nothing' needs_nothing
try 'it works alone' alone
try 'golden bytes' golden
try 'command line' command_line
finish
