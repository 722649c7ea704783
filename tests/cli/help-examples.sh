# The examples of all commands, but for convert, whose inputs stand beside the repository.
. "$ROOT/tests/cli/lib-examples.sh"
inputs() {
    case $1 in
    merge) ggtool split -q model.gguf model --shards 3 --consume ;;
    imatrix) tee a.gguf < imatrix.gguf > b.gguf ;;
    diff) ggtool requant -q model.gguf --type Q8_0,Q4_K_M -o 'model-{type}.gguf' ;;
    esac
}
ggtool help | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p' > commands
while read -r c; do
    [ "$c" = convert ] || run_examples "$c"
done < commands
