"""LRURec: a linear recurrence with complex decays, and a feed-forward, that predict the next item at every position."""

from typing import Any

import torch
from torch import Tensor, nn

from linrec_cli.attentions._build import build
from linrec_cli.data.batch import Batch
from linrec_cli.models._dropout import Dropout
from linrec_cli.models._feedforward import FeedForward
from linrec_cli.models._initial import initialise
from linrec_cli.models._recommender import Facts
from linrec_cli.models._tied import Tied

FORM = "causal"
OBJECTIVE = "next"
ATTN = False
EPS = 1e-5

State = tuple[Tensor, ...]


class Model(Tied):
    """Encode histories by linear recurrent units; score by the item embeddings and a bias an item.

    The unit is the mechanism `lru`, whose state holds `2 C` complex numbers a layer. There are no positions, which the
    recurrence makes superfluous, and `--heads` changes nothing.

    Deviations from the source: one rate of dropout, where it has another for the recurrence (both .2 in its settings);
    weights drawn from a normal that is not cut off, and biases begin at zero; padding on the right, which is in no
    past, in place of a mask; gradients are not clipped (there at a norm of 5), and weight decay leaves embeddings and
    the logarithms of the recurrence alone.

    Source: Yue et al. 2024 (LRURec, WSDM), arXiv:2310.02367.
    """

    def __init__(
        self, facts: Facts, maxlen: int, attention: str, *, width: int, heads: int, layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.items = nn.Embedding(facts.items + 1, width, padding_idx=0)
        self.bias = nn.Parameter(torch.zeros(facts.items + 1))
        self.norm, self.dropout = nn.LayerNorm(width, EPS), Dropout(dropout)
        self.blocks: Any = nn.ModuleList(Block(width, maxlen=maxlen, dropout=dropout) for _ in range(layers))
        self.apply(initialise)

    def encode(self, batch: Batch) -> Tensor:
        """Encode every position, `[B, T, C + 1]`: the last channel is 1, which meets the bias of an item."""
        x = self.read(batch.items)
        for block in self.blocks:
            x = block(x, batch.lengths)
        return with_one(x)

    def read(self, items: Tensor) -> Tensor:
        """Embed items and norm them, `[..., C]`."""
        out: Tensor = self.norm(self.dropout(self.items(items)))
        return out

    def table(self) -> Tensor:
        """Give the item embeddings and their bias, `[I + 1, C + 1]`."""
        return torch.cat([self.items.weight, self.bias[:, None]], 1)

    def start(self, batch: int) -> State:
        """Make the state of `batch` empty histories: real and imaginary parts of a layer each, `[B, 2C, 2]`."""
        return tuple(state for block in self.blocks for state in block.recurrence.start(batch))

    def step(self, items: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one event each, `items [B]`, into the state; return what `query` gives after it, `[B, C + 1]`."""
        x, after = self.read(items), []
        for block, before in zip(self.blocks, state, strict=True):
            mixed, (new,) = block.recurrence.step(x, (before,))
            x = block.join(mixed, x)
            after.append(new)
        return with_one(x), tuple(after)


class Block(nn.Module):
    """One layer: the recurrence, then a feed-forward, each added to its input and normed."""

    def __init__(self, width: int, *, maxlen: int, dropout: float) -> None:
        super().__init__()
        self.recurrence = build("lru", width, 1, causal=True, maxlen=maxlen)
        self.norm, self.dropout = nn.LayerNorm(width, EPS), Dropout(dropout)
        self.feedforward = FeedForward(width, dropout, EPS)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Map `x [B, T, C]` to `[B, T, C]`."""
        return self.join(self.recurrence(x, lengths), x)

    def join(self, mixed: Tensor, x: Tensor) -> Tensor:
        """Add what the recurrence gives to its input, norm, and feed forward; all `[..., C]`."""
        out: Tensor = self.feedforward(self.norm(x + self.dropout(mixed)))
        return out


def with_one(x: Tensor) -> Tensor:
    """Append a channel of ones to `x [..., C]`."""
    return torch.cat([x, x.new_ones(*x.shape[:-1], 1)], -1)
