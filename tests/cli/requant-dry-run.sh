# The plan as a table, and sizes that hold to the byte for every preset.
. "$ROOT/tests/cli/lib-requant.sh"
ggtool requant "$TINY" --type Q4_K_M --dry-run
ggtool requant "$TINY" --type Q4_K_M -n --json > plan.json
jq -c 'keys' plan.json
jq -c '.tensors[0] | keys' plan.json
jq -c '.tensors[2]' plan.json
for t in F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K_S Q3_K_M Q3_K_L Q4_K_S Q5_K_M Q6_K \
    IQ4_NL IQ4_XS IQ3_S TQ1_0 TQ2_0 MXFP4_MOE Q1_0 Q2_0 COPY; do
    ggtool requant "$TINY" --type $t --dry-run --json -q > plan.json
    ggtool requant "$TINY" out.gguf --type $t -q --no-stats --force
    [ "$(jq .file_bytes plan.json)" = "$(wc -c < out.gguf | tr -d ' ')" ] || echo "$t: another size"
    diff <(jq -r '.tensors[] | "\(.name) \(.to)"' plan.json | sort) <(types out.gguf | sort) ||
        echo "$t: other types"
done
rm out.gguf
# low-bit types without a matrix are planned with a warning, and not made
for t in IQ1_S IQ2_XXS Q2_K_S; do
    ggtool requant "$TINY" --type $t -n --json 2> err > plan.json || echo "$t: exit $?"
    jq -e '.file_bytes > 0' plan.json > /dev/null || echo "$t: no size"
    grep -q 'warning' err || echo "$t: no warning"
    fails 2 ggtool requant "$TINY" out.gguf --type $t 2> /dev/null
done
ggtool requant - --type Q8_0 -n --json < "$TINY" | jq .file_bytes
[ ! -e out.gguf ] || echo 'something was made'
