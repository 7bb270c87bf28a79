"""A first-order Markov chain: what followed the last item in the training part, by how often it did."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from linrec_cli.data.batch import Batch
from linrec_cli.data.parts import Parts
from linrec_cli.data.sequences import Sequences
from linrec_cli.data.shapes import spans
from linrec_cli.models._counts import popularity, trained
from linrec_cli.models._recommender import Facts, last

FORM = None
OBJECTIVE = ""
BUFFERS = ("offsets", "follower", "times", "popular")


class Model(nn.Module):
    """Score an item by how often it followed the user's last one; ties and the unseen go by popularity, below 1.

    Source: the maximum-likelihood chain of Rendle et al. 2010 (FPMC, WWW), without its factorisation.
    """

    offsets: Tensor
    follower: Tensor
    times: Tensor
    popular: Tensor

    def __init__(
        self, facts: Facts, maxlen: int, attention: str, *, width: int, heads: int, layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.register_buffer("offsets", torch.zeros(facts.items + 2, dtype=torch.int64))
        self.register_buffer("follower", torch.zeros(0, dtype=torch.int64))
        self.register_buffer("times", torch.zeros(0))
        self.register_buffer("popular", torch.zeros(facts.items))

    def count(self, sequences: Sequences, parts: Parts) -> None:
        """Count which item follows which in the training part; what never did takes no room."""
        row, place = trained(sequences, parts)
        inner = row[1:] == row[:-1]
        items, rows = sequences.flat[place], sequences.count + 1
        pairs, times = (items[:-1] * rows + items[1:])[inner].unique(return_counts=True)
        self.follower, self.times = pairs % rows, times.float()
        begin = torch.bincount(pairs // rows, minlength=rows).cumsum(0)
        self.offsets = torch.cat([begin.new_zeros(1), begin])
        counts = popularity(sequences, parts)
        self.popular = counts / (counts.max() + 1)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Take counts of any number of pairs, onto the device that the model is on."""
        for name in BUFFERS:
            setattr(self, name, state_dict[name].to(getattr(self, name).device))

    def table(self) -> Tensor:
        """Give the popularity that ties go by, `[I + 1, 1]`."""
        return torch.cat([self.popular.new_zeros(1), self.popular])[:, None]

    def query(self, batch: Batch) -> Tensor:
        """Take the last item, `[B, 1]`."""
        return last(batch.items[:, :, None], batch.lengths)

    def scores(self, query: Tensor, items: Tensor | None = None) -> Tensor:
        """Score all items, or some for each user."""
        found, begin = self.popular.repeat(len(query), 1), self.offsets[query[:, 0]]
        row, place = spans(begin, self.offsets[query[:, 0] + 1] - begin)
        found[row, self.follower[place] - 1] += self.times[place]
        return found if items is None else found.gather(1, items - 1)
