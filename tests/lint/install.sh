#!/usr/bin/env bash
# install.sh: make install and uninstall; what is installed is enough to build a program with, and the
# format library needs libc alone. Ends with "install: N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0
try() { # name, command...
    local name=$1
    shift
    if "$@" > "$dir/log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $name"
        tail -20 "$dir/log"
    fi
}

cat > "$dir/use.c" << 'EOF'
#include <ggtool/gguf.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    struct ggf_set *set;
    struct gg_err err;
    if (argc != 2 || ggf_set_open(&set, argv[1], GGF_STRICT, &err) != GG_OK)
        return 1;
    printf("%zu tensors\n", ggf_file_n_tensors(ggf_set_file(set, 0)));
    ggf_set_free(set);
    return 0;
}
EOF
to=$dir/dest/usr
try 'make install' "${MAKE:-make}" install DESTDIR="$dir/dest" PREFIX=/usr
try 'a program against it' "${CC:-cc}" -std=c11 -Wall -Werror -I"$to/include" -o "$dir/use" \
    "$dir/use.c" -L"$to/lib" -lggtool
try 'the program' bash -c '[ "$("$0" fixtures/models/tiny-bf16.gguf)" = "39 tensors" ]' "$dir/use"
try 'the installed ggtool' "$to/bin/ggtool" --version
try 'make uninstall' "${MAKE:-make}" uninstall DESTDIR="$dir/dest" PREFIX=/usr
try 'nothing is left' bash -c '[ -z "$(find "$0" -type f -o -name ggtool)" ]' "$dir/dest"
echo "install: $passed passed, $failed failed"
[ "$failed" = 0 ]
