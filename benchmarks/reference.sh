#!/usr/bin/env bash
# Make the tables and figures of results/reference/DEVICE, part by part.
#   bash benchmarks/reference.sh cpu                 list the parts
#   bash benchmarks/reference.sh cpu layer           make one, or several; `all`: all of them
#   QUICK=1 OUT_DIR=/tmp/quick bash benchmarks/reference.sh cpu all    (minutes: proves that it runs, no more)
# A part takes under ten minutes on 2 idle cores and is of use alone. Trainings stop after MINUTES (9) and end with 124
# where they are not done; the same part again goes on. `all` goes on by itself.
#   ML1M=FILE takes ml-1m from a file of yours, in the order that published figures use.
#   SEEDS (0,1,2), BUDGET (10 seconds a cell), OUT_DIR and WEIGHTS (results/weights) can be set too.
# Run it from a clean checkout: rows of a changed one are left out of the documents.
set -euo pipefail
device=${1:?which device: cpu or cuda}
shift
out=${OUT_DIR:-results/reference/$device}
to=(--device "$device" --results-dir "$out")
seeds=${SEEDS:-0,1,2} budget=${BUDGET:-10}
lengths=128,256,512,1024,2048,4096,8192 long=1024,2048,4096,8192
tokens=16384 many=131072
telling=softmax,linear,linear-gated
large=$telling,retention,hstu,lru
far=$telling,softmax:rotary=true,retention,hstu
released=softmax,linear,linear-released:pad=included
clock=60 larger=48 cloze=6 prefixes=12
limits=() short_run=(--epochs 15) far_run=(--epochs 30) long_run=(--epochs 40)
if [ "$device" = cuda ]; then
    telling=$telling,elu,cosformer,local,lru,retention,gated,ssd,delta,hstu
    large=$telling
    lengths=$lengths,16384,32768,65536
    tokens=131072
fi
if [ -n "${QUICK:-}" ]; then
    limits=(--epochs 1) short_run=(--max-minutes 0.05) far_run=(--max-minutes 0.05) long_run=(--max-minutes 0.05)
    lengths=32,64 long=64 tokens=256 many=512 seeds=0 budget=0.1 clock=0.1 larger=0.1 cloze=0.1 prefixes=0.1
fi
variants=linear-gated:decay=false,linear-gated:gate=false,linear-gated:norm=false
causal() {
    python -c '
from linrec_cli import catalog
names = catalog.names("attentions")
print(",".join(name for name in names if "causal" in catalog.load("attentions", name).FORMS))
'
}
bidirectional() {
    python -c '
from linrec_cli import catalog
names = catalog.names("attentions")
print(",".join(name for name in names if catalog.load("attentions", name).FORMS == ("bidirectional",)))
'
}
# Models of an objective (all positions at once) that take a mechanism of a form; of none: those that have their own.
models() {
    python - "$1" "${2:-next}" << 'END'
import sys
from linrec_cli import catalog
from linrec_cli.settings import form
names = catalog.names("models")
known = {name: catalog.load("models", name) for name in names if name != "sasrec"}
print(",".join(n for n, m in known.items() if m.FORM and [form(n), m.OBJECTIVE] == sys.argv[1:]))
END
}

train() { timeout --signal=INT "${MINUTES:-9}m" linrec train --threads 1 "${limits[@]}" "$@"; }
peers() {
    if [ -n "${QUICK:-}" ]; then
        echo "left out with QUICK: it installs RecBole, and a batch of RecBole's takes many seconds"
    else
        python benchmarks/peers.py "$@"
    fi
}
profile() { linrec profile "${to[@]}" --budget "$budget" "$@"; }
# What documents quote; elsewhere a profile has the number format of the trainings.
plain=(--dtype float32)

parts=(quality graphs lengths variants counted backbones own bert4rec prefixes last splits synthetic ml-1m large models
    maxlens mechanisms layer step long serve bfloat16 cores prepare scale presets peers peers-ml-1m claims weights
    documents)
