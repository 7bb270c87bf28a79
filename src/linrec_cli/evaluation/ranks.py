"""The rank of each user's gold item: `1 + #(score > gold) + ties/2`, each user encoded once."""

import torch
from torch import Tensor

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
    stage: str,
    maxlen: int,
    *,
    seen: str = "remove",
    negatives: Tensor | None = None,
) -> Tensor:
    """Rank the gold item of every user among all items, or among its negatives.

    Args:
        model: encodes histories; scores are products with `model.items.weight`, in float32.
        stage: `valid` or `test`.
        seen: `remove` takes the items of the whole history out of the ranking, but never the gold; `rank` keeps them.
        negatives: `[U, N]` items to rank the gold among, in place of all items.

    Returns:
        `[U]` ranks in float64, halves where scores tie.

    Raises:
        LinrecError: a score is NaN or infinite.
    """
    model.eval()
    start, length, gold = histories(sequences, stage, maxlen)
    weights = model.items.weight.float()
    found = torch.empty(len(gold), dtype=torch.float64, device=gold.device)
    for rows in cut(length.argsort(descending=True, stable=True), length, TOKENS[gold.device.type]):
        hidden = encode_last(model, sequences.flat, start[rows], length[rows])
        if negatives is not None:
            found[rows] = among(hidden, weights, gold[rows], negatives[rows])
            continue
        for part in torch.arange(len(rows), device=rows.device).split(
            max(1, SCORES[gold.device.type] // sequences.count)
        ):
            users = rows[part]
            scores = finite(hidden[part] @ weights[1:].T)
            if seen == "remove":
                hide_seen(scores, sequences, users, stage, gold[users])
            found[users] = place(scores, gold[users] - 1)
    return found


def encode_last(model: Recommender, flat: Tensor, start: Tensor, length: Tensor) -> Tensor:
    """Encode histories and keep what stands at their last position, `[B, C]` in float32."""
    shape = min(rounded(int(length.max())), model.positions.num_embeddings)
    encoded: Tensor = model.encode(window(flat, start, length, shape), length)
    return encoded[torch.arange(len(length), device=length.device), length - 1].float()


def hide_seen(scores: Tensor, sequences: Sequences, users: Tensor, stage: str, gold: Tensor) -> None:
    """Set the scores `[B, I]` of each user's history to -inf, in place, all but the gold's."""
    of_gold = scores.gather(1, gold[:, None] - 1)
    begin = sequences.offsets[users]
    row, place = spans(begin, sequences.ends(stage)[users] - begin)
    scores[row, sequences.flat[place] - 1] = -torch.inf
    scores.scatter_(1, gold[:, None] - 1, of_gold)


def among(hidden: Tensor, weights: Tensor, gold: Tensor, negatives: Tensor) -> Tensor:
    """Rank the gold among its negatives `[B, N]`."""
    candidates = torch.cat([gold[:, None], negatives], 1)
    scores = (weights[candidates] @ hidden[:, :, None])[:, :, 0]
    return place(finite(scores), torch.zeros_like(gold))


def place(scores: Tensor, gold: Tensor) -> Tensor:
    """Count the better scores and half the equal ones; `scores [B, N]`, `gold [B]` a column of them."""
    of_gold = scores.gather(1, gold[:, None])
    better = (scores > of_gold).sum(1)
    equal = (scores == of_gold).sum(1) - 1
    return 1 + better.double() + equal.double() / 2


def finite(scores: Tensor) -> Tensor:
    """Pass finite scores on.

    Raises:
        LinrecError: a score is NaN or infinite.
    """
    if not scores.isfinite().all():
        raise LinrecError("the model gives scores that are not finite; train it again with a lower --lr.")
    return scores
