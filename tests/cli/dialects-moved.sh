# Types of other programs' GGUF files in the commands that move, read or digest bytes.
. "$ROOT/tests/cli/lib-requant.sh"
F=$FIX/models/dialects.gguf
ggtool split "$F" s --max-tensors 10 -q && ls s-*
ggtool merge s-00001-of-00006.gguf -o m.gguf -q && cmp m.gguf "$F" && echo 'merged alike'
tar czf s.tar.gz s-*.gguf && ggtool merge s.tar.gz -o t.gguf -q && cmp t.gguf "$F" && echo 'out of an archive, too'
cp "$F" c.gguf && chmod u+w c.gguf && ggtool split c.gguf k --consume --shards 3 -q &&
    ggtool merge k-00001-of-00003.gguf -o m.gguf -q --force && cmp m.gguf "$F" && echo 'and consumed'
# renamed in place, dropped, put back
ggtool edit "$F" -q -o e.gguf --drop-tensor 'blk.0.iq2_ks.weight' --rename-tensor 'blk.0.iq4_k.weight=x'
ggtool inspect --tensors e.gguf 2> /dev/null | grep -E '^x|iq4_kss'
ggtool edit "$F" -q --dry-run --json --drop-tensor 'blk.0.iq2_ks.weight' | jq -c '.changes[0].before'
# digests are of the bytes: the same split, edited or not
ggtool hash "$F" s-00001-of-00006.gguf s.tar.gz --no-layer | cut -d' ' -f1-3 | sort -u | wc -l
ggtool hash "$F" > manifest.txt && ggtool hash "$F" --check manifest.txt | grep -c -w Ok
ggtool verify "$F" 2>&1 | grep -v 'llama.cpp does not take it' | head -2
# stored bytes, and numbers as requant decodes them
ggtool extract "$F" 'blk.0.iq4_ks.weight' --format raw -o - -q | wc -c
ggtool requant "$F" f32.gguf -q --type F32
ggtool extract "$F" '*' --format safetensors -o a.safetensors -q
ggtool extract f32.gguf '*' --format safetensors -o b.safetensors -q && cmp a.safetensors b.safetensors && echo 'equal numbers'
ggtool extract "$F" 'blk.0.q8_k_r8.weight' --dtype f16 -o - -q | head -c 6 | tail -c 5
ggtool extract s.tar.gz 'blk.0.iq3_s_r4.weight' -o - -q | cmp - <(ggtool extract f32.gguf 'blk.0.iq3_s_r4.weight' -o - -q) && echo equal
# one that has other bytes than its shape takes is nobody's
cp "$F" short.gguf && chmod u+w short.gguf
at=$(($(grep -abo blk.0.iq2_ks.weight short.gguf | cut -d: -f1) + 43))
off=$(od -An -t u4 -j "$at" -N 4 short.gguf)
printf "$(printf '\\x%02x\\x%02x' $(((off - 64) % 256)) $(((off - 64) / 256 % 256)))" |
    dd of=short.gguf bs=1 seek="$at" conv=notrunc status=none
fails 3 ggtool split short.gguf x -q
fails 3 ggtool hash -q short.gguf
fails 3 ggtool extract -q short.gguf '*' --format raw -o x
# one id that is two types': the room tells which
I=$FIX/models/i2_s.gguf
ggtool inspect --tensors "$I"
ggtool requant "$I" i.gguf -q --type F32 && ggtool diff "$I" i.gguf | head -4
ggtool hash -q i.gguf | cut -d' ' -f6
ggtool split "$I" i --max-tensors 1 -q && ggtool merge i-00001-of-00003.gguf -o im.gguf -q && cmp im.gguf "$I"
ggtool edit "$I" -o ie.gguf -q --set general.name=x && ggtool inspect --json ie.gguf | jq -c '.tensors[] | [.type, .type_id]'
# a tensor smaller than its room is seen, too
cp "$F" long.gguf && chmod u+w long.gguf
printf '\x91' | dd of=long.gguf bs=1 seek=$(($(grep -abo blk.0.iq4_ks.weight long.gguf | cut -d: -f1) + 39)) conv=notrunc status=none
ggtool verify long.gguf -v | grep -E 'unused|overlaps'
fails 3 ggtool hash -q long.gguf
