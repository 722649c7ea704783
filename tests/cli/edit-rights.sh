# Files and folders that may not be written: named, with the reason, and nothing is left.
. "$ROOT/tests/cli/lib-edit.sh"
[ "$(id -u)" != 0 ] || { echo 'root may write everything' >&2; exit 77; }
cp "$TINY" m.gguf
chmod 444 m.gguf
fails 4 ggtool edit m.gguf --set general.name=Hg 2>&1
fails 4 ggtool edit m.gguf --set general.name=longer --copy 2>&1
chmod 644 m.gguf
mkdir in out
cp m.gguf in/m.gguf
chmod 555 in out
fails 4 ggtool edit in/m.gguf --set general.name=Hg 2>&1
fails 4 ggtool edit in/m.gguf --set general.name=longer --copy 2>&1
fails 4 ggtool edit m.gguf --set general.name=x -o out/m.gguf 2>&1
chmod 755 in out
cmp m.gguf "$TINY"
cmp in/m.gguf "$TINY"
only_here in m.gguf out
