"""SINE: a few interests of each history, found in a pool of prototypes, and mixed into one vector."""

from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, normalize

from linrec_cli.catalog import Range
from linrec_cli.data.batch import Batch
from linrec_cli.errors import UsageError
from linrec_cli.models._dropout import Dropout
from linrec_cli.models._recommender import Facts
from linrec_cli.models._tied import Tied

FORM = "causal"
OBJECTIVE = "next"
ATTN = False
ORDERED = False


class Model(Tied):
    """Sum the items of a history into its interests, and these into one vector; score by the item embeddings.

    The sum of a history chooses the `interests` prototypes that it meets best of a pool of `prototypes`. Each item is
    shared out among them; each interest is the items by their share and by a weight of its own, at length one. What
    the shares make of the prototypes over the history is what it intends: interests are mixed by a softmax of how
    they meet that, over `temperature`.

    A history is a set: the source has no positions, and the order of its items changes nothing. What stands at a
    position is what the history up to there comes to, exactly, so that a window trains at all its positions; that
    costs `O(T^2 C)` operations and memory, and a query `O(T C)`.

    Deviations from the source: padding takes no part (there it is an item in every softmax); a prediction at every
    position, not at the last alone; dropout on the item embeddings (there is none); `--heads` and `--layers` change
    nothing; LayerNorm adds 1e-5 to the variance, not 1e-12. As there, under cross-entropy nothing keeps prototypes
    apart. The authors' own code differs: it adds positions to what weights are made of.

    Raises:
        UsageError: there are more interests than prototypes.

    Source: RecBole's SINE, after Tan et al. 2021 (SINE, WSDM), arXiv:2102.09267.
    """

    def __init__(
        self, facts: Facts, maxlen: int, attention: str, *, width: int, heads: int, layers: int, dropout: float,
        prototypes: Annotated[int, Range(1, 65_536)] = 50, interests: Annotated[int, Range(1, 256)] = 3,
        temperature: Annotated[float, Range(1e-3, 1e3)] = 0.1,
    ) -> None:  # fmt: skip
        super().__init__()
        if interests > prototypes:
            raise UsageError(
                f"interests={interests} of 'sine' is not within 1..{prototypes}, its prototypes; give one."
            )
        self.interests, self.temperature = interests, temperature
        self.items = nn.Embedding(facts.items + 1, width, padding_idx=0)
        self.dropout = Dropout(dropout)
        self.pool = nn.Parameter(nn.init.xavier_normal_(torch.empty(prototypes, width)))
        nn.init.xavier_normal_(self.items.weight[1:])
        # The first two weigh items into the sum, the next two what is intended, the last items into each interest.
        self.summed, self.sums = small(width, width), small(width)
        self.assigned, self.intends = small(width, width), small(width)
        self.weighed, self.weights = small(interests, width, width), small(interests, width)
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])

    def encode(self, batch: Batch) -> Tensor:
        """Encode the history up to every position, `[B, T, C]`."""
        position = torch.arange(batch.items.shape[1], device=batch.items.device)
        return self.read(batch.items, (position <= position[:, None])[None])

    def read(self, items: Tensor, inside: Tensor) -> Tensor:
        """Encode parts of the histories `items [B, T]`; `inside [B or 1, Q, T]` tells which items are in each.

        Returns:
            `[B, Q, C]`.
        """
        x = self.dropout(self.items(items))
        chosen = self.chosen(x, inside)
        # How each item is shared out among the interests of each part, `[B, Q, K, T]`.
        shares = torch.einsum("bqkc,btc->bqkt", self.norms[0](chosen), normalize(x @ self.assigned, dim=2)).softmax(2)
        scores = (torch.einsum("btc,kcd->bktd", x, self.weighed).tanh() * self.weights[:, None]).sum(3)
        weights = within(scores[:, None], inside[:, :, None])
        interests = normalize(torch.einsum("bqkt,btc->bqkc", shares * weights, x), dim=3)
        # The prototypes are projected before they are mixed: that is less than to project the mixture at each item.
        hidden = (shares.mT @ (chosen @ self.assigned)).tanh()
        intended = within(hidden @ self.intends, inside)
        # Not as products of matrices, whose gradients would be outer ones: torch wants a C compiler for these on CUDA.
        intent = (shares * intended[:, :, None]).sum(3, keepdim=True)
        aim = self.norms[1]((intent * chosen).sum(2))
        met = (interests * aim[:, :, None]).sum(3, keepdim=True) / self.temperature
        return (met.softmax(2) * interests).sum(2)

    def chosen(self, x: Tensor, inside: Tensor) -> Tensor:
        """Choose the prototypes that the sum of each part meets best, each times how well, `[B, Q, K, C]`."""
        scores = (x @ self.summed).tanh() @ self.sums
        weights = within(scores[:, None], inside)
        met, which = (weights @ x @ self.pool.T).topk(self.interests, 2)
        return embedding(which, self.pool) * met.sigmoid()[..., None]

    def query(self, batch: Batch) -> Tensor:
        """Encode whole histories, `[B, C]`: what `encode` gives at their last positions."""
        position = torch.arange(batch.items.shape[1], device=batch.items.device)
        return self.read(batch.items, (position < batch.lengths[:, None])[:, None])[:, 0]


def small(*shape: int) -> nn.Parameter:
    """Draw a matrix as the source does, from a normal of standard deviation 0.01."""
    return nn.Parameter(0.01 * torch.randn(shape))


def within(scores: Tensor, inside: Tensor) -> Tensor:
    """Turn scores into weights by a softmax over what is inside."""
    return scores.masked_fill(~inside, -torch.inf).softmax(-1)
