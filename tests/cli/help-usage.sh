# Usage errors: one line on stderr, status 2.
try() { local rc=0; ggtool "$@" || rc=$?; echo "$* -> $rc"; }
try
try hlep
try help --vesion
try help a b
try help nosuch
try -j0 help
try help -j
try --cpu=foo help
ggtool --version
ggtool help --version | cmp - <(ggtool -V)
ggtool help help | cmp - <(ggtool help --help)
ggtool help | cmp - <(ggtool --help)
ln -s "$(command -v ggtool)" gg-help
./gg-help help | cmp - <(ggtool help help)
rc=0; ggtool help > /dev/full || rc=$?; echo "full -> $rc"
