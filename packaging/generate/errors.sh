#!/usr/bin/env bash
# errors.sh GGTOOL: what each tensor type does to the weights of the layers of the trained model, as
# ggtool-types(7) quotes it. A line a type: name, NMSE, NMSE with an importance matrix ("-" where it
# cannot be done). The numbers are the same on every machine.
set -eu
ggtool=$1 model=fixtures/models/tiny-bf16.gguf imatrix=fixtures/models/imatrix.gguf
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

nmse() { # type, options...
    local type=$1
    shift
    "$ggtool" requant $model "$out/o.gguf" --force --json --type Q8_0 --tensor-type ".*=$type" \
        --only 'blk.*' "$@" 2> /dev/null | jq '.outputs[0].error.nmse' | awk '{ printf "%.3g", $1 }'
}

for type in $(awk -F'[(,]' '/^QT\(/ && /QT_ENCODES/ { gsub(/[ "]/, "", $4); print $4 }' lib/quant/qtype.def); do
    plain=$(nmse "$type")
    weighted=$(nmse "$type" --imatrix $imatrix)
    printf '%s\t%s\t%s\n' "$type" "${plain:--}" "${weighted:--}"
done
