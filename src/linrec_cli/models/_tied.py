"""What models share that score by the item embeddings they read with."""

from collections.abc import Callable

from torch import Tensor, nn

from linrec_cli.data.batch import Batch
from linrec_cli.models._recommender import last, products


class Tied(nn.Module):
    """A model whose items are scored by the products of their embeddings with what stands at the last position.

    It makes `items` and writes `encode`; one that scores or ranks otherwise overrides that method alone.
    """

    items: nn.Embedding
    encode: Callable[[Batch], Tensor]

    def table(self) -> Tensor:
        """Give the item embeddings, `[I + 1, C]`."""
        return self.items.weight

    def query(self, batch: Batch) -> Tensor:
        """Take what stands at the last position, `[B, C]`."""
        return last(self.encode(batch), batch.lengths)

    def scores(self, query: Tensor, items: Tensor | None = None) -> Tensor:
        """Score all items, or some for each user."""
        return products(query, self.table(), items)
