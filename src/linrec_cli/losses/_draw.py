"""Negatives: items drawn uniformly, or by how often they stand in the training part."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Draw:
    """Draws items `1..I`.

    Attributes:
        counts: `[I]` how often each item stands in the training part.
        own: which predictions of a batch are here, where several processes share it; None: all.
        predictions: of the whole batch, where some are here.
        some: which rows predict, where not all do; None: all.
    """

    counts: Tensor
    own: Tensor | None = None
    predictions: int = 0
    some: Tensor | None = None

    def uniform(self, *shape: int) -> Tensor:
        """Draw items of a shape, each as likely as any other, with replacement."""
        return torch.randint(1, len(self.counts) + 1, shape, device=self.counts.device)

    def each(self, predictions: int, number: int) -> Tensor:
        """Draw items for each prediction, `[predictions, number]`, as `uniform` does."""
        if self.own is None:
            return self.uniform(predictions, number)
        return self.uniform(self.predictions, number)[self.own]

    def weights(self, power: float) -> Tensor:
        """Give the probability of each item, `[I]`: its count to a power; one never trained counts as 1."""
        weights = self.counts.clamp(min=1).double().pow(power)
        return weights / weights.sum()

    def weighted(self, number: int, power: float) -> Tensor:
        """Draw items `[number]` by their count to a power, with replacement."""
        if power == 0:
            return self.uniform(number)
        # By the inverse distribution function: torch's multinomial stops at 2^24 items.
        levels = self.weights(power).cumsum(0)
        drawn = torch.rand(number, dtype=levels.dtype, device=levels.device)
        return (torch.searchsorted(levels, drawn).clamp(max=len(levels) - 1)) + 1
