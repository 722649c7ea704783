# Every malformed file: all that is wrong with each on stdout, nothing on stderr, in time and memory,
# as JSON too; status 1 for what EXPECT refuses.
[ -n "${GG_TEST_LOOSE:-}" ] || ulimit -d 131072
jq=$(command -v jq || true)
cd "$FIX/bad"
out=$OLDPWD/out err=$OLDPWD/err
while read -r file code message; do
    case $file in ''|'#'*) continue ;; esac
    want='0 1'
    [ "$code" = OK ] || want=1
    for o in --deep '' '--json --deep -j2'; do
        rc=0
        # shellcheck disable=SC2086
        timeout "$SOON" ggtool verify $o "$file" > "$out" 2> "$err" || rc=$?
        case " $want " in *" $rc "*) ;; *) echo "$file: verify $o: status $rc, not $want"; cat "$err" ;; esac
        case $o in
        --deep) grep -v 'general.file_type.: is absent\|general.architecture.: is absent' "$out" | sed 's/shard [0-9]* of 65535.*/.../' | uniq ;;
        --json*) [ -z "$jq" ] || jq -e . "$out" > /dev/null || echo "$file: JSON" ;;
        esac
        [ ! -s "$err" ] || { echo "$file: verify $o: on stderr:"; cat "$err"; }
        ! LC_ALL=C grep -q "[$(printf '\001')-$(printf '\010\013')-$(printf '\037')]" "$out" "$err" ||
            echo "$file: control characters come through"
    done
done < EXPECT
