"""Mamba4Rec: state spaces whose decays each event sets, and a feed-forward, that predict the next item everywhere."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import silu, softplus

from linrec_cli.attentions._convolution import Convolution
from linrec_cli.attentions._decay import scan
from linrec_cli.attentions._norm import normed
from linrec_cli.data.batch import Batch
from linrec_cli.models._dropout import Dropout
from linrec_cli.models._feedforward import FeedForward
from linrec_cli.models._initial import initialise
from linrec_cli.models._recommender import Facts
from linrec_cli.models._tied import Tied

FORM = "causal"
OBJECTIVE = "next"
ATTN = False
EPS = 1e-12
NORM_EPS = 1e-5
EXPANSION = 2
SIZE = 32
"""Numbers of the state a channel."""

State = tuple[Tensor, ...]


class Model(Tied):
    """Encode histories by the state spaces of Mamba-2; score by the item embeddings.

    The `2 C` channels of a state space split into `--heads` heads, which have a decay each and the whole of `B` and
    `C` in common. There are no positions.

    Deviations from the source: Mamba-2 in place of Mamba, which has a decay for each channel and number of the state
    and no norm after its gate; there the rates `dt` begin at `softplus(0)`, because what initialises the model resets
    their bias, and here, as in Mamba itself, between .001 and .1; the first decays are spread evenly over the heads,
    not drawn; a bias stands in the projection before the convolution and not in it, and the norm's weights are left
    to the projection after it; all positions are trained, where it trains the last of every prefix.

    Source: Liu et al. 2024 (Mamba4Rec), arXiv:2403.03900; state space: Dao & Gu 2024 (Mamba-2), arXiv:2405.21060.
    """

    def __init__(
        self, facts: Facts, maxlen: int, attention: str, *, width: int, heads: int, layers: int, dropout: float
    ) -> None:
        super().__init__()
        self.items = nn.Embedding(facts.items + 1, width, padding_idx=0)
        self.norm, self.dropout = nn.LayerNorm(width, EPS), Dropout(dropout)
        self.blocks: Any = nn.ModuleList(
            Block(width, heads, dropout=dropout, residual=layers > 1) for _ in range(layers)
        )
        self.apply(initialise)

    def encode(self, batch: Batch) -> Tensor:
        """Encode every position, `[B, T, C]`."""
        x = self.read(batch.items)
        for block in self.blocks:
            x = block(x)
        return x

    def read(self, items: Tensor) -> Tensor:
        """Embed items and norm them, `[..., C]`."""
        out: Tensor = self.norm(self.dropout(self.items(items)))
        return out

    def start(self, batch: int) -> State:
        """Make the state of `batch` empty histories: of each layer `StateSpace.start`, one after the other."""
        return tuple(part for block in self.blocks for part in block.space.start(batch))

    def step(self, items: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one event each, `items [B]`, into the state; return what `query` gives after it, `[B, C]`."""
        x, after = self.read(items), []
        for block, s, tail in zip(self.blocks, state[::2], state[1::2], strict=True):
            mixed, new = block.space.step(x, (s, tail))
            x = block.join(mixed, x)
            after.extend(new)
        return x, tuple(after)


