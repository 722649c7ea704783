# NaN, infinities and overflowing scales: found by place, and the policies.
. "$ROOT/tests/cli/lib-requant.sh"
mkmodel bad.gguf a.weight:f32:256x4 b.weight:f32:256x4:normal:3,17=nan:3,18=inf c.weight:f32:256x4:normal:0,0=-inf
mkmodel big.gguf a.weight:f32:256x4:normal:2,5=1e6 b.weight:f32:256x4
for t in Q4_0 Q8_0 Q4_K_M F16; do
    fails 3 ggtool requant bad.gguf out.gguf --type $t -j2
done
fails 3 ggtool requant bad.gguf out.gguf --type Q8_0 --check-first
fails 3 ggtool requant big.gguf out.gguf --type Q4_0
only_here bad.gguf big.gguf
echo '-- in a tensor that is copied' >&2
mkmodel norm.gguf a_norm.weight:f32:256:normal:0,3=nan b.weight:f32:256x4
fails 3 ggtool requant norm.gguf no.gguf --type Q8_0
ggtool requant norm.gguf copy.gguf --type COPY -q
ggtool requant norm.gguf kept.gguf --type Q8_0 --nonfinite keep-type > /dev/null
[ ! -e no.gguf ] || echo 'no.gguf is there'
echo '-- zero' >&2
ggtool requant bad.gguf out.gguf --type Q8_0 --nonfinite zero > /dev/null
fails 3 ggtool requant big.gguf no.gguf --type Q4_0 --nonfinite=zero
echo '-- keep-type' >&2
ggtool requant bad.gguf keep.gguf --type Q8_0 --nonfinite=keep-type -q
types keep.gguf
ggtool requant big.gguf keep2.gguf --type Q4_0 --nonfinite=keep-type -q
types keep2.gguf
ggtool requant big.gguf keep3.gguf --type Q8_0 --nonfinite=keep-type -q
types keep3.gguf
echo '-- keep-type, and a size' >&2
mkmodel sized.gguf blk.0.ffn_up.weight:f32:256x64:normal:2,5=1e6 blk.0.ffn_down.weight:f32:256x64
ggtool requant sized.gguf s.gguf --target-bpw 10 --allow q8_0,q4_0,f32 --nonfinite=keep-type --recipe-out recipe > report
grep -vc '^#' recipe
grep -o 'from .* errors measured' report
types s.gguf
