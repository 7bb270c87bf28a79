"""What the rest of linrec asks of a model."""

from typing import Protocol

from torch import Tensor, nn


class Recommender(Protocol):
    """A model that encodes histories of at most `positions.num_embeddings` events and scores by `items.weight`."""

    items: nn.Embedding
    positions: nn.Embedding

    def encode(self, items: Tensor, lengths: Tensor) -> Tensor:
        """Encode `items [B, T]`, padded on the right with 0, to `[B, T, C]`."""

    def eval(self) -> object:
        """Switch dropout off."""
