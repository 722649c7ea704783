# Setting, removing, renaming; types found, said and refused.
. "$ROOT/tests/cli/lib-edit.sh"
cp "$TINY" m.gguf
digests m.gguf > data
ggtool edit m.gguf --reserve=2KiB | sed 's/, [0-9.]* MiB//'
in_place m.gguf --set general.name='A longer name' --set general.url=https://example.org/a:b
in_place m.gguf --set llama.context_length=4096 --set llama.rope.freq_base=5e5 \
    --set tokenizer.ggml.add_eos_token=true --set tokenizer.ggml.padding_token_id=3
in_place m.gguf --set x.u8=u8:255 --set x.i64=i64:-9223372036854775808 --set x.f64=f64:0.1 \
    --set x.b=bool:false --set x.s=str:u8:5 --set x.at=str:@@home --set x.int=int:-7 --set x.empty=str:
in_place m.gguf --set x.list='i32[]:[1, -2, 3]' --set x.words='str[]:["a","","ü"]' --append x.list=4 \
    --append x.words='[x]' --set general.tags='["t"]'
in_place m.gguf --set x.u8=7 --set x.int=8 --set x.list='[9]' --rename x.s=y.s --unset 'x.[bf]*'
for k in general.name general.url llama.rope.freq_base x.u8 x.at x.empty x.words general.tags y.s; do
    echo "$k $(value m.gguf $k)"
done
# keys keep their order, new ones go last
ggtool inspect --json m.gguf | jq -r '.metadata | keys_unsorted[]' | grep -v ggtool.padding > order
ggtool inspect --json "$TINY" | jq -r '.metadata | keys_unsorted[]' | cmp - <(head -27 order)
tail -n +28 order | tr '\n' ' '; echo
rm order
# files
printf 'one\ntwo\n\nfour' > lines
printf '[1.5, "nan", -2]' > array.json
printf '12\n' > number
head -c 100000 /dev/zero | tr '\0' 'x' > long
ggtool edit m.gguf --set-array x.lines=str[]:@lines --set-array x.floats=f32:@array.json \
    --set x.number=u32:@number --set general.description=@long --append x.lines=@lines -o n.gguf |
    sed 's/, [0-9.]* MiB//'
for k in x.lines x.floats x.number; do echo "$k $(value n.gguf $k)"; done
value n.gguf general.description | wc -c
digests m.gguf | diff data - && digests n.gguf | diff data -
echo 'refused:'
refuse() { fails 2 ggtool edit n.gguf "$@" 2>&1; }
refuse --set general.name=u32:5
refuse --set general.alignment=u64:64 --allow-unsafe
refuse --set llama.context_length=many
refuse --set llama.context_length=-1
refuse --set x.u8=256
refuse --set new.key=5
refuse --set novalue
refuse --set '=v'
refuse --set x.list='[1, "two"]'
refuse --set x.list=1
refuse --set x.deep='arr[]:[]'
refuse --append general.name=x
refuse --append x.list=y
refuse --unset nothing.here
refuse --unset ggtool.padding
refuse --set ggtool.padding=x
refuse --rename a=b
refuse --rename general.name=x.list
refuse --rename x.list=general.name
refuse --token 5
refuse --token x=y
refuse --token 99999=y
refuse --set general.description=@
refuse --undo --set a=b
refuse
fails 4 ggtool edit n.gguf --set general.description=@absent 2>&1
fails 4 ggtool edit absent.gguf --set general.name=x 2>&1
echo 'unsafe:'
refuse --set general.architecture=gpt2
refuse --unset llama.block_count
refuse --set split.count=u16:2
refuse --append tokenizer.ggml.tokens=new
refuse --set tokenizer.ggml.eos_token_id=1024
ggtool edit n.gguf --set general.architecture=gpt2 --append tokenizer.ggml.tokens=new --allow-unsafe -n |
    sed 's/, [0-9.]* MiB.*//'
only_here data m.gguf n.gguf lines array.json number long
echo 'quiet:'
ggtool edit -q m.gguf --set general.name=Q
ggtool edit -q -n m.gguf --set general.name=R
value m.gguf general.name
