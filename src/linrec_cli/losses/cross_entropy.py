"""Full cross-entropy over all items, in chunks of tokens: memory does not grow with `tokens x items`."""

from typing import Any

import torch
from torch import Tensor

from linrec_cli.losses._draw import Draw
from linrec_cli.losses._mean import mean

SCORES = {"cpu": 2**21, "cuda": 2**25, "mps": 2**24}
"""Scores held at once, by device: on CPU they should stay near the cache, and a GPU has enough to do with so many."""


def loss(hidden: Tensor, table: Tensor, gold: Tensor, draw: Draw) -> Tensor:
    """Compute the mean of `-log softmax(hidden @ table^T)[gold]` over all items, natural logarithm; nothing is drawn.

    Cost: `O(N I C)` operations, `O(N C + I C)` memory and a chunk of scores; the gradients are computed with the
        loss, so scores are never computed twice.
    """
    some = draw.some
    if some is not None:
        # Of hidden states that are 0 nothing comes to the items, and no gradient goes back through them.
        hidden, gold = hidden * some[:, None], gold.clamp(min=1)
    averaged: Tensor = CrossEntropy.apply(hidden, table, gold, some)
    return averaged


class CrossEntropy(torch.autograd.Function):
    """Cross-entropy that leaves the forward pass with its gradients in hand."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, table: Tensor, gold: Tensor, some: Tensor | None) -> Tensor:
        """Go through the tokens in chunks, loss and gradients at once; scores and sums in at least float32."""
        kind = hidden.device.type
        # What autocast would make of each product's operands, once: it would cast the scores for each of theirs.
        low = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype
        items, gold = table[1:].to(low), gold - 1
        rows = max(1, SCORES[kind] // len(items))
        losses, d_hidden, d_table = [], torch.empty_like(hidden), torch.zeros_like(table)
        for begin in range(0, len(hidden), rows):
            part = slice(begin, begin + rows)
            own = table[1:].index_select(0, gold[part]).to(hidden.dtype)
            loss, d_hidden[part] = chunk(hidden[part], items, own, gold[part], d_table[1:])
            losses.append(loss)
        ctx.save_for_backward(d_hidden, d_table)
        ctx.count = len(hidden) if some is None else some.sum()
        return mean(torch.cat(losses), some)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """Scale the gradients that the forward pass left."""
        d_hidden, d_table = ctx.saved_tensors
        scale = grads[0] / ctx.count
        return d_hidden * scale.to(d_hidden.dtype), d_table * scale, None, None


def chunk(hidden: Tensor, items: Tensor, own: Tensor, gold: Tensor, d_items: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the losses `[n]` and the gradient `[n, C]` of some tokens; add that of the items to `d_items [I, C]`.

    The softmax is never formed: its row sums divide `[n, C]` products in place of `[n, I]` scores.

    Args:
        items: `[I, C]`, of the dtype of the products.
        own: `[n, C]`, those that are gold.
    """
    scores = hidden.to(items.dtype) @ items.T
    wide = torch.promote_types(scores.dtype, torch.float32)
    of_gold, top = scores.gather(1, gold[:, None]).to(wide), scores.amax(1, keepdim=True).to(wide)
    # In place, or wide at once: a difference is as wide as the wider of the two.
    powers = (scores.sub_(top) if scores.dtype == wide else scores - top).exp_()
    total = powers.sum(1, keepdim=True)
    losses = (total.log() + top - of_gold)[:, 0]
    powers = powers.to(items.dtype)
    d_hidden = (powers @ items) / total - own
    d_items += powers.T @ (hidden / total).to(items.dtype)
    d_items.index_add_(0, gold, hidden.to(d_items.dtype), alpha=-1)
    return losses, d_hidden
