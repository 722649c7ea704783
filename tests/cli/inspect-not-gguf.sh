# What is not GGUF is named.
try() { local rc=0; ggtool inspect "$@" || rc=$?; echo "$1 -> $rc"; }
printf '<!DOCTYPE html><html><head>' > page.gguf
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n' > lfs.gguf
printf 'PK\003\004rest of it' > zip.gguf
printf 'tjgg\003\000\000\000' > ggjt.gguf
printf 'lmgg\000\000' > ggml.gguf
printf '\072\000\000\000\000\000\000\000{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}    1234' > st.gguf
: > empty.gguf
printf GGU > three.gguf
mkdir dir.gguf
for f in page lfs zip ggjt ggml st empty three dir none; do try $f.gguf; done 2>&1
echo '--- one bad file among others'
cp "$FIX/ok/ok_min.gguf" ok.gguf
try --diffable page.gguf ok.gguf 2>&1
