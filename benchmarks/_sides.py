"""Measure one side of `peers.py` in a process of its own: `python benchmarks/_sides.py JSON` prints what it took.

RecBole's own trainer runs over RecBole's own loader; here is only the stopwatch. The anomaly detection that RecBole
switches on for every model is switched off, as a favour. Seconds are of CPU, all threads together, without imports.
"""

import importlib.metadata
import itertools
import json
import math
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import elu, normalize

SETTINGS = {
    "dataset": "log",
    "use_gpu": False,
    "show_progress": False,
    "state": "CRITICAL",
    "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
    "eval_args": {"split": {"LS": "valid_and_test"}, "group_by": "user", "order": "TO", "mode": "full"},
    "hidden_dropout_prob": 0.3,
    "attn_dropout_prob": 0.3,
    "loss_type": "CE",
    "train_neg_sample_args": None,
}
WIDER = 2
"""How many times as wide as the block RecBole's feed-forward is inside."""

Found = dict[str, Any]


class Stopwatch:
    """Hand on a loader's first batches; note the CPU seconds that each took, its step included.

    Attributes:
        until: CPU seconds of this process from which on no batch is handed on.
    """

    def __init__(self, loader: Any, batches: int, until: float = math.inf) -> None:
        self.loader, self.batches, self.until, self.seconds = loader, batches, until, list[float]()

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[Any]:
        begin = time.process_time()
        for batch in itertools.islice(self.loader, self.batches):
            if begin >= self.until:
                return
            yield batch
            now = time.process_time()
            self.seconds.append(now - begin)
            begin = now


def extrapolated(seconds: list[float], targets: int, batch: int) -> float:
    """Tell what an epoch takes, from its first batches; the first of them warms up."""
    return statistics.median(seconds[1:]) * targets / batch


def reached(scores: Iterable[float], until: float, minutes: float) -> float | None:
    """Give the CPU seconds to the first score that is high enough; None where that takes too many minutes.

    Args:
        scores: of an epoch each, trained as it is asked for.
    """
    begin = time.process_time()
    for score in scores:
        spent = time.process_time() - begin
        if score >= until:
            return spent
        if spent >= 60 * minutes:
            break
    return None


