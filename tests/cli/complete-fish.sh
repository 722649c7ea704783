# Tab in a real fish.
set -- fish
. "$ROOT/tests/cli/lib-shells.sh"
mkdir -p config/fish/completions
cp "$ROOT/completions/ggtool.fish" config/fish/completions/
echo "source '$ROOT/completions/ggtool.fish'" > config/fish/completions/gg-requant.fish
cat > config/fish/config.fish << 'RC'
function fish_prompt
    echo '$ '
end
set -g fish_greeting
set -g fish_autosuggestion_enabled 0
RC
tabs=Tab
start fish -i
common
becomes 'ggtool inspect ~/models/a\ model.gguf --metadata=general.arch' \
    'ggtool inspect ~/models/a\ model.gguf --metadata=general.architecture'
offers 'ggtool hash --sh' --sha1 --sha256
offers 'ggtool inspect m' model.gguf models/
# Names may be anything, and are only ever text.
mkmodel evil.gguf 'evil1$(touch pwned):f32:32x1' 'evil2;x:f32:32x1'
becomes 'ggtool inspect evil.gguf --tensors=evil2' 'ggtool inspect evil.gguf --tensors=evil2\;x'
offers 'ggtool inspect evil.gguf --tensors=ev' '!pwned'
[ ! -e pwned ] || echo 'a name was run'
