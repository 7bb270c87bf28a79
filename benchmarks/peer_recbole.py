"""Time RecBole 1.2.1's SASRec beside linrec's on ml-100k, unfiltered; RecBole's epoch is extrapolated from batches.

In an environment of its own, linrec among what is installed:
    pip install -c constraints.txt . && pip install recbole==1.2.1 "setuptools<81" numpy==1.26.4 pandas==2.2.3 \\
        "matplotlib<3.11"
    python benchmarks/peer_recbole.py --turns 3 --out peer_recbole.csv

Both sides have the same targets, width, heads and layers (RecBole's feed-forward is twice as wide inside) and take
turns, a process each. RecBole's own trainer runs over RecBole's own loader; here is only the stopwatch. The anomaly
detection that RecBole switches on for every model is switched off, as a favour. Told to keep its memory, as linrec
does by itself, RecBole is faster: MALLOC_TRIM_THRESHOLD_=2147483647 MALLOC_MMAP_THRESHOLD_=33554432 in front.
"""

import argparse
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

SETTINGS = {
    "use_gpu": False,
    "show_progress": False,
    "state": "CRITICAL",
    "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
    "eval_args": {"split": {"LS": "valid_and_test"}, "group_by": "user", "order": "TO", "mode": "full"},
    "MAX_ITEM_LIST_LENGTH": 50,
    "hidden_size": 128,
    "inner_size": 256,
    "n_layers": 2,
    "n_heads": 8,
    "hidden_dropout_prob": 0.3,
    "attn_dropout_prob": 0.3,
    "loss_type": "CE",
    "train_neg_sample_args": None,
    "train_batch_size": 2048,
}


LINREC = "train --data ml-100k --attn softmax --maxlen 50 --width 128 --heads 8 --min-user 0 --min-item 0 --epochs 3"


class Stopwatch:
    """Hand on a loader's first batches; note how long each took, its step included."""

    def __init__(self, loader, batches):
        self.loader, self.batches, self.seconds = loader, batches, []

    def __len__(self):
        return self.batches

    def __iter__(self):
        batches = itertools.islice(self.loader, self.batches)
        begin = time.perf_counter()
        for batch in batches:
            yield batch
            now = time.perf_counter()
            self.seconds.append(now - begin)
            begin = now


def recbole(batches, threads):
    """Train some batches with RecBole, in this process; print what an epoch would take, and the peak."""
    warnings.filterwarnings("ignore")
    os.chdir(tempfile.mkdtemp(prefix="recbole-"))
    import torch
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer, init_seed

    torch.set_num_threads(threads)
    config = Config(model="SASRec", dataset="ml-100k", config_dict=SETTINGS)
    init_seed(config["seed"], config["reproducibility"])
    train, *_ = data_preparation(config, create_dataset(config))
    model = get_model(config["model"])(config, train._dataset)
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    torch.autograd.set_detect_anomaly(False)
    targets = len(train._dataset)
    assert targets == 97_171, targets
    # The first batch warms up.
    watch = Stopwatch(train, batches + 1)
    trainer._train_epoch(watch, 0, show_progress=False)
    seconds = statistics.median(watch.seconds[1:]) * targets / train.batch_size
    return {"epoch_seconds": seconds, "targets": targets, "batches": batches, "peak_bytes": peak(resource.RUSAGE_SELF)}


def linrec(threads):
    """Train three epochs with linrec, in a process of its own; the median epoch, and the peak."""
    from linrec_cli.results import store

    with tempfile.TemporaryDirectory() as results:
        more = ["--threads", str(threads), "--results-dir", results]
        subprocess.run([sys.executable, "-m", "linrec_cli", *LINREC.split(), *more], check=True, stdout=sys.stderr)
        table = store.read(Path(results))
    found = {name: table.filter(metric=name)["value"].item() for name in ("seconds_per_epoch", "targets_per_epoch")}
    own = {"epoch_seconds": found["seconds_per_epoch"], "targets": round(found["targets_per_epoch"])}
    return own | {"peak_bytes": peak(resource.RUSAGE_CHILDREN)}


def peak(who):
    """Give the most memory that was resident."""
    return resource.getrusage(who).ru_maxrss * 1024


def main():
    """Take turns; a side a process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--batches", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--side", choices=["recbole", "linrec"], help="measure this side once and print it")
    parser.add_argument("--out", type=Path, help="write the numbers as CSV")
    given, rows = parser.parse_args(), []
    if given.side:
        found = recbole(given.batches, given.threads) if given.side == "recbole" else linrec(given.threads)
        print(json.dumps(found))
        return
    for turn, side in itertools.product(range(given.turns), ("recbole", "linrec")):
        command = [sys.executable, __file__, "--side", side, "--batches", given.batches, "--threads", given.threads]
        done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, text=True, check=True)
        rows.append({"side": side, "turn": turn, **json.loads(done.stdout.splitlines()[-1])})
        print(rows[-1], flush=True)
    if given.out:
        import recbole as peer
        from _measured import write

        malloc = " ".join(f"{name}={value}" for name, value in os.environ.items() if name.startswith("MALLOC_"))
        write(rows, given.out, given.threads, recbole=peer.__version__, malloc=malloc)


if __name__ == "__main__":
    main()
