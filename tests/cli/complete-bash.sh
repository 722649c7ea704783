# Tab in a real bash.
set -- bash
. "$ROOT/tests/cli/lib-shells.sh"
cat > rc << RC
PS1='$ '
bind 'set bell-style none' 'set completion-query-items 0' 'set page-completions off'
. "$ROOT/completions/ggtool.bash"
RC
start bash --noprofile --rcfile rc -i
common
becomes 'ggtool inspect mod' 'ggtool inspect model'
becomes "ggtool requant model.gguf --only 'blk.3.attn_o" \
    "ggtool requant model.gguf --only 'blk.3.attn_output.weight'"
becomes 'ggtool inspect models/a' 'ggtool inspect models/a\ model.gguf'
becomes 'ggtool inspect ~/models/a\ model.gguf --metadata=general.arch' \
    'ggtool inspect ~/models/a\ model.gguf --metadata=general.architecture'
# Names may be anything, and are only ever text.
mkmodel evil.gguf 'evil1$(touch pwned):f32:32x1' 'evil2;x:f32:32x1'
becomes 'ggtool inspect evil.gguf --tensors=evil1' 'ggtool inspect evil.gguf --tensors=evil1\$\(touch\ pwned\)'
becomes 'ggtool inspect evil.gguf --tensors=evil2' 'ggtool inspect evil.gguf --tensors=evil2\;x'
[ ! -e pwned ] || echo 'a name was run'
