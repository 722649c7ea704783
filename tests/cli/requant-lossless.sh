. "$ROOT/tests/cli/lib-requant.sh"
ggtool requant "$TINY" f32.gguf --type F32 --lossless-only -q
fails 2 ggtool requant "$TINY" q8.gguf --type Q8_0 --lossless-only
fails 2 ggtool requant f32.gguf f16.gguf --type F16 --lossless-only
ggtool requant f32.gguf back.gguf --type BF16 -q
diff <(digests "$TINY") <(digests back.gguf) && echo 'BF16 -> F32 -> BF16 is the same'
only_here f32.gguf back.gguf
