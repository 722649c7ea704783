# Quantized input: one warning with the error added; unchanged types are copied bit for bit.
. "$ROOT/tests/cli/lib-requant.sh"
ggtool requant "$TINY" q8.gguf --type Q8_0 -q
ggtool requant q8.gguf q4.gguf --type Q4_0 > /dev/null
ggtool requant q8.gguf again.gguf --type Q8_0 | grep copied
same q8.gguf again.gguf
ggtool requant q8.gguf q4n.gguf --type Q4_0 --no-stats > /dev/null
same q4.gguf q4n.gguf
