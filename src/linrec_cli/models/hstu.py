"""HSTU: a causal encoder of gated pointwise attention that knows how far back events are, and how long ago."""

import math
from typing import Annotated, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, normalize

from linrec_cli.attentions._build import build
from linrec_cli.catalog import Range
from linrec_cli.data.batch import Batch
from linrec_cli.errors import DataError, UsageError
from linrec_cli.models._dropout import Dropout
from linrec_cli.models._initial import initialise
from linrec_cli.models._recommender import Facts
from linrec_cli.models._tied import Tied

FORM = "causal"
OBJECTIVE = "next"
ATTN = False
READS = {"times": "time", "target_times": "time_aware"}
EPS = 1e-6
BUCKETS = 129
STEP = 0.301
"""Width of a bucket of elapsed time, in natural logarithms of the unit of time."""


class Block(nn.Module):
    """One layer: attention on a normed input, normed and gated, projected and added back; there is no feed-forward."""

    def __init__(self, width: int, heads: int, *, maxlen: int, dropout: float, time: bool) -> None:
        super().__init__()
        self.attention: Any = build("hstu", width, heads, causal=True, maxlen=maxlen)
        self.ages = nn.Parameter(torch.empty(BUCKETS).normal_(std=0.02)) if time else None
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, lengths: Tensor, buckets: Tensor | None) -> Tensor:
        """Map `x [B, T, C]` to `[B, T, C]`; `buckets [B, T, T]` are those of elapsed time."""
        parts = self.attention.split(layer_norm(x, x.shape[2:], eps=EPS))
        mixed = self.attention.attend(*parts, lengths, None if buckets is None else (self.ages, buckets))
        return x + self.attention.join(self.dropout(mixed), x)


class Model(Tied):
    """Encode histories with learned positions and the blocks above; score by cosines, over `temperature`.

    With `time`, scores of attention have a bias by the time between the two events too: by its bucket of 129,
    `floor(ln(max(1, |t_i - t_j|)) / 0.301)`, in the units of the data. With `time_aware` too, `t_i` is the time of the
    event that position i predicts, as in the released code: nobody who recommends knows it, and such numbers stand
    apart.

    Deviations from the source: the time of a position is that of the event it has read, unless `time_aware` is asked
    for; there is none unless `time` is. The loss is whichever is asked for (there it is `sampled`, with 128 negatives
    for each prediction); weights are drawn from normals that are not cut off, and the projection's bias begins at zero.

    Cost: with `time` a byte for each two positions of each history, shared by the layers.

    Source: Zhai et al. 2024 (HSTU, ICML), arXiv:2402.17152, as in its released code for public data.

    Raises:
        UsageError: `time_aware` stands without `time`.
    """

    def __init__(
        self, facts: Facts, maxlen: int, attention: str, *, width: int, heads: int, layers: int, dropout: float,
        temperature: Annotated[float, Range(1e-3, 1e3)] = 0.05, time: bool = False, time_aware: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        if time_aware and not time:
            raise UsageError("hstu:time_aware=true says which times are read; give time=true too.")
        self.items, self.positions = nn.Embedding(facts.items + 1, width, padding_idx=0), nn.Embedding(maxlen, width)
        self.temperature, self.time, self.time_aware, self.dropout = temperature, time, time_aware, Dropout(dropout)
        blocks = [Block(width, heads, maxlen=maxlen, dropout=dropout, time=time) for _ in range(layers)]
        self.blocks = nn.ModuleList(blocks)
        self.apply(initialise)
        nn.init.normal_(self.positions.weight, std=1 / math.sqrt(width))
        for block in blocks:
            nn.init.xavier_uniform_(block.attention.outward.weight)

    def encode(self, batch: Batch) -> Tensor:
        """Encode every position, `[B, T, C]`, each as long as 1 over the temperature.

        Raises:
            DataError: the model reads times, and there are none; or those of targets, and nobody knows them.
        """
        scale, count = math.sqrt(self.items.embedding_dim), batch.items.shape[1]
        x = self.dropout(self.items(batch.items) * scale + self.positions.weight[:count])
        buckets = elapsed(batch.times, self.at(batch)) if self.time else None
        for block in self.blocks:
            x = block(x, batch.lengths, buckets)
        return normalize(x, dim=2, eps=EPS) / self.temperature

    def at(self, batch: Batch) -> Tensor | None:
        """Give the time that each position stands for, `[B, T]`.

        Raises:
            DataError: it is that of what is predicted, and nobody knows it.
        """
        if self.time_aware and batch.times is not None and batch.target_times is None:
            raise DataError(
                "hstu:time_aware=true is told when the item that it predicts was had, which nobody knows yet; "
                "train it without time_aware=true to recommend or to measure it."
            )
        return batch.target_times if self.time_aware else batch.times

    def table(self) -> Tensor:
        """Give the item embeddings, each of length 1, `[I + 1, C]`."""
        return normalize(self.items.weight, dim=1, eps=EPS)


def elapsed(times: Tensor | None, at: Tensor | None) -> Tensor:
    """Sort the time from each event, `times [B, T]`, to each position, `at [B, T]`, into buckets, bytes `[B, T, T]`.

    Raises:
        DataError: there are no times.
    """
    if times is None or at is None:
        raise DataError("hstu:time=true reads times, and these histories have none; give some, or leave time=true out.")
    apart = (at[:, :, None] - times[:, None]).abs_().clamp_(min=1)
    return (apart.log() / STEP).clamp_(max=BUCKETS - 1).byte()
