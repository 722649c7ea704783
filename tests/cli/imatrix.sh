# Matrices merged and converted are llama-imatrix's to the byte (digests: its run of 2026-08-21 with
# --in-file, chunks of 512); statistics are those of its --show-statistics.
. "$ROOT/tests/cli/lib-requant.sh"
DAT=$FIX/models/imatrix.dat
ggtool imatrix show $IM | head -7
ggtool imatrix show $IM --layers | tail -5
ggtool imatrix show $IM --json | jq -c '.format, .chunks, .chunk_size, (.entries | length), .entries[7].cosine < 0.9396, .layers[1].layer'
ggtool imatrix show $DAT --csv | head -2
ggtool imatrix convert $DAT -o a.gguf
ggtool imatrix convert $IM -o b.dat --chunk-size 512
ggtool imatrix merge $IM $DAT -o c.gguf --chunk-size 512 -q
sha256sum a.gguf b.dat c.gguf | cut -c1-16
ggtool imatrix convert $IM -o same.gguf -q
same same.gguf $IM
ggtool imatrix convert c.gguf -o - | cmp - c.gguf
echo '-- cut down, renamed, weighing half'
ggtool imatrix filter c.gguf --keep 'blk.[01].*' --drop '*ffn*' --rename blk=layer --scale 0.5 -o f.gguf
ggtool imatrix show f.gguf --json | jq -c '[.chunks, (.entries[] | .name)]'
diff <(ggtool imatrix show f.gguf --json | jq '.entries[].mean') <(ggtool imatrix show c.gguf --json | jq '.entries[] | select(.name | test("blk.[01].attn")) | .mean') | head -3
echo '-- checked against models'
ggtool imatrix check $IM $DAT --model $TINY
fails 1 ggtool imatrix check f.gguf --model $TINY -v > v.txt
head -1 v.txt
sed -n '/layer.1.attn_v/p; $p' v.txt
rm v.txt
mkmodel wide.gguf blk.0.attn_q.weight:bf16:512x4 blk.0.ffn_up_exps.weight:bf16:256x4x3
fails 1 ggtool imatrix check $IM --model wide.gguf | grep -v 'names no tensor'
ggtool imatrix check $IM --json | jq -c '.[0].coverage'
echo '-- experts: one without data, and a count for all of them'
KEYS='--kv imatrix.datasets=str:x --kv imatrix.chunk_count=u32:1 --kv imatrix.chunk_size=u32:4'
mkmodel moe.gguf $KEYS x.weight.in_sum2:f32:4x3:const=6 x.weight.counts:f32:1x3:const=2:1,0=0
mkmodel flat.gguf $KEYS x.weight.in_sum2:f32:12:const=80 x.weight.counts:f32:1:const=8
mkmodel five.gguf $KEYS x.weight.in_sum2:f32:4x5:const=6 x.weight.counts:f32:1x5:const=1
mkmodel model.gguf x.weight:f32:4x2x3 y.weight:f32:256x2
ggtool imatrix check moe.gguf flat.gguf --model model.gguf
fails 1 ggtool imatrix check moe.gguf --model wide.gguf
ggtool imatrix merge moe.gguf flat.gguf -o both.gguf
ggtool imatrix show both.gguf --json | jq -c '.entries[] | [.n, .matrices, .without_data, .sum]'
ggtool imatrix convert moe.gguf -o moe.dat
ggtool imatrix show moe.dat --csv | tail -1
fails 2 ggtool imatrix merge moe.gguf five.gguf -o x.gguf
rm moe.gguf flat.gguf five.gguf model.gguf both.gguf moe.dat
echo '-- refused' >&2
fails 2 ggtool imatrix shwo $IM
fails 2 ggtool imatrix merge $IM
fails 2 ggtool imatrix filter $IM -o x.gguf
fails 2 ggtool imatrix convert $IM $DAT -o x.gguf
fails 2 ggtool imatrix show $IM -o x.gguf
fails 2 ggtool imatrix convert $IM -o a.gguf
fails 2 ggtool imatrix filter a.gguf -o a.gguf --force --scale 2
fails 2 ggtool imatrix filter $IM -o x.gguf --keep nothing
fails 2 ggtool imatrix filter $IM -o x.gguf --scale -1
fails 2 ggtool imatrix filter $IM -o x.gguf --rename =a
fails 2 ggtool imatrix filter $IM -o x.gguf --rename attn_q=attn_k
fails 2 ggtool imatrix filter $IM -o x.gguf --rename attn=a_name_that_is_much_longer_than_a_name_may_be_in_gguf
fails 3 ggtool imatrix show $TINY
head -c 1000 $DAT > cut.dat
fails 3 ggtool imatrix convert cut.dat -o x.gguf
fails 4 ggtool imatrix convert $DAT -o /dev/full
only_here a.gguf b.dat c.gguf cut.dat f.gguf same.gguf wide.gguf
