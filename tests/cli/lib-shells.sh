# Drives a real shell in a terminal of tmux: sourced by cases. They type, press Tab, and look.
for tool in tmux "$1"; do
    command -v "$tool" > /dev/null || { echo "$tool is not here" >&2; exit 77; }
done
unset TMUX
export HOME=$PWD XDG_CONFIG_HOME=$PWD/config XDG_DATA_HOME=$PWD/data TERM=screen
tm() { tmux -S "$PWD/tmux.sock" -f /dev/null "$@"; }
trap 'tm kill-server 2> /dev/null || true' EXIT
cp "$FIX/models/tiny-bf16.gguf" model.gguf
mkdir -p models/sub
cp model.gguf "models/a model.gguf"
: > models/readme.txt

# Waits until fn is content with what the screen shows.
screen() { tm capture-pane -p | sed 's/ *$//'; }
await() { # what for, fn...
    local what=$1 i
    shift
    for ((i = 0; i < 100; i++)); do
        if screen | "$@"; then return 0; fi
        sleep 0.05
    done
    echo "waited in vain for: $what; the screen:"
    screen | grep .
    return 0
}
last_line_is() { [ "$(grep . | tail -1)" = "$1" ]; }
# Is this word there? fish cuts words in front, with an ellipsis.
has_word() { # word, words a line
    local cut
    if grep -qxF -- "$1" <<< "$2"; then return 0; fi
    for cut in $(sed -n 's/^…=*//p' <<< "$2"); do
        [ "${1%"$cut"}" = "$1" ] || return 0
    done
    return 1
}
has_words() {
    local text w
    text=$(tr -s ' \n' '\n\n')
    for w; do
        case $w in
        !*) if has_word "${w#!}" "$text"; then return 1; fi ;;
        *) has_word "$w" "$text" || return 1 ;;
        esac
    done
}

start() { # shell...
    tm new-session -d -x 160 -y 60 "$@"
    await 'a prompt' last_line_is '$'
}
fresh() {
    tm send-keys C-u
    tm send-keys C-l
    await 'an empty line' last_line_is '$'
}
# becomes TYPED LINE: after a Tab the line is this.
becomes() {
    tm send-keys -l -- "$1"
    tm send-keys Tab
    await "$1 -> $2" last_line_is "\$ $2"
    fresh
}
tabs='Tab Tab' # what it takes to see a list
# offers TYPED WORD...: Tab lists all of these; !WORD: and not this one.
offers() {
    local typed=$1
    shift
    tm send-keys -l -- "$typed"
    # shellcheck disable=SC2086
    tm send-keys $tabs
    await "$typed -> $*" has_words "$@"
    fresh
}

# What every shell has to do.
common() {
    becomes 'ggtool insp' 'ggtool inspect'
    becomes 'ggtool inspect --vo' 'ggtool inspect --vocab'
    becomes 'ggtool -q -j 2 requ' 'ggtool -q -j 2 requant'
    becomes 'ggtool requant model.gguf --nonfinite keep' 'ggtool requant model.gguf --nonfinite keep-type'
    becomes 'ggtool requant model.gguf --output-tensor-type iq4_x' \
        'ggtool requant model.gguf --output-tensor-type iq4_xs'
    becomes 'ggtool requant model.gguf --type Q8_0,Q6' 'ggtool requant model.gguf --type Q8_0,Q6_K'
    becomes 'ggtool inspect model.gguf --metadata=general.arch' \
        'ggtool inspect model.gguf --metadata=general.architecture'
    becomes 'ggtool requant --type Q8_0 model.gguf --only blk.3.attn_o' \
        'ggtool requant --type Q8_0 model.gguf --only blk.3.attn_output.weight'
    becomes 'ggtool requant model.gguf --override-kv general.na' \
        'ggtool requant model.gguf --override-kv general.name='
    becomes 'ggtool help has' 'ggtool help hash'
    becomes 'gg-requant model.gguf --nonfinite ze' 'gg-requant model.gguf --nonfinite zero'
    becomes 'gg-requant model.gguf --only output.' 'gg-requant model.gguf --only output.weight'
    offers 'ggtool ' inspect convert requant hash help '!complete'
    offers 'ggtool inspect model.gguf --metadata=general.' general.type general.name
    offers 'ggtool requant model.gguf --only blk.1.attn_' blk.1.attn_k.weight blk.1.attn_q.weight \
        '!blk.2.attn_q.weight'
}
