# Tab in a real zsh.
set -- zsh
. "$ROOT/tests/cli/lib-shells.sh"
cat > .zshrc << RC
PS1='$ '
setopt no_beep
fpath=("$ROOT/completions" \$fpath)
autoload -U compinit
compinit -u -d "$PWD/dump"
RC
start env ZDOTDIR="$PWD" zsh -d -i
common
becomes 'ggtool inspect mod' 'ggtool inspect model'
becomes 'ggtool inspect models/a' 'ggtool inspect models/a\ model.gguf'
becomes 'ggtool inspect ~/models/a\ model.gguf --metadata=general.arch' \
    'ggtool inspect ~/models/a\ model.gguf --metadata=general.architecture'
offers 'ggtool hash --sh' --sha1 --sha256
# Names may be anything, and are only ever text.
mkmodel evil.gguf 'evil1$(touch pwned):f32:32x1' 'evil2;x:f32:32x1'
becomes 'ggtool inspect evil.gguf --tensors=evil1' 'ggtool inspect evil.gguf --tensors=evil1\$\(touch\ pwned\)'
becomes 'ggtool inspect evil.gguf --tensors=evil2' 'ggtool inspect evil.gguf --tensors=evil2\;x'
[ ! -e pwned ] || echo 'a name was run'
