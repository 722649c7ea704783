# The examples in the help of each command work as they stand, each on a copy of the bundled model. (Status 1
# is an answer: it has no chat template.)
ggtool help | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p' > commands
while read -r c; do
    ggtool help "$c" | sed -n '/^Examples:/,$ { s/^  \([^ ].*\)/\1/p; }' > examples
    while read -r line; do
        rc=0
        mkdir run
        cp "$FIX/models/tiny-bf16.gguf" run/model.gguf
        cp "$FIX/models/imatrix.gguf" run/imatrix.gguf
        (cd run && bash -eu -c "$line") > out 2>&1 < /dev/null || rc=$?
        rm -r run
        [ "$rc" -le 1 ] || { echo "$c: $line: status $rc"; head -3 out; }
    done < examples
    [ -s examples ] || echo "$c: no examples"
done < commands
