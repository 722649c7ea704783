# Every malformed file: a status, one line, no signal, valid JSON. Prints only what is wrong.
[ -n "${GG_TEST_LOOSE:-}" ] || ulimit -d 131072
jq=$(command -v jq || true)
while read -r file code message; do
    case $file in ''|'#'*) continue ;; esac
    f=$FIX/bad/$file want=3
    [ "$code" = OK ] && want='0 3'
    for o in '' '--json --all --uuid' '--no-layer -j2'; do
        rc=0
        # shellcheck disable=SC2086
        timeout "$SOON" ggtool hash $o "$f" > out 2> err || rc=$?
        case " $want " in *" $rc "*) ;; *) echo "$file: hash $o: status $rc, not $want"; cat err ;; esac
        [ "$(wc -l < err)" = $((rc != 0)) ] || { echo "$file: hash $o: lines on stderr"; cat err; }
        case $o in --json*) [ -z "$jq" ] || [ ! -s out ] || jq -e . out > /dev/null || echo "$file: JSON" ;; esac
        ! LC_ALL=C grep -q "[$(printf '\001')-$(printf '\010\013')-$(printf '\037')]" out err ||
            echo "$file: control characters come through"
    done
done < "$FIX/bad/EXPECT"
for f in /dev/null . nothing.gguf "$FIX/models"; do
    rc=0; ggtool hash "$f" || rc=$?
    echo "-> $rc"
done
rc=0; ggtool hash - < "$FIX/ok/ok_min.gguf" || rc=$?
echo "-> $rc"
rc=0; ggtool hash "$FIX/ok/ok_min.gguf" > /dev/full || rc=$?
echo "-> $rc"
