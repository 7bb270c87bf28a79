"""SASRec: a causal Transformer that predicts the next item at every position."""

import math
from typing import Annotated, Any, ClassVar

from torch import Tensor, nn
from torch.nn.functional import gelu, normalize

from linrec_cli.attentions import _stream
from linrec_cli.attentions._build import build
from linrec_cli.catalog import Range
from linrec_cli.data.batch import Batch
from linrec_cli.errors import UsageError
from linrec_cli.models._dropout import Dropout
from linrec_cli.models._initial import initialise
from linrec_cli.models._recommender import Facts
from linrec_cli.models._tied import Tied

FORM = "causal"
OBJECTIVE = "next"

State = tuple[int, list[Any]]


class Block(nn.Module):
    """One layer: attention, then a feed-forward, each on a normed input and added back."""

    def __init__(self, attention: str, width: int, heads: int, *, maxlen: int, dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.attention = build(attention, width, heads, causal=True, maxlen=maxlen)
        self.inward, self.outward = nn.Linear(width, width), nn.Linear(width, width)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Map `x [B, T, C]` to `[B, T, C]`."""
        return self.added(x, self.attention(self.norms[0](x), lengths))

    def step(self, x: Tensor, kept: Any) -> tuple[Tensor, Any]:
        """Take one event `x [B, C]` into what the mechanism keeps; return what `forward` gives there, `[B, C]`."""
        mixed, kept = _stream.step(self.attention, self.norms[0](x), kept)
        return self.added(x, mixed), kept

    def added(self, x: Tensor, mixed: Tensor) -> Tensor:
        """Add what the mechanism made of `x [..., C]`, then what the feed-forward makes of that."""
        x = x + self.dropout(mixed)
        return x + self.dropout(self.outward(gelu(self.inward(self.norms[1](x)))))


class Model(Tied):
    """Encode histories with learned positions and pre-LayerNorm blocks; score by the item embeddings.

    `positions=none` adds none, for mechanisms that know the order themselves. A `temperature` above 0 scores by the
    cosine divided by it, as HSTU does with .05.

    Deviations from the source: the residual path is not normed (pre-LayerNorm), GELU in the feed-forward, full
    cross-entropy in place of one sampled negative, dropout on outputs alone and not on attention weights (fused kernels
    have none to drop) nor inside the feed-forward; position 0 is the oldest event read, where padding on the left makes
    it that of the oldest place; LayerNorm adds 1e-5 to the variance, not 1e-8.

    Source: Kang & McAuley 2018 (SASRec, ICDM), arXiv:1808.09781.
    """

    BLOCK: ClassVar[type[nn.Module]] = Block

    def __init__(
        self,
        facts: Facts,
        maxlen: int,
        attention: str,
        *,
        width: int,
        heads: int,
        layers: int,
        dropout: float,
        positions: str = "learned",
        temperature: Annotated[float, Range(0.0, 1e3)] = 0.0,
    ) -> None:
        super().__init__()
        if positions not in ("learned", "none"):
            raise UsageError(f"positions={positions} is no choice; give learned or none.")
        self.maxlen, self.temperature = maxlen, temperature
        self.items = nn.Embedding(facts.items + 1, width, padding_idx=0)
        self.positions = nn.Embedding(maxlen, width) if positions == "learned" else None
        self.dropout = Dropout(dropout)
        self.blocks = nn.ModuleList(
            self.BLOCK(attention, width, heads, maxlen=maxlen, dropout=dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.apply(initialise)

    def encode(self, batch: Batch) -> Tensor:
        """Encode every position, `[B, T, C]`."""
        x = self.placed(batch.items, None if self.positions is None else self.positions.weight[: batch.items.shape[1]])
        for block in self.blocks:
            x = block(x, batch.lengths)
        return self.scored(x)

    def placed(self, items: Tensor, positions: Tensor | None) -> Tensor:
        """Add positions `[..., C]`, where there are any, to the scaled embeddings of items."""
        x = self.items(items) * math.sqrt(self.items.embedding_dim)
        placed: Tensor = self.dropout(x if positions is None else x + positions)
        return placed

    def scored(self, x: Tensor) -> Tensor:
        """Make what items are scored with of what the last block gives, `[..., C]`."""
        x = self.norm(x)
        return normalize(x, dim=-1) / self.temperature if self.temperature else x

    def table(self) -> Tensor:
        """Give the item embeddings, `[I + 1, C]`; of length 1 where scores are cosines."""
        return normalize(self.items.weight, dim=1) if self.temperature else self.items.weight

    def start(self, batch: int) -> State:
        """Make the state of `batch` empty histories: their length, and what each layer's mechanism keeps.

        Raises:
            UsageError: the mechanism keeps neither a state nor a cache.
        """
        x = self.items.weight.new_zeros(batch, 0, self.items.embedding_dim)
        return 0, [_stream.start(block.attention, x, self.maxlen) for block in self.blocks]

    def step(self, items: Tensor, state: State) -> tuple[Tensor, State]:
        """Take an event of each history, `items [B]`, into the state; return what `query` gives then, `[B, C]`.

        A cache within the state may be written in place: a state is good for one step.

        Raises:
            IndexError: `maxlen` events are in it already, and the model has positions or a cache for no more.
        """
        count, before = state
        x, after = self.placed(items, None if self.positions is None else self.positions.weight[count]), []
        block: Any
        for block, kept in zip(self.blocks, before, strict=True):
            x, kept = block.step(x, kept)
            after.append(kept)
        return self.scored(x), (count + 1, after)
