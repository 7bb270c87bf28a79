#!/usr/bin/env bash
# Make the tables and figures of results/reference/DEVICE: ml-100k over three seeds, lengths, and a profile.
#   bash benchmarks/reference.sh cpu            (2 cores: about 40 minutes)
#   bash benchmarks/reference.sh cuda
#   QUICK=1 bash benchmarks/reference.sh cpu    (a minute: proves that it runs, its numbers mean nothing)
set -euo pipefail
device=${1:?which device: cpu or cuda}
out=${OUT_DIR:-results/reference/$device}
more=()
lengths=128,256,512,1024,2048
[ "$device" = cuda ] && lengths=$lengths,4096,8192,16384
tokens=16384
if [ -n "${QUICK:-}" ]; then
    more=(--epochs 1)
    lengths=64,128
    tokens=1024
fi
seeds=${SEEDS:-0,1,2}

linrec train --device "$device" --attn softmax,linear --maxlen 50,100,200 --seed "$seeds" --results-dir "$out" "${more[@]}"
linrec profile --device "$device" --attn softmax,linear --maxlen "$lengths" --tokens "$tokens" \
    --budget "${BUDGET:-10}" --results-dir "$out"
if [ "$device" = cuda ]; then
    linrec profile --device cuda --dtype bfloat16 --attn softmax,linear --maxlen "$lengths" --tokens 131072 \
        --budget "${BUDGET:-10}" --results-dir "$out"
fi
linrec plot "$out" -o "$out/figures"
