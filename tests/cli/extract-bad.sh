# Every malformed file: a status, one line, no signal, and never a file that is not whole. Prints only
# what is wrong.
[ -n "${GG_TEST_LOOSE:-}" ] || ulimit -d 131072
while read -r file code message; do
    case $file in ''|'#'*) continue ;; esac
    f=$FIX/bad/$file want=3
    [ "$code" = OK ] && want='0 1 3'
    for o in '*' '* --format raw' '* --format safetensors' '--key=*' --vocab; do
        rc=0
        set -f
        # shellcheck disable=SC2086
        timeout "$SOON" ggtool extract "$f" $o -o out > list 2> err || rc=$?
        set +f
        case " $want " in *" $rc "*) ;; *) echo "$file: extract $o: status $rc, not $want"; cat err ;; esac
        case $rc in 0) lines=0 ;; *) lines=1 ;; esac
        [ "$(wc -l < err)" = $lines ] || { echo "$file: extract $o: lines on stderr"; cat err; }
        [ $rc = 0 ] || [ -z "$(ls -A out 2>/dev/null)" ] || { echo "$file: extract $o: left"; ls -A out; }
        ! LC_ALL=C grep -q "[$(printf '\001')-$(printf '\010\013')-$(printf '\037')]" list err ||
            echo "$file: control characters come through"
        rm -rf out
    done
done < "$FIX/bad/EXPECT"
ls -A
