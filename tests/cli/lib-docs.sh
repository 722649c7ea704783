# Sourced by docs-*: the commands of a page, run as they stand there, say what stands there.
#
# In blocks fenced ```console, a line "$ COMMAND" is run, in one folder a page; what follows is what it
# prints (blanks at line ends aside). A line [...] stands for any lines; of a line that begins with
# "  time" only that is compared. A command may span lines that end in \. With run.sh --update the pages get
# what is printed, but where [...] stands.
settle() { # the command and what the page says of it
    [ -n "$command" ] || return 0
    local got rc=0 pattern
    got=$(bash -eu -c "$command" 2>&1 < /dev/null) || rc=$?
    [ "$rc" -le 1 ] || echo "$page: $command: status $rc"
    got=$(sed 's/ *$//' <<< "$got") want=$(sed 's/ *$//' <<< "$want")
    pattern=$(sed -E 's/^(  time ).*/\1/; s/[][\\*?]/\\&/g; s/^\\\[\.\.\.\\\]$/*/' <<< "$want")
    # shellcheck disable=SC2053
    if [[ "$(sed -E 's/^(  time ).*/\1/' <<< "$got")" == $pattern ]]; then
        got=$want
    elif [ -n "$update" ] && [[ $want != *'[...]'* ]]; then
        :
    else
        echo "$page: $command: says otherwise:"
        diff <(echo "$want") <(echo "$got") | head -20
    fi
    [ -z "$got" ] || printf '%s\n' "$got" >> ../new
}

run_page() { # file, from the root
    local page=$1 line block= command= want= more=
    mkdir run
    (cd run && inputs "$page") > log 2>&1 || cat log
    : > new
    cd run
    while IFS= read -r line || [ -n "$line" ]; do
        if [ "$line" = '```' ] && [ -n "$block" ]; then
            settle
            block= command=
        elif [ -n "$more" ]; then
            command+=$'\n'$line
            [[ $line == *\\ ]] || more=
        elif [ -n "$block" ] && [ "${line#'$ '}" != "$line" ]; then
            settle
            command=${line#'$ '} want=
            [[ $line != *\\ ]] || more=1
        elif [ -n "$block" ]; then
            want+=${want:+$'\n'}$line
            continue
        elif [ "$line" = '```console' ]; then
            block=1 command=
        fi
        printf '%s\n' "$line" >> ../new
    done < "$ROOT/$page"
    cd ..
    [ -z "$update" ] || cmp -s new "$ROOT/$page" || cp new "$ROOT/$page"
    rm -r run
}