def released(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Mix by LinRec's released formula, `Q^ (K^T^ V) / sqrt(D)`, each token's ELU of length 1; all `[B, H, T, D]`."""
    q, k = (normalize(elu(x), dim=-1) for x in (q, k))
    return q @ (k.mT @ v) / math.sqrt(q.shape[-1])


def mix(self: Any, x: Tensor, mask: Tensor) -> Tensor:
    """Stand in for the forward pass of RecBole's attention: its projections, the released formula; no mask is read."""
    parts = (part(x).unflatten(-1, (self.num_attention_heads, -1)) for part in (self.query, self.key, self.value))
    mixed = released(*(part.transpose(1, 2) for part in parts)).transpose(1, 2).flatten(2)
    return self.LayerNorm(x + self.out_dropout(self.dense(mixed)))


def recbole(asked: Found) -> Found:
    """Prepare, train some batches and rank with RecBole; train on until a score where that is asked for."""
    warnings.filterwarnings("ignore")
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.model import layers
    from recbole.utils import get_model, get_trainer, init_seed

    own = {name: asked[name] for name in ("n_layers", "n_heads", "hidden_size", "MAX_ITEM_LIST_LENGTH")}
    own |= {"train_batch_size": asked["batch"], "eval_batch_size": asked["batch"], "inner_size": WIDER * asked["width"]}
    config = Config(model="SASRec", config_dict=SETTINGS | own | {"data_path": str(Path(asked["log"]).parents[1])})
    if asked["attention"] == "released":
        layers.MultiHeadAttention.forward = mix
    begin = time.process_time()
    train, valid, test = data_preparation(config, create_dataset(config))
    found: Found = {"prepare_seconds": time.process_time() - begin}
    found |= recbole_targets(train, valid, test)

    def fresh() -> Any:
        init_seed(config["seed"], config["reproducibility"])
        model = get_model(config["model"])(config, train._dataset)
        assert sum(isinstance(part, layers.MultiHeadAttention) for part in model.modules()) == asked["layers"]
        made = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
        torch.autograd.set_detect_anomaly(False)
        return made

    trainer, watch = fresh(), Stopwatch(train, asked["batches"] + 1)
    trainer._train_epoch(watch, 0, show_progress=False)
    found["epoch_seconds"] = extrapolated(watch.seconds, found["targets"], train.batch_size)
    found["peak_bytes"] = peak()
    begin = time.process_time()
    trainer.evaluate(test, load_best_model=False)
    found["users_per_second"] = found["test"] / (time.process_time() - begin)
    if asked["until"]:
        end = time.process_time() + 60 * asked["minutes"]
        found["until_seconds"] = reached(recbole_scores(fresh(), train, valid, end), asked["until"], asked["minutes"])
    return found


def recbole_targets(train: Any, valid: Any, test: Any) -> Found:
    """Count what RecBole trains on and tests; add up the numbers of the items that are trained."""
    data = train._dataset
    tokens = data.field2id_token["item_id"][data.inter_feat["item_id"].numpy()]
    held = {"valid": len(valid._dataset), "test": len(test._dataset)}
    return {"targets": len(data), "target_sum": int(tokens.astype("int64").sum()), **held}


def recbole_scores(trainer: Any, train: Any, valid: Any, end: float) -> Iterator[float]:
    """Train, an epoch a score: validation NDCG@10, with items of the history ranked."""
    for epoch in itertools.count():
        trainer._train_epoch(Stopwatch(train, len(train), end), epoch, show_progress=False)
        yield trainer.evaluate(valid, load_best_model=False)["ndcg@10"]


def linrec(asked: Found) -> Found:
    """Prepare, train whole epochs, validated each, and rank with linrec; the median epoch."""
    from linrec_cli import machine, runs
    from linrec_cli.data import sequences, store  # noqa: F401
    from linrec_cli.evaluation.ranks import ranks
    from linrec_cli.runs.train import settled
    from linrec_cli.settings import Train
    from linrec_cli.training import fit

    machine.prepare(asked["threads"])
    begin = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        data = runs.prepare(asked["log"], data_dir=Path(folder), min_user=0, min_item=0)
    parts = data.split("leave-one-out")
    found: Found = {"prepare_seconds": time.process_time() - begin}
    numbers = torch.tensor([0, *data.prepared.items["raw"]])
    found |= linrec_targets(data.sequences, parts, numbers)
    shape = {name: asked[name] for name in ("maxlen", "width", "heads", "layers", "threads")}
    settings = {"attn": asked["attention"], "seen_items": "rank", "patience": 10_000, **shape}

    def started(epochs: int) -> Any:
        return fit.start(settled(Train(epochs=epochs, **settings), data), data.sequences, parts)

    state = started(asked["epochs"])
    history = list(fit.epochs(state, data.sequences, parts))
    assert history[0].targets == found["targets"], history[0].targets
    found |= {"epoch_seconds": statistics.median(one.cpu_seconds for one in history[1:]), "peak_bytes": peak()}
    begin = time.process_time()
    ranks(state.model, data.sequences, parts.test, asked["maxlen"], seen="rank")
    found["users_per_second"] = found["test"] / (time.process_time() - begin)
    if asked["until"]:
        scores = (epoch.ndcg for epoch in fit.epochs(started(10_000), data.sequences, parts))
        found["until_seconds"] = reached(scores, asked["until"], asked["minutes"])
    return found


def linrec_targets(sequences: Any, parts: Any, numbers: Tensor) -> Found:
    """Count what linrec trains on and tests; add up the numbers of the items that are trained, `numbers [I + 1]`."""
    first, end = (x.repeat_interleave(sequences.lengths) for x in (sequences.offsets[:-1], parts.train))
    place = torch.arange(len(sequences.flat))
    trained = numbers[sequences.flat[(first < place) & (place < end)]]
    held = {"valid": len(parts.valid), "test": len(parts.test)}
    return {"targets": len(trained), "target_sum": int(trained.sum()), **held}


def peak() -> int:
    """Give the most bytes of this process that were resident."""
    from linrec_cli.profiling import memory

    return memory.high_water()


def main() -> None:
    """Measure a side and print it, with the versions that it ran with."""
    asked = json.loads(sys.argv.pop())
    torch.set_num_threads(asked["threads"])
    same = {"n_layers": "layers", "n_heads": "heads", "hidden_size": "width", "MAX_ITEM_LIST_LENGTH": "maxlen"}
    asked |= {theirs: asked[ours] for theirs, ours in same.items()}
    found = {"recbole": recbole, "linrec": linrec}[asked["program"]](asked)
    versions = {name: importlib.metadata.version(name) for name in ("recbole", "torch", "numpy", "pandas")}
    print(json.dumps(found | {"versions": versions}))


if __name__ == "__main__":
    main()
