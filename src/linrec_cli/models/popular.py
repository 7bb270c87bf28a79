"""Popularity: the same items for everybody, by how often they stand in the training part."""

import torch
from torch import Tensor, nn

from linrec_cli.data.batch import Batch
from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.models._counts import popularity
from linrec_cli.models._recommender import Facts, products

FORM = None
OBJECTIVE = ""


class Model(nn.Module):
    """Score an item by its count in the training part; nothing of the history matters."""

    counts: Tensor

    def __init__(
        self, facts: Facts, maxlen: int, attention: str, *, width: int, heads: int, layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.register_buffer("counts", torch.zeros(facts.items + 1))

    def count(self, sequences: Sequences, parts: Parts) -> None:
        """Count the items of the training part."""
        self.counts[1:] = popularity(sequences, parts)

    def table(self) -> Tensor:
        """Give the counts, `[I + 1, 1]`."""
        return self.counts[:, None]

    def query(self, batch: Batch) -> Tensor:
        """Give everybody the same, `[B, 1]`."""
        # Not `len`, which torch.export would take for a constant.
        return self.counts.new_ones(batch.items.shape[0], 1)

    def scores(self, query: Tensor, items: Tensor | None = None) -> Tensor:
        """Score all items, or some for each user."""
        return products(query, self.table(), items)
