# Every malformed file through split and merge: the exit status that fixtures/bad/EXPECT implies, one
# line on stderr, no signal, nothing written, in seconds and under 64 MiB.
. "$ROOT/tests/cli/lib-split.sh"
[ -n "${GG_TEST_LOOSE:-}" ] || ulimit -d 65536
refused=$(sed 's/#.*//' "$FIX/bad/MUST_REFUSE")
run() { # wanted, name, arguments
    local wanted=$1 name=$2 rc=0
    shift 2
    timeout "$SOON" ggtool "$@" -q > out.txt 2> err.txt || rc=$?
    case " $wanted " in *" $rc "*) ;; *) echo "$name: $1: status $rc, not $wanted"; cat err.txt ;; esac
    [ "$rc" = 0 ] || [ "$(wc -l < err.txt)" = 1 ] || { echo "$name: $1: lines:"; cat err.txt; }
    LC_ALL=C grep -q "[$(printf '\001')-$(printf '\010\013')-$(printf '\037')]" out.txt err.txt &&
        echo "$name: $1: control characters come through"
    [ "$rc" = 0 ] || [ -z "$(ls -A o 2>/dev/null)" ] || { echo "$name: $1: left $(ls -A o)"; }
    rm -rf o
}
while read -r file code message; do
    case $file in ''|'#'*) continue ;; esac
    want='0 3'
    [ "$code" = OK ] || want=3
    grep -qxF "$file" <<< "$refused" && want=3
    case $file in *-of-*) want=3 ;; esac
    for o in '--max-size 100' '--shards 1' '--max-tensors 1 --no-tensor-first' '--max-size 1 --at-layers'; do
        # shellcheck disable=SC2086
        run "$want" "$file" split "$FIX/bad/$file" o/x $o
    done
    cp "$FIX/bad/$file" own.gguf
    run "$want" "$file" split own.gguf o/x --max-tensors 1 --consume
    cp "$FIX/bad/$file" own.gguf
    mkdir o
    run "$want" "$file" merge "$FIX/bad/$file" -o o/x.gguf
    run "$want" "$file" merge own.gguf -o x.gguf --consume
    rm -f x.gguf own.gguf
done < "$FIX/bad/EXPECT"
