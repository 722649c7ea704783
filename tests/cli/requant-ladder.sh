# Several types from one reading are what single runs make.
. "$ROOT/tests/cli/lib-requant.sh"
ggtool requant "$TINY" --type q4_k_m,Q6_K,q8_0,COPY -o 'M-{type}.gguf' -q
only_here M-Q4_K_M.gguf M-Q6_K.gguf M-Q8_0.gguf M-COPY.gguf
for t in Q4_K_M Q6_K Q8_0 COPY; do
    ggtool requant "$TINY" one.gguf --type $t -q --force
    same M-$t.gguf one.gguf
done
ggtool requant "$TINY" --type Q4_K_M,Q8_0 -n --json | jq -c '.outputs[] | [.type, .file_bytes]'
stat -c %s M-Q4_K_M.gguf M-Q8_0.gguf 2> /dev/null || wc -c < M-Q4_K_M.gguf
