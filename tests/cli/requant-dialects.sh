# Types of other programs' GGUF files: named, measured, decoded as their own functions do.
. "$ROOT/tests/cli/lib-requant.sh"
F=$FIX/models/dialects.gguf
ggtool inspect --tensors "$F" 2> list.txt | sed -n "1,3p;15,17p"; wc -l < list.txt
ggtool requant "$F" f32.gguf -q --type F32
digests f32.gguf | diff - "$FIX/models/dialects-digests.txt" && echo equal
# drawn in pieces by several workers, and encoded
ggtool requant "$F" a.gguf -q --type Q5_1 -j3 --max-memory 8M
ggtool requant f32.gguf b.gguf -q --type Q5_1
diff <(digests a.gguf) <(digests b.gguf) && echo 'encoded alike'
# bits that ours have, too, move; the rest takes F16
ggtool requant "$F" copy.gguf -q --type COPY
types copy.gguf | sort -k2 | awk '{n[$2]++} END {for (t in n) print t, n[t]}' | sort
ggtool inspect --json copy.gguf | jq -c '.metadata["general.file_type"].value'
ggtool diff f32.gguf copy.gguf --json | jq -r '.tensors[]? | select(.errors.max_abs == 0) | .name' | head -3
ggtool diff "$F" f32.gguf | head -4
ggtool verify copy.gguf > /dev/null && echo sound
# one byte less than the last row wants
size=$(stat -c %s "$F")
head -c $((size - 40)) "$F" > cut.gguf
fails 3 ggtool requant cut.gguf x.gguf -q --type F32
# rows without what they have besides their blocks, as some files are
cp "$F" short.gguf && chmod u+w short.gguf
at=$(($(grep -abo blk.0.iq2_ks.weight short.gguf | cut -d: -f1) + 43))
off=$(od -An -t u4 -j "$at" -N 4 short.gguf)
printf "$(printf '\\x%02x\\x%02x' $(((off - 64) % 256)) $(((off - 64) / 256 % 256)))" |
    dd of=short.gguf bs=1 seek="$at" conv=notrunc status=none
fails 3 ggtool requant short.gguf x.gguf -q --type F32
