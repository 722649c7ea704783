# Shared by the edit cases: source it.
. "$ROOT/tests/cli/lib-requant.sh"
# A key's value, as JSON.
value() { ggtool inspect --json --full "$1" | jq -c --arg k "$2" '.metadata[$k].value'; }
inode() { stat -c %i "$1"; }
# Runs an edit that must be done in place; only its list of changes is shown.
in_place() {
    local file=$1 before size
    before=$(inode "$file") size=$(stat -c %s "$file")
    ggtool edit "$@" | grep -v ': changed in place, '
    [ "$(inode "$file")" = "$before" ] && [ "$(stat -c %s "$file")" = "$size" ] || echo "not in place: $*"
}