what() {
    case $1 in
    quality) echo "ml-100k, every causal mechanism, seeds $seeds (trainings)" ;;
    graphs) echo "ml-100k, softmax and linear, a step as one graph (cuda alone, trainings)" ;;
    lengths) echo "ml-100k, softmax and linear at maxlen 50 and 100 (trainings)" ;;
    variants) echo "ml-100k, linear-gated without one of its parts (trainings)" ;;
    counted) echo "ml-100k, models that train nothing (trainings)" ;;
    backbones) echo "ml-100k, every model that takes a causal mechanism, with the most telling ones (trainings)" ;;
    own) echo "ml-100k, models that mix positions in a way of their own (trainings)" ;;
    bert4rec) echo "ml-100k, bert4rec with mechanisms that only it can take (trainings)" ;;
    prefixes) echo "ml-100k, maxlen 50: a sample a prefix against all positions at once (trainings)" ;;
    last) echo "ml-100k, maxlen 50: models that are made for a sample a prefix (trainings)" ;;
    splits) echo "ml-100k, the most telling mechanisms under a global time split (trainings)" ;;
    synthetic) echo "made histories that hang on one event 64 back, at maxlen 50 to 200 (trainings)" ;;
    ml-1m) echo "ml-1m, the most telling mechanisms, $clock minutes each (trainings)" ;;
    large) echo "ml-1m, 128 channels, 3 layers, 4 heads, $larger minutes each (trainings)" ;;
    models) echo "ml-1m, models that mix positions in a way of their own, and eSASRec (trainings)" ;;
    maxlens) echo "ml-1m, the most telling mechanisms at maxlen 25 to 800, 15 epochs each (trainings)" ;;
    mechanisms) echo "the step that ml-100k's trainings take, all mechanisms in turns" ;;
    layer) echo "the layer over lengths" ;;
    step) echo "a training step over lengths" ;;
    long) echo "the layer over lengths, $many tokens a batch" ;;
    serve) echo "one new event for each user: a state or a cache against the whole layer again" ;;
    bfloat16) echo "the layer and the step in bfloat16 (cuda alone)" ;;
    cores) echo "mechanisms without their projections, in turns: benchmarks/attention.py" ;;
    prepare) echo "preparing 20 million rows: benchmarks/prepare.py" ;;
    scale) echo "slopes over one history, the catalog and the users: benchmarks/scale.py" ;;
    presets) echo "what an epoch of each preset costs on ml-1m: benchmarks/presets.py" ;;
    peers) echo "RecBole beside linrec on ml-100k: benchmarks/peers.py" ;;
    peers-ml-1m) echo "RecBole beside linrec on ml-1m, one round of two batches, as it is and told to keep memory" ;;
    claims) echo "what docs/claims.md computes: benchmarks/claims.py" ;;
    weights) echo "weights of trained layers, from trainings of their own (trainings)" ;;
    documents) echo "figures, report, and what the documents say" ;;
    *) echo "no part '$1'; parts: ${parts[*]}" >&2; return 2 ;;
    esac
}
# What follows another command stands after `&&`: bash stops at no error in what is a condition, as this is below.
run() {
    case $1 in
    quality) train "${to[@]}" --attn "$(causal)" --seed "$seeds" ;;
    graphs) [ "$device" != cuda ] || train "${to[@]}" --attn softmax,linear --graphs --seed "$seeds" ;;
    lengths) train "${to[@]}" --attn softmax,linear --maxlen 50,100 --seed "$seeds" ;;
    variants) train "${to[@]}" --attn "$variants" --seed "$seeds" ;;
    counted) train "${to[@]}" --model popular,markov ;;
    backbones) train "${to[@]}" --model "$(models causal)" --attn softmax,linear,linear-gated --seed "$seeds" ;;
    own) train "${to[@]}" --model "$(models '')" --seed "$seeds" ;;
    bert4rec) train "${to[@]}" --model bert4rec --attn "softmax,linear,$(bidirectional)" --patience 30 \
        --max-minutes "$cloze" --seed "$seeds" ;;
    prefixes) train "${to[@]}" --objective next,last --attn linear --maxlen 50 --max-minutes "$prefixes" ;;
    last) train "${to[@]}" --model "$(models '' last)" --maxlen 50 --max-minutes "$prefixes" &&
        train "${to[@]}" --model "$(models bidirectional last)" --attn "$released" --maxlen 50 --max-minutes "$prefixes" ;;
    splits) train "${to[@]}" --attn "$telling" --split global-time --seed "$seeds" ;;
    synthetic) train "${to[@]}" --data synthetic:items=400:signal=0.75 --attn "$far" --maxlen 50,100,200 --layers 1 \
        --heads 1 --dropout 0 --lr 0.003 --patience 30 "${far_run[@]}" ;;
    ml-1m) train "${to[@]}" --data "${ML1M:-ml-1m}" --attn "$telling" --max-minutes "$clock" ;;
    large) train "${to[@]}" --data "${ML1M:-ml-1m}" --attn "$large" --width 128 --layers 3 --heads 4 \
        --max-minutes "$larger" ;;
    models) train "${to[@]}" --data "${ML1M:-ml-1m}" --model "$(models '')" "${long_run[@]}" &&
        train "${to[@]}" --data "${ML1M:-ml-1m}" --model esasrec --attn linear-gated "${long_run[@]}" ;;
    maxlens) train "${to[@]}" --data "${ML1M:-ml-1m}" --attn "$telling" --maxlen 25,50,100,200,400,800 "${short_run[@]}" ;;
    mechanisms) profile --attn "$(causal),$variants" --maxlen 200 --tokens 1600 --phase step --items 1349 --threads 1 ;;
    layer) profile --attn softmax,softmax-naive,linear,linear-gated --maxlen "$lengths" --tokens "$tokens" \
        --phase attention --roofline --force "${plain[@]}" ;;
    step) profile --attn softmax,softmax-naive,linear,linear-gated --maxlen "$lengths" --tokens "$tokens" \
        --phase step --roofline --force "${plain[@]}" ;;
    long) profile --attn softmax,linear,linear-gated --maxlen "$long" --tokens "$many" --phase attention \
        "${plain[@]}" ;;
    serve) profile --attn softmax,linear,linear-gated --maxlen "$lengths" --batch 8 --phase serve "${plain[@]}" ;;
    bfloat16) [ "$device" != cuda ] || profile --dtype bfloat16 --attn softmax,linear,linear-gated \
        --maxlen "$lengths" --tokens "$tokens" --roofline ;;
    cores) python benchmarks/attention.py --out "$out/benchmarks/attention.csv" \
        ${QUICK:+--lengths 50 --rounds 1 --tokens 400} ;;
    prepare) python benchmarks/prepare.py --out "$out/benchmarks/prepare.csv" ${QUICK:+--rows 20000 --items 100} ;;
    scale) python benchmarks/scale.py --out "$out/benchmarks/scale.csv" ${QUICK:+--quick} ;;
    presets) python benchmarks/presets.py "${ML1M:-ml-1m}" --out "$out/benchmarks/presets.csv" ;;
    peers) peers --rounds 2 --out "$out/benchmarks/peers.csv" ;;
    peers-ml-1m)
        local side=(peers --data "${ML1M:-ml-1m}" --rounds 1 --batches 2 --epochs 2 --out "$out/benchmarks/peers-ml-1m")
        # As pip has it, and told to keep its memory, as linrec keeps its own.
        "${side[@]}.csv" &&
            MALLOC_TRIM_THRESHOLD_=2147483647 MALLOC_MMAP_THRESHOLD_=33554432 "${side[@]}-kept.csv"
        ;;
    claims) python benchmarks/claims.py --out "$out/claims" ;;
    weights)
        local kept=${WEIGHTS:-results/weights}
        train --device "$device" --results-dir "$kept" --attn softmax,linear &&
            python benchmarks/claims.py --out "$out/claims" --run "$kept"/runs/ml-100k-sasrec-linear-200-s0-* \
            --run "$kept"/runs/ml-100k-sasrec-softmax-200-s0-* ;;
    documents)
        linrec plot "$out" -o "$out/figures" && linrec report "$out" -o "$out/report.md" &&
            { [ -n "${QUICK:-}" ] || python benchmarks/document.py; } ;;
    esac
}

if [ $# = 0 ]; then
    for part in "${parts[@]}"; do printf '%-11s %s\n' "$part" "$(what "$part")"; done
    exit
fi
[ "$*" != all ] || { set -- "${parts[@]}"; again=1; }
for part in "$@"; do what "$part" > /dev/null; done
for part in "$@"; do
    echo "== $part: $(what "$part")"
    begin=$SECONDS code=0
    while run "$part" || code=$?; [ "$code" != 0 ]; do
        [ "$code" = 124 ] && [ -n "${again:-}" ] || { echo "$part ended with $code" >&2; exit "$code"; }
        code=0
    done
    echo "$part took $((SECONDS - begin)) s"
done
