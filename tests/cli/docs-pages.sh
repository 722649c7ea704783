# What README and the pages in docs/ show is what happens.
. "$ROOT/tests/cli/lib-docs.sh"
inputs() {
    local model=$FIX/models/tiny-bf16.gguf
    cp "$model" model.gguf
    cp "$FIX/models/imatrix.gguf" "$FIX/models/imatrix.dat" .
    case $1 in
    README.md | docs/convert-a-download.md) # a download, made of the model again
        mkdir Tiny-Llama
        ggtool convert "$model" Tiny-Llama/model.safetensors
        mkvocab "$model" Tiny-Llama
        cp "$ROOT/tests/cli/docs-config.json" Tiny-Llama/config.json
        ;;
    docs/verify-a-download.md)
        ggtool requant model.gguf m.gguf --type Q4_K_M --shards 3
        ggtool requant model.gguf model-Q4_K_M.gguf --type Q4_K_M
        head -c 1500000 model-Q4_K_M.gguf > half.gguf
        ggtool hash model-Q4_K_M.gguf > published.txt
        printf '<html>Not found</html>' > page.gguf
        ;;
    docs/compare-quantizations.md)
        ggtool requant model.gguf --type Q4_K_M -o a-Q4_K_M.gguf
        ggtool requant model.gguf --type Q4_K_M --imatrix imatrix.gguf -o b-Q4_K_M.gguf
        ggtool requant model.gguf --type IQ4_XS --imatrix imatrix.gguf -o c-IQ4_XS.gguf
        ;;
    docs/change-a-chat-template.md) ggtool requant model.gguf q.gguf --type Q4_K_M && mv q.gguf model.gguf ;;
    docs/use-the-library.md) cp "$ROOT/docs/example.c" . ;;
    esac
}
cd "$ROOT" && pages=$(grep -l '^```console$' README.md docs/*.md) && cd "$OLDPWD"
for page in $pages; do run_page "$page"; done
