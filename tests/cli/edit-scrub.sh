# Private paths go, all else stays.
. "$ROOT/tests/cli/lib-edit.sh"
cp "$TINY" m.gguf
ggtool edit -q m.gguf \
    --set quantize.imatrix.file='/home/someone/models/imatrix of mine.gguf' \
    --set quantize.imatrix.dataset='A:\AI\AI Models\calibration.txt' \
    --set general.source.url='file:///Users/me/model/' \
    --set general.description='made from /mnt/data/llama/x.bin (see https://a.org/b/c and /v1/chat), and/or ~/secret/y, "C:/Users/me/z".' \
    --set imatrix.datasets='["/home/x/wiki.train.raw", "plain.txt"]' \
    --set general.name='a/b c' --set general.url='https://huggingface.co/a/b' --set general.license='mit' \
    --set general.author='/relative' --set general.doi='10.1/2' --set x.share='str:\\host\share\f.gguf' \
    --set tokenizer.chat_template='{{ "/home/user/x" }}' -o p.gguf > out
ggtool edit p.gguf --scrub -o s.gguf | sed 's/, [0-9.]* MiB//'
for k in quantize.imatrix.file quantize.imatrix.dataset general.source.url general.description imatrix.datasets \
    general.name general.url general.author general.doi x.share tokenizer.chat_template; do
    echo "$k $(value s.gguf $k)"
done
ggtool edit s.gguf --scrub
digests s.gguf | diff <(digests m.gguf) -
