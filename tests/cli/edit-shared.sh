# Files that others use too: several names, stores of other programs, no right to write.
. "$ROOT/tests/cli/lib-edit.sh"
cp "$TINY" m.gguf
ln m.gguf other.gguf
fails 2 ggtool edit m.gguf --set general.name=one 2>&1
fails 2 ggtool edit m.gguf --set general.name=one -n 2>&1
cmp m.gguf "$TINY"
ggtool edit m.gguf --set general.name=one --allow-shared | tail -1
value other.gguf general.name
ggtool edit m.gguf --set general.name=two --copy | tail -1
value m.gguf general.name
value other.gguf general.name
ggtool edit -q other.gguf --set general.name=three > out
mkdir -p hub/models--a--b/blobs hub/models--a--b/snapshots/0123 ollama/blobs plain/blobs
h=$(sum "$TINY")
cp "$TINY" "hub/models--a--b/blobs/$h"
ln -s "../../blobs/$h" hub/models--a--b/snapshots/0123/model.gguf
cp "$TINY" "ollama/blobs/sha256-$h"
cp "$TINY" plain/blobs/model.gguf
for f in hub/models--a--b/snapshots/0123/model.gguf ollama/blobs/sha256-$h; do
    fails 2 ggtool edit $f --set general.name=x 2>&1 | sed "s/$h/HASH/"
    fails 2 ggtool edit $f --copy --set general.name=x 2>&1 | sed "s/$h/HASH/"
    [ "$(sum $f)" = "$h" ] || echo "changed: $f"
done
ggtool edit hub/models--a--b/snapshots/0123/model.gguf --set general.name=x -o mine.gguf | tail -1 | sed 's/, [0-9.]* MiB//'
ggtool edit ollama/blobs/sha256-$h --set general.name=Hg --allow-shared | tail -1 | sed "s/$h/HASH/"
ggtool edit plain/blobs/model.gguf --set general.name=Hg | tail -1
# pipes and archives
mkfifo pipe
fails 2 ggtool edit pipe --set general.name=x 2>&1
fails 2 ggtool edit /dev/null --set general.name=x 2>&1
mkdir folder
fails 3 ggtool edit folder --set general.name=x 2>&1
