# The page in a browser: no error, no request, a cell for each tensor, sorting and searching work.
. "$ROOT/tests/cli/lib-diff.sh"
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) ||
    { echo 'chromium is not here' >&2; exit 77; }
ggtool requant "$TINY" --type Q4_K_M,Q8_0 -o 'm-{type}.gguf' -q
ggtool diff "$TINY" m-Q4_K_M.gguf -q --html one.html || true
ggtool diff "$TINY" m-Q4_K_M.gguf m-Q8_0.gguf -q --imatrix "$IM" --html two.html || true

# Adds a script before all others that counts what goes wrong, and one behind that uses the page and
# writes down what it saw.
cat > first.txt << 'JS'
<script>
const wrong = [];
addEventListener('error', e => wrong.push(e.message));
addEventListener('securitypolicyviolation', e => wrong.push(e.blockedURI));
</script>
JS
cat > last.txt << 'JS'
<script>
addEventListener('load', () => {
  const say = [], table = document.getElementById('tensors'), rows = () => [...table.tBodies[0].rows];
  const column = i => rows().map(r => parseFloat(r.cells[i].dataset.v));
  const shown = rows().map(r => r.cells[0].textContent);
  const wide = document.querySelectorAll('.wide .cell').length;
  say.push('tensors ' + rows().length + ', cells ' + wide);
  const titles = [...document.querySelectorAll('.wide .cell title')].map(t => t.textContent);
  say.push('tensors without a cell: ' + shown.filter(n => !titles.some(t => t.startsWith(n))).length);
  const heads = [...table.tHead.rows[0].cells], nmse = heads.findIndex(h => h.classList.contains('n') && h.textContent !== 'weights');
  heads[nmse].querySelector('button').click();
  const down = column(nmse);
  say.push('falling ' + down.every((v, i) => i === 0 || !(v > down[i - 1])) + ' ' + heads[nmse].getAttribute('aria-sort'));
  heads[nmse].querySelector('button').click();
  const up = column(nmse);
  say.push('rising ' + up.every((v, i) => i === 0 || !(v < up[i - 1])));
  heads[0].querySelector('button').click();
  const names = rows().map(r => r.cells[0].textContent);
  say.push('names ' + (names.length === shown.length && names[0] < names[names.length - 1]) + ' ' + heads[0].getAttribute('aria-sort'));
  const find = table.parentElement.previousElementSibling;
  find.value = 'ATTN_Q'; find.dispatchEvent(new Event('input'));
  say.push('found ' + rows().filter(r => !r.hidden).length);
  say.push('beyond the page ' + (document.documentElement.scrollWidth > innerWidth));
  say.push('requests ' + performance.getEntriesByType('resource').length + ', wrong ' + wrong.join('|'));
  const out = document.createElement('pre');
  out.id = 'seen';
  out.textContent = say.join('\n');
  document.body.append(out);
});
</script>
JS
look() { # page, width
    sed -e '/<meta charset/r first.txt' -e '/^<\/body>/{
r last.txt
N
}' "$1" > run.html
    "$browser" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync \
        --user-data-dir="$PWD/profile" --enable-logging=stderr --window-size="$2",900 \
        --dump-dom "file://$PWD/run.html" > dom.html 2> log.txt
    echo "$1 at $2:"
    sed -n '/<pre id="seen">/,/<\/pre>/p' dom.html | sed 's/<[^>]*>//g'
    grep CONSOLE log.txt || true
}
look one.html 1400
look two.html 1400
look one.html 600
