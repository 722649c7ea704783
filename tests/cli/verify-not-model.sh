# What is no model, and what it is instead; what cannot be looked at.
try() { local rc=0; ggtool verify "$@" || rc=$?; echo "-> $rc"; }
printf '<!DOCTYPE html><html><head>' > page.gguf
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n' > lfs.gguf
printf 'PK\003\004rest of it' > zip.gguf
printf 'tjgg\003\000\000\000' > ggjt.gguf
printf '\072\000\000\000\000\000\000\000{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}    1234' > st.gguf
printf '\072\000\000\000\000\000\000\000{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}    12' > st-cut.gguf
printf '{"a": 1}' > config.json
: > empty.gguf
mkdir dir.gguf
exec 2>&1
for f in page lfs zip ggjt st st-cut empty dir none; do try $f.gguf; done
try config.json
try --deep page.gguf "$FIX/ok/ok_min.gguf"
try --sha256 00 "$FIX/ok/ok_min.gguf"
try --sha256 "$(printf %064d 0)" page.gguf
try --manifest page.gguf page.gguf
try --manifest none page.gguf
try - < "$FIX/ok/ok_min.gguf"
try --deep - < "$FIX/ok/ok_min.gguf"
try - < <(cat "$FIX/ok/ok_min.gguf")
try --strict "$FIX/ok/ok_min.gguf"
rc=0; ggtool verify "$FIX/ok/ok_min.gguf" > /dev/full || rc=$?; echo "-> $rc"
touch unreadable.gguf; chmod 0 unreadable.gguf
[ "$(id -u)" = 0 ] || try unreadable.gguf > /dev/null
