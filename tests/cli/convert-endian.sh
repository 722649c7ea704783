# --endian: big-endian files say the same, and come back byte for byte, whatever the tensor type.
. "$ROOT/tests/cli/lib-convert.sh"
types='f32 f16 bf16 f64 i8 i16 i32 i64 q4_0 q4_1 q5_0 q5_1 q8_0 q8_1 q2_K q3_K q4_K q5_K q6_K q8_K
    iq2_xxs iq2_xs iq2_s iq3_xxs iq3_s iq1_s iq1_m iq4_nl iq4_xs tq1_0 tq2_0 mxfp4 nvfp4 q1_0 q2_0'
# shellcheck disable=SC2046,SC2086
mkmodel all.gguf --kv general.architecture=str:llama --kv x.arr=u64:3 $(printf 't.%s:%s:512x3:zero ' $(for t in $types; do echo $t $t; done))
n=$(stat -c %s all.gguf 2> /dev/null || stat -f %z all.gguf)
at=$(ggtool inspect --json all.gguf | jq '[.tensors[].offset] | min')
{ head -c "$at" all.gguf; seq 999 99999 | awk '{ printf "%d ", $1 * 7919 % 10007 }' | head -c $((n - at)); } > raw.gguf # no two bytes alike for long
ggtool convert raw.gguf a.gguf -q # padding is zero again
turn() { # MODEL: there and back, in ways that take different paths
    ggtool convert "$1" be.gguf --endian big -q --force --sha256
    sha256sum -c be.gguf.sha256 > /dev/null
    ggtool convert "$1" - --endian big -q -j3 --max-memory 4M | cmp - be.gguf
    ggtool convert be.gguf le.gguf -q --force
    same le.gguf "$1"
    ggtool convert be.gguf le.gguf --endian little -q --force -j3 --max-memory 4M
    same le.gguf "$1"
    ggtool convert be.gguf be2.gguf --endian big -q --force
    same be.gguf be2.gguf
}
turn a.gguf
ggtool inspect --json be.gguf | jq -c '.files[0].big_endian, .files[0].version, (.tensors | length)'
digests a.gguf > a.txt
digests be.gguf | diff a.txt - | grep '^[<>]' | sort -u -k2,2 | sed 's/^. \([^ ]*\) .*/\1/' | tr '\n' ' ' # all but those of single bytes
echo
turn "$FIX/ok/ok_align64.gguf"
turn "$TINY"
# quantized on the way, several at once, from either order
ggtool requant "$TINY" --type Q4_K_M,Q8_0 -o 'want-{type}.gguf' -q --imatrix "$IM"
ggtool convert be.gguf --type Q4_K_M,Q8_0 -o 'b-{type}.gguf' -q --endian big --imatrix "$IM"
for t in Q4_K_M Q8_0; do
    ggtool convert b-$t.gguf l.gguf -q --force
    same l.gguf want-$t.gguf
done
# from a checkpoint, in shards
mkdir llama && cp "$FIX/hf/llama"/* "$FIX/hf/tokenizer.model" llama
mkckpt llama/model.safetensors llama/tensors
ggtool convert llama one.gguf -q
ggtool convert llama s.gguf --endian big --split-max-tensors 8 -q
ls s-*
ggtool convert s-00002-of-00003.gguf back.gguf -q
same back.gguf one.gguf
fails 2 ggtool convert llama x.safetensors --endian big
fails 2 ggtool convert llama x.gguf --endian middle
