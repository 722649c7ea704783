# Shared by the convert cases: source it.
. "$ROOT/tests/cli/lib-requant.sh"
HF=$ROOT/../shared/models/tiny-hf
# The trained model's checkpoint stands beside the repository, not in it.
need_hf() { [ -e "$HF/config.json" ] || { echo 'no ../shared/models/tiny-hf' >&2; exit 77; }; }
