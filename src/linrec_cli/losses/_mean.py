"""The mean over predictions, of which a batch that fills the shape of a graph has fewer than rows."""

from torch import Tensor


def mean(losses: Tensor, some: Tensor | None) -> Tensor:
    """Average losses `[N]`, of all rows or of those that predict: `some [N]`, of bools."""
    return losses.mean() if some is None else (losses * some).sum() / some.sum()