class Block(nn.Module):
    """One layer: the state space, added to its input where there are several layers, normed; then a feed-forward."""

    def __init__(self, width: int, heads: int, *, dropout: float, residual: bool) -> None:
        super().__init__()
        self.space, self.residual = StateSpace(width, heads), residual
        self.norm, self.dropout = nn.LayerNorm(width, EPS), Dropout(dropout)
        self.feedforward = FeedForward(width, dropout, EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Map `x [B, T, C]` to `[B, T, C]`."""
        return self.join(self.space(x), x)

    def join(self, mixed: Tensor, x: Tensor) -> Tensor:
        """End the layer after the state space, whose input is `x`; all `[..., C]`."""
        mixed = self.dropout(mixed)
        out: Tensor = self.feedforward(self.norm(mixed + x if self.residual else mixed))
        return out


class StateSpace(nn.Module):
    """Mix positions by `S_t = exp(-A dt_t) S_{t-1} + dt_t B_t u_t^T`, `y_t = C_t S_t + D u_t`; gate, norm, project.

    `u`, `B` and `C` are projections of the input, convolved over 4 positions, through SiLU; `dt = softplus(x W + b)`,
    `A = exp(a)` and `D` are scalars of each head. `y * silu(z)`, `z` a projection too, is divided by its root mean
    square and projected.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        inner = EXPANSION * width
        self.heads, self.parts = heads, (inner, SIZE, SIZE)
        self.inward, self.outward = nn.Linear(width, sum(self.parts)), nn.Linear(inner, width, bias=False)
        self.gate, self.rate = nn.Linear(width, inner, bias=False), nn.Linear(width, heads, bias=False)
        self.convolution = Convolution(sum(self.parts))
        self.decay = nn.Parameter(torch.linspace(1, 16, heads).log())
        # The inverse of softplus: `dt` starts between .1 and .001, the longest where `A` is the smallest.
        self.bias = nn.Parameter(torch.logspace(-1, -3, heads).expm1().log())
        self.skip = nn.Parameter(torch.ones(heads))

    def forward(self, x: Tensor) -> Tensor:
        """Map `x [B, T, C]` to `[B, T, C]`."""
        u, b, c, dt, fade = self.driven(self.convolution(self.inward(x)), x)
        b, c = (part.expand(-1, self.heads, -1, -1) for part in (b, c))
        mixed = scan(c, b, (u * dt[..., None]).to(u.dtype), fade)
        return self.join(mixed, u, x)

    def driven(self, convolved: Tensor, x: Tensor) -> tuple[Tensor, ...]:
        """Cut `convolved [B, T, ...]` into `u [B, H, T, 2C / H]`, `B` and `C [B, 1, T, N]`; compute rates of `x`.

        Returns:
            these, `dt` and `-A dt`, both `[B, H, T]` in at least float32.
        """
        u, b, c = convolved.split(self.parts, -1)
        rate = self.rate(x)
        dt = softplus(rate.to(torch.promote_types(rate.dtype, torch.float32)) + self.bias).mT
        fade = -self.decay.to(dt.dtype).exp()[:, None] * dt
        return u.unflatten(-1, (self.heads, -1)).transpose(1, 2), b[:, None], c[:, None], dt, fade

    def join(self, mixed: Tensor, u: Tensor, x: Tensor) -> Tensor:
        """Add `D u` to `mixed`, both `[B, H, T, 2C / H]`; gate by `x [B, T, C]`, norm and project, `[B, T, C]`."""
        y = torch.addcmul(mixed, u, self.skip.to(u.dtype)[:, None, None]).transpose(1, 2).flatten(2)
        out: Tensor = self.outward(normed(y * silu(self.gate(x)), NORM_EPS).to(x.dtype))
        return out

    def start(self, batch: int) -> tuple[Tensor, Tensor]:
        """Make the state of `batch` empty histories: `S [B, H, N, 2C / H]` and the convolution's, `[B, 3, 2C + 2N]`."""
        weight = self.outward.weight
        wide, size = torch.promote_types(weight.dtype, torch.float32), self.parts[0] // self.heads
        return weight.new_zeros(batch, self.heads, SIZE, size, dtype=wide), self.convolution.start(batch)

    def step(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Take one event `x [B, C]` into the state; return what `forward` gives at that position, `[B, C]`."""
        x = x[:, None]
        convolved, tail = self.convolution.step(self.inward(x), state[1])
        u, b, c, dt, fade = self.driven(convolved, x)
        s = fade.exp()[..., None] * state[0] + b.mT * (u * dt[..., None])
        return self.join((c.to(s.dtype) @ s).to(u.dtype), u, x)[:, 0], (s, tail)
