# A size instead of a type: kept, the same bytes every time, a recipe to repeat it, bad wishes.
. "$ROOT/tests/cli/lib-requant.sh"
size() { stat -c %s "$1"; }
S=2182368
ggtool requant "$TINY" a.gguf --target-size $S --imatrix "$IM" --error-cache e.txt --recipe-out r.txt | grep -v time
[ "$(size a.gguf)" -le $S ] && [ "$(size a.gguf)" -gt $((S - S / 200)) ] || echo "size $(size a.gguf)"
# from the cache, with another number of workers, at another level: the same
ggtool requant "$TINY" b.gguf --target-size $S --imatrix "$IM" --error-cache e.txt -j1 | sed -n 3p
same a.gguf b.gguf
for how in '-j1 --cpu c' '-j7 --cpu c' -j2; do
    ggtool requant "$TINY" c.gguf --target-size 2M --imatrix "$IM" --allow q2_K,iq4_xs,q6_K -q $how --force
    sum c.gguf
done | uniq | wc -l
# a copy is another file with the same data: digests tell
cp "$TINY" copy.gguf
ggtool requant copy.gguf d.gguf --target-bpw 3 --imatrix "$IM" --error-cache e.txt | sed -n 2,3p
# the recipe makes the same file
head -3 r.txt
ggtool requant "$TINY" e.gguf --type IQ4_XS --imatrix "$IM" --search best --tensor-type-file r.txt -q
same a.gguf e.gguf
# the standard search loses more, and is measured apart
ggtool requant "$TINY" n.gguf --target-size $S --imatrix "$IM" --search standard --allow q4_K,iq4_xs,q5_K --error-cache e.txt --recipe-out rb.txt -q
ggtool requant "$TINY" o.gguf --target-size $S --imatrix "$IM" --search standard --allow q4_K,iq4_xs,q5_K --error-cache e.txt | sed -n 3p
same n.gguf o.gguf
sed -n 3p rb.txt
# bounds, lists, rules
ggtool requant "$TINY" f.gguf --target-size 2400000 --allow q4_K,q5_K,q6_K --tensor-type '^output\.=q8_0' -q
types f.gguf | sed 's/.* //' | sort | uniq -c
ggtool requant "$TINY" g.gguf --target-size 2500000 --min-type q4_0 --max-type q5_1 -n --json | jq -r '.. | .to? // empty' | sort | uniq -c
ggtool requant "$TINY" h.gguf --target-size 1M --imatrix "$IM" --sample 32 --seed 7 -q
ggtool requant "$TINY" i.gguf --target-size 1M --imatrix "$IM" --sample 32 --seed 7 -q -j1
same h.gguf i.gguf
ggtool requant "$TINY" s.gguf --target-size $S --imatrix "$IM" --shards 3 --error-cache e.txt -q
[ "$(cat s-*.gguf | wc -c)" -le $S ] || echo 'shards are larger'
# memory instead of a size
ggtool inspect --fit=4096 --kv-type q8_0 "$TINY"
ggtool inspect --fit --json "$TINY" | jq -c .fit
ggtool requant "$TINY" m.gguf --fits 18200000 --ctx 4096 --kv-type q8_0 --allow q4_K,q5_K,q6_K,q8_0 | sed -n 2,4p
ggtool inspect --fit=4096 --kv-type q8_0 m.gguf | tail -1
# a cache of other models is ignored aloud
sed 's/^error ../error 00/' e.txt > other.txt
ggtool requant "$TINY" j.gguf --target-size $S --error-cache other.txt --allow q4_K,q6_K -n | tail -1
# a matrix of another model is named, and does not pass for this one's
sed 's/blk[.]/xyz./g' "$FIX/models/imatrix.dat" > foreign.dat
ggtool requant "$TINY" k.gguf --target-size $S --imatrix foreign.dat --allow q4_K,q6_K,q2_K -q
ggtool requant "$TINY" l.gguf --target-size $S --allow q4_K,q6_K,q2_K -q
diff <(digests k.gguf) <(digests l.gguf)
# what cannot be
rm -f ./*.gguf
fails 2 ggtool requant "$TINY" x.gguf --target-size 100K
fails 2 ggtool requant "$TINY" x.gguf --target-size 1M --allow q4_K,q5_K
fails 2 ggtool requant "$TINY" x.gguf --target-size 1M --type Q4_K_M
fails 2 ggtool requant "$TINY" x.gguf --target-size 1M --target-bpw 4
fails 2 ggtool requant "$TINY" x.gguf --target-bpw four
fails 2 ggtool requant "$TINY" x.gguf --target-size 1M --allow q4_K,q9_K
fails 2 ggtool requant "$TINY" x.gguf --target-size 1M --allow q8_K
fails 2 ggtool requant "$TINY" x.gguf --target-size 1M --min-type q6_K --max-type q4_K
fails 2 ggtool requant "$TINY" x.gguf --type Q4_0 --allow q4_K
fails 2 ggtool requant "$TINY" x.gguf --target-size 1M --seed 1
fails 3 ggtool requant "$TINY" x.gguf --target-size 1M --error-cache "$ROOT/LICENSE"
fails 2 ggtool requant "$TINY" x.gguf --target-size 1M --error-cache "$TINY"
fails 2 ggtool requant "$TINY" x.gguf --target-size 1M --recipe-out r.txt
fails 2 ggtool requant "$TINY" x.gguf --fits 12M --ctx 4096
fails 2 ggtool requant "$TINY" x.gguf --fits 20M --target-size 1M
fails 2 ggtool requant "$TINY" x.gguf --target-size 1M --ctx 5
fails 2 ggtool requant "$TINY" x.gguf --fits 20M --kv-type q4_K
fails 2 ggtool inspect --kv-type q8_0 "$TINY"
fails 2 ggtool inspect --fit=many "$TINY"
only_here e.txt foreign.dat other.txt r.txt rb.txt
