# Tensors as files: the right bytes in the right form, for any number of threads, from any source.
cp "$FIX/models/tiny-bf16.gguf" m.gguf
ggtool requant -q m.gguf q.gguf --type Q4_K_M
echo '== raw is what is stored'
ggtool extract q.gguf 'blk.0.ffn_*' output.weight --format raw -o raw
for t in blk.0.ffn_down.weight output.weight; do
    read -r off n < <(ggtool inspect --json --tensors=$t q.gguf | jq -r '.tensors[0] | "\(.offset) \(.bytes)"')
    tail -c +$((off + 1)) q.gguf | head -c "$n" | cmp - raw/$t.raw
done
echo '== npy'
ggtool extract q.gguf 'blk.1.*' -o npy
head -c 128 npy/blk.1.attn_k.weight.npy | od -A n -c | tr -d '\n ' | cut -c1-130; echo
ggtool extract q.gguf blk.1.attn_k.weight -o - | cmp - npy/blk.1.attn_k.weight.npy
ggtool extract q.gguf blk.1.attn_k.weight -o one.npy --dtype f16
od -A n -c one.npy | head -5 | tr -d '\n ' | cut -c1-100; echo
for j in 1 2 7; do
    ggtool extract -j$j q.gguf 'blk.1.*' -o npy$j -q && diff -r npy npy$j
done
# decoded, the numbers are those of a GGUF decoded by others
ggtool requant -q q.gguf f.gguf --type F32
ggtool extract -q f.gguf 'blk.1.*' --format raw -o f32
for f in npy/*.npy; do tail -c +129 "$f" | cmp - "f32/$(basename "$f" .npy).raw"; done
echo '== safetensors'
ggtool extract q.gguf '*' --format safetensors -o all.safetensors | tail -1
cmp <(ggtool hash f.gguf | grep blk.2 | cut -c1-26 | sort) <(ggtool hash all.safetensors | grep blk.2 | cut -c1-26 | sort)
ggtool extract m.gguf 're:^blk\.3\.' --format safetensors -o st | head -2
ggtool verify -q --deep st/model.safetensors all.safetensors
ggtool extract m.gguf '*' --format safetensors --dtype f16 -o - 2>&1 > f16.safetensors | sed 's/^[^0-9]*/.../'
ggtool extract m.gguf '*' --format safetensors --dtype f16 -q -j1 -o f16b.safetensors
cmp f16.safetensors f16b.safetensors
echo '== shards, archives, checkpoints'
ggtool requant -q m.gguf s.gguf --type COPY --split-max-tensors 9
ggtool extract -q s-00002-of-00005.gguf '*' --format raw -o a
ggtool extract -q m.gguf '*' --format raw -o b
tar -czf m.tar.gz m.gguf
ggtool extract -q m.tar.gz '*' --format raw -o c
diff -r a b; diff -r b c; ls a | wc -l
ggtool extract all.safetensors blk.1.attn_k.weight -o d
cmp d/blk.1.attn_k.weight.npy npy/blk.1.attn_k.weight.npy
tar -cf st.tar st && ggtool extract st.tar 'blk.3.attn_norm*' -o e
echo '== names'
mkmodel odd.gguf a/b:f32:4 ../../x:f32:4 .hidden:f32:4 -o:f32:4 "$(printf 'n%.0s' {1..250}):f32:4" 'sp ace$:f32:4'
ggtool extract odd.gguf '*' -o odd
ls -A odd
echo '== integers, empty ones, many dimensions'
mkmodel i.gguf i8:i8:4x2:zero i64:i64:3:zero f64:f64:2:zero 'd:f32:2x3x4x5:ramp' 'e:f32:0x3'
ggtool extract i.gguf '*' -o i
ggtool extract i.gguf '*' --format safetensors --dtype f16 -o i.safetensors
for f in i/*; do head -c 128 "$f" | tail -c +11 | tr -d ' '; done
stat -c '%s %n' i/*
