# Every odd file: changed by the rules, or refused with one line, and then untouched.
. "$ROOT/tests/cli/lib-edit.sh"
for f in "$FIX"/bad/*.gguf; do
    n=${f##*/} rc=0
    case $n in s_*-0000*) name=$n ;; *) name=x.gguf ;; esac
    for how in '--set general.url=x' '--set general.url=x -o out.gguf' '--scrub' '--unset general.* -n' \
        '--drop-tensor * -o out.gguf' '--rename-tensor *=x*' '--reserve=100 --json'; do
        cp "$f" "$name"
        rm -f out.gguf
        rc=0
        set -f
        # shellcheck disable=SC2086
        timeout "$SOON" ggtool edit "$name" $how > stdout 2> stderr || rc=$?
        set +f
        case $rc in
        0) ggtool inspect --json "$name" > /dev/null || echo "$n, $how: unreadable now" ;;
        2 | 3)
            [ "$(grep -vc 'note:\|warning:' stderr)" = 1 ] || { echo "$n, $how: exit $rc:"; cat stderr; }
            cmp "$f" "$name" ;;
        *) echo "$n, $how: exit $rc"; head -3 stderr ;;
        esac
        [ "$rc" = 0 ] || [ ! -e out.gguf ] || echo "$n, $how: out.gguf is there"
        ls -A | grep ggtool- && echo "$n, $how: left behind"
        grep -qx "$n" "$FIX/bad/MUST_REFUSE" && [ $rc != 3 ] && echo "$n, $how: exit $rc, must be refused"
        rm -f "$name"
    done
done
true
