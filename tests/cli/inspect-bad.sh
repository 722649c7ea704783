# Every malformed file through every view: the exit status that fixtures/bad/EXPECT implies, one line
# on stderr with it, in seconds on any machine, under 64 MiB, valid JSON. Prints only what is wrong.
[ -n "${GG_TEST_LOOSE:-}" ] || ulimit -d 65536
jq=$(command -v jq || true)

# run WANTED NAME OPTION...: WANTED is a list of statuses that will do. Input on stdin for "-".
run() {
    local wanted=$1 name=$2 rc=0 lines=0 line
    shift 2
    timeout "$SOON" ggtool inspect "$@" > out 2> err || rc=$?
    while IFS= read -r line; do lines=$((lines + 1)); done < err
    case " $wanted " in *" $rc "*) ;; *) echo "$name: inspect $*: status $rc, not $wanted"; cat err ;; esac
    [ "$lines" = $((rc != 0)) ] || { echo "$name: inspect $*: $lines lines on stderr"; cat err; }
    LC_ALL=C grep -q "[$(printf '\001')-$(printf '\010\013')-$(printf '\037')]" out err &&
        echo "$name: inspect $*: control characters come through"
    return 0
}

while read -r file code message; do
    case $file in ''|'#'*) continue ;; esac
    f=$FIX/bad/$file want=3 header=3 single=
    [ "$code" = OK ] && want=0 header=0
    case $message in needs*) header=0 ;; esac
    single=$want
    case $file in *-of-*) want=3 ;; esac # the other shards are missing
    hwant=$header
    case $file in *-of-*) hwant=3 ;; esac
    for o in '' '--metadata=* --tensors=re:. --layers --full' --diffable '-v --json' '--json --full'; do
        # shellcheck disable=SC2086
        run "$want" "$file" $o "$f"
        case $o in
        --json*) [ -z "$jq" ] || [ ! -s out ] || jq -e . out > /dev/null 2>&1 || echo "$file: not JSON" ;;
        esac
    done
    for o in --stats --vocab --chat-template=x; do run "0 1 3" "$file" $o "$f"; done
    run "$hwant" "$file" --header-only "$f"
    run "$single" "$file (stdin)" - < "$f"
    run "$header" "$file (pipe, header)" --header-only - < <(cat "$f")
    run "$single" "$file (pipe)" - < <(cat "$f")
done < "$FIX/bad/EXPECT"
