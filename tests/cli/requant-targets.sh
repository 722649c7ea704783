# Targets that must not be: the input under any name, a file that is there, a folder that is not.
. "$ROOT/tests/cli/lib-requant.sh"
cp "$TINY" in.gguf
before=$(sum in.gguf)
ln -s in.gguf soft.gguf
ln in.gguf hard.gguf
for f in in.gguf ./in.gguf soft.gguf hard.gguf; do
    fails 2 ggtool requant in.gguf $f --type Q8_0
    fails 2 ggtool requant in.gguf $f --type Q8_0 --force
done
cp "$IM" im.gguf
fails 2 ggtool requant in.gguf im.gguf --type Q8_0 --imatrix im.gguf --force
echo precious > there.gguf
fails 2 ggtool requant in.gguf there.gguf --type Q8_0
cat there.gguf
fails 4 ggtool requant in.gguf missing/out.gguf --type Q8_0
fails 2 ggtool requant in.gguf out.gguf --type Q8_0 --report there.gguf
for f in in.gguf im.gguf new.gguf; do
    fails 2 ggtool requant in.gguf new.gguf --type Q8_0 --imatrix im.gguf --report $f --force
    fails 2 ggtool requant in.gguf new.gguf --type Q8_0 --imatrix im.gguf --stats-out $f --force
done
[ "$(sum in.gguf)" = "$before" ] || echo "the input has changed"
[ "$(sum im.gguf)" = "$(sum "$IM")" ] || echo "the matrix has changed"
only_here in.gguf soft.gguf hard.gguf im.gguf there.gguf
ggtool requant in.gguf there.gguf --type Q8_0 --force -q
ggtool requant "$TINY" ref.gguf --type Q8_0 -q
same there.gguf ref.gguf
