"""What the two norms of LinRec do to the rows of its weights, on random numbers or in a trained run."""

import inspect
import math
from collections.abc import Iterator
from pathlib import Path

import torch
from matrices import Parts
from torch import Tensor, nn
from torch.nn.functional import elu

TOP = 10
STAGES = {"neither norm": (False, False), "query norm": (True, False), "key norm": (False, True), "both": (True, True)}


def linrec(q: Tensor, k: Tensor, query: bool = True, key: bool = True) -> Tensor:
    """Compute the causal weights `[..., T, T]` of LinRec, with either norm left out if asked, and no epsilon.

    `q` and `k` are `[..., T, D]`. The constant `1/sqrt(D)` of the paper is left out, as in `linear`.
    """
    q, k = elu(q), elu(k)
    if query:
        q = q / q.norm(dim=-1, keepdim=True)
    if key:
        # Each row has norms of its own, over its prefix, so they stand with the queries.
        count = torch.arange(1, k.shape[-2] + 1, dtype=k.dtype)[:, None]
        q = q / (count * k.square().cumsum(-2)).sqrt()
    return (q @ k.mT).tril()


def softmax(q: Tensor, k: Tensor) -> Tensor:
    """Compute the causal weights of softmax attention."""
    hidden = torch.ones(q.shape[-2], q.shape[-2], dtype=torch.bool).triu(1)
    return (q @ k.mT / math.sqrt(q.shape[-1])).masked_fill(hidden, -math.inf).softmax(-1)


def describe(weights: Tensor) -> dict[str, float]:
    """Describe the later half of the rows of causal `weights [..., T, T]`; means over rows unless it says otherwise.

    Returns:
        `row sum` and its `spread`, the standard deviation; `row size`, the L2 norm of a row, as a coefficient of
        variation; `growth`, the exponent with which a row's absolute weight grows with its position; `negative`, the
        share of weights below zero; `positions`, the number of positions that as many
        equal absolute weights would make (the exponential of the entropy), as a share of all; `top 10`, the share of
        absolute weight on the ten largest; `effective rank`, the exponential of the entropy of the singular values
        of the block of later rows and earlier columns.
    """
    half = weights.shape[-1] // 2
    rows, seen = weights[..., half:, :], torch.arange(half + 1, weights.shape[-1] + 1, dtype=weights.dtype)
    sums, sizes = rows.sum(-1), rows.norm(dim=-1)
    total = rows.abs().sum(-1, keepdim=True)
    mass = rows.abs() / total
    line = seen.log() - seen.log().mean()
    values = torch.linalg.svdvals(rows[..., :half])
    return {
        "row sum": sums.mean().item(),
        "spread": sums.std().item(),
        "row size": (sizes.std(-1) / sizes.mean(-1)).mean().item(),
        "growth": ((total[..., 0].log() @ line) / (line @ line)).mean().item(),
        "negative": (rows < 0).sum().item() / (rows != 0).sum().item(),
        "positions": (entropy(mass).exp() / seen).mean().item(),
        "top 10": mass.topk(TOP).values.sum(-1).mean().item(),
        "effective rank": entropy(values / values.sum(-1, keepdim=True)).exp().mean().item(),
    }


def entropy(shares: Tensor) -> Tensor:
    """Compute the entropy of shares that sum to one along the last axis, in nats."""
    return -torch.special.xlogy(shares, shares).sum(-1)


def normal(length: int, size: int, scale: float = 1.0, heads: int = 4, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Draw queries and keys `[H, T, D]` with independent normal features."""
    generator = torch.Generator().manual_seed(seed)
    q, k = scale * torch.randn(2, heads, length, size, generator=generator, dtype=torch.float64)
    return q, k


def trained(folder: Path, data_dir: Path, users: int = 16) -> Iterator[tuple[int, nn.Module, Parts]]:
    """Give each layer of a finished run with what it splits into, on the last events of some of its longest histories.

    Every history is as long as the run's `maxlen`. A run whose data is not there is an error that says so.
    """
    from linrec_cli.data.batch import Batch
    from linrec_cli.data.sequences import histories, window
    from linrec_cli.results import store
    from linrec_cli.runs.data import of_run
    from linrec_cli.runs.result import read as result

    data = of_run(store.read_settings(folder / store.SETTINGS), folder, data_dir)
    found, sequences = result(folder, data), data.sequences
    model, maxlen = found.model.double().eval(), found.settings.maxlen
    start, length, _ = histories(sequences, data.split(found.settings.split).test, maxlen)
    full = (length == maxlen).nonzero()[:users, 0]
    taken: list[Tensor] = []
    for block in model.blocks:
        block.attention.register_forward_pre_hook(lambda module, given: taken.append(given[0]))
    with torch.no_grad():
        model.encode(Batch(window(sequences.flat, start[full], length[full], maxlen), length[full]))
        for layer, (block, x) in enumerate(zip(model.blocks, taken, strict=True)):
            attention = block.attention
            names = list(inspect.signature(attention.reference).parameters)[:-1]
            yield layer, attention, dict(zip(names, attention.split(x), strict=True))
