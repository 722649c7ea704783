# --fail-above: 0 while nothing is above, whatever else differs.
. "$ROOT/tests/cli/lib-diff.sh"
exec 2>&1
ggtool requant "$TINY" q.gguf --type Q8_0 -q
lim() { status ggtool diff "$TINY" q.gguf -q "$@"; }
lim --fail-above nmse=0.001
lim --fail-above nmse=0.00001
lim --fail-above nmse=1,max_abs=0.0001
lim --fail-above snr_db=40
lim --fail-above snr_db=50
lim --fail-above cosine=0.999
lim --fail-above cosine=0.99999
lim --fail-above weighted=0.001 --imatrix "$IM"
status ggtool diff "$TINY" q.gguf --fail-above rmse=0.0001,row=0.5 | tail -2
