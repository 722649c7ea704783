# The same bytes through a pipe; talk stays on stderr.
. "$ROOT/tests/cli/lib-requant.sh"
ggtool requant "$TINY" out.gguf --type Q4_K_M -q
ggtool requant "$TINY" - --type Q4_K_M 2> err | cat > piped.gguf
same out.gguf piped.gguf
grep -c 'Q4_K_M' err
ggtool requant "$TINY" - --type Q4_K_M -j7 -q | cmp - out.gguf
fails 2 ggtool requant "$TINY" - --type Q4_K_M --split-max-size 1M > none
fails 2 ggtool requant "$TINY" - --type 'Q4_K_M,Q8_0' > none
wc -c < none
