#!/usr/bin/env bash
# Make the tables and figures of results/reference/DEVICE: ml-100k with every causal mechanism over three seeds, with
# softmax and linear over lengths, ml-1m with the most telling ones, and profiles.
#   bash benchmarks/reference.sh cpu            (2 cores: about five hours, three of them ml-1m)
#   bash benchmarks/reference.sh cuda
#   QUICK=1 bash benchmarks/reference.sh cpu    (some minutes: proves that it runs, its numbers mean nothing)
#   ML1M=FILE takes ml-1m from a file of yours, in the order that published figures use.
set -euo pipefail
device=${1:?which device: cpu or cuda}
out=${OUT_DIR:-results/reference/$device}
ml1m=${ML1M:-ml-1m}
causal=$(python -c '
from linrec_cli import catalog
names = catalog.names("attentions")
print(",".join(name for name in names if "causal" in catalog.load("attentions", name).FORMS))
')
telling=softmax,linear,linear-gated
lengths=128,256,512,1024,2048,4096,8192
tokens=16384
limits=()
minutes=60
if [ "$device" = cuda ]; then
    telling=$telling,elu,cosformer,local,lru,retention,gated,ssd,delta,hstu
    lengths=$lengths,16384,32768,65536
    tokens=131072
fi
if [ -n "${QUICK:-}" ]; then
    limits=(--epochs 1)
    lengths=64,128
    tokens=1024
    minutes=0.1
fi
seeds=${SEEDS:-0,1,2}
budget=${BUDGET:-10}
to=(--device "$device" --results-dir "$out")

linrec train "${to[@]}" --attn "$causal" --maxlen 200 --seed "$seeds" "${limits[@]}"
linrec train "${to[@]}" --attn softmax,linear --maxlen 50,100 --seed "$seeds" "${limits[@]}"
linrec train "${to[@]}" --attn linear-gated:decay=false,linear-gated:gate=false,linear-gated:norm=false --maxlen 200 \
    --seed "$seeds" "${limits[@]}"
linrec train "${to[@]}" --data "$ml1m" --attn "$telling" --maxlen 200 --max-minutes "$minutes" "${limits[@]}"
# The step at the length and the batch that the runs above have, all mechanisms in turns: the time of the Pareto plot.
linrec profile "${to[@]}" --attn "$causal" --maxlen 200 --tokens 1600 --phase step --items 1349 --budget "$budget"
linrec profile "${to[@]}" --attn softmax,softmax-naive,linear,linear-gated --maxlen "$lengths" --tokens "$tokens" \
    --budget "$budget" --roofline --force
# One new event for each user: a state or a cache against the whole layer again.
linrec profile "${to[@]}" --attn softmax,linear,linear-gated --maxlen "$lengths" --batch 8 --phase serve --budget "$budget"
if [ "$device" = cuda ]; then
    linrec profile "${to[@]}" --dtype bfloat16 --attn softmax,linear,linear-gated --maxlen "$lengths" \
        --tokens "$tokens" --budget "$budget" --roofline
fi
linrec plot "$out" -o "$out/figures"
linrec report "$out" -o "$out/report.html"
linrec report "$out" -o "$out/report.md"
