"""The items that a model puts first for each history."""

import torch
from torch import Tensor

from linrec_cli import processes
from linrec_cli.data.parts import Targets
from linrec_cli.data.sequences import Sequences
from linrec_cli.data.shapes import cut, spans
from linrec_cli.evaluation.ranks import SCORES, TOKENS, finite, own, read
from linrec_cli.models._recommender import Recommender


@torch.inference_mode()
def top(
    model: Recommender,
    sequences: Sequences,
    maxlen: int,
    k: int,
    *,
    seen: str = "remove",
    targets: Targets | None = None,
) -> tuple[Tensor, Tensor]:
    """Score every item for what comes after each history, and take the first `k`; all processes together.

    Args:
        model: reads the last `maxlen` events of a history.
        seen: `remove` takes the items of the whole history out; `rank` keeps them.
        targets: take the history before each of them; None: each user's whole one.

    Returns:
        items `[N, k]`, best first, 0 where fewer are left, and their scores `[N, k]`; there are no more than all items.

    Raises:
        LinrecError: a score is NaN or infinite.
    """
    model.eval()
    device, offsets, k = sequences.flat.device, sequences.offsets, min(k, sequences.count)
    begin, end = (offsets[:-1], offsets[1:]) if targets is None else (offsets[targets.user], targets.place)
    whole, length = end - begin, (end - begin).clamp(max=maxlen)
    start = end - length
    items = torch.zeros(len(length), k, dtype=torch.int64, device=device)
    scores = torch.zeros(len(length), k, device=device)
    for rows in own(cut(length.argsort(descending=True, stable=True), length, TOKENS[device.type])):
        query = model.query(read(sequences, start[rows], length[rows], maxlen, told=targets is not None))
        for part in torch.arange(len(rows), device=device).split(max(1, SCORES[device.type] // sequences.count)):
            chosen, found = rows[part], finite(model.scores(query[part]))
            if seen == "remove":
                row, place = spans(begin[chosen], whole[chosen])
                found[row, sequences.flat[place] - 1] = -torch.inf
            best = found.topk(k)
            items[chosen] = torch.where(best.values.isinf(), 0, best.indices + 1)
            scores[chosen] = best.values
    return processes.summed(items), processes.summed(scores)
