# The examples in the pages that are written by hand; those of commands are those of their help.
. "$ROOT/tests/cli/lib-examples.sh"
for page in ggtool-recipes.7 gguf.5; do
    sed -n '/^\.Bd/,/^\.Ed/ { s/\\-/-/g; s/\\(aq/'\''/g; s/\\&//g; s/\\e/\\/g; /^ggtool \|| ggtool /p; }' \
        "$ROOT/man/$page" > examples
    run_lines "$page" < examples
    [ -s examples ] || echo "$page: no examples"
done
# And what ggtool-types(7) says of errors is what comes out, for one cheap type of each kind.
for type in q4_0 q4_K; do
    ggtool requant "$FIX/models/tiny-bf16.gguf" o.gguf --force --json --type Q8_0 \
        --tensor-type ".*=$type" --only 'blk.*' 2> /dev/null |
        sed -n 's/.*"error": {.*"nmse": \([^,]*\),.*/\1/p' | awk -v t=$type '{ printf "%s %.3g\n", t, $1 }'
    awk -v t=$type '$1 == t { print t, $2 }' "$ROOT/packaging/generate/errors.tsv"
done | uniq -c | awk '$1 != 2 { print "errors.tsv is wrong about", $2; }'
