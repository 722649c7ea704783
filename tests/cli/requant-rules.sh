# --tensor-type and its kin.
. "$ROOT/tests/cli/lib-requant.sh"
show() { ggtool requant "$TINY" --type "$@" -n --json -q | jq -r '.tensors[] | "\(.name) \(.to)"' | grep -E 'blk.[01].(ffn_(up|down)|attn_v)|^output.w|token' ; }
echo '# first match wins, any case'
show Q4_K_M --tensor-type 'blk\.0\.ffn_(up|down)=q6_K' --tensor-type 'FFN_UP=Q8_0'
echo '# with a base that is no quantized type'
show F16 --tensor-type 'ffn_down=q8_0'
echo '# from a file'
printf '# a comment\nattn_v=q5_1 ffn_down=q6_k # more\n\nffn_up=iq4_nl\n' > rules.txt
show Q4_K_M --tensor-type-file rules.txt
echo '# embedding and output'
show Q4_K_M --token-embedding-type q8_0 --output-tensor-type f16
show Q4_K_M --leave-output-tensor | grep output
echo '# pure'
show Q4_K_M --pure
echo '# unmatched'
fails 2 ggtool requant "$TINY" out.gguf --type Q4_K_M --tensor-type 'ffn_up=q8_0' --tensor-type 'nothing=q8_0'
ggtool requant "$TINY" out.gguf --type Q4_K_M --tensor-type 'nothing=q8_0' --allow-unmatched > /dev/null
echo '# only'
ggtool requant "$TINY" only.gguf --type Q4_K_M --only 'blk.0.*' -q
types only.gguf | grep -v ' bf16$'
echo 'bad' > broken.txt
fails 2 ggtool requant "$TINY" --type Q8_0 -n --tensor-type-file broken.txt
fails 4 ggtool requant "$TINY" --type Q8_0 -n --tensor-type-file absent.txt
