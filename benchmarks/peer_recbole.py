"""Time a few training batches of RecBole 1.2.1's SASRec on ml-100k, unfiltered, and extrapolate to an epoch.

In an environment of its own:
    pip install torch==2.13.0 recbole==1.2.1 "setuptools<81" numpy==1.26.4 pandas==2.2.3 "matplotlib<3.11"
    python benchmarks/peer_recbole.py 6
Beside it, the same targets, width, heads and layers here (RecBole's feed-forward is twice as wide inside):
    linrec train --attn softmax --maxlen 50 --width 128 --heads 8 --min-user 0 --min-item 0 --epochs 3

RecBole's own trainer runs over RecBole's own loader; here is only the stopwatch. The anomaly detection that RecBole
switches on for every model is switched off, as a favour.
"""

import itertools
import json
import os
import resource
import statistics
import sys
import tempfile
import time
import warnings

BATCHES = int(sys.argv.pop(1)) if len(sys.argv) > 1 else 6
THREADS = int(os.environ.get("OMP_NUM_THREADS", "2"))
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


def main():
    warnings.filterwarnings("ignore")
    os.chdir(tempfile.mkdtemp(prefix="recbole-"))
    import torch
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer, init_seed

    torch.set_num_threads(THREADS)
    config = Config(model="SASRec", dataset="ml-100k", config_dict=SETTINGS)
    init_seed(config["seed"], config["reproducibility"])
    train, *_ = data_preparation(config, create_dataset(config))
    model = get_model(config["model"])(config, train._dataset)
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    torch.autograd.set_detect_anomaly(False)
    targets = len(train._dataset)
    assert targets == 97_171, targets
    # The first batch warms up.
    watch = Stopwatch(train, BATCHES + 1)
    trainer._train_epoch(watch, 0, show_progress=False)
    median = statistics.median(watch.seconds[1:])
    result = {
        "batch_seconds": [round(s, 3) for s in watch.seconds[1:]],
        "epoch_seconds_extrapolated": round(median * targets / train.batch_size, 1),
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "threads": torch.get_num_threads(),
        "malloc": {k: v for k, v in os.environ.items() if k.startswith("MALLOC_")},
    }
    print(json.dumps(result))


main()
