"""SSD: the state space of Mamba-2, a linear attention with a decay that each event sets."""

import torch
from torch import Tensor, nn
from torch.nn.functional import silu, softplus

from linrec_cli.attentions._convolution import Convolution
from linrec_cli.attentions._decay import scan
from linrec_cli.attentions._heads import Heads, apart
from linrec_cli.attentions._norm import normed

FORMS = ("causal",)
EPS = 1e-5

State = tuple[Tensor, Tensor]


class Attention(Heads):
    """Mix values by `S_t = exp(-A dt_t) S_{t-1} + dt_t B_t x_t^T`, `y_t = C_t S_t + D x_t`, then gate and norm.

    `C`, `B` and `x` stand where queries, keys and values do; each is a projection, a causal convolution over 4
    positions and SiLU. `dt = softplus(x W + b)` and `A = exp(a)` are scalars of each head, `D` is learned. The output
    is multiplied by `silu(z)`, a projection too, then divided by its root mean square, head by head, and projected. A
    history is a state of `D x D` numbers a head and the convolution's last 3 inputs.

    Deviations from the source: as wide as the layer, where the source expands it twice, and as large a state as a head
    has features; every head has a `B` and `C` of its own, and a norm of its own, where one group is the source's
    default; the first `A` and `dt` are spread evenly over the heads, not drawn; biases stand in the projections and
    not in the convolution; the norm's weights are left to the projection after it.

    Cost: `O(T D^2)` operations and `O(T D)` memory a head; `O(D^2)` an event as a recurrence.
    Source: Dao & Gu 2024 (Mamba-2, ICML), arXiv:2405.21060.
    """

    def __init__(self, width: int, heads: int, causal: bool, maxlen: int) -> None:
        super().__init__(width, heads, causal, maxlen)
        self.convolution = Convolution(3 * width)
        self.gate, self.rate = nn.Linear(width, width), nn.Linear(width, heads, bias=False)
        self.decay = nn.Parameter(torch.linspace(1, 16, heads).log())
        # The inverse of softplus: `dt` starts between .1 and .001, the longest where `A` is the smallest.
        self.bias = nn.Parameter(torch.logspace(-1, -3, heads).expm1().log())
        self.skip = nn.Parameter(torch.ones(heads))

    def split(self, x: Tensor) -> tuple[Tensor, ...]:
        """Project `x [B, T, C]` to `C`, `B` and `x`, each `[B, H, T, D]`, and `dt [B, H, T]`."""
        return self.parts(self.convolution(self.inward(x)), x)

    def parts(self, convolved: Tensor, x: Tensor) -> tuple[Tensor, ...]:
        """Cut `convolved [B, T, 3 C]` into heads; compute `dt` of `x [B, T, C]`, in at least float32."""
        rate = self.rate(x)
        dt = softplus(rate.to(torch.promote_types(rate.dtype, torch.float32)) + self.bias)
        return *apart(convolved, 3, self.heads), dt.mT

    def attend(self, q: Tensor, k: Tensor, v: Tensor, dt: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions in chunks; `dt [B, H, T]`, else `[B, H, T, D]`, decays and state in at least float32."""
        dt = dt.to(torch.promote_types(v.dtype, torch.float32))
        mixed = scan(q, k, (v * dt[..., None]).to(v.dtype), -self.decay.to(dt.dtype).exp()[:, None] * dt)
        return torch.addcmul(mixed, v, self.skip.to(v.dtype)[:, None, None])

    def reference(self, q: Tensor, k: Tensor, v: Tensor, dt: Tensor, lengths: Tensor) -> Tensor:
        """Mix positions by the formula, an event at a time."""
        rate, skip = self.decay.exp().to(q.dtype), self.skip.to(q.dtype)[:, None]
        s, rows = torch.zeros_like(k[:, :, 0, :, None] * v[:, :, 0, None]), []
        for t in range(q.shape[2]):
            s = s * torch.exp(-rate * dt[:, :, t])[..., None, None]
            s = s + dt[:, :, t, None, None] * k[:, :, t, :, None] * v[:, :, t, None]
            rows.append((q[:, :, t, :, None] * s).sum(2) + skip * v[:, :, t])
        return torch.stack(rows, 2)

    def join(self, mixed: Tensor, x: Tensor) -> Tensor:
        """Gate `mixed [B, H, T, D]` by `x [B, T, C]`, norm each head and project, `[B, T, C]`."""
        gate = silu(self.gate(x)).unflatten(-1, (self.heads, -1))
        return self.outward(normed(mixed.transpose(1, 2) * gate, EPS).to(x.dtype).flatten(2))

    def start(self, batch: int) -> State:
        """Make the state of `batch` empty histories: `S [B, H, D, D]` and the convolution's, `[B, 3, 3 C]`."""
        return self.zeros(batch, self.size, self.size), self.convolution.start(batch)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Take one event `x [B, C]` into the state; return what `forward` gives at that position, `[B, C]`."""
        x = x[:, None]
        convolved, tail = self.convolution.step(self.inward(x), state[1])
        q, k, v, dt = self.parts(convolved, x)
        dt = dt[..., None]
        s = (-self.decay.to(dt.dtype).exp()[:, None, None] * dt).exp() * state[0] + k.mT * (v * dt)
        mixed = (q.to(s.dtype) @ s).to(v.dtype) + self.skip.to(v.dtype)[:, None, None] * v
        return self.join(mixed, x)[:, 0], (s, tail)
