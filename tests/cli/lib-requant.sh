# Shared by the requant cases: source it.
TINY=$FIX/models/tiny-bf16.gguf
IM=$FIX/models/imatrix.gguf
sum() { sha256sum < "$1" | cut -c1-64; }
same() { cmp "$1" "$2" || echo "differ: $1 $2"; }
# Runs a command that must fail with a status, and shows that status.
fails() { local want=$1 rc=0; shift; "$@" || rc=$?; [ "$rc" = "$want" ] || echo "exit $rc, not $want: $*"; }
# Nothing but the named files may be here, hidden ones counted.
only_here() { [ $# -gt 0 ] || { ls -A; return; }; diff <(printf '%s\n' "$@" | sort) <(ls -A | sort) || echo "other files are here"; }
# Types of a file's tensors: "name type" lines.
types() { ggtool inspect --json "$1" | jq -r '.tensors[] | "\(.name) \(.type)"'; }
# Digest of each tensor's bytes, "name digest" lines sorted by name, of a file or of the set it is in.
digests() {
    local base=${1%-?????-of-?????.gguf} rest=${1##*-of-}
    ggtool inspect --json "$1" | jq -r '.tensors[] | "\(.name) \(.offset) \(.bytes) \(.shard)"' |
        while read -r name off n shard; do
            file=$1
            [ "$base" = "$1" ] || file=$base-$(printf %05d "$shard")-of-$rest
            printf '%s %s\n' "$name" "$(tail -c +$((off + 1)) "$file" | head -c "$n" | sha256sum | cut -c1-16)"
        done | sort
}
