# The examples in the help of a command work as they stand: sourced by cases. Each runs in a folder of
# its own with the bundled model in it, and what the function `inputs` adds. Status 1 is an answer.
inputs() { :; } # command

run_lines() { # whose; the lines on stdin
    local line rc
    while read -r line; do
        rc=0
        mkdir run
        cp "$FIX/models/tiny-bf16.gguf" run/model.gguf
        cp "$FIX"/models/imatrix.{gguf,dat} run
        echo '{{ messages }}' > run/chat.jinja
        (cd run && inputs "$1" && bash -eu -c "$line") > out 2>&1 < /dev/null || rc=$?
        rm -r run
        [ "$rc" -le 1 ] || { echo "$1: $line: status $rc"; head -3 out; }
    done
}

run_examples() { # command
    ggtool help "$1" | sed -n '/^Examples:/,$ { s/^  \([^ ].*\)/\1/p; }' > examples
    run_lines "$1" < examples
    [ -s examples ] || echo "$1: no examples"
}
