# A checkpoint in an archive converts to the same bytes as its folder.
[ -d "$ROOT/../shared/models/tiny-hf" ] || { echo 'no trained model' >&2; exit 77; }
command -v zip > /dev/null || { echo 'zip is not here' >&2; exit 77; }
cp -r "$ROOT/../shared/models/tiny-hf" .
chmod -R u+w tiny-hf
ggtool convert -q tiny-hf want.gguf
tar -czf a.tar.gz tiny-hf
tar -cf b.tar tiny-hf
zip -qr c.zip tiny-hf
for f in a.tar.gz b.tar c.zip a.tar.gz:tiny-hf; do
    ggtool convert -q $f got.gguf
    cmp got.gguf want.gguf
    rm got.gguf
    echo "$f: the same"
done
