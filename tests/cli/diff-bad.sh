# Each obstacle has its words and its status; what could not be compared is said.
. "$ROOT/tests/cli/lib-diff.sh"
exec 2>&1
A='--kv general.architecture=str:llama'
mkmodel a.gguf $A t:f32:32x2 u:f32:32x4
mkmodel arch.gguf --kv general.architecture=str:qwen2 t:f32:32x2 u:f32:32x4
mkmodel less.gguf $A t:f32:32x2
mkmodel more.gguf $A t:f32:32x2 u:f32:32x4 w:f32:32x2
mkmodel shape.gguf $A t:f32:32x2 u:f32:64x2
mkmodel nan.gguf $A t:f32:32x2:normal:1,7=nan u:f32:32x4:normal:2,0=-inf
mkmodel none.gguf $A x:f32:32x2
for m in arch less more shape nan none; do
    status ggtool diff a.gguf $m.gguf
    echo
done
status ggtool diff nan.gguf nan.gguf
# a NaN on both sides in one place is no trouble, numbers are of the rest
mkmodel nan2.gguf $A t:f32:32x2:normal:1,7=nan:0,0=1 u:f32:32x4:normal:2,0=-inf
status ggtool diff nan.gguf nan2.gguf -q
# cut short in the data of u, in the header, not there, nothing we know
head -c $(($(stat -c %s a.gguf) - 40)) a.gguf > cut.gguf
head -c 100 a.gguf > head.gguf
echo hello > hello.gguf
status ggtool diff a.gguf cut.gguf
status ggtool diff cut.gguf a.gguf -q
status ggtool diff a.gguf cut.gguf --header-only -q
for m in head.gguf not-here.gguf hello.gguf; do status ggtool diff a.gguf $m; done
# several at once: the first in the list counts
mkmodel two.gguf $A t:f32:32x2:normal:0,0=nan u:f32:64x2
status ggtool diff a.gguf two.gguf -q
# what makes no sense
status ggtool diff a.gguf
status ggtool diff a.gguf a.gguf --json --csv
status ggtool diff a.gguf a.gguf a.gguf --hex
status ggtool diff a.gguf a.gguf --tensors 'no.*'
status ggtool diff a.gguf a.gguf --fail-above nmse
status ggtool diff a.gguf a.gguf --fail-above size=3
status ggtool diff a.gguf a.gguf --fail-above weighted=1
status ggtool diff a.gguf a.gguf --sort colour
status ggtool diff a.gguf a.gguf --header-only --rows
