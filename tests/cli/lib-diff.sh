# Shared by the diff cases: source it.
. "$ROOT/tests/cli/lib-requant.sh"
# Runs a command and shows its status.
status() { local rc=0; "$@" || rc=$?; echo "status $rc"; }
