# Pictures and the page: complete, self-contained, and nothing in a name can break out of its place.
. "$ROOT/tests/cli/lib-diff.sh"
ggtool requant "$TINY" --type Q4_K_M,Q8_0 -o 'm-{type}.gguf' -q
status ggtool diff "$TINY" m-Q4_K_M.gguf -q --html one.html --svg one.svg --png one.png
status ggtool diff "$TINY" m-Q4_K_M.gguf m-Q8_0.gguf -q --imatrix "$IM" --html two.html --svg two.svg --png two.png
# a cell for each tensor, for screens wide and narrow
grep -o 'class="f[0-9]* cell"' one.html | wc -l
grep -o 'class="f[0-9]* cell"' one.svg | wc -l
grep -o 'class="f[0-9]* cell"' two.html | wc -l
grep -o 'class="f[0-9]* point"' two.svg | wc -l
grep -c '<table id="tensors">' one.html
# nothing is fetched: no address but the name of SVG, no file, no import
for f in one.html two.html one.svg two.svg; do
    grep -o 'https\?:[^" ]*\|src=[^ >]*\|@import\|url(' $f | sort | uniq -c | sed 's/^ *[0-9]* //'
done | sort -u
for f in one.png two.png; do head -c 8 $f | od -An -c; done
# names from a file are text
mkmodel a.gguf --kv 'general.name=str:<script>alert(1)</script>' '<img src=x onerror=alert(2)>"&:f32:32x2' 'blk.0.<b>.weight:f32:32x2'
mkmodel b.gguf --kv 'general.name=str:</title>' '<img src=x onerror=alert(2)>"&:f32:32x2:ramp' 'blk.0.<b>.weight:f32:32x2:ramp'
status ggtool diff a.gguf b.gguf -q --html evil.html --svg evil.svg
grep -c '<script>alert\|<img\|<b>' evil.html evil.svg || true
# files are new, or --force; never one of the models
status ggtool diff "$TINY" m-Q8_0.gguf -q --html one.html
status ggtool diff "$TINY" m-Q8_0.gguf -q --html one.html --force
sum m-Q8_0.gguf > before
status ggtool diff "$TINY" m-Q8_0.gguf -q --png m-Q8_0.gguf --force
sum m-Q8_0.gguf | diff before -
status ggtool diff "$TINY" m-Q8_0.gguf -q --png x --svg x
# on a terminal, or where shades have to do
status ggtool diff "$TINY" m-Q4_K_M.gguf --plot --top 0 | tail -16
LC_ALL=C status ggtool diff "$TINY" m-Q4_K_M.gguf --plot --top 0 | tail -3
