"""The rank of each gold item: `1 + #(score > gold) + ties/2`, each history encoded once."""

import polars as pl
import torch
from torch import Tensor

from linrec_cli import processes
from linrec_cli.data.batch import Batch
from linrec_cli.data.parts import Targets
from linrec_cli.data.sequences import Sequences, histories, window
from linrec_cli.data.shapes import cut, rounded, spans
from linrec_cli.errors import LinrecError
from linrec_cli.models._recommender import Recommender

SCORES = {"cpu": 2**21, "cuda": 2**27, "mps": 2**24}
"""Scores held at once in full ranking, by device."""
TOKENS = {"cpu": 6_400, "cuda": 2**17, "mps": 2**15}
"""Positions encoded at once, padding included, by device."""


@torch.inference_mode()
def ranks(
    model: Recommender,
    sequences: Sequences,
    targets: Targets,
    maxlen: int,
    *,
    seen: str = "remove",
    negatives: Tensor | None = None,
) -> Tensor:
    """Rank the gold item of every target among all items, or among its negatives; all processes together.

    Args:
        model: scores what it makes of a history, in float32.
        targets: what is predicted, on the device of the sequences.
        seen: `remove` takes the items of the whole history out of the ranking, but never the gold; `rank` keeps them.
        negatives: `[N, n]` items to rank the gold among, in place of all items.

    Returns:
        `[N]` ranks, halves where scores tie, in float64 where the device has it.

    Raises:
        LinrecError: a score is NaN or infinite.
    """
    model.eval()
    start, length, gold = histories(sequences, targets, maxlen)
    device = gold.device.type
    found = torch.zeros(len(gold), dtype=exact(device), device=gold.device)
    for rows in own(cut(length.argsort(descending=True, stable=True), length, TOKENS[device])):
        query = model.query(read(sequences, start[rows], length[rows], maxlen))
        if negatives is not None:
            found[rows] = among(model, query, gold[rows], negatives[rows])
            continue
        for part in torch.arange(len(rows), device=rows.device).split(max(1, SCORES[device] // sequences.count)):
            chosen = rows[part]
            scores = finite(model.scores(query[part]))
            if seen == "remove":
                some = Targets(targets.place[chosen], targets.user[chosen])
                hide_seen(scores, sequences, some, gold[chosen])
            found[chosen] = place(scores, gold[chosen] - 1)
    return processes.summed(found)


def own(batches: list[Tensor]) -> list[Tensor]:
    """Take this process's share of batches: every one is one process's, and ranks of the others' are 0 until added."""
    return batches[processes.rank() :: processes.count()]


def read(sequences: Sequences, start: Tensor, length: Tensor, maxlen: int, *, told: bool = True) -> Batch:
    """Cut histories out as a batch, as wide as a rounded length, never wider than `maxlen`.

    Args:
        told: an event follows each, and when it was may be known.
    """
    shape, times = min(rounded(int(length.max())), maxlen), sequences.times
    own = None if times is None else window(times, start, length, shape)
    later = window(times, start + 1, length, shape) if told and times is not None else None
    return Batch(window(sequences.flat, start, length, shape), length, times=own, target_times=later)


def hide_seen(scores: Tensor, sequences: Sequences, targets: Targets, gold: Tensor) -> None:
    """Set the scores `[B, I]` of what stands in each target's history to -inf, in place, all but the gold's."""
    of_gold = scores.gather(1, gold[:, None] - 1)
    begin = sequences.offsets[targets.user]
    row, place = spans(begin, targets.place - begin)
    scores[row, sequences.flat[place] - 1] = -torch.inf
    scores.scatter_(1, gold[:, None] - 1, of_gold)


def among(model: Recommender, query: Tensor, gold: Tensor, negatives: Tensor) -> Tensor:
    """Rank the gold among its negatives `[B, n]`."""
    candidates = torch.cat([gold[:, None], negatives], 1)
    return place(finite(model.scores(query, candidates)), torch.zeros_like(gold))


def place(scores: Tensor, gold: Tensor) -> Tensor:
    """Count the better scores and half the equal ones; `scores [B, N]`, `gold [B]` a column of them."""
    of_gold = scores.gather(1, gold[:, None])
    better = (scores > of_gold).sum(1)
    equal = (scores == of_gold).sum(1) - 1
    kind = exact(scores.device.type)
    return 1 + better.to(kind) + equal.to(kind) / 2


def exact(device: str) -> torch.dtype:
    """Choose the type of ranks: MPS has no float64, and float32 has the halves up to 2^23."""
    return torch.float32 if device == "mps" else torch.float64


def finite(scores: Tensor) -> Tensor:
    """Pass finite scores on.

    Raises:
        LinrecError: a score is NaN or infinite.
    """
    if not scores.isfinite().all():
        raise LinrecError("the model gives scores that are not finite; train it again with a lower --lr.")
    return scores


def by_target(sequences: Sequences, targets: Targets, found: Tensor) -> pl.DataFrame:
    """Put ranks `[N]` in a table, a target a row: `user`, the id as prepared, and `rank`."""
    users = sequences.users[targets.user]
    return pl.DataFrame({"user": users.cpu().numpy(), "rank": found.cpu().double().numpy()})
